// Names inside a data directory that restore's own parts share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fs/file.h"

namespace pv::restore {

// Whether a root entry of the data directory is never part of a restore: backups and folders that
// belong to programs, not to the data.
[[nodiscard]] bool stays(std::string_view root_entry);

[[nodiscard]] inline fs::Path vault_folder(const fs::Path& directory) {
  return directory / ".pocketvault";
}
[[nodiscard]] inline fs::Path journal_path(const fs::Path& directory) {
  return vault_folder(directory) / "restore.journal";
}

inline constexpr std::string_view kStagedPrefix = "restore-";
inline constexpr std::string_view kReplacedPrefix = "replaced-";
inline constexpr std::string_view kGoingPrefix = "going-";  // replaced data that is being removed
// Inside a replaced-ID: the data itself, and beside it what it is, and what was in the way.
inline constexpr std::string_view kReplacedData = "pb_data";
inline constexpr std::string_view kReplacedInfo = "info";
inline constexpr std::string_view kReplacedStray = "stray";

// Names in `folder`, in byte order.
[[nodiscard]] Result<std::vector<std::string>> names_in(const fs::Path& folder);

// The root entries of `folder` that a restore exchanges, in the order in which they leave: data.db
// first, its WAL at once behind it, then the rest. They come in the other way round.
[[nodiscard]] Result<std::vector<std::string>> entries_to_exchange(const fs::Path& folder);

// kUnsupported when something is mounted inside `directory` where a restore has to move entries.
[[nodiscard]] Result<void> refuse_mounts(const fs::Path& directory);

}  // namespace pv::restore
