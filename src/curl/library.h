// libcurl, loaded when it is first used.
//
// It brings 35 libraries, which take 3 ms and 3 MB: more than many a command needs for its work,
// and most commands, and a server that sends neither alerts nor objects, never use it. So nothing
// is linked with it: library.cc defines those of its functions that this room calls, and each hands
// on to the one of that name in the library.
#pragma once

#include "base/error.h"

namespace pv::curl {

// kUnavailable, with what to install, when the library is not there; all its functions fail then.
//
// Threads    Any.
[[nodiscard]] Result<void> load_library();

}  // namespace pv::curl
