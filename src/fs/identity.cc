#include "fs/identity.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace pv::fs {

std::optional<Identity> identity_of(const Path& path) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  struct ::statx found {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &found) != 0) {
    return std::nullopt;
  }
  const Identity result{.inode = found.stx_ino,
                        .born_ns = found.stx_btime.tv_sec * kNsPerSecond + found.stx_btime.tv_nsec};
  const bool is_known = (found.stx_mask & STATX_BTIME) != 0 && result.born_ns != 0;
  return is_known ? std::optional{result} : std::nullopt;
}

}  // namespace pv::fs
