// The system's page cache: a backup reads everything once, and must not push out what others need.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fs/file.h"

namespace pv::fs {

// Which parts of a file were in the page cache at one moment, 64 KiB each, by mincore(2). Who then
// reads the file has the other parts leave the cache again. Takes 16 KiB for each 8 GiB.
//
// Where the system does not tell (a file that is neither ours nor writable), all counts as cached
// and nothing is ever removed.
//
// Threads    Any, for the const methods.
class CachedParts {
 public:
  CachedParts() = default;  // of an empty file
  // Reads nothing. `descriptor` stays its owner's.
  CachedParts(int descriptor, std::uint64_t size_bytes);

  // Takes what lies in the range, and was not there at the moment, out of the cache. A hint: pages
  // that are dirty or in use stay.
  void drop_others(int descriptor, std::uint64_t offset, std::uint64_t size_bytes) const;

 private:
  [[nodiscard]] bool note(int descriptor, std::uint64_t offset, std::uint64_t size_bytes);

  std::uint64_t size_bytes_ = 0;
  std::vector<bool> was_cached_;
};

// A descriptor of this process that has this file open; it belongs to somebody else (SQLite, who
// does not tell his), so it may be gone at any time: for hints alone. nullopt: there is none.
[[nodiscard]] std::optional<int> descriptor_of(const Stat& file);

}  // namespace pv::fs
