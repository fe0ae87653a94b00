#include "fs/identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace pv::fs {

std::optional<Identity> identity_of(const Path& path) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  struct ::statx found {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &found) == 0) {
    Identity result{.device = ::gnu_dev_makedev(found.stx_dev_major, found.stx_dev_minor),
                    .inode = found.stx_ino};
    if ((found.stx_mask & STATX_BTIME) != 0) {
      result.born_ns = found.stx_btime.tv_sec * kNsPerSecond + found.stx_btime.tv_nsec;
    }
    return result;
  }
  // A filter of system calls may not know statx.
  const auto seen = stat(path);
  if (!seen.has_value()) { return std::nullopt; }
  return Identity{.device = seen->device, .inode = seen->inode};
}

}  // namespace pv::fs
