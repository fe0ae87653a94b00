// Files of the data in place that an archive holds as well: taken, not written anew.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "restore/owner.h"
#include "restore/restore.h"

namespace pv::restore {

// Whether the file holds what the archive has as `entry`, by its checksum. False as well for one
// that can't be read. kCancelled.
[[nodiscard]] Result<bool> has_content(const Archive& archive, const ArchiveEntry& entry,
                                       const fs::Fd& fd, const std::stop_token& stop);

// Whether a file changed at `there` may be the one that the archive has, as far as times tell: they
// agree to the two seconds that an archive may know.
[[nodiscard]] bool has_time(const ArchiveEntry& entry, WallTime there);

// See Delta for what counts as unchanged. What may be a database is never taken: an app may have it
// open, and what it writes would be in the replaced data as well.
//
// Threads    take() from any thread.
// Lifetime   What it is made of outlives it.
class UnchangedFiles {
 public:
  // `storage` is the folder of that name with the data in place.
  UnchangedFiles(const std::optional<fs::Fd>& storage, const Archive& archive, const Plan& plan,
                 std::optional<Owner> owner);

  // True: `path`, new, is what the archive has under `file`. False: there is nothing at `path`, and
  // the file has to be extracted. kCancelled.
  [[nodiscard]] Result<bool> take(const PlannedFile& file, const fs::Path& path,
                                  const std::stop_token& stop);

 private:
  [[nodiscard]] bool lies_beside_companions(const std::string& name) const;
  [[nodiscard]] bool could_be(const ArchiveEntry& entry, const PlannedFile& file,
                              const struct ::stat& found) const;
  [[nodiscard]] bool clone(const fs::Fd& from, const struct ::stat& found, const fs::Path& path);

  const std::optional<fs::Fd>& storage_;
  const Archive& archive_;
  const std::optional<Owner> owner_;
  std::set<std::string, std::less<>> with_companions_;  // that the archive has beside others
  std::atomic<bool> can_clone_ = true;                  // until the file system says no
};

}  // namespace pv::restore
