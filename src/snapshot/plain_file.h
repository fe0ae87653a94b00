// Files of the directory that are no databases.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/io.h"
#include "fs/file.h"
#include "snapshot/snapshot.h"

namespace pv::snapshot {

// Warnings from whatever thread reads.
class LateWarnings {
 public:
  void add(Warning warning);
  [[nodiscard]] std::vector<Warning> copy() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Warning> warnings_;
};

// Files that this process must not open and close itself, because SQLite has them open in it.
class Forbidden {
 public:
  // The database at `path`, its WAL and its wal-index, under whatever name they are met.
  void add_database(const fs::Path& path);
  [[nodiscard]] bool has(const fs::Stat& stat) const;

 private:
  struct Identity {
    std::uint64_t device;
    std::uint64_t inode;
  };
  std::vector<Identity> files_;
};

enum class Links { kFollow, kRefuse };

// What is needed to open files of one tree, for as long as any of them may be opened.
struct Tree {
  fs::Fd root;
  fs::Path path;             // for texts
  std::string prefix;        // of its files' names in the snapshot: empty, or ends in a slash
  std::uint16_t number = 0;  // Item::tree
  Forbidden forbidden;
  std::shared_ptr<LateWarnings> late;
};

// A descriptor that names a file without opening it (O_PATH): closing it drops no lock.
[[nodiscard]] Result<fs::Fd> point_at(const Tree& tree, const std::string& name, Links links);

// Where it really lies; empty when /proc does not tell.
[[nodiscard]] std::string real_path(const fs::Fd& pointer);

// Opens the file that is `shown` in the snapshot, one of `tree`, for reading. kNotFound when it has
// gone or is no longer a regular file, kDenied when it turned out to be a database's. What changes
// while it is read becomes a late warning.
[[nodiscard]] Result<std::unique_ptr<Source>> open_plain(const Tree& tree, const std::string& shown,
                                                         Links links);

}  // namespace pv::snapshot
