// How a directory and its backups are, at one look: for people, and for what watches over them.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "fs/file.h"
#include "jobs/kept.h"
#include "jobs/lease.h"
#include "jobs/verdicts.h"
#include "store/backup_store.h"

namespace pv::jobs {

struct Overview {
  std::optional<store::Backup> newest;           // by its time of change
  std::optional<state::Verdict> newest_verdict;  // of its last verification
  std::string unknown_because;                   // as of Listing
  std::uint64_t backups = 0;
  std::uint64_t backups_bytes = 0;
  std::optional<std::uint64_t> backups_free_bytes;  // nullopt: the store can't say
  std::optional<std::uint64_t> data_free_bytes;
  std::vector<Kept> kept;             // newest first
  bool is_cut_off = false;            // a restore or an undo died between its renames
  std::optional<LeaseNote> job;       // that is at work on the directory
  std::vector<fs::LockHolder> users;  // other processes that have the databases open
};

// Opens no database of PocketBase and no archive, and changes nothing: good in any state of the
// directory.
// The errors are those of BackupStore::list().
[[nodiscard]] Result<Overview> look_over(const fs::Path& directory, store::BackupStore& store,
                                         std::chrono::seconds keep);

// Adds what the list of all backups says of one.
void count(const store::Backup& backup, Overview& overview);

// docs/api.md, "Status". Strings are valid UTF-8.
[[nodiscard]] boost::json::object to_json(const Overview& overview, WallTime now);
[[nodiscard]] boost::json::object to_json(const Kept& kept);

}  // namespace pv::jobs
