// What must happen before a directory is opened, and after.
#pragma once

#include <memory>
#include <vector>

#include "datadir/data_dir.h"
#include "jobs/vault.h"
#include "store/backup_store.h"

namespace pv::jobs {

struct Opened {
  std::unique_ptr<datadir::DataDir> directory;
  std::vector<std::string> notes;  // for the log: "finished a restore that was interrupted"
};

// Finishes or takes back a swap that a crash interrupted, removes what restores left that were
// killed, then opens. Nobody swaps or opens meanwhile. kBusy: another process has been swapping for
// more than 30 s, or has the databases open of which a swap was interrupted; the rest as
// DataDir::open and restore::recover.
[[nodiscard]] Result<Opened> open_directory(const fs::Path& directory,
                                            const datadir::OpenOptions& options, const Clock& clock,
                                            Random& random);

// Removes what dead processes left: parts in the store, temporary folders, replaced data past its
// time. What they left in a remote store the next backup removes: no start waits for a network.
// Skipped while another process is at work. What can't be removed is told, and harms nothing.
[[nodiscard]] std::vector<std::string> sweep(datadir::DataDir& directory, store::BackupStore& store,
                                             const Clock& clock,
                                             std::chrono::seconds keep_replaced);

}  // namespace pv::jobs
