// What a server does by itself, by the clock: the backups of backups.cron, verifications, and
// PocketBase's own housekeeping.
//
// A backup that is due and finds another job at work waits for its end. One run serves all that was
// due before it began; one that was missed, for no server ran, is made at the next start. While an
// app runs on the directory, the app serves the timetable, and this leaves it alone.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/cron.h"
#include "jobs/live_settings.h"
#include "jobs/vault.h"
#include "schedule/served_timetable.h"
#include "schedule/verify_schedule.h"
#include "settings/vault_settings.h"

namespace pv::schedule {

// As GET /api/crons tells of them.
struct CronJob {
  std::string id;
  std::string expression;
  friend bool operator==(const CronJob&, const CronJob&) = default;
};

struct SchedulerOptions {
  // Backups are made though an app runs on the directory.
  bool beside_app = false;
  // Told in one line what is worth knowing; from the thread that calls tick().
  std::function<void(bool is_warning, const std::string& what)> say =
      [](bool /*is_warning*/, const std::string& /*what*/) {};
};

// Threads    tick() on one thread; the others on any.
// Lifetime   What it is made of outlives it. Jobs that it began go on without it.
class Scheduler {
 public:
  Scheduler(jobs::Vault& vault, jobs::LiveSettings& settings,
            settings::VaultSettingsFile& own_settings, const Clock& clock, Random& random,
            SchedulerOptions options);

  // Begins what is due, and ends what has come to its end, by the settings as somebody else
  // refreshes them. Meant to be called every second; may take minutes where a store is slow.
  void tick();

  // PocketBase's, in its order.
  [[nodiscard]] std::vector<CronJob> jobs() const;
  // Has the next tick() begin it, whenever it is due; also beside an app. One that can't be begun
  // is tried again (a backup), or told of. kNotFound.
  [[nodiscard]] Result<void> run(std::string_view id);

  // When the next backup begins, unless that is left to an app; nullopt: none will.
  [[nodiscard]] std::optional<WallTime> next_backup() const;
  // Why no backups are made though backups.cron says when; empty: they are, or it says nothing.
  // Looks through the processes of the machine.
  [[nodiscard]] std::string why_off() const;
  [[nodiscard]] const VerifySchedule& verifications() const { return verifications_; }

 private:
  // One of PocketBase's own.
  struct Chore {
    CronJob job;
    Cron cron;
    std::optional<WallTime> next;
  };

  void do_chores(WallTime now);
  [[nodiscard]] Result<void> do_chore(const std::string& id);
  void take_settings(WallTime now);
  void adopt(const std::string& expression, WallTime now);
  void take_up(const Cron& cron, WallTime now);
  Result<void> note(std::string_view id, const std::optional<state::Served>& row);
  void note_missed(const state::Served& missed);
  void forget_missed();
  void note_beside_app(const Cron& cron, WallTime now);
  void note_waiting(WallTime now);
  void take_up_waiting();
  void forget_waiting();
  void plan(WallTime after);
  void look_for_missed(const Cron& cron, WallTime due, WallTime now);
  [[nodiscard]] std::optional<WallTime> last_made_since(WallTime due, WallTime now);
  void serve_backups(WallTime now);
  void begin(WallTime now);
  void finish();
  void served(WallTime until);
  void prune(const std::string& made, bool is_success);
  [[nodiscard]] bool take_wish(const std::string& id);

  jobs::Vault& vault_;
  jobs::LiveSettings& settings_;
  settings::VaultSettingsFile& own_settings_;
  const Clock& clock_;
  Random& random_;
  const SchedulerOptions options_;
  VerifySchedule verifications_;

  // Of the thread that calls tick().
  std::vector<Chore> chores_;
  std::optional<WallTime> last_tick_;
  std::optional<WallTime> retry_at_;  // the slot was busy; no look before
  std::shared_ptr<jobs::Job> running_;
  WallTime begun_{};
  bool is_due_ = false;     // and not begun
  bool is_wished_ = false;  // by run(): not for the timetable alone
  bool is_noted_ = false;   // that it is due: kBackupWaits
  bool said_busy_ = false;
  std::string expression_;  // that cron_ was made of
  std::string said_fault_;  // why the last one could not be begun; empty: it could
  std::string said_app_;    // why the last one was left to an app
  bool said_retention_ = false;

  ServedTimetable timetable_;  // of backups
  std::mutex mutex_;
  std::set<std::string, std::less<>> wishes_;
};

}  // namespace pv::schedule
