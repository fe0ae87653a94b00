// The databases of an extracted archive: made whole, and looked at before anybody works with them.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/work_pool.h"
#include "restore/restore.h"

namespace pv::restore {

// Root files *.db of `plan`, extracted to `root`: applies their WALs (and rollback journals),
// checks them, puts them on disk. Returns warnings. kDamaged: not a database (data.db,
// auxiliary.db), damaged, made to keep the check busy for ever, or made to harm other files.
[[nodiscard]] Result<std::vector<std::string>> check_databases(const Plan& plan,
                                                               const fs::Path& root, WorkPool& pool,
                                                               const std::stop_token& stop);

// What a connection that has closed may have left beside the database `path`: removed, but for a
// WAL that still has content, which is kInternal.
[[nodiscard]] Result<void> remove_companions(const fs::Path& path);

}  // namespace pv::restore
