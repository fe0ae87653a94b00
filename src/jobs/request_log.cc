#include "jobs/request_log.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "base/text.h"
#include "jobs/names.h"
#include "jobs/other_users.h"

namespace pv::jobs {
namespace {

constexpr std::size_t kBytesMax = std::size_t{4} << 20;
constexpr std::size_t kRowBytesMax = std::size_t{16} << 10;
constexpr std::size_t kWrittenAtOnce = 200;
constexpr std::chrono::seconds kQuiet{3};
constexpr std::chrono::seconds kAgeMax{10};
// For the app that keeps us from removing: each look goes through /proc.
constexpr std::chrono::seconds kLookEvery{30};

std::size_t bytes_of(const logs::LogRow& row) {
  return sizeof row + row.id.size() + row.created.size() + row.message.size() + row.data.size();
}

}  // namespace

RequestLog::RequestLog(datadir::DataDir& directory, LiveSettings& settings, const Clock& clock,
                       std::function<void(const std::string&)> warn)
    : directory_{directory}, settings_{settings}, clock_{clock}, warn_{std::move(warn)} {}

bool RequestLog::wants(std::int64_t level) const {
  const settings::Logs logs = settings_.now()->logs;  // a copy: now() may be another any moment
  return logs.days_max > 0 && level >= logs.level_min;
}

void RequestLog::add(logs::LogRow row) {
  const WallTime now = clock_.now();
  const std::size_t bytes = bytes_of(row);
  const std::lock_guard lock{mutex_};
  if (bytes > kRowBytesMax || bytes > kBytesMax - bytes_) {
    ++lost_;
    return;
  }
  bytes_ += bytes;
  if (waiting_.empty()) { first_at_ = now; }
  last_at_ = now;
  waiting_.push_back(std::move(row));
}

bool RequestLog::is_due(WallTime now) const {
  return !waiting_.empty() && (waiting_.size() >= kWrittenAtOnce || now - last_at_ >= kQuiet ||
                               now - first_at_ >= kAgeMax || now < first_at_);
}

void RequestLog::tick() {
  remove_unwanted();
  {
    const std::lock_guard lock{mutex_};
    if (!is_due(clock_.now())) { return; }
  }
  flush();
}

void RequestLog::flush() {
  std::vector<logs::LogRow> rows;
  {
    const std::lock_guard lock{mutex_};
    rows.swap(waiting_);
  }
  if (rows.empty()) { return; }
  Result<void> written;
  const bool is_ours = app_on(directory_.path()).empty();
  if (is_ours) {
    written = directory_.with_auxiliary<void>(
        [&](sqlite::Connection& auxiliary) { return logs::insert(auxiliary, rows); });
  }
  if (!written.has_value() && written.error().code == Code::kBusy) {
    put_back(std::move(rows));
    return;
  }
  {
    const std::lock_guard lock{mutex_};
    for (const logs::LogRow& row : rows) { bytes_ -= bytes_of(row); }
    if (!written.has_value()) { lost_ += rows.size(); }
  }
  if (is_ours && written.has_value()) { tell_of_lost(); }
}

void RequestLog::finish() {
  flush();
  {
    const std::lock_guard lock{mutex_};
    lost_ += waiting_.size();
    waiting_.clear();
    bytes_ = 0;
  }
  tell_of_lost();
}

// While the data is exchanged, or others write: later, before what came meanwhile.
void RequestLog::put_back(std::vector<logs::LogRow> rows) {
  const std::lock_guard lock{mutex_};
  first_at_ = last_at_ = clock_.now();
  rows.insert(rows.end(), std::make_move_iterator(waiting_.begin()),
              std::make_move_iterator(waiting_.end()));
  waiting_ = std::move(rows);
}

void RequestLog::tell_of_lost() {
  std::size_t lost = 0;
  {
    const std::lock_guard lock{mutex_};
    lost = std::exchange(lost_, 0);
  }
  if (lost > 0) { warn_("the log of requests lacks " + std::to_string(lost) + " requests"); }
}

// As PocketBase does whenever its settings change.
void RequestLog::remove_unwanted() {
  const settings::Logs logs = settings_.now()->logs;
  if (!cleaned_for_) { cleaned_for_ = logs; }
  if (cleaned_for_ == logs) { return; }
  const auto now = clock_.steady_now();
  if (looked_at_ && now - *looked_at_ < kLookEvery) { return; }
  looked_at_ = now;
  if (!app_on(directory_.path()).empty()) { return; }
  if (logs.days_max > 0) {
    const auto removed = directory_.with_auxiliary<void>([&](sqlite::Connection& auxiliary) {
      return logs::remove_old(auxiliary, clock_.now(), logs.days_max, logs.level_min);
    });
    if (!removed.has_value() && removed.error().code == Code::kBusy) { return; }
  }
  cleaned_for_ = logs;
  looked_at_.reset();
}

std::optional<logs::LogRow> row_of_failure(const Status& status, const Clock& clock,
                                           Random& random) {
  if (!status.finished || status.state != State::kFailed || !status.error) { return std::nullopt; }
  const bool is_restore = status.kind == Kind::kRestore;
  const bool is_by_clock =
      status.kind == Kind::kBackup && status.name.starts_with(kScheduledPrefix);
  if (!is_restore && !is_by_clock) { return std::nullopt; }
  constexpr std::size_t kIdLength = 15;
  constexpr std::int64_t kError = 8;
  const boost::json::object data{{"error", printable(status.error->what)},
                                 {is_restore ? "key" : "name", printable(status.name)}};
  return logs::LogRow{
      .id = random_text(random, kLowerAlphanumeric, kIdLength),
      .created = format_pocketbase_date(clock.now()),
      .level = kError,
      .message = is_restore ? "Failed to restore backup" : "[Backup cron] Failed to create backup",
      .data = boost::json::serialize(data)};
}

}  // namespace pv::jobs
