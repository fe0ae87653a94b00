// Everything pocketvault does with backups, for every front: HTTP, command line, the
// schedule.
//
// jobs/ joins the pipe (snapshot -> zip -> store; store -> zip -> restore) and owns the lease: one
// backup or restore at a time in the whole installation, across processes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/work_pool.h"
#include "datadir/data_dir.h"
#include "jobs/job.h"
#include "jobs/kept.h"
#include "jobs/orders.h"
#include "jobs/overview.h"
#include "jobs/pruning.h"
#include "jobs/verdicts.h"
#include "places/mirror.h"
#include "restore/restore.h"
#include "state/notebook.h"
#include "store/backup_store.h"

namespace pv::jobs {

// What an archive holds, for `show` and `verify`.
struct ArchiveSummary {
  store::Backup backup;
  std::uint64_t entries = 0;
  std::uint64_t raw_bytes = 0;
  std::vector<std::string> databases;
  std::uint64_t storage_files = 0;
  bool has_data_db = false;
  std::optional<state::Verdict> verdict = std::nullopt;  // of its last verification
  std::string unknown_because = {};                      // as of Listing
  std::optional<state::Pin> pin = std::nullopt;
  std::optional<state::Gaps> gaps = std::nullopt;
};

class Contents;  // contents.h

enum class Cause { kAsked, kSchedule };

// Threads    All methods, any thread; they block, so not on an I/O thread.
// Lifetime   What it is made of outlives it. The destructor cancels what runs and joins.
class Vault {
 public:
  Vault(datadir::DataDir& directory, store::BackupStore& store, WorkPool& pool, const Clock& clock,
        Random& random, VaultOptions options);
  ~Vault();

  // Starts and returns at once. kBusy: another job, here or in another process, holds the lease
  // (the text says which); kInvalid, kExists: the name (or a pattern, or a part); kNotFound: no
  // such backup.
  // What fails later is in the job.
  [[nodiscard]] Result<std::shared_ptr<Job>> start_backup(const BackupOrder& order);
  [[nodiscard]] Result<std::shared_ptr<Job>> start_restore(const RestoreOrder& order);
  // The file need not be in the store (`pocketvault restore FILE`).
  [[nodiscard]] Result<std::shared_ptr<Job>> start_restore_file(const fs::Path& file,
                                                                const RestoreOptions& options = {});
  // Takes back the restore (or undo) that put this aside; empty: the last. What it puts aside in
  // turn is kept as long.
  [[nodiscard]] Result<std::shared_ptr<Job>> start_undo(const std::string& id = {});
  // Takes all of a backup, or a part, to a folder of its own, checked as a restore is. Replaces
  // nothing and needs no lease. kBusy as start_verify().
  [[nodiscard]] Result<std::shared_ptr<Job>> start_extract(const store::BackupName& name,
                                                           const ExtractOrder& order);
  [[nodiscard]] Result<std::shared_ptr<Job>> start_extract_file(const fs::Path& file,
                                                                const ExtractOrder& order);
  // Every CRC of the archive, names, databases: reads all, changes nothing, needs no lease. The
  // verdict on a backup of the store is stored with the directory. kBusy when four of these or of
  // extractions run already.
  // One for the schedule gives way to everything else.
  [[nodiscard]] Result<std::shared_ptr<Job>> start_verify(const store::BackupName& name,
                                                          VerifyDepth depth = VerifyDepth::kPlain,
                                                          Cause cause = Cause::kAsked);
  [[nodiscard]] Result<std::shared_ptr<Job>> start_verify_file(
      const fs::Path& file, VerifyDepth depth = VerifyDepth::kPlain);

  // What a restore, or one of a part, would do and meet: Report::preflight. As a verification for
  // the rest.
  [[nodiscard]] Result<std::shared_ptr<Job>> start_preflight(const store::BackupName& name,
                                                             const PreflightOrder& order = {});
  [[nodiscard]] Result<std::shared_ptr<Job>> start_preflight_file(const fs::Path& file,
                                                                  const PreflightOrder& order = {});

  // Whether a backup or restore runs, here or in another process on this directory.
  [[nodiscard]] bool busy();
  // The backup's name that the running backup or restore of this process makes or reads; empty
  // otherwise.
  [[nodiscard]] std::string busy_name();

  [[nodiscard]] std::shared_ptr<Job> find_job(
      std::string_view id);                                // null: unknown; the last 200 are kept
  [[nodiscard]] std::vector<std::shared_ptr<Job>> jobs();  // newest first

  // Asks every running job to stop, and refuses new ones from now on (kBusy): the process ends.
  void shut_down();
  [[nodiscard]] bool is_shutting_down();

  [[nodiscard]] Result<Listing> list();
  [[nodiscard]] Result<ArchiveSummary> summarize(const store::BackupName& name);
  // What the backup holds, to be listed and taken out one by one. Needs no lease.
  [[nodiscard]] Result<std::shared_ptr<const Contents>> look_into(const store::BackupName& name);
  // kBusy when a running job uses it; kUnsupported while it is pinned; kNotFound.
  [[nodiscard]] Result<void> remove(const store::BackupName& name);

  // Of a name that is in the store, and nothing removes it from then on. kNotFound; kBusy: it waits
  // to be sent, and may get another name then. With an earlier pin's note where `note` is nullopt.
  [[nodiscard]] Result<void> pin(const store::BackupName& name, std::optional<std::string> note);
  [[nodiscard]] Result<void> unpin(const store::BackupName& name);  // kNotFound: it is not pinned

  // Removes what the rules of the retention do not keep, as remove() does; without rules nothing.
  // What the mirror lacks is kept. kDamaged: it is not known what has to be kept.
  [[nodiscard]] Result<Pruning> prune(const PruneOrder& order);
  // The same by PocketBase's cronMaxKeep (retention.h), whatever the mirror lacks.
  [[nodiscard]] Result<Pruning> prune_by_count(std::int64_t count, const std::string& made);

  [[nodiscard]] Result<Overview> overview();
  [[nodiscard]] Result<Survey> survey();  // overview() and list() by one look at the store
  // Jobs that have ended, of earlier processes too: newest first, at most `count`.
  [[nodiscard]] Result<std::vector<state::PastJob>> history(std::size_t count);
  // As look_at_health(), with what could not be written to vault.db yet; so has overview() it.
  [[nodiscard]] Health health(std::optional<WallTime> newest);
  // Where jobs are noted when they have ended, and what else goes to vault.db.
  [[nodiscard]] state::Notebook& notebook();
  // A scheduled backup that could not even begin: in the history it is one that failed.
  void note_not_begun(const Error& error);

  [[nodiscard]] Result<std::vector<Kept>> kept();  // newest first
  // Frees its space before its time. kNotFound; kBusy while a job runs.
  [[nodiscard]] Result<void> remove_kept(const std::string& id);

  // Backups made while the store was away, oldest first; and their sending
  // (places/spooled_store.h).
  [[nodiscard]] Result<std::vector<store::Backup>> waiting();
  [[nodiscard]] Result<std::vector<store::BackupName>> send_waiting(
      const places::CopyProgress& progress, const std::stop_token& stop);

  // What the mirror lacks goes there (places/mirror.h). kNotFound: there is no mirror.
  [[nodiscard]] bool has_mirror() const;
  [[nodiscard]] Result<std::vector<store::BackupName>> fill_mirror(
      const places::CopyProgress& progress, const std::stop_token& stop);
  [[nodiscard]] std::optional<places::MirrorState> mirror();  // nullopt: none
  // The same without asking a store; nullopt also before the first fill_mirror() of this process.
  [[nodiscard]] std::optional<places::MirrorState> known_mirror();

  [[nodiscard]] std::chrono::seconds keep_replaced() const;
  // As of VaultOptions, from the next job on.
  void tune(std::chrono::seconds keep_replaced, std::uint64_t bytes_per_second_max);
  // What waits to be sent to it counts as being there.
  [[nodiscard]] store::BackupStore& store();
  [[nodiscard]] datadir::DataDir& directory();

 private:
  void add_unwritten(Health& health);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pv::jobs
