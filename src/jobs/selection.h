// What goes into a backup beyond the usual, and what does not.
#pragma once

#include <string_view>
#include <vector>

#include "base/glob.h"
#include "jobs/job.h"
#include "jobs/orders.h"
#include "restore/restore.h"
#include "snapshot/snapshot.h"

namespace pv::jobs {

// The folder inside an archive that holds what lies beside the data directory. PocketBase's restore
// puts everything of an archive into pb_data, so names of its own keep code from being mistaken for
// data, whoever unpacks it; every backup and restore of ours leaves that folder alone.
inline constexpr std::string_view kCodeFolder = ".pocketvault-code";

inline constexpr std::size_t kExcludesMax = 100;

// The patterns of an order. kInvalid: too many, one that is none, or one that covers data.db.
[[nodiscard]] Result<std::vector<Glob>> exclusions_of(const BackupOrder& order);

// Tells the snapshot of `directory` what `order` wants. PocketBase looks for its code beside the
// data directory as it is called, links not followed, and so does this.
[[nodiscard]] Result<void> select(const BackupOrder& order, const fs::Path& directory,
                                  snapshot::Options& options);

[[nodiscard]] LeftOut left_out_of(const snapshot::Snapshot& snapshot);

[[nodiscard]] bool is_code(std::string_view entry);
// The code among an archive's entries, which a restore does not touch.
[[nodiscard]] LeftOut code_of(const std::vector<restore::ArchiveEntry>& entries);

}  // namespace pv::jobs
