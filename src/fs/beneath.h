// Opening by names that a stranger chose, without ever leaving a folder.
#pragma once

#include "fs/file.h"

namespace pv::fs {

// Opens `name` ("/"-separated, relative) as open(2) would with `flags`, below the open folder
// `root`. ".." and symbolic links are followed as long as every step stays below `root`; else, and
// for a link into /proc, kNotFound, as for a name that is not there. O_CLOEXEC and O_NOCTTY are
// added. `flags` without O_CREAT.
[[nodiscard]] Result<Fd> open_beneath(const Fd& root, const std::string& name, int flags);

// The same where the kernel has no openat2(2) (before 5.6, or forbidden by a sandbox): follows no
// link at all and refuses "..". open_beneath() falls back to it by itself.
[[nodiscard]] Result<Fd> open_beneath_step_by_step(const Fd& root, const std::string& name,
                                                   int flags);

}  // namespace pv::fs
