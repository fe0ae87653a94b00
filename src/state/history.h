// Jobs that have ended, kept for those who ask later.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "state/vault_db.h"

namespace pv::state {

struct PastJob {
  std::string id;
  std::string kind;           // "backup"
  std::string name;           // of the backup
  bool is_scheduled = false;  // made by itself
  WallTime started;           // to the millisecond
  WallTime ended;
  std::string outcome;     // "succeeded", "failed", "cancelled"
  std::string error = {};  // its first line, at most kErrorBytesMax; empty when it succeeded
  std::uint64_t warnings = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t archive_bytes = 0;
  std::chrono::microseconds pause{0};  // how long commits could not happen
  friend bool operator==(const PastJob&, const PastJob&) = default;
};

inline constexpr std::size_t kErrorBytesMax = 500;
inline constexpr std::int64_t kJobsKept = 10'000;  // the last ones

// Errors of all: as VaultDb.

// In a transaction of VaultDb::write(). What begun jobs of these ids there are goes.
[[nodiscard]] Result<void> put(sqlite::Connection& connection, std::span<const PastJob> jobs);

// A job that holds the lease, from its beginning until put() has how it ended.
struct BegunJob {
  std::string id;
  std::string kind;
  std::string name;
  bool is_scheduled = false;
  WallTime started;  // to the millisecond
  friend bool operator==(const BegunJob&, const BegunJob&) = default;
};
[[nodiscard]] Result<std::vector<BegunJob>> read_begun(const VaultDb& db);
// What becomes of one that does not run any more.
[[nodiscard]] PastJob cut_off(const BegunJob& job);

// For who holds the lease, which says that none of those that are noted runs: they become jobs that
// failed, for the program ended while they ran. When is not known; as far as others are compared
// with it, when they began. Those of `ended` are known to have ended, and are only forgotten.
// Nothing is written where there are none.
[[nodiscard]] Result<void> close_begun(const VaultDb& db, std::span<const std::string> ended,
                                       const VaultDb::Say& say);
// The same, and then `job` is noted.
[[nodiscard]] Result<void> note_begun(const VaultDb& db, const BegunJob& job,
                                      std::span<const std::string> ended, const VaultDb::Say& say);

// Newest first, at most `count`.
[[nodiscard]] Result<std::vector<PastJob>> read_jobs(const VaultDb& db, std::size_t count);

// What is to be told of backups at a glance.
struct BackupHistory {
  std::optional<PastJob> last;          // however it ended
  std::optional<PastJob> last_decided;  // that succeeded or failed
  std::optional<PastJob> last_succeeded;
  std::vector<PastJob> succeeded;  // newest first, the last few
};
[[nodiscard]] Result<BackupHistory> read_backup_history(const VaultDb& db);

// A backup that succeeded, as far as what lies in a store can be compared with it.
struct MadeBackup {
  std::string_view name;  // for the time of the call
  WallTime started;
  WallTime ended;
  std::uint64_t archive_bytes = 0;
};
// Calls `take` for each, the oldest first.
[[nodiscard]] Result<void> for_each_made(const VaultDb& db,
                                         const std::function<void(const MadeBackup&)>& take);

}  // namespace pv::state
