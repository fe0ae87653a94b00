// The databases of an extracted archive: made whole, and looked at before anybody works with them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "restore/restore.h"

namespace pv::restore {

// The root files *.db of a plan, each checked as soon as it and its WAL and rollback journal have
// been extracted: SQLite applies these, then the database is checked and put on disk.
//
// Threads    extracted() from any thread.
// Errors     kDamaged: not a database (data.db, auxiliary.db), damaged, made to keep the check busy
//            for ever, or made to harm other files.
// Lifetime   `plan` and `stop` outlive it.
class DatabaseChecks {
 public:
  DatabaseChecks(const Plan& plan, fs::Path root, const std::stop_token& stop,
                 const StageOptions& options);

  // Whether `file` is a database or lies beside one.
  [[nodiscard]] bool concern(const PlannedFile& file) const;
  // `file` lies below the root now, written as a whole. Once for each file of the plan; the last of
  // a database's files runs its check, on this thread.
  [[nodiscard]] Result<void> extracted(const PlannedFile& file);
  // When every file has been extracted: in byte order.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  [[nodiscard]] Result<void> check(const std::string& name);
  [[nodiscard]] Result<std::string> check_in_time(const fs::Path& path);

  const fs::Path root_;
  const std::stop_token& stop_;
  const StageOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t, std::less<>> missing_;  // database -> files not yet extracted
  std::chrono::nanoseconds time_left_;                       // for all checks together
  std::vector<std::string> warnings_;
};

// What a connection that has closed may have left beside the database `path`: removed, but for a
// WAL that still has content, which is kInternal.
[[nodiscard]] Result<void> remove_companions(const fs::Path& path);

}  // namespace pv::restore
