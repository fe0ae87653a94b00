// Picks the concrete types for a directory: its databases, the store, the pool, the vault.
#pragma once

#include "cli/cli.h"
#include "jobs/vault.h"
#include "s3/options.h"

namespace pv::app {

struct LocalSetup {
  cli::LocalOptions options;
  std::uint64_t bytes_per_second_max = 0;  // of a backup; 0: no limit
  bool owner = false;                      // see datadir::OpenOptions
  std::function<void(const jobs::Status&)> observer;
  alerts::AlertsOptions alerts = {};
  std::function<void(const s3::Tried&)> on_try;  // requests to any bucket, from any thread
};

struct Local {
  std::unique_ptr<cli::LocalVault> vault;
  std::vector<std::string> notes;  // for the log
};

// kInvalid: the backups folder lies inside the data directory where a backup would take it along or
// a restore would move it away; the mirror and the store lie in one another. The rest as
// jobs::open_directory.
[[nodiscard]] Result<Local> open_local(LocalSetup setup);

// A store that the command line names beside that of the directory `dir`. kInvalid: a folder that
// lies among its data, or is its own backups.
[[nodiscard]] Result<std::unique_ptr<store::BackupStore>> open_store(const cli::StorePlace& place,
                                                                     const fs::Path& dir);

// How the directory is, without opening it. kNotFound: there is none; the rest as jobs::look_over.
[[nodiscard]] Result<jobs::Overview> look_over(const cli::LocalOptions& options);

// All that open_local() would refuse of these places, as far as it can be told without opening
// anything.
[[nodiscard]] std::vector<cli::PlaceFault> check_places(const cli::LocalOptions& options);

// The first line of `file`, else the value of the variable `name`; empty when both are, or when it
// is not set. Errors: cli::read_secret().
[[nodiscard]] Result<std::string> encryption_key_from(const std::string& name, const fs::Path& file,
                                                      const std::stop_token& stop = {});

}  // namespace pv::app
