// What each kind of job does, on its own thread, holding the lease where it needs one. A stop asked
// for ends each within 2 s with kCancelled, except where a restore swaps: that is finished.
#pragma once

#include "base/clock.h"
#include "base/random.h"
#include "base/work_pool.h"
#include "datadir/data_dir.h"
#include "jobs/archive.h"
#include "jobs/job.h"
#include "jobs/kept.h"
#include "jobs/lease.h"
#include "jobs/orders.h"
#include "places/spooled_store.h"

namespace pv::jobs {

// What a worker works with; all of it outlives the worker.
struct Parts {
  datadir::DataDir& directory;
  places::SpooledStore& store;
  WorkPool& pool;
  const Clock& clock;
  Random& random;
  VaultOptions options;
  const Lease* lease = nullptr;  // of a job that needs one
};

// Where a backup goes: to the store, and when that proves to be away into its spool; or, as it is
// known to be away, into the spool at once.
enum class Destination { kStore, kSpool };

// Leaves nothing behind unless it succeeds.
[[nodiscard]] Result<void> run_backup(const Parts& parts, Job& job, const store::BackupName& name,
                                      const BackupOrder& order,
                                      Destination destination = Destination::kStore);

// The directory has the old data or the new when it ends, never a mixture; what was there before is
// kept for options.keep_replaced. A part without databases does not mind who has these open.
[[nodiscard]] Result<void> run_restore(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                                       const RestoreOptions& options);
[[nodiscard]] Result<void> run_undo(const Parts& parts, Job& job, const Kept& undone);

// A backup of what is in place before a restore, as far as it was made.
struct SafetyBackup {
  std::optional<store::Backup> made;  // nullopt: none was wanted, or there is nothing
  bool is_whole = true;               // nothing was left out, nothing is known to be damaged
};

// Makes one, if that is wanted (RestoreOptions::backup_first) and there is something; part of
// `job`: its progress, its report, cancelled with it. Its data.db is stored even if it is damaged
// inside, with a warning. What else fails is an error that says how to go on. `replaces_objects`:
// the restore will change files in the app's bucket; else these need no backup.
[[nodiscard]] Result<SafetyBackup> back_up_first(const Parts& parts, Job& job,
                                                 const RestoreOptions& options,
                                                 bool replaces_objects);

// Why it can't stand in for the data that was replaced; empty where it can, and where none was
// made.
[[nodiscard]] std::string doubt_about(const SafetyBackup& safety, store::BackupStore& store);

// Removes replaced data that is old enough, and staging folders that no journal needs any more.
void prune_kept(const Parts& parts, Job& job);

// The folder is there as a whole when it succeeds; else there is nothing.
[[nodiscard]] Result<void> run_extract(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                                       const ExtractOrder& order);

[[nodiscard]] Result<void> run_verify(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                                      VerifyDepth depth);
// Of a backup of the store, whose verdict is stored with the directory. What hinders that is a
// warning.
[[nodiscard]] Result<void> run_noted_verify(const Parts& parts, Job& job,
                                            const store::Backup& backup,
                                            const ArchiveOrigin& origin, VerifyDepth depth);

// Succeeds with a Preflight in the report, also where that says that a restore would be refused. An
// error is one of this machine or of the store. Nothing of the data is changed.
[[nodiscard]] Result<void> run_preflight(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                                         const restore::Scope& scope, restore::FilesTo files_to);

// What it means that only a part comes from the archive; empty where records and files both do, or
// neither.
[[nodiscard]] std::string note_on_part(const std::vector<std::string>& units);

// kInvalid or kDamaged unless `data_db`, a file that nobody else has open, is a PocketBase database
// that this program can serve.
[[nodiscard]] Result<void> check_data_db(const fs::Path& data_db);

// A warning for each entry that a restore leaves out, but for the app's code, which the report
// counts, and the -shm of a database: SQLite makes it anew, and each archive of PocketBase has
// some.
void warn_of_dropped(const restore::Plan& plan, const std::string& what, Job& job);

// kCancelled when a stop was asked for.
[[nodiscard]] inline Result<void> go_on(const Job& job) {
  if (job.stop_token().stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
  return {};
}

// The same before what can't be taken back: the lease must still keep others out.
[[nodiscard]] inline Result<void> go_on(const Parts& parts, const Job& job) {
  if (parts.lease != nullptr) { PV_CHECK(parts.lease->check_in_place()); }
  return go_on(job);
}

}  // namespace pv::jobs
