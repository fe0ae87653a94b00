// Which file it is, whatever its name.
#pragma once

#include <cstdint>
#include <optional>

#include "fs/file.h"

namespace pv::fs {

// To be compared long afterwards, when the machine may have been started anew. An inode's number is
// given again as soon as its file is gone, to the next one that is made, and some file systems give
// the numbers anew with each mount: the time of birth tells files apart, and no copy keeps it. The
// device is left out, for its number is another after a mount or a start.
struct Identity {
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;  // since 1970
  friend bool operator==(const Identity&, const Identity&) = default;
};

// Follows links. nullopt: nothing is there, it can't be seen, or the file system (or a filter of
// system calls) does not tell when a file was born.
[[nodiscard]] std::optional<Identity> identity_of(const Path& path);

}  // namespace pv::fs
