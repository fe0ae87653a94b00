// Parts of creating a directory that opening one needs as well.
#pragma once

#include "fs/file.h"
#include "sqlite/connection.h"

namespace pv::datadir {

// `.pocketvault/`, 0700. kInvalid: something else has that name.
[[nodiscard]] Result<void> make_vault_folder(const fs::Path& directory);

// Makes auxiliary.db, as create_fresh does.
[[nodiscard]] Result<void> create_auxiliary(const fs::Path& directory);

// The tables of auxiliary.db in an open database that lacks them.
[[nodiscard]] Result<void> add_auxiliary_tables(sqlite::Connection& auxiliary);

}  // namespace pv::datadir
