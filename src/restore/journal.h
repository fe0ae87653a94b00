// The journal of one exchange: every rename to come, written before the first of them.
// docs/formats/restore-journal.md draws it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "restore/restore.h"

namespace pv::restore {

struct Journal {
  bool back = false;     // the exchange is being taken back
  std::string incoming;  // relative to .pocketvault, as is `aside`
  std::string aside;
  std::vector<std::string> out;  // current entries that go to `aside`, in that order
  std::vector<std::string> in;   // new entries that come from `incoming`, in that order

  friend bool operator==(const Journal&, const Journal&) = default;
};

[[nodiscard]] Result<void> write_journal(const fs::Path& directory, const Journal& journal,
                                         Disk& disk);
// nullopt: there is none. kDamaged: it can't be trusted; it and the folders stay for people to see.
// kUnsupported: of another version.
[[nodiscard]] Result<std::optional<Journal>> read_journal(const fs::Path& directory);
[[nodiscard]] Result<void> end_journal(const fs::Path& directory, Disk& disk);

}  // namespace pv::restore
