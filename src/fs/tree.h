// A folder being read entry by entry.
#pragma once

#include <dirent.h>

#include <optional>
#include <string>

#include "fs/file.h"

namespace pv::fs {

// Never follows a link: the folder itself must be one.
class OpenFolder {
 public:
  // `name` is looked up in the folder `parent` (AT_FDCWD: a path). errno says why not.
  [[nodiscard]] static std::optional<OpenFolder> open(int parent, const char* name,
                                                      bool follow_links);
  OpenFolder(OpenFolder&& other) noexcept : stream_{std::exchange(other.stream_, nullptr)} {}
  OpenFolder& operator=(OpenFolder&&) = delete;
  ~OpenFolder();

  [[nodiscard]] int descriptor() const { return ::dirfd(stream_); }

  // The names in it but "." and "..", in no order. errno in the error.
  [[nodiscard]] Result<std::vector<std::string>> names();

 private:
  explicit OpenFolder(DIR* stream) : stream_{stream} {}
  DIR* stream_;
};

}  // namespace pv::fs
