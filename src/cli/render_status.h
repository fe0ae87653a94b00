// The state of a directory, for people.
#pragma once

#include <string>
#include <vector>

#include "cli/words.h"
#include "jobs/overview.h"

namespace pv::cli {

// One sentence about the newest backup, then a line for each thing worth knowing.
[[nodiscard]] std::string render_status(const Words& words, const jobs::Overview& overview,
                                        WallTime now);

// "Newest backup: nightly.zip, 3 h ago (48.3 kB), verified 2 h ago (deep)." or "There is no
// backup."
[[nodiscard]] std::string render_newest(const Words& words, const jobs::Overview& overview,
                                        WallTime now);

// "S3 bucket backups at https://..., lacks 2 backups: a.zip, b.zip".
[[nodiscard]] std::string render_mirror(const Words& words, const places::MirrorState& mirror);

// A table with a heading; a sentence when there are none.
[[nodiscard]] std::string render_kept(const Words& words, const std::vector<jobs::Kept>& kept,
                                      WallTime now);

}  // namespace pv::cli
