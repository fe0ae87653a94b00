// What restores and undos of a directory replaced, as long as it can be had back.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "fs/file.h"

namespace pv::jobs {

struct Kept {
  std::string id;
  std::string from;  // the archive that took its place; may be empty
  WallTime at;
  WallTime until;                       // goes with the next job, or start of a server, after that
  std::optional<std::uint64_t> bytes;   // on disk, that removing it would free; nullopt: unknown
  std::vector<std::string> units = {};  // files and folders that it is of; empty: everything
  std::uint64_t strays = 0;  // files and folders that programs made where the data was exchanged
  bool can_undo = true;      // false: only strays are kept
  friend bool operator==(const Kept&, const Kept&) = default;
};

// Newest first. `keep` counts where nothing was noted. Reads the notes only.
[[nodiscard]] Result<std::vector<Kept>> list_kept(const fs::Path& directory,
                                                  std::chrono::seconds keep);

// How much space it holds and how to get that, to go behind an error about space; empty when there
// is none.
[[nodiscard]] std::string tell_of_kept(const std::vector<Kept>& kept);

}  // namespace pv::jobs
