#pragma once

#include "cli/backups.h"
#include "cli/cli.h"

namespace pv::cli {

// On a directory that this process has open. `vault` outlives it.
[[nodiscard]] std::unique_ptr<Backups> make_local_backups(LocalVault& vault);

// Waits for a job, passes on how far it is and a wish to stop.
[[nodiscard]] jobs::Status follow(jobs::Job& job, const Watch& watch);

}  // namespace pv::cli
