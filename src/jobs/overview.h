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
#include "store/backup_store.h"

namespace pv::jobs {

struct Overview {
  std::optional<store::Backup> newest;  // by its time of change
  std::optional<bool> newest_is_sound;  // by its last verification; nullopt: not known
  std::uint64_t backups = 0;
  std::uint64_t backups_bytes = 0;
  std::optional<std::uint64_t> backups_free_bytes;  // nullopt: the store can't say
  std::optional<std::uint64_t> data_free_bytes;
  std::vector<Kept> kept;             // newest first
  bool is_cut_off = false;            // a restore or an undo died between its renames
  std::optional<LeaseNote> job;       // that is at work on the directory
  std::vector<fs::LockHolder> users;  // other processes that have the databases open
};

// Opens neither a database nor an archive, and changes nothing: good in any state of the directory.
// The errors are those of BackupStore::list().
[[nodiscard]] Result<Overview> look_over(const fs::Path& directory, store::BackupStore& store,
                                         std::chrono::seconds keep);

// Fills what the list of all backups says.
void count(const std::vector<store::Backup>& backups, Overview& overview);

// docs/api.md, "Status". Strings are valid UTF-8.
[[nodiscard]] boost::json::object to_json(const Overview& overview, WallTime now);
[[nodiscard]] boost::json::object to_json(const Kept& kept);

}  // namespace pv::jobs
