// Who may change what, across processes. All are flocks in `.pocketvault/`: they belong to an open
// descriptor, so the kernel frees them when their holder ends, however it ends, and they hold
// between containers that share the folder, where process ids mean nothing.
//
//     lock            the lease: one backup, restore or undo at a time. lock.json beside it says
//                     who holds it, for messages only
//     swap.lock       held from before a restore looks for other users of the databases until the
//                     new ones are open, and by whoever opens the directory: nobody opens it in
//                     the middle of a swap, or repairs a swap that is still going on
//                     (restore/swap_lock.h)
//     server.lock     held by the server of the directory as long as it runs
//     pins.lock       held while a backup is pinned, and from looking for a pin to removing
//     spool.lock      held by whoever sends what waits in the spool, or removes it
//                     (places/spooled_store.h)
//     tmp-ID/lock     held by the job whose temporary folder tmp-ID is
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "fs/file.h"

namespace pv::jobs {

struct LeaseNote {
  int pid = 0;
  std::string kind;  // "backup"
  std::string name;  // of the backup; may be empty
  WallTime since;    // to the millisecond
  friend bool operator==(const LeaseNote&, const LeaseNote&) = default;
};

// "a backup (nightly.zip) is at work on this directory, in process 12, since ...".
[[nodiscard]] std::string describe(const LeaseNote& note);

class Lease {
 public:
  // kBusy, saying who holds it and what for. Waits up to 100 ms for one that is only being looked
  // at (see held).
  [[nodiscard]] static Result<Lease> take(const fs::Path& vault_folder, const LeaseNote& note);

  // Whether somebody holds it now, here or in another process. Looks by taking it for a moment.
  [[nodiscard]] static bool held(const fs::Path& vault_folder);
  // What the holder wrote; nullopt when nobody holds it or the note can't be read.
  [[nodiscard]] static std::optional<LeaseNote> holder(const fs::Path& vault_folder);

  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  // Whether it still keeps others out. kUnavailable when the folder was moved away, removed or
  // replaced since: who comes to the new one finds it free, and what this job has read may be of
  // two directories. To be asked before what a job can't take back.
  [[nodiscard]] Result<void> check_in_place() const;

 private:
  Lease(fs::FileLock lock, fs::Path note) : lock_{std::move(lock)}, note_{std::move(note)} {}
  fs::FileLock lock_;
  fs::Path note_;  // empty: moved from
};

// A temporary folder of one job, gone with everything in it when this goes.
class WorkFolder {
 public:
  [[nodiscard]] static Result<WorkFolder> create(const fs::Path& vault_folder, Random& random);
  WorkFolder(WorkFolder&& other) noexcept;
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();
  // Empty at first, and the job's alone.
  [[nodiscard]] fs::Path path() const { return folder_ / "work"; }

 private:
  WorkFolder(fs::Path folder, fs::FileLock lock)
      : folder_{std::move(folder)}, lock_{std::move(lock)} {}
  fs::Path folder_;  // empty: moved from
  fs::FileLock lock_;
};

// Removes the temporary folders of jobs that died; returns how many.
[[nodiscard]] Result<std::size_t> sweep_work_folders(const fs::Path& vault_folder);

}  // namespace pv::jobs
