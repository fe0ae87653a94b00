#include "restore/moves.h"

#include <algorithm>
#include <map>
#include <set>

#include "restore/seal.h"

namespace pv::restore {
namespace {

// Folders among `names` that their owner may not write to.
Result<std::map<std::string, std::uint32_t>> read_only_among(const std::vector<std::string>& names,
                                                             const fs::Path& folder) {
  constexpr std::uint32_t kPermissions = 07777;
  constexpr std::uint32_t kOwnerMayWrite = 0200;
  std::map<std::string, std::uint32_t> found;
  for (const std::string& name : names) {
    PV_TRY(const fs::Stat about, fs::link_stat(folder / name));
    if (about.is_folder() && (about.mode & kOwnerMayWrite) == 0) {
      found.emplace(name, about.mode & kPermissions);
    }
  }
  return found;
}

// Whether SQLite keeps something beside the file on either side: it leaves with its WAL, and comes
// when no other is left.
bool has_companions(const std::string& name, const PlaceMoves& moves) {
  const auto is_among = [](const std::vector<std::string>& names, const std::string& one) {
    return std::find(names.begin(), names.end(), one) != names.end();
  };
  const std::vector<std::string> companions = sqlite_companions_of(name);
  return std::any_of(companions.begin(), companions.end(), [&](const std::string& companion) {
    return is_among(moves.out, companion) || is_among(moves.in, companion);
  });
}

// Folders that are there on both sides, and files. Not where they have nothing to be told apart by
// (a hard link is the same file), or lie on two devices (a subvolume).
Result<std::map<std::string, PlaceMoves::Inodes>> on_both_sides(const PlaceMoves& moves,
                                                                const fs::Path& here,
                                                                const fs::Path& coming) {
  const std::set<std::string_view> leaving{moves.out.begin(), moves.out.end()};
  std::map<std::string, PlaceMoves::Inodes> found;
  for (const std::string& name : moves.in) {
    if (!leaving.contains(name)) { continue; }
    PV_TRY(const fs::Stat old, fs::link_stat(here / name));
    PV_TRY(const fs::Stat fresh, fs::link_stat(coming / name));
    const bool are_folders = old.is_folder() && fresh.is_folder();
    const bool are_files = old.is_file() && fresh.is_file() && !has_companions(name, moves);
    if ((are_folders || are_files) && old.device == fresh.device && old.inode != fresh.inode) {
      found.emplace(name, PlaceMoves::Inodes{.old = old.inode, .fresh = fresh.inode});
    }
  }
  return found;
}

Result<std::map<std::string, std::uint64_t>> seals_of(const std::vector<std::string>& names,
                                                      const fs::Path& folder) {
  std::map<std::string, std::uint64_t> seals;
  for (const std::string& name : names) {
    PV_TRY(const std::uint64_t seal, seal_of(folder / name));
    seals.emplace(name, seal);
  }
  return seals;
}

enum class Kind { kNone, kFile, kFolder };

Result<Kind> kind_of(const fs::Path& path) {
  const Result<fs::Stat> found = fs::link_stat(path);
  if (found.has_value()) { return found->is_folder() ? Kind::kFolder : Kind::kFile; }
  if (found.error().code == Code::kNotFound) { return Kind::kNone; }
  return fail(found.error());
}

Result<bool> is_there(const fs::Path& path) {
  return kind_of(path).map([](Kind kind) { return kind != Kind::kNone; });
}

class Gathering {
 public:
  Gathering(const fs::Path& directory, const Layout& layout, std::string_view incoming)
      : directory_{directory}, layout_{layout}, incoming_{incoming} {}

  Result<Moves> run(const std::vector<std::string>& made) {
    for (const std::string& place : layout_.places()) {
      if (layout_.is_whole(place)) { PV_CHECK(add_whole(place)); }
    }
    for (const std::string& folder : made) { PV_CHECK(add_made(folder)); }
    for (const std::string& unit : layout_.units()) {
      if (!layout_.is_place(unit)) { PV_CHECK(add_unit(unit)); }
    }
    return finish();
  }

 private:
  struct Names {
    PlaceMoves::Extent extent = PlaceMoves::Extent::kNamed;
    std::vector<std::string> out;
    std::vector<std::string> in;
  };

  [[nodiscard]] fs::Path here(const std::string& place) const {
    return place.empty() ? directory_ : directory_ / place;
  }
  [[nodiscard]] fs::Path coming(const std::string& place) const {
    return directory_ / layout_.inside(incoming_, place);
  }

  Result<void> add_whole(const std::string& place) {
    Names names{.extent = PlaceMoves::Extent::kWhole, .out = {}, .in = {}};
    PV_TRY(names.out, entries_to_exchange(here(place), place, layout_));
    PV_TRY(names.in, entries_to_exchange(coming(place), place, layout_));
    places_.emplace(place, std::move(names));
    return {};
  }

  // A folder that came with an exchange: it leaves whole if it can.
  Result<void> add_made(const std::string& folder) {
    PV_TRY(const auto missing, layout_.missing_above(directory_, folder));
    if (missing) { return {}; }
    PV_TRY(const bool stands, is_there(directory_ / folder));
    PV_TRY(const bool replaces, is_there(coming(folder)));
    if (!stands || replaces) { return {}; }
    PV_TRY(const bool is_ours, holds_only_units(folder));
    if (!is_ours) { return {}; }
    places_[parent_of(folder)].out.push_back(last_part_of(folder));
    leaving_.push_back(folder);
    return {};
  }

  // Whether `folder` is one, and nothing lies in it but units, and folders on the way to them.
  [[nodiscard]] Result<bool> holds_only_units(const std::string& folder) const {
    PV_TRY(const fs::Stat about, fs::link_stat(directory_ / folder));
    if (!about.is_folder()) { return false; }
    PV_TRY(const std::vector<std::string> names, names_in(directory_ / folder));
    for (const std::string& name : names) {
      const std::string inner = folder + '/' + name;
      PV_TRY(const bool is_one, goes_with_unit(inner));
      if (is_one || layout_.is_unit(inner)) { continue; }
      if (!layout_.is_place(inner)) { return false; }
      PV_TRY(const bool only, holds_only_units(inner));
      if (!only) { return false; }
    }
    return true;
  }

  [[nodiscard]] Result<bool> goes_with_unit(const std::string& name) const {
    if (!layout_.is_unit(main_of(name))) { return false; }
    PV_TRY(const Kind kind, kind_of(directory_ / name));
    return kind != Kind::kFolder;
  }

  Result<void> add_unit(const std::string& unit) {
    const bool leaves =
        std::any_of(leaving_.begin(), leaving_.end(),
                    [&](const std::string& folder) { return is_at_or_below(unit, folder); });
    if (leaves) { return {}; }
    const std::string place = parent_of(unit);
    PV_TRY(const std::vector<std::string> entries, entries_of(unit));
    PV_TRY(const std::vector<std::string> in, those_in(coming(place), entries));
    PV_TRY(const std::optional<std::string> missing, layout_.missing_above(directory_, unit));
    if (missing) {
      if (!in.empty()) { made_.insert(*missing); }
      return {};
    }
    PV_TRY(const std::vector<std::string> out, those_in(here(place), entries));
    if (in.empty() && out.empty()) { return {}; }
    Names& names = places_[place];
    names.in.insert(names.in.end(), in.begin(), in.end());
    names.out.insert(names.out.end(), out.begin(), out.end());
    return {};
  }

  // What is exchanged of a unit: itself, and if it is a file on one side what goes with it.
  [[nodiscard]] Result<std::vector<std::string>> entries_of(const std::string& unit) const {
    std::vector<std::string> entries{last_part_of(unit)};
    PV_TRY(const Sides sides, sides_of(unit));
    if (sides.has(Kind::kFolder) && !sides.has(Kind::kFile)) { return entries; }
    for (const std::string& companion : companions_of(unit)) {
      if (layout_.is_unit(companion)) { continue; }
      PV_TRY(const Sides its, sides_of(companion));
      if (its.has(Kind::kFile)) { entries.push_back(last_part_of(companion)); }
    }
    return entries;
  }

  struct Sides {
    Kind here;
    Kind coming;
    [[nodiscard]] bool has(Kind kind) const { return here == kind || coming == kind; }
  };
  [[nodiscard]] Result<Sides> sides_of(const std::string& name) const {
    PV_TRY(const Kind stands, kind_of(directory_ / name));
    PV_TRY(const Kind comes, kind_of(coming(name)));
    return Sides{.here = stands, .coming = comes};
  }

  static Result<std::vector<std::string>> those_in(const fs::Path& folder,
                                                   const std::vector<std::string>& names) {
    std::vector<std::string> found;
    for (const std::string& name : names) {
      PV_TRY(const bool there, is_there(folder / name));
      if (there) { found.push_back(name); }
    }
    return found;
  }

  Result<Moves> finish() {
    for (const std::string& folder : made_) {
      places_[parent_of(folder)].in.push_back(last_part_of(folder));
    }
    Moves moves{.places = {}, .made = {made_.begin(), made_.end()}};
    for (auto& [place, names] : places_) {
      PlaceMoves one;
      one.folder = place;
      one.extent = names.extent;
      one.out = std::move(names.out);
      one.in = std::move(names.in);
      sort_as_they_leave(one.out, place);
      sort_as_they_leave(one.in, place);
      std::reverse(one.in.begin(), one.in.end());
      PV_TRY(one.read_only_out, read_only_among(one.out, here(place)));
      PV_TRY(one.read_only_in, read_only_among(one.in, coming(place)));
      if (may_be_in_use(one, layout_)) {
        PV_TRY(one.at_once, on_both_sides(one, here(place), coming(place)));
        // What an undo brings goes back to where it is kept, with all that is in it.
        const bool is_staged = incoming_.starts_with(kStagedPrefix);
        if (is_staged) { PV_TRY(one.sealed, seals_of(one.in, coming(place))); }
      }
      moves.places.push_back(std::move(one));
    }
    return moves;
  }

  const fs::Path& directory_;
  const Layout& layout_;
  const std::string incoming_;
  std::map<std::string, Names> places_;  // parents come before what is in them
  std::vector<std::string> leaving_;     // made once, and leaving whole
  std::set<std::string> made_;
};

}  // namespace

bool may_be_in_use(const PlaceMoves& moves, const Layout& layout) {
  const bool is_of_files = !involves_databases(layout.units());
  return is_of_files || (moves.extent == PlaceMoves::Extent::kNamed && !moves.folder.empty());
}

Result<Moves> moves_of(const fs::Path& directory, const Layout& layout, std::string_view incoming,
                       const std::vector<std::string>& made) {
  return Gathering{directory, layout, incoming}.run(made);
}

}  // namespace pv::restore
