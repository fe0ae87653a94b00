// The renames of one place: between a folder of the data directory and what is beside it.
#pragma once

#include <unordered_set>

#include "restore/journal.h"

namespace pv::restore {

// Every step looks at where the entries lie, so it can be repeated after a crash.
//
// Lifetime   What it is made of outlives it.
class PlaceMover {
 public:
  PlaceMover(const fs::Path& directory, const Journal& journal, const PlaceMoves& moves,
             Disk& disk);

  [[nodiscard]] const PlaceMoves& moves() const { return moves_; }

  // `name` in the directory is the new one.
  [[nodiscard]] Result<bool> has_come(const std::string& name) const;
  [[nodiscard]] Result<bool> has_any_come() const;
  // Old entries that have left, or not come back yet.
  [[nodiscard]] Result<bool> has_any_aside() const;
  [[nodiscard]] Result<bool> lies_here(const std::string& name) const;
  // Old entries have left, and of a whole place nobody has put others there since.
  [[nodiscard]] Result<bool> is_cleared() const;

  // kDamaged: an entry is neither where it was nor where it goes.
  [[nodiscard]] Result<void> check_incoming() const;
  [[nodiscard]] Result<void> check_aside() const;

  // What a program has made where the folder of the place belongs, or one that it is in, and what
  // is no folder, is put by: nothing could come there. Of a place that an app may go on with.
  [[nodiscard]] Result<void> clear_way();
  // Old entries leave, strays are put by. Then the old WAL has to be out, on disk, before a new
  // database appears: SQLite would apply it.
  [[nodiscard]] Result<void> clear_out();
  // New entries go back to where they came from, strays are put by; then likewise.
  [[nodiscard]] Result<void> clear_in();
  [[nodiscard]] Result<void> bring_in(const std::string& name);
  [[nodiscard]] Result<void> bring_back(const std::string& name);
  // After two have changed places at once on the way back, the new one lies where the old one
  // came from, until sort_out() brings it where it belongs. The exchange is on disk before, for
  // where it lies tells that it was made. On the way forward new ones wait where the old ones will
  // lie (of versions before, old ones lay where the new ones had come from).
  [[nodiscard]] Result<bool> is_mixed_up() const;
  [[nodiscard]] Result<void> sort_out();
  // On the way back, when all have left: of the new entries, those that a program has made or
  // changed something in are put by.
  [[nodiscard]] Result<void> keep_what_was_touched();

  // Folders that were widened to be moved have their permissions again, wherever they are.
  [[nodiscard]] Result<void> set_permissions();
  // The folders between which entries move, in the order in which they are synced: where entries
  // were taken from comes last, so that a name is then on disk in one of two places.
  [[nodiscard]] std::vector<fs::Path> folders() const;

 private:
  using Names = std::unordered_set<std::string>;
  [[nodiscard]] bool is_part() const { return moves_.extent == PlaceMoves::Extent::kNamed; }
  // What of an entry is beside the directory: the new one, the old one.
  struct Beside {
    bool fresh = false;
    bool old = false;
  };
  [[nodiscard]] Result<Beside> beside_of(const std::string& name) const;
  [[nodiscard]] Result<bool> is_fresh(const std::string& name, const fs::Path& folder) const;
  [[nodiscard]] bool goes_at_once(const std::string& name) const {
    return moves_.at_once.contains(name);
  }
  [[nodiscard]] Result<bool> change_places(const std::string& name, const Names& ours);
  [[nodiscard]] Result<void> make_room_beside(const fs::Path& coming, const Names& ours);
  [[nodiscard]] Result<void> wait_aside();
  [[nodiscard]] Result<void> wait_in_incoming();
  [[nodiscard]] Error just_removed(const std::string& name) const;
  [[nodiscard]] Error just_made(const std::string& name) const;
  [[nodiscard]] Result<void> check_leaving() const;
  [[nodiscard]] Result<bool> has_stayed(const std::string& name) const;
  [[nodiscard]] Result<void> clear_way_to(const std::string& folder);
  [[nodiscard]] Result<void> make_again(const std::string& folder);
  [[nodiscard]] Result<std::vector<std::string>> names_here() const;
  [[nodiscard]] Result<void> move_out(const std::string& name);
  [[nodiscard]] Result<void> bring(const std::string& name, const fs::Path& from,
                                   const Names& ours);
  [[nodiscard]] Result<void> bring_once(const std::string& name, const fs::Path& from,
                                        const Names& ours);
  [[nodiscard]] Result<void> make_room(const std::string& name);
  [[nodiscard]] Result<void> take_away(const std::string& name);
  [[nodiscard]] bool is_touched(const std::string& name, const fs::Path& path) const;
  [[nodiscard]] Result<void> put_by(const fs::Path& path);
  [[nodiscard]] Result<fs::Path> move_to_strays(const fs::Path& path);
  [[nodiscard]] Result<void> make_strays();
  [[nodiscard]] Result<void> move(const fs::Path& from, const fs::Path& to);
  [[nodiscard]] Result<void> make_movable(const fs::Path& path);
  [[nodiscard]] Result<bool> is_out_of_place(const std::string& name) const;

  const PlaceMoves& moves_;
  const Layout& layout_;
  Disk& disk_;
  const fs::Path directory_;
  const std::string aside_name_;   // Journal::aside
  const bool comes_from_staging_;  // Journal::incoming is a "restore-ID"
  const bool may_be_in_use_;
  const fs::Path journal_path_;
  const fs::Path here_;
  const fs::Path incoming_;
  const fs::Path aside_;
  const fs::Path strays_;
  const Names out_;
  const Names in_;
};

}  // namespace pv::restore
