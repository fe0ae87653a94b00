// What in a backups folder is a backup.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fs/file.h"
#include "store/backup_store.h"

namespace pv::store {

// PocketBase's file in progress: "NAME.zip.18b3c0ffee123456.tmp". After a crash it stays.
[[nodiscard]] bool is_pocketbase_part(std::string_view last_part);

// Hidden and temporary names, which count as backups only with a side file: then they came through
// the API under that name. Our own parts never do.
[[nodiscard]] bool needs_sidecar(std::string_view last_part);

// Every backup below the open folder, ascending by the bytes of its key. A symbolic link to a file
// counts while it stays inside. Folders below that can't be read (lost+found) hold none.
[[nodiscard]] Result<std::vector<Backup>> list_backups(const fs::Fd& root);
// The names alone, as BackupStore::each_name().
[[nodiscard]] Result<void> each_name(const fs::Fd& root, const BackupStore::TakeName& take);

// Calls `visit` for each part of ours, abandoned or not.
[[nodiscard]] Result<void> for_each_part(
    const fs::Fd& root,
    const std::function<void(const fs::Fd& parent, const std::string& name)>& visit);

}  // namespace pv::store
