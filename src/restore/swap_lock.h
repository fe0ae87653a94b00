// Keeps the exchange of a directory's data apart from everybody who opens the directory.
#pragma once

#include <chrono>

#include "fs/file.h"

namespace pv::restore {

// `.pocketvault/swap.lock`: held from before a restore looks for other users of the databases until
// the new ones are open, and by whoever opens the directory. kBusy after `wait`.
[[nodiscard]] Result<fs::FileLock> take_swap_lock(const fs::Path& vault_folder,
                                                  std::chrono::milliseconds wait);

}  // namespace pv::restore
