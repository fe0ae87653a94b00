// What a restore would change in a data directory.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/work_pool.h"
#include "restore/restore.h"

namespace pv::restore {

struct Files {
  static constexpr std::size_t kNamesMax = 20;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> names;  // the first few, in byte order
  friend bool operator==(const Files&, const Files&) = default;
};

// A database in the root. Its bytes tell nothing: those of one that is in use change all the while.
struct DatabaseChange {
  std::string name;
  std::optional<std::uint64_t> bytes_before;  // nullopt: there is none; without its WAL
  std::optional<std::uint64_t> bytes_after;
  friend bool operator==(const DatabaseChange&, const DatabaseChange&) = default;
};

// All files but databases and what lies beside them.
struct Changes {
  Files added;
  Files removed;  // links and the like too
  Files changed;  // bytes: as they will be
  Files same;
  std::vector<DatabaseChange> databases;  // in byte order
  std::vector<std::string> unread;        // could not be looked at; a few
  friend bool operator==(const Changes&, const Changes&) = default;
};

// Compares `plan` with what lies in `directory` where it would be replaced; both may be in use. Of
// two files of one name and size, those with the archive's time of change are taken for the same;
// else the one in place is read, and its checksum decides. Databases are not opened. kCancelled.
[[nodiscard]] Result<Changes> compare(const Archive& archive, const Plan& plan,
                                      const fs::Path& directory, WorkPool& pool,
                                      const std::stop_token& stop);

}  // namespace pv::restore
