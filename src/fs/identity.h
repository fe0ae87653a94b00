// Which file it is, whatever its name.
#pragma once

#include <cstdint>
#include <optional>

#include "fs/file.h"

namespace pv::fs {

// An inode's number is given again as soon as its file is gone, to the next one that is made: the
// time of birth tells the two apart.
struct Identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;  // since 1970; 0: the file system does not know
  friend bool operator==(const Identity&, const Identity&) = default;
};

// Follows links; nullopt: nothing is there, or it can't be seen.
[[nodiscard]] std::optional<Identity> identity_of(const Path& path);

}  // namespace pv::fs
