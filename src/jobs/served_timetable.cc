#include "jobs/served_timetable.h"

#include <algorithm>
#include <utility>

#include "state/schedule.h"

namespace pv::jobs {

ServedTimetable::ServedTimetable(const fs::Path& vault_folder, std::string id, std::string what,
                                 Say say)
    : vault_folder_{vault_folder},
      id_{std::move(id)},
      what_{std::move(what)},
      say_{std::move(say)} {}

std::optional<WallTime> ServedTimetable::adopt(std::optional<Cron> cron, WallTime now) {
  {
    const std::lock_guard lock{mutex_};
    cron_ = cron;
    next_.reset();
  }
  const state::VaultDb db{vault_folder_};
  if (!cron) {
    std::ignore = state::forget_served(db, id_);
    return std::nullopt;
  }
  const auto known = state::read_served(db, id_);
  const bool goes_on = known.has_value() && *known && (*known)->expression == cron->expression();
  return goes_on ? std::optional{std::min((*known)->until, now)} : std::nullopt;
}

void ServedTimetable::plan(WallTime after, std::chrono::seconds later) {
  const std::lock_guard lock{mutex_};
  next_ = cron_ ? cron_->next_after(after) : std::nullopt;
  if (next_) { *next_ += later; }
}

void ServedTimetable::plan_at(WallTime time) {
  const std::lock_guard lock{mutex_};
  next_ = time;
}

void ServedTimetable::note_served(WallTime until) {
  std::string expression;
  {
    const std::lock_guard lock{mutex_};
    if (!cron_) { return; }
    expression = cron_->expression();
  }
  const auto noted =
      state::note_served(state::VaultDb{vault_folder_}, id_, {std::move(expression), until}, say_);
  if (!noted.has_value()) { say_("can't note " + what_ + ": " + noted.error().what); }
}

bool ServedTimetable::has_cron() const {
  const std::lock_guard lock{mutex_};
  return cron_.has_value();
}

std::optional<WallTime> ServedTimetable::next() const {
  const std::lock_guard lock{mutex_};
  return next_;
}

}  // namespace pv::jobs
