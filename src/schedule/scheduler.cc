#include "schedule/scheduler.h"

#include <algorithm>
#include <utility>

#include "auth/expired.h"
#include "base/text.h"
#include "jobs/names.h"
#include "jobs/other_users.h"
#include "jobs/overview.h"
#include "jobs/verdicts.h"
#include "logs/log_rows.h"
#include "state/schedule.h"

namespace pv::schedule {
using jobs::LiveSettings;
using jobs::Vault;

namespace {

constexpr std::chrono::seconds kRetryEvery{5};
constexpr std::chrono::minutes kRetryFailedEvery{5};
constexpr std::chrono::minutes kBackwardsMax{1};  // a clock that is set back by less only waits

constexpr std::string_view kOptimize = "__pbDBOptimize__";
constexpr std::string_view kMfaCleanup = "__pbMFACleanup__";
constexpr std::string_view kOtpCleanup = "__pbOTPCleanup__";
constexpr std::string_view kLogsCleanup = "__pbLogsCleanup__";

constexpr std::pair<std::string_view, std::string_view> kChores[] = {
    {kOptimize, "0 0 * * *"},
    {kMfaCleanup, "0 * * * *"},
    {kOtpCleanup, "0 * * * *"},
    {kLogsCleanup, "0 */6 * * *"},
};

std::chrono::seconds random_span(Random& random, std::chrono::seconds max) {
  std::uint32_t number = 0;
  random.fill(std::as_writable_bytes(std::span{&number, 1}));
  return std::chrono::seconds{number % (max.count() + 1)};
}

}  // namespace

Scheduler::Scheduler(Vault& vault, LiveSettings& settings,
                     settings::VaultSettingsFile& own_settings, const Clock& clock, Random& random,
                     SchedulerOptions options)
    : vault_{vault},
      settings_{settings},
      own_settings_{own_settings},
      clock_{clock},
      random_{random},
      options_{std::move(options)},
      verifications_{vault, own_settings, options_.say},
      timetable_{vault.directory().vault_folder(), std::string{state::kBackupCron},
                 "what the schedule has done",
                 [this](const std::string& what) { options_.say(true, what); }} {
  for (const auto& [id, expression] : kChores) {
    auto cron = Cron::parse(expression);
    PV_ASSERT(cron.has_value());
    chores_.push_back({.job = {std::string{id}, std::string{expression}},
                       .cron = *std::move(cron),
                       .next = std::nullopt});
  }
}

void Scheduler::tick() {
  const WallTime now = clock_.now();
  const bool was_set_back = last_tick_ && now + kBackwardsMax < *last_tick_;
  if (was_set_back) {
    for (Chore& chore : chores_) { chore.next.reset(); }
    retry_at_.reset();
    timetable_.was_set_back(now);
    plan(now);
    verifications_.was_set_back(now);
  }
  last_tick_ = now;
  take_settings(now);
  do_chores(now);
  serve_backups(now);
  verifications_.tick(now);
}

std::vector<CronJob> Scheduler::jobs() const {
  std::vector<CronJob> jobs;
  for (const auto& [id, expression] : kChores) {
    jobs.push_back({std::string{id}, std::string{expression}});
  }
  // Not of cron_: what was just saved is told at once.
  const auto cron = Cron::parse(settings_.now()->backups_cron);
  if (cron.has_value()) { jobs.push_back({std::string{state::kBackupCron}, cron->expression()}); }
  return jobs;
}

Result<void> Scheduler::run(std::string_view id) {
  const std::vector<CronJob> known = jobs();
  if (std::ranges::find(known, id, &CronJob::id) == known.end()) {
    return fail(Code::kNotFound, "no such cron job");
  }
  const std::lock_guard lock{mutex_};
  wishes_.emplace(id);
  return {};
}

std::optional<WallTime> Scheduler::next_backup() const { return timetable_.next(); }

std::string Scheduler::why_off() const {
  if (!timetable_.has_cron() || options_.beside_app) { return {}; }
  return jobs::left_to_app(vault_.directory().path());
}

bool Scheduler::take_wish(const std::string& id) {
  const std::lock_guard lock{mutex_};
  return wishes_.erase(id) > 0;
}

// -------------------------------------------------------------------------------- housekeeping

void Scheduler::do_chores(WallTime now) {
  for (Chore& chore : chores_) {
    if (!chore.next) { chore.next = chore.cron.next_after(now); }
    const bool is_due = chore.next && now >= *chore.next;
    const bool is_wished = take_wish(chore.job.id);
    if (!is_wished && !is_due) { continue; }
    if (is_due) { chore.next = chore.cron.next_after(now); }
    // Whose the databases are does it himself, unless somebody asks for it here and now.
    if (!is_wished && !vault_.directory().owns()) { continue; }
    if (const auto done = do_chore(chore.job.id); !done.has_value()) {
      options_.say(true, chore.job.id + ": " + done.error().what);
    }
  }
}

Result<void> Scheduler::do_chore(const std::string& id) {
  using Connection = sqlite::Connection;
  datadir::DataDir& directory = vault_.directory();
  if (id == kOptimize) {
    const auto optimize = [](Connection& database) { return database.exec("PRAGMA optimize"); };
    PV_CHECK(directory.write<void>(optimize));
    return directory.with_auxiliary<void>(optimize);
  }
  if (id == kLogsCleanup) {
    const settings::Logs logs = settings_.now()->logs;
    return directory.with_auxiliary<void>([&](Connection& auxiliary) {
      return logs::remove_old(auxiliary, clock_.now(), logs.days_max, logs.level_min);
    });
  }
  return directory.write<void>([&](Connection& data) {
    return id == kMfaCleanup ? auth::remove_expired_mfas(data, clock_)
                             : auth::remove_expired_otps(data, clock_);
  });
}

// ------------------------------------------------------------------------------- the timetable

void Scheduler::take_settings(WallTime now) {
  const std::string expression = settings_.now()->backups_cron;
  if (expression == expression_) {
    if (!timetable_.is_to_be_taken_up(now)) { return; }
    const auto cron = Cron::parse(expression);
    if (cron.has_value()) { take_up(*cron, now); }
    return;
  }
  expression_ = expression;
  adopt(expression, now);
}

void Scheduler::adopt(const std::string& expression, WallTime now) {
  std::optional<Cron> cron;
  if (!expression.empty()) {
    auto parsed = Cron::parse(expression);
    if (parsed.has_value()) {
      cron = *std::move(parsed);
    } else {
      options_.say(true, "no backups are made by themselves: backups.cron: " + parsed.error().what);
    }
  }
  timetable_.adopt(cron);
  if (!cron) {
    // Another timetable takes over what is due and waits; none does not want it.
    if (is_due_ && !is_wished_) {
      options_.say(true, "the backup that waits is not made: backups.cron does not ask for it now");
    }
    is_due_ = is_wished_;
    forget_waiting();
    return forget_missed();
  }
  take_up(*cron, now);
  note_beside_app(*cron, now);
  const auto next = next_backup();
  said_app_ = why_off();
  if (!said_app_.empty()) {
    options_.say(false, "backups by the clock (" + cron->expression() + ") are " + said_app_);
    return;
  }
  options_.say(false, "backups are made by themselves (" + cron->expression() + "), the next " +
                          (next ? "at " + format_minute(*next) : std::string{"never"}));
}

// From where it was left. While that can't be read, what is due from now on is made all the same.
void Scheduler::take_up(const Cron& cron, WallTime now) {
  const auto progress = timetable_.take_up(now);
  if (!progress) {
    if (!next_backup()) { plan(now); }
    return;
  }
  take_up_waiting();
  if (!progress->until) {
    if (is_due_) { note_waiting(now); }  // by the other timetable
    if (progress->missed) { note_missed(*progress->missed); }
    return served(progress->since);
  }
  const auto due = cron.next_after(*progress->until);
  if (due && *due < now) {
    look_for_missed(cron, *due, now);
  } else {
    plan(*progress->until);
  }
}

// By the new timetable nothing was due, and what was missed is not made by it at once; but nobody
// is to be told that all is well.
void Scheduler::note_missed(const state::Served& missed) {
  const auto noted = note(state::kBackupMissed, missed);
  if (!noted.has_value()) {
    options_.say(true, "can't note what was missed: " + noted.error().what);
  }
}

// What stays in the way of a failure counts until a good backup is newer.
void Scheduler::forget_missed() { std::ignore = note(state::kBackupMissed, std::nullopt); }

// A row of vault.db beside the timetable's own; nullopt: there is none any more.
Result<void> Scheduler::note(std::string_view id, const std::optional<state::Served>& row) {
  const state::VaultDb db{vault_.directory().vault_folder()};
  if (!row) { return state::forget_served(db, std::string{id}); }
  return state::note_served(db, std::string{id}, *row,
                            [this](const std::string& what) { options_.say(true, what); });
}

// For those who look at the directory from outside, and can't ask the server.
void Scheduler::note_beside_app(const Cron& cron, WallTime now) {
  std::optional<state::Served> row;
  if (options_.beside_app) { row = state::Served{cron.expression(), now}; }
  const auto noted = note(state::kBackupBesideApps, row);
  if (!noted.has_value()) {
    options_.say(true, "can't note what the schedule has done: " + noted.error().what);
  }
}

// The timetable alone does not tell after a restart, for by the new one nothing was due.
void Scheduler::note_waiting(WallTime now) {
  if (is_noted_) { return; }
  const auto noted = note(state::kBackupWaits, state::Served{expression_, now});
  is_noted_ = noted.has_value();
  if (!is_noted_) { options_.say(true, "can't note that a backup waits: " + noted.error().what); }
}

void Scheduler::take_up_waiting() {
  if (is_noted_) { return; }
  const auto noted = state::read_served(state::VaultDb{vault_.directory().vault_folder()},
                                        std::string{state::kBackupWaits});
  if (!noted.has_value() || !*noted) { return; }
  is_noted_ = true;
  const std::string what = "a backup was due, and waited when the server ended";
  if (!own_settings_.now().schedule.catch_up) {
    options_.say(true, what);
    return forget_waiting();
  }
  options_.say(true, what + ": it is made now");
  is_due_ = true;
}

void Scheduler::forget_waiting() {
  if (!std::exchange(is_noted_, false)) { return; }
  // What stays in the way of a failure is a backup too many.
  std::ignore = note(state::kBackupWaits, std::nullopt);
}

// `due` is the first that was not served, and lies before `now`.
void Scheduler::look_for_missed(const Cron& cron, WallTime due, WallTime now) {
  const std::optional<WallTime> made = last_made_since(due, now);
  const std::optional<WallTime> missed = made ? cron.next_after(*made) : due;
  if (!missed || *missed >= now) { return served(now); }
  if (!why_off().empty()) { return plan(now); }  // it stays missed until one is made
  const std::string what = "a backup was due at " + format_minute(*missed) + ", when no server ran";
  if (!own_settings_.now().schedule.catch_up) {
    options_.say(true, what);
    return plan(now);  // it stays missed until the next is made
  }
  options_.say(true, what + ": it is made now");
  timetable_.plan_at(now);
}

// When the last was made, by an app for example, since one was due: of those that count alone.
std::optional<WallTime> Scheduler::last_made_since(WallTime due, WallTime now) {
  auto backups = vault_.store().list();
  if (!backups.has_value()) { return std::nullopt; }
  std::erase_if(*backups, [&](const store::Backup& backup) {
    return !backup.name.text().starts_with(jobs::kScheduledPrefix) || backup.modified < due;
  });
  const jobs::Verdicts verdicts = jobs::Verdicts::read(vault_.directory().vault_folder());
  jobs::Overview made;
  jobs::count(
      *std::move(backups), now,
      [&](const store::Backup& backup) {
        return jobs::doubt_about(backup, vault_.store(), verdicts);
      },
      made);
  return made.newest ? std::optional{made.newest->modified} : std::nullopt;
}

void Scheduler::plan(WallTime after) {
  timetable_.plan(after, random_span(random_, own_settings_.now().schedule.jitter_max));
}

void Scheduler::served(WallTime until) {
  timetable_.note_served(until);
  plan(until);
}

// ----------------------------------------------------------------------------------- backups

void Scheduler::serve_backups(WallTime now) {
  if (running_ != nullptr) {
    if (!running_->finished()) { return; }
    finish();
  }
  if (take_wish(std::string{state::kBackupCron})) { is_due_ = is_wished_ = true; }
  const auto next = next_backup();
  is_due_ = is_due_ || (next && now >= *next);
  if (!is_due_ || (retry_at_ && now < *retry_at_)) { return; }
  begin(now);
}

void Scheduler::begin(WallTime now) {
  if (!is_wished_) {
    const std::string why = why_off();
    if (!why.empty()) {
      if (why != said_app_) { options_.say(false, "the backup that is due is " + why); }
      said_app_ = why;
      is_due_ = false;
      forget_waiting();
      return plan(now);  // what the app does not make is missed
    }
    if (!std::exchange(said_app_, {}).empty()) {
      options_.say(false, "backups are made by themselves again, for the app is gone");
    }
  }
  jobs::BackupOrder order;
  order.is_scheduled = true;
  auto job = vault_.start_backup(order);
  if (!job.has_value() && job.error().code == Code::kBusy) {
    if (!said_busy_) { options_.say(false, "the backup that is due waits: " + job.error().what); }
    said_busy_ = true;
    retry_at_ = now + kRetryEvery;
    return;
  }
  said_busy_ = false;
  if (job.has_value()) {
    is_due_ = is_wished_ = false;
    retry_at_.reset();
    begun_ = now;
    said_fault_.clear();
    running_ = *std::move(job);
    return;
  }
  // What keeps it from beginning may pass (a disk that is not mounted), so it stays due, and
  // wished for where it was.
  retry_at_ = now + kRetryFailedEvery;
  if (std::exchange(said_fault_, job.error().what) == job.error().what) { return; }
  options_.say(true,
               "the backup that is due could not be begun, and is tried again: " + said_fault_);
  vault_.note_not_begun(job.error());
  prune({}, false);
}

// What the end of the server cut off is made at its next start. So is what somebody cancelled: that
// serves nothing, but is not begun again against his will; it is missed until the next is made.
void Scheduler::finish() {
  const jobs::Status status = std::exchange(running_, nullptr)->status();
  if (vault_.is_shutting_down()) { return; }
  const WallTime begun = std::min(begun_, clock_.now());  // the clock may have been set back
  prune(status.name, status.state == jobs::State::kSucceeded);
  forget_waiting();
  if (status.state == jobs::State::kCancelled) { return plan(begun); }
  forget_missed();
  served(begun);
}

// By the retention of our own settings, after a backup that succeeded; without one by cronMaxKeep,
// as PocketBase does, whether the backup was made or not. Never by both: that would remove what the
// retention keeps.
void Scheduler::prune(const std::string& made, bool is_success) {
  const std::int64_t kept_max = settings_.now()->backups_kept_max;
  const auto own = own_settings_.read();
  if (!own.has_value()) {
    return options_.say(true,
                        "old backups are not pruned, for it is not known which are to be "
                        "kept: " +
                            own.error().what);
  }
  const bool by_retention = !own->retention.is_empty();
  if (by_retention ? !is_success : kept_max <= 0) { return; }
  if (by_retention && kept_max > 0 && !std::exchange(said_retention_, true)) {
    options_.say(false, "the retention (" + jobs::summary_of(own->retention) +
                            ") says which backups are pruned, not backups.cronMaxKeep");
  }
  const auto pruned = by_retention ? vault_.prune({.rules = own->retention, .made = made})
                                   : vault_.prune_by_count(kept_max, made);
  if (!pruned.has_value()) {
    return options_.say(true, "old backups can't be pruned: " + pruned.error().what);
  }
  for (const std::string& key : pruned->removed) {
    options_.say(false, "pruned " + printable(key));
  }
  for (const auto& [key, error] : pruned->failed) {
    options_.say(true, printable(key) + " can't be pruned: " + error.what);
  }
}

}  // namespace pv::schedule
