#pragma once

#include "fs/file.h"
#include "store/backup_store.h"

namespace pv::store {

// Backups in a local folder, as PocketBase keeps them: NAME.zip with a NAME.zip.attrs beside it
// (one JSON line; removed with its zip; absent for files copied in by hand).
//
// The folder is made when it is first needed and may itself be a symbolic link or a mount. No name
// leads outside it: parts are opened with openat2(RESOLVE_BENEATH). Uploads are written as
// ".pocketvault-XXXXXXXXXX.part" in the folder, fsynced, given their name with a rename that never
// replaces, and the folder is fsynced.
[[nodiscard]] std::unique_ptr<BackupStore> make_folder_store(fs::Path folder);

}  // namespace pv::store
