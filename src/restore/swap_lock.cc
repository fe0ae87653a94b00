#include "restore/swap_lock.h"

namespace pv::restore {

Result<fs::FileLock> take_swap_lock(const fs::Path& vault_folder, std::chrono::milliseconds wait) {
  Result<fs::FileLock> lock = fs::FileLock::take(vault_folder / "swap.lock", wait);
  if (!lock.has_value() && lock.error().code == Code::kBusy) {
    return fail(Code::kBusy,
                "another pocketvault process is opening this directory or exchanging its data");
  }
  return lock;
}

}  // namespace pv::restore
