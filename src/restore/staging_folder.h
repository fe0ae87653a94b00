// .pocketvault/restore-ID while it is being filled and until it is swapped in.
#pragma once

#include <memory>
#include <string>

#include "base/random.h"
#include "fs/file.h"

namespace pv::restore {

// Holds a lock on the folder itself (flock), so that a prune in another process sees that its maker
// lives. The last one to let go removes the folder, unless a journal is there: then what lies in it
// may be the only copy.
class StagingFolder {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const StagingFolder>> create(
      const fs::Path& directory, Random& random);
  ~StagingFolder();
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const fs::Path& path() const { return path_; }
  [[nodiscard]] const fs::Fd& fd() const { return fd_; }

  // Whether a living process, this one included, holds the folder.
  [[nodiscard]] static bool is_held(const fs::Path& path);

 private:
  StagingFolder(fs::Path directory, std::string id, fs::Path path, fs::Fd fd);
  fs::Path directory_;
  std::string id_;
  fs::Path path_;
  fs::Fd fd_;
};

}  // namespace pv::restore
