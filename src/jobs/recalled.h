// The backups of a store, without asking for each of very many.
#pragma once

#include <vector>

#include "fs/file.h"
#include "jobs/verdicts.h"
#include "store/backup_store.h"

namespace pv::jobs {

// As store.list(). But where they are many, and asking for each takes long, the size and the time
// of those that nobody named are taken from the history (Backup::is_recalled): archives never
// change, and a name with a moment in it is not used again. The store is asked for the newest of
// them all the same, for those that verifications found damaged, and for what the history does not
// know. Where one of them is not as it was made, somebody was at work in the folder: all are asked
// for.
[[nodiscard]] Result<std::vector<store::Backup>> list_by_history(store::BackupStore& store,
                                                                 const fs::Path& vault_folder,
                                                                 const Verdicts& verdicts);

inline constexpr std::size_t kAskedNewest = 16;
// As many are listed without ado: that takes some milliseconds.
inline constexpr std::size_t kListedMax = 1000;
// And as many asked for one by one, each of which takes ten times as long as in a list.
inline constexpr std::size_t kAskedMax = 200;

}  // namespace pv::jobs
