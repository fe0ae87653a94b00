// .pocketvault/restore-ID while it is being filled and until it is swapped in, with those beside it
// on other volumes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "restore/layout.h"

namespace pv::restore {

// Holds a lock on the folder itself (flock), so that a prune in another process sees that its maker
// lives. The last one to let go removes the folders, unless a journal is there: then what lies in
// them is still to come. What was in place before never lies in them (exchange.h).
class StagingFolder {
 public:
  // One folder on each volume. kUnsupported: nothing can be made at the top of a volume.
  [[nodiscard]] static Result<std::shared_ptr<const StagingFolder>> create(
      const fs::Path& directory, const Layout& layout, Random& random);
  ~StagingFolder();
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;

  [[nodiscard]] const std::string& id() const { return id_; }
  // On the directory's own volume.
  [[nodiscard]] const fs::Path& path() const { return path_; }
  // Where `name`, relative to the data directory, is staged.
  [[nodiscard]] fs::Path path_of(std::string_view name) const;
  // All that was written there is on disk; an error of any write since create() is told.
  [[nodiscard]] Result<void> sync_file_systems() const;

  // Whether a living process, this one included, holds the folder.
  [[nodiscard]] static bool is_held(const fs::Path& path);

 private:
  StagingFolder(fs::Path directory, Layout layout, std::string id, fs::Fd fd);
  [[nodiscard]] Result<void> make_on_volumes();

  fs::Path directory_;
  Layout layout_;
  std::string id_;
  fs::Path path_;
  fs::Fd fd_;
  std::vector<fs::Fd> on_volumes_;  // but the directory's own
};

}  // namespace pv::restore
