#include "app/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "base/text.h"

namespace pv::app {
namespace {

constexpr std::size_t kWarningsLogged = 20;

std::string subject_of(const jobs::Status& status) {
  std::string text{jobs::kind_name(status.kind)};
  if (!status.name.empty()) { text += " " + printable(status.name); }
  return text;
}

std::string facts_of(const jobs::Status& status) {
  const jobs::Report& report = status.report;
  std::string text;
  if (report.entries > 0) {
    text += fmt::format(": {} files, {} in an archive of {}", report.entries,
                        format_size(report.raw_bytes), format_size(report.archive_bytes));
  }
  if (status.kind == jobs::Kind::kBackup) {
    text += fmt::format(", writers paused for {:.2f} ms ({})",
                        std::chrono::duration<double, std::milli>(report.pause).count(),
                        printable(report.way));
    if (!report.previous.empty()) {
      text += fmt::format(", {} unchanged since {}", format_size(report.copied_bytes),
                          printable(report.previous));
    }
    if (!report.structure.empty()) { text += ", databases " + printable(report.structure); }
  }
  return text;
}

std::string_view text_of(const spdlog::string_view_t& text) { return {text.data(), text.size()}; }

// For what collects logs: one JSON object a line.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& into) override {
    const std::string line =
        json_line(message.time, text_of(spdlog::level::to_string_view(message.level)),
                  text_of(message.payload)) +
        "\n";
    into.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

}  // namespace

std::string json_line(WallTime time, std::string_view level, std::string_view message) {
  std::string date = format_pocketbase_date(time);
  date[date.find(' ')] = 'T';
  const boost::json::object line{{"time", date}, {"level", level}, {"message", printable(message)}};
  return boost::json::serialize(line);
}

void open_log() {
  auto logger = spdlog::stderr_color_mt("pocketvault");
  if (::isatty(STDERR_FILENO) == 1) {
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%eZ %^%-7l%$ %v", spdlog::pattern_time_type::utc);
  } else {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  }
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const std::string& level) { spdlog::set_level(spdlog::level::from_str(level)); }

std::string describe(const jobs::Status& status) {
  const std::string subject = subject_of(status);
  if (!status.finished) { return subject + " started"; }
  const double seconds = std::chrono::duration<double>(*status.finished - status.started).count();
  if (status.state == jobs::State::kCancelled) {
    return fmt::format("{} cancelled after {:.2f} s", subject, seconds);
  }
  if (status.error) {
    return fmt::format("{} failed after {:.2f} s: {}", subject, seconds,
                       printable(status.error->what));
  }
  std::string text = fmt::format("{} done in {:.2f} s{}", subject, seconds, facts_of(status));
  if (!status.warnings.empty()) { text += fmt::format(", {} warnings", status.warnings.size()); }
  return text;
}

void log_job(const jobs::Status& status) {
  const bool failed = status.state == jobs::State::kFailed;
  spdlog::log(failed ? spdlog::level::err : spdlog::level::info, "{}", describe(status));
  if (!status.finished) { return; }
  const std::size_t shown = std::min(status.warnings.size(), kWarningsLogged);
  for (std::size_t i = 0; i < shown; ++i) {
    const jobs::Warning& warning = status.warnings[i];
    spdlog::warn("{}: {}{}{}", subject_of(status), warning.name, warning.name.empty() ? "" : ": ",
                 printable(warning.what));
  }
  if (shown < status.warnings.size()) {
    spdlog::warn("{}: {} more warnings", subject_of(status), status.warnings.size() - shown);
  }
}

}  // namespace pv::app
