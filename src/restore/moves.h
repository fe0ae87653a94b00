// What an exchange moves: worked out from how things lie, before its journal is written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "restore/journal.h"

namespace pv::restore {

struct Moves {
  std::vector<PlaceMoves> places;
  // Folders that are not there yet, and come whole with the units in them.
  std::vector<std::string> made;
};

// The entries of the place are files that an app may go on with: what it makes and removes
// meanwhile is its own.
[[nodiscard]] bool may_be_in_use(const PlaceMoves& moves, const Layout& layout);

// The entries that lie in `directory` and in the folder `incoming` of its vaults, for all places of
// the layout: of a whole place all entries, else those of units.
//
// A unit comes by one rename, so where the folders above it are missing it comes with the topmost
// of these: nothing has to be made, and nothing taken back. `made` tells which came so with the
// exchange that is being undone. They leave as they came, unless something else lies in them by
// now: then only the units do.
//
// kUnsupported: see Layout::missing_above().
[[nodiscard]] Result<Moves> moves_of(const fs::Path& directory, const Layout& layout,
                                     std::string_view incoming,
                                     const std::vector<std::string>& made);

}  // namespace pv::restore
