// Whether a database is sound inside, so that no backup is made of a wreck.
#pragma once

#include <string>
#include <string_view>

#include "sqlite/connection.h"

namespace pv::snapshot {

enum class Soundness {
  kSound,
  kOdd,        // rows that break a rule of their schema, pages that nobody uses: nothing is lost
  kDamaged,    // its trees are broken: what it holds can't all be read
  kUnchecked,  // the check was broken off or could not be run
};

struct Structure {
  Soundness soundness = Soundness::kUnchecked;
  std::string what;  // why it is not kSound: one line, for people
};

// PRAGMA quick_check, in the transaction that `connection` is in. Takes 2 MiB of page cache, and
// may be broken off with sqlite3_interrupt from another thread.
[[nodiscard]] Structure check_structure(sqlite::Connection& connection);

// What the lines of quick_check mean.
[[nodiscard]] Structure judge(std::string_view lines);

}  // namespace pv::snapshot
