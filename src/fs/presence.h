// Whether something lies under a name, for those whose answer decides that something is removed or
// that all is well: what can't be told is not absent there. fs::exists() takes both for one.
#pragma once

#include "fs/file.h"

namespace pv::fs {

// By lstat; false only where nothing lies there. An error: that can't be told (a folder that may
// not be entered, a disk that does not answer).
[[nodiscard]] Result<bool> is_there(const Path& path);

}  // namespace pv::fs
