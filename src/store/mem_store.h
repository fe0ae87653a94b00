#pragma once

#include "store/backup_store.h"

namespace pv::store {

// Backups in memory, for tests. `clock` outlives it.
[[nodiscard]] std::unique_ptr<BackupStore> make_mem_store(const Clock& clock);

}  // namespace pv::store
