#include "app/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>

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

}  // namespace

void open_log() {
  auto logger = spdlog::stderr_color_mt("pocketvault");
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%eZ %^%-7l%$ %v", spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

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
