// Where a folder lies on its disk, whatever it is mounted as.
#pragma once

#include <optional>
#include <string>

#include "fs/file.h"

namespace pv::fs {

// Whether `inner` is `outer` or lies below it, by their names: both absolute, without links.
[[nodiscard]] bool lies_in(const Path& inner, const Path& outer);

// One folder has one place, though bind mounts show it at several paths.
struct DiskPlace {
  std::string device;  // "8:1": a file system
  Path path;           // in it
};

[[nodiscard]] bool lies_in(const DiskPlace& inner, const DiskPlace& outer);

// Of an absolute path without links, which need not be there. nullopt: without /proc.
[[nodiscard]] std::optional<DiskPlace> disk_place(const Path& path);

}  // namespace pv::fs
