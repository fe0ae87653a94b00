#pragma once

#include "cli/backups.h"
#include "cli/cli.h"

namespace pv::cli {

// On a directory that this process has open. `vault` outlives it.
[[nodiscard]] std::unique_ptr<Backups> make_local_backups(LocalVault& vault);

// Waits for a job, passes on how far it is and a wish to stop.
[[nodiscard]] jobs::Status follow(jobs::Job& job, const Watch& watch);

// Of a zip file of this machine. Not for a file of a data directory that this process has open.
[[nodiscard]] Result<std::unique_ptr<ArchiveView>> look_into_file(const fs::Path& file);

}  // namespace pv::cli
