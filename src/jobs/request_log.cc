#include "jobs/request_log.h"

#include "jobs/other_users.h"

namespace pv::jobs {
namespace {

constexpr std::size_t kWaitingMax = 10'000;
constexpr std::size_t kWrittenAtOnce = 200;
constexpr std::chrono::seconds kQuiet{3};
constexpr std::chrono::seconds kAgeMax{10};

}  // namespace

RequestLog::RequestLog(datadir::DataDir& directory, LiveSettings& settings, const Clock& clock)
    : directory_{directory}, settings_{settings}, clock_{clock} {}

bool RequestLog::wants(std::int64_t level) const {
  const settings::Logs& logs = settings_.now()->logs;
  return logs.days_max > 0 && level >= logs.level_min;
}

void RequestLog::add(logs::LogRow row) {
  const WallTime now = clock_.now();
  const std::lock_guard lock{mutex_};
  if (waiting_.size() >= kWaitingMax) { return; }
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
  if (rows.empty() || !app_on(directory_.path()).empty()) { return; }
  const auto written = directory_.with_auxiliary<void>(
      [&](sqlite::Connection& auxiliary) { return logs::insert(auxiliary, rows); });
  if (written.has_value() || written.error().code != Code::kBusy) { return; }
  // While the data is exchanged: later, before what came meanwhile.
  const std::lock_guard lock{mutex_};
  first_at_ = last_at_ = clock_.now();
  rows.insert(rows.end(), std::make_move_iterator(waiting_.begin()),
              std::make_move_iterator(waiting_.end()));
  waiting_ = std::move(rows);
}

// As PocketBase does whenever its settings change.
void RequestLog::remove_unwanted() {
  const settings::Logs logs = settings_.now()->logs;
  if (!cleaned_for_) { cleaned_for_ = logs; }
  if (cleaned_for_ == logs || !app_on(directory_.path()).empty()) { return; }
  cleaned_for_ = logs;
  if (logs.days_max == 0) { return; }
  std::ignore = directory_.with_auxiliary<void>([&](sqlite::Connection& auxiliary) {
    return logs::remove_old(auxiliary, clock_.now(), logs.days_max, logs.level_min);
  });
}

}  // namespace pv::jobs
