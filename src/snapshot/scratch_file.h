// A file of our own that nobody else finds and no crash leaves behind for long.
#pragma once

#include "fs/file.h"

namespace pv::snapshot {

struct ScratchFile {
  fs::Path path;
  fs::Fd fd;

  // New and empty, mode 0600, in `folder`.
  [[nodiscard]] static Result<ScratchFile> create(const fs::Path& folder);
  // Takes the name away, and those of the files that SQLite made beside it; the bytes go when the
  // descriptor does.
  void unlink() const;
};

}  // namespace pv::snapshot
