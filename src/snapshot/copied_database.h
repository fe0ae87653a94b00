// The way for what can't be pinned: SQLite's online backup into a temporary file.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "fs/file.h"
#include "snapshot/structure.h"
#include "sqlite/connection.h"

namespace pv::snapshot {

// A whole database in a nameless file.
struct Copy {
  fs::Fd fd;
  Structure structure;
};

// Copies what the open read transaction of `reader` sees into a file in `folder`, calls `copied`
// (from then on `reader` is not needed), and checks the copy. kNoSpace, kDamaged, kCancelled.
[[nodiscard]] Result<Copy> copy_database(sqlite::Connection& reader, const std::string& name,
                                         const fs::Path& folder, std::stop_token stop,
                                         const std::function<void()>& copied = {});

}  // namespace pv::snapshot
