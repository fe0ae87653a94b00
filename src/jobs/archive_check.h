// Reading an archive through: what a verification, deep or plain, and a preflight have in common.
#pragma once

#include <thread>
#include <vector>

#include "jobs/lease.h"
#include "jobs/workers.h"

namespace pv::jobs {

// The databases with their WALs, and what else lies in the root: PocketBase opens nothing deeper.
[[nodiscard]] restore::Plan root_files_of(const restore::Plan& plan);

// Numbers of the archive's entries that are not among `files`: what a restore drops is read as
// well.
[[nodiscard]] std::vector<std::size_t> all_but(const ZipArchive& archive,
                                               const std::vector<restore::PlannedFile>& files);

// Entries being extracted into nothing, for the sake of their checksums: on the pool, beside
// whatever else it does, the big ones in pieces by several threads where the archive tells how. The
// job is told of each byte.
//
// Lifetime   What it is made of outlives it. The destructor stops it.
class Checksums {
 public:
  Checksums(const Parts& parts, Job& job, const ZipArchive& archive,
            std::vector<std::size_t> indexes);

  // Once. kDamaged: an entry, which the text names, is not what it should be; kCancelled.
  [[nodiscard]] Result<void> wait();

 private:
  Result<void> outcome_;
  std::jthread thread_;
};

// A part of an archive extracted as a restore would do it, but only to be looked at: below the
// directory's .pocketvault, and gone when this goes. What a crash leaves of it, the next start
// removes.
class Rehearsal {
 public:
  // Errors as restore::stage(), which checks every database and that data.db, if it is planned, is
  // PocketBase's.
  [[nodiscard]] static Result<Rehearsal> make(const Parts& parts, Job& job,
                                              const ZipArchive& archive, const restore::Plan& plan,
                                              restore::DatabaseCheck databases);

  [[nodiscard]] const std::vector<std::string>& warnings() const { return staged_.warnings; }
  // Nobody else has it open.
  [[nodiscard]] fs::Path data_db() const { return staged_.folder / "data.db"; }

 private:
  Rehearsal(WorkFolder folder, restore::Staged staged)
      : folder_{std::move(folder)}, staged_{std::move(staged)} {}
  WorkFolder folder_;
  restore::Staged staged_;
};

}  // namespace pv::jobs
