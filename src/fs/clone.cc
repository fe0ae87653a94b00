#include "fs/clone.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

namespace pv::fs {

// A clone of an empty file onto itself changes nothing, and is refused where there are no clones.
std::uint64_t clone_block_bytes(const Fd& empty) {
  struct ::statvfs space {};
  if (::ioctl(empty.get(), FICLONE, empty.get()) != 0) { return 0; }
  return ::fstatvfs(empty.get(), &space) == 0 ? space.f_bsize : 0;
}

bool clone_range(int from, ByteRange range, const Fd& to, std::uint64_t at) {
  const ::file_clone_range request{.src_fd = from,
                                   .src_offset = range.offset,
                                   .src_length = range.size_bytes,
                                   .dest_offset = at};
  return ::ioctl(to.get(), FICLONERANGE, &request) == 0;
}

}  // namespace pv::fs
