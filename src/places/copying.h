// Copies of backups from one store to another.
#pragma once

#include <functional>
#include <stop_token>

#include "store/backup_store.h"

namespace pv::places {

using CopyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// kInvalid: `to` lies in `from`, or the other way round, so that copies would count as backups and
// be copied again.
[[nodiscard]] Result<void> check_apart(store::BackupStore& from, store::BackupStore& to);

enum class Copied { kMade, kWasThere };

// Puts `archive` into `to` under `name`, byte for byte and whole, or leaves nothing there. A copy
// in a folder is read back and compared; a bucket checks what it gets. kExists: another archive has
// that name there, and stays. kDamaged: the copy is not what was read, and was removed. kCancelled.
[[nodiscard]] Result<Copied> copy_archive(Source& archive, store::BackupStore& to,
                                          const store::BackupName& name,
                                          const CopyProgress& progress,
                                          const std::stop_token& stop);

struct Delivery {
  store::BackupName name;
  Copied copied = Copied::kMade;
};
// The same; where another archive has the name, under the next that is free: "nightly_02.zip".
[[nodiscard]] Result<Delivery> deliver(Source& archive, store::BackupStore& to,
                                       const store::BackupName& name, const CopyProgress& progress,
                                       const std::stop_token& stop);

// "nightly.zip", "nightly_02.zip", ... for 1, 2, ...
inline constexpr int kNumberMax = 99;
[[nodiscard]] Result<store::BackupName> numbered(const store::BackupName& name, int number);

// Whether `there`, a backup of `store`, is this archive: of its size, and with the same end, where
// the sizes and checksums of all that is in an archive are.
[[nodiscard]] Result<bool> is_it(store::BackupStore& store, const store::Backup& there,
                                 Source& archive);

}  // namespace pv::places
