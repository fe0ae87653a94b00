// What the fuzz target of the journal does with one input; a test replays its corpus through it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.h"
#include "restore/folders.h"
#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/record.h"

namespace pv::restore {

// Reads `text` as the journal of `directory`: as it is, and, taken for lines of words and values,
// with its checksum put right. Stops the process when a journal that was believed names a
// folder or an entry that a restore may not move, or is not the same once written and read again.
inline void fuzz_restore_journal(std::string_view text, const fs::Path& directory) {
  const auto try_one = [&](std::string_view content) {
    PV_ASSERT(real_disk().write_file(journal_path(directory), content).has_value());
    const auto journal = read_journal(directory);
    if (!journal.has_value() || !*journal) { return; }
    for (const PlaceMoves& place : (*journal)->places) {
      PV_ASSERT(place.folder.empty() || is_folder_name(place.folder));
      for (const auto* names : {&place.out, &place.in}) {
        PV_ASSERT(std::all_of(names->begin(), names->end(), is_one_name));
      }
    }
    PV_ASSERT(write_journal(directory, **journal, real_disk()).has_value());
    PV_ASSERT(read_journal(directory).value() == *journal);
  };
  try_one(text);
  const auto line = [&text] {
    const std::size_t end = text.find('\n');
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return taken;
  };
  const std::string_view title = line();
  Record record;
  while (!text.empty()) {
    const std::string_view one = line();
    const std::size_t blank = std::min(one.find(' '), one.size());
    record.emplace_back(one.substr(0, blank), one.substr(std::min(blank + 1, one.size())));
  }
  try_one(encode_record(title, record));
}

}  // namespace pv::restore
