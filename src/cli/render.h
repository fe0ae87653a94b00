// Results, for people.
#pragma once

#include <string>
#include <vector>

#include "cli/backups.h"
#include "cli/words.h"

namespace pv::cli {

// "12 s", "3 min", "5 h", "12 d", "now"; for times that lie ahead too.
[[nodiscard]] std::string format_age(const Words& words, WallTime then, WallTime now);

// " (only databases)"; empty: of everything.
[[nodiscard]] std::string in_part(const Words& words, const jobs::Report& report);

// A table with a heading; "No backups." when there are none.
[[nodiscard]] std::string render_list(const Words& words,
                                      const std::vector<jobs::ListedBackup>& backups, WallTime now);

// "quick", "deep".
[[nodiscard]] std::string depth_text(const Words& words, state::Depth depth);

// "3 h ago, deep", "DAMAGED, 3 h ago, quick".
// ", incomplete: 19 files not in it"; empty where nothing lacks.
[[nodiscard]] std::string what_lacks(const Words& words, const std::optional<state::Gaps>& gaps);
[[nodiscard]] std::string render_verdict(const Words& words, const state::Verdict& verdict,
                                         WallTime now);

// "3 h ago"; "now", "in 3 h".
[[nodiscard]] std::string ago(const Words& words, WallTime then, WallTime now);

[[nodiscard]] std::string render_summary(const Words& words, const Summary& summary, WallTime now);

// "storage/a.png", or in the long form with mode, size, packed size and time before it. Folders end
// with "/"; one that can't be taken out says why.
[[nodiscard]] std::string render_item(const Words& words, const jobs::ContentItem& item,
                                      bool long_form);

// One line about a job that succeeded: "Made nightly.zip: 370.0 MB of 800.0 MB in 2.5 s; ...".
[[nodiscard]] std::string render_success(const Words& words, const jobs::Status& status);

// "Warning: storage/a: vanished"; at most `lines_max`, then one that says how many more.
[[nodiscard]] std::vector<std::string> render_warnings(const Words& words,
                                                       const std::vector<jobs::Warning>& warnings,
                                                       std::size_t lines_max);

}  // namespace pv::cli
