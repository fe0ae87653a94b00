// Telling databases from other files by their first bytes.
#pragma once

#include <vector>

#include "fs/file.h"

namespace pv::snapshot {

enum class Kind { kDatabase, kEmpty, kOther, kUnreadable };

// What each file is (links are followed). The files are opened in a child process: closing a
// descriptor in this one would drop every POSIX lock that its SQLite connections hold on that file,
// and then another process may delete the WAL of a running app. A child has locks of its own.
// kUnavailable when no child can be had.
[[nodiscard]] Result<std::vector<Kind>> sniff(const std::vector<fs::Path>& files);

}  // namespace pv::snapshot
