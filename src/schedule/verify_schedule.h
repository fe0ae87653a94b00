// Verifications by the clock: the newest backup, and those that were verified longest ago.
//
// One at a time, beside whatever else runs but a backup or a restore, and with the lowest priority:
// they only read. A run that was missed, or cut off by the end of the server, is made up for when
// one runs again.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "jobs/vault.h"
#include "schedule/served_timetable.h"
#include "settings/vault_settings.h"

namespace pv::schedule {

// What is looked at: the newest that counts by its looks, then `samples` others, those that were
// never verified first (the newest of them), then those whose verification is oldest. None that is
// known to be damaged: that is told until it is deleted.
[[nodiscard]] std::vector<store::BackupName> choose_to_verify(
    std::vector<jobs::ListedBackup> backups, std::size_t samples, WallTime now);

// Threads    tick() and was_set_back() on one thread; the others on any.
// Lifetime   What it is made of outlives it. A job that it began goes on without it.
class VerifySchedule {
 public:
  using Say = std::function<void(bool is_warning, const std::string& what)>;
  VerifySchedule(jobs::Vault& vault, settings::VaultSettingsFile& own_settings, Say say);

  // Begins what is due. Meant to be called every second.
  void tick(WallTime now);
  // The clock was: what was done is done until `now`.
  void was_set_back(WallTime now);

  [[nodiscard]] std::optional<WallTime> next() const;  // nullopt: none will be
  // Why none are made though the settings say when; empty: they are, or there is no timetable.
  [[nodiscard]] std::string why_off() const;

 private:
  void take_settings(WallTime now);
  void adopt(WallTime now);
  void take_up(WallTime now);
  void served(WallTime until);
  void begin_run(WallTime now);
  void begin_next(WallTime now);
  void finish();

  jobs::Vault& vault_;
  settings::VaultSettingsFile& own_settings_;
  const Say say_;

  // Of the thread that calls tick().
  bool has_settings_ = false;
  settings::Verification settings_;
  std::deque<store::BackupName> queue_;
  std::deque<store::BackupName> again_;  // could not be carried out
  int tries_ = 0;
  std::shared_ptr<jobs::Job> running_;
  bool is_run_ = false;  // between its first backup and its last
  WallTime begun_{};
  std::optional<WallTime> retry_at_;
  std::string said_;

  ServedTimetable timetable_;
};

}  // namespace pv::schedule
