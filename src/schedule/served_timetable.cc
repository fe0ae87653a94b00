#include "schedule/served_timetable.h"

#include <algorithm>
#include <utility>

namespace pv::schedule {
namespace {

// Each may wait some seconds for a lock.
constexpr std::chrono::seconds kAskAgainEvery{10};

}  // namespace

ServedTimetable::ServedTimetable(const fs::Path& vault_folder, std::string id, std::string what,
                                 Say say)
    : vault_folder_{vault_folder},
      id_{std::move(id)},
      what_{std::move(what)},
      say_{std::move(say)} {}

void ServedTimetable::adopt(std::optional<Cron> cron) {
  unknown_since_.reset();
  until_.reset();
  const bool is_none = !cron;
  {
    const std::lock_guard lock{mutex_};
    cron_ = std::move(cron);
    next_.reset();
  }
  if (is_none) { std::ignore = state::forget_served(state::VaultDb{vault_folder_}, id_); }
}

std::optional<ServedTimetable::Progress> ServedTimetable::take_up(WallTime now) {
  const auto known = state::read_served(state::VaultDb{vault_folder_}, id_);
  // What is damaged is set aside with the next note, and begins anew.
  if (!known.has_value() && known.error().code != Code::kDamaged) {
    if (!unknown_since_) {
      say_("can't read " + what_ +
           ", so it is not known yet what was missed: " + known.error().what);
    }
    unknown_since_ = std::min(unknown_since_.value_or(now), now);
    asked_ = now;
    return std::nullopt;
  }
  Progress progress{.since =
                        std::min(std::exchange(unknown_since_, std::nullopt).value_or(now), now)};
  if (!known.has_value() || !*known) { return progress; }
  const state::Served& served = **known;
  std::string expression;
  {
    const std::lock_guard lock{mutex_};
    if (cron_) { expression = cron_->expression(); }
  }
  if (served.expression == expression) {
    until_ = progress.until = std::min(served.until, now);
    // By a clock that was ahead: for who looks from outside, nothing were missed until then.
    if (served.until > now) { note_served(now); }
    return progress;
  }
  if (const auto before = Cron::parse(served.expression); before.has_value()) {
    const auto due = before->next_after(std::min(served.until, now));
    if (due && *due < now) { progress.missed = state::Served{served.expression, *due}; }
  }
  return progress;
}

void ServedTimetable::was_set_back(WallTime now) {
  if (until_ && *until_ > now) { note_served(now); }
}

bool ServedTimetable::is_to_be_taken_up(WallTime now) const {
  return unknown_since_ && (now >= asked_ + kAskAgainEvery || now < asked_);
}

void ServedTimetable::plan(WallTime after, std::chrono::seconds later) {
  const std::lock_guard lock{mutex_};
  next_ = cron_ ? cron_->next_after(after) : std::nullopt;
  if (next_) { *next_ += std::min(later, cron_->slack_after(*next_)); }
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
  until_ = until;
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

}  // namespace pv::schedule
