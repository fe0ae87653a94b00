// The way for what can't be pinned: SQLite's online backup into a temporary file.
#pragma once

#include <stop_token>

#include "fs/file.h"
#include "sqlite/connection.h"

namespace pv::snapshot {

// Copies what the open read transaction of `reader` sees into a nameless file in `folder`. The
// result is a whole database. kNoSpace, kDamaged, kCancelled.
[[nodiscard]] Result<fs::Fd> copy_database(sqlite::Connection& reader, const std::string& name,
                                           const fs::Path& folder, std::stop_token stop);

}  // namespace pv::snapshot
