// What root makes on behalf of others.
#pragma once

#include "fs/file.h"

namespace pv::fs {

// Gives what this process has just made the owner and the group of `model`: where root works on
// what belongs to an app, the app's own user would be locked out of it. Other users can't give
// anything away, and nothing happens; nor where the file system, or a container without that right,
// does not let root, which must not make the work fail. A link is not followed.
void give_like(const Path& model, const Path& made);
void give_like(const Path& model, const Fd& made);
void give_like(const Fd& model, const Fd& made);

}  // namespace pv::fs
