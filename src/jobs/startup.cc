#include "jobs/startup.h"

#include <unistd.h>

#include "base/text.h"
#include "datadir/wal_owners.h"
#include "jobs/lease.h"
#include "jobs/other_users.h"
#include "restore/restore.h"
#include "restore/swap_lock.h"
#include "state/history.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kSwapLockWait = 30s;

void tell_removed(std::vector<std::string>& notes, const Result<std::size_t>& removed,
                  const std::string& what) {
  if (!removed.has_value()) {
    notes.push_back(what + " could not be removed: " + removed.error().what);
  } else if (*removed > 0) {
    notes.push_back("removed " + std::to_string(*removed) + " " + what);
  }
}

// What a recovery has put by, or left from before: how long to keep it nobody has noted yet.
void tell_of_strays(std::vector<std::string>& notes, const fs::Path& directory) {
  const auto listed = restore::list_replaced(directory);
  if (!listed.has_value()) { return; }
  for (const restore::Replaced& one : *listed) {
    if (one.strays == 0 || one.keep) { continue; }
    notes.push_back(
        "what programs made meanwhile in the place of what was exchanged is kept in the "
        "folder stray of " +
        printable(one.folder.native()) + ": `pocketvault replaced` lists it");
  }
}

}  // namespace

Result<Opened> open_directory(const fs::Path& directory, const datadir::OpenOptions& options,
                              const Clock& clock, Random& random) {
  Opened opened;
  PV_CHECK(restore::refuse_linked_vaults(directory));
  const fs::Path vault_folder = directory / ".pocketvault";
  // Without the folder nothing was ever restored here, and it is not for us to make it in a
  // directory that may be none of PocketBase's.
  Result<fs::FileLock> taken = fail(Code::kNotFound, "no folder");
  if (fs::exists(vault_folder)) {
    taken = restore::take_swap_lock(vault_folder, kSwapLockWait);
    // On a volume that may only be read nothing can be repaired; the backups can be looked at.
    const bool read_only = !taken.has_value() && taken.error().code == Code::kDenied;
    if (!taken.has_value() && !(read_only && options.tolerate_damage)) {
      return fail(taken.error());
    }
  }
  if (taken.has_value()) {
    // Whoever has the databases open now would go on in files that are moved away.
    if (restore::is_cut_off_with_databases(directory)) {
      PV_CHECK(refuse_other_users(directory, Exchange::kRecovery));
    }
    if (restore::is_cut_off(directory)) {
      PV_CHECK(refuse_users_of(directory,
                               other_databases(directory, restore::units_cut_off(directory)),
                               Exchange::kRecovery));
    }
    PV_TRY(const restore::Recovery recovery, restore::recover(directory, restore::real_disk()));
    if (recovery == restore::Recovery::kFinished) {
      opened.notes.emplace_back("finished a restore that was interrupted");
    } else if (recovery == restore::Recovery::kTakenBack) {
      opened.notes.emplace_back(
          "took back a restore that was interrupted: the data from before it is in place");
    }
    if (recovery != restore::Recovery::kNothing) { tell_of_strays(opened.notes, directory); }
    const Result<void> cleared = restore::remove_abandoned(directory);
    if (!cleared.has_value()) {
      opened.notes.push_back("what an interrupted restore left could not be removed: " +
                             cleared.error().what);
    }
  }
  if (const auto owners = datadir::read_wal_owners(directory); !owners.has_value()) {
    opened.notes.push_back(
        "whose the WALs are that lie beside the databases is not known, as if no server had run "
        "here: " +
        owners.error().what);
  }
  PV_TRY(opened.directory, datadir::DataDir::open(directory, options, clock, random));
  return opened;
}

std::vector<std::string> sweep(datadir::DataDir& directory, store::BackupStore& store,
                               const Clock& clock, std::chrono::seconds keep_replaced) {
  std::vector<std::string> notes;
  const LeaseNote note{.pid = ::getpid(), .kind = "start", .name = {}, .since = clock.now()};
  const Result<Lease> lease = Lease::take(directory.vault_folder(), note);
  if (!lease.has_value()) {
    notes.push_back("leftovers are not looked for now: " + lease.error().what);
    return notes;
  }
  // This process has no jobs yet, and with the lease nobody has one that holds it.
  const auto closed = state::close_begun(state::VaultDb{directory.vault_folder()}, {},
                                         [&](const std::string& what) { notes.push_back(what); });
  if (!closed.has_value()) {
    notes.push_back("the history could not be written: " + closed.error().what);
  }
  if (!store.is_remote()) {
    tell_removed(notes, store.sweep(), "unfinished backups in " + store.describe());
  }
  tell_removed(notes, sweep_work_folders(directory.vault_folder()), "temporary folders");
  const Result<void> pruned = restore::prune_replaced(directory.path(), clock.now(), keep_replaced);
  if (!pruned.has_value()) {
    notes.push_back("old replaced data could not be removed: " + pruned.error().what);
  }
  return notes;
}

}  // namespace pv::jobs
