// What an entry was made of, so that it can be told later whether a program has been at work in it.
#pragma once

#include <cstdint>

#include "fs/file.h"

namespace pv::restore {

// Of a file, or a folder with all that is in it: another number once something in it was made,
// changed, moved or removed. Moving the entry itself changes nothing. No clock is asked: the times
// only have to be others than before. A new hard link to a file in the folder, or the removal of
// one elsewhere, changes it as well. Reads no file. An error: not all of it can be looked at.
[[nodiscard]] Result<std::uint64_t> seal_of(const fs::Path& path);

}  // namespace pv::restore
