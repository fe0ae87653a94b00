// How far what is to be done by itself has been done.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "state/vault_db.h"

namespace pv::state {

// The ids of rows. Backups by the clock: that of PocketBase's cron job.
inline constexpr std::string_view kBackupCron = "__pbAutoBackup__";
// Says: these are made though an app runs on the directory.
inline constexpr std::string_view kBackupBesideApps = "__pbAutoBackup__ beside apps";
// Says: one is due and waits, though by a timetable that is not in force any more.
inline constexpr std::string_view kBackupWaits = "__pbAutoBackup__ waits";
// Says: one was due then by a timetable that is not in force any more, and was missed.
inline constexpr std::string_view kBackupMissed = "__pbAutoBackup__ missed";
// Verifications by the clock; not PocketBase's.
inline constexpr std::string_view kVerifyCron = "__pvVerify__";

struct Served {
  std::string expression;  // the timetable that this is about
  WallTime until;          // all that was due until then is done
  friend bool operator==(const Served&, const Served&) = default;
};

// Errors of all: as VaultDb. `id` is one of those above.
[[nodiscard]] Result<std::optional<Served>> read_served(const VaultDb& db, const std::string& id);
// All of them, by their ids.
[[nodiscard]] Result<std::map<std::string, Served>> read_schedule(const VaultDb& db);
[[nodiscard]] Result<void> note_served(const VaultDb& db, const std::string& id,
                                       const Served& served, const VaultDb::Say& say);
[[nodiscard]] Result<void> forget_served(const VaultDb& db, const std::string& id);

}  // namespace pv::state
