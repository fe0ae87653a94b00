#include "restore/place_mover.h"

#include <utility>

#include "base/text.h"
#include "fs/presence.h"
#include "restore/moves.h"
#include "restore/seal.h"

namespace pv::restore {
namespace {

constexpr std::uint32_t kOwnerMayWrite = 0200;

// An error that hides the answer is no "no": taken for one, it would lose what lies there.
Result<bool> lies_in(const fs::Path& folder, const std::string& name) {
  const Result<fs::Stat> found = fs::link_stat(folder / name);
  if (found.has_value()) { return true; }
  if (found.error().code == Code::kNotFound) { return false; }
  return fail(found.error());
}

// Files that SQLite removes by itself when the last connection closes.
bool may_vanish(std::string_view name) { return name.ends_with("-wal") || name.ends_with("-shm"); }

// 0 where nothing is.
Result<std::uint64_t> inode_of(const fs::Path& path) {
  const Result<fs::Stat> found = fs::link_stat(path);
  if (found.has_value()) { return found->inode; }
  if (found.error().code == Code::kNotFound) { return 0; }
  return fail(found.error());
}

// "photo.png", or "photo.png.2" and so on when that is taken.
fs::Path free_name(const fs::Path& path) {
  fs::Path free = path;
  for (int number = 2; fs::link_stat(free).has_value(); ++number) {
    free = fs::Path{path.native() + "." + std::to_string(number)};
  }
  return free;
}

// "replaced-ID/stray" for "replaced-ID/pb_data". A journal whose `aside` is a "restore-ID" has none
// written by us, but it is sound: strays would lie beside it.
std::string strays_of(const std::string& aside) {
  return aside.substr(0, aside.find('/')) + '/' + std::string{kReplacedStray};
}

}  // namespace

PlaceMover::PlaceMover(const fs::Path& directory, const Journal& journal, const PlaceMoves& moves,
                       Disk& disk)
    : moves_{moves},
      layout_{journal.layout},
      disk_{disk},
      directory_{directory},
      aside_name_{journal.aside},
      comes_from_staging_{journal.incoming.starts_with(kStagedPrefix)},
      may_be_in_use_{restore::may_be_in_use(moves, journal.layout)},
      journal_path_{restore::journal_path(directory)},
      here_{moves.folder.empty() ? directory : directory / moves.folder},
      incoming_{directory / layout_.inside(journal.incoming, moves.folder)},
      aside_{directory / layout_.inside(journal.aside, moves.folder)},
      strays_{directory / layout_.volume_of(moves.folder).vault / strays_of(journal.aside)},
      out_{moves.out.begin(), moves.out.end()},
      in_{moves.in.begin(), moves.in.end()} {}

Result<bool> PlaceMover::lies_here(const std::string& name) const { return lies_in(here_, name); }

Result<bool> PlaceMover::is_cleared() const {
  for (const std::string& name : moves_.out) {
    PV_TRY(const bool here, lies_here(name));
    PV_TRY(const Beside beside, beside_of(name));
    if (here && !(beside.old && is_part())) { return false; }
  }
  return true;
}

Result<bool> PlaceMover::has_come(const std::string& name) const {
  if (!in_.contains(name)) { return false; }
  PV_TRY(const Beside beside, beside_of(name));
  PV_TRY(const bool here, lies_here(name));
  if (beside.fresh || !here) { return false; }
  return beside.old || !out_.contains(name) || may_vanish(name);
}

Result<PlaceMover::Beside> PlaceMover::beside_of(const std::string& name) const {
  PV_TRY(const bool in_incoming, lies_in(incoming_, name));
  PV_TRY(const bool in_aside, lies_in(aside_, name));
  if (in_incoming == in_aside || !goes_at_once(name)) {
    return Beside{.fresh = in_incoming, .old = in_aside};
  }
  PV_TRY(const bool fresh, is_fresh(name, in_incoming ? incoming_ : aside_));
  return Beside{.fresh = fresh, .old = !fresh};
}

// Whether the one that lies in `folder`, beside the directory, is the new one. An app may have put
// another in the place of either while it was in the directory, but not of both.
Result<bool> PlaceMover::is_fresh(const std::string& name, const fs::Path& folder) const {
  const PlaceMoves::Inodes& inodes = moves_.at_once.at(name);
  PV_TRY(const std::uint64_t there, inode_of(folder / name));
  PV_TRY(const std::uint64_t here, inode_of(here_ / name));
  if (there == inodes.fresh || here == inodes.old) { return true; }
  if (there == inodes.old || here == inodes.fresh) { return false; }
  const bool is_kept = folder != incoming_ || !comes_from_staging_;
  return fail(Code::kDamaged,
              "neither " + printable((folder / name).native()) + " nor " +
                  printable((here_ / name).native()) +
                  " is what it was when the exchange began (was the directory copied since?): one "
                  "is the old data, one the new. Put the right one in its place by hand, then "
                  "remove " +
                  printable(journal_path_.native()) + ": what lies in " +
                  printable(folder.native()) + " by then is " +
                  (is_kept ? "kept" : "cleared away, so move it elsewhere first to keep it"));
}

// `name` in the directory is the old one, which has not left yet.
Result<bool> PlaceMover::has_stayed(const std::string& name) const {
  if (!out_.contains(name)) { return false; }
  PV_TRY(const Beside beside, beside_of(name));
  return !beside.old;
}

Result<bool> PlaceMover::has_any_aside() const {
  for (const std::string& name : moves_.out) {
    PV_TRY(const Beside beside, beside_of(name));
    if (beside.old) { return true; }
  }
  return false;
}

Result<bool> PlaceMover::has_any_come() const {
  for (const std::string& name : moves_.in) {
    PV_TRY(const bool come, has_come(name));
    if (come) { return true; }
  }
  return false;
}

Result<void> PlaceMover::check_incoming() const {
  for (const std::string& name : moves_.in) {
    PV_TRY(const Beside beside, beside_of(name));
    PV_TRY(const bool come, has_come(name));
    if (beside.fresh || come || name.ends_with("-shm")) { continue; }
    return fail(Code::kDamaged, "the restored " + printable(name) + " has vanished from " +
                                    printable(incoming_.native()));
  }
  return {};
}

Result<void> PlaceMover::check_aside() const {
  for (const std::string& name : moves_.out) {
    PV_TRY(const Beside beside, beside_of(name));
    PV_TRY(const bool here, lies_here(name));
    if (beside.old || here || may_vanish(name) || may_be_in_use_) { continue; }
    return fail(Code::kDamaged,
                "the replaced " + printable(name) + " has vanished from " +
                    printable(aside_.native()) + "; put it there again, or remove " +
                    printable(journal_path_.native()) + " and put the data in place by hand");
  }
  return {};
}

Result<std::vector<std::string>> PlaceMover::names_here() const {
  if (!is_part()) { return entries_to_exchange(here_, moves_.folder, layout_); }
  std::vector<std::string> names;
  for (const std::string& name : moves_.out) {
    PV_TRY(const bool here, lies_here(name));
    if (here) { names.push_back(name); }
  }
  return names;
}

Result<void> PlaceMover::clear_way() {
  return may_be_in_use_ ? clear_way_to(moves_.folder) : Result<void>{};
}

Result<void> PlaceMover::clear_way_to(const std::string& folder) {
  if (layout_.volume_of(folder).at == folder) { return {}; }
  PV_CHECK(clear_way_to(parent_of(folder)));
  const Result<fs::Stat> found = fs::link_stat(directory_ / folder);
  if (found.has_value()) {
    return found->is_folder() ? Result<void>{} : put_by(directory_ / folder);
  }
  return found.error().code == Code::kNotFound ? Result<void>{} : fail(found.error());
}

// The folder that they are in may have been removed meanwhile.
Result<void> PlaceMover::make_again(const std::string& folder) {
  if (layout_.volume_of(folder).at == folder || fs::exists(directory_ / folder)) { return {}; }
  PV_CHECK(make_again(parent_of(folder)));
  const fs::Path path = directory_ / folder;
  PV_CHECK(disk_.make_folder_like(path, directory_ / layout_.inside(aside_name_, folder)));
  return disk_.sync_folder(path.parent_path());
}

Error PlaceMover::just_removed(const std::string& name) const {
  return {Code::kBusy, "a program has just removed " + printable((here_ / name).native()) +
                           ", which was to be replaced: try again"};
}

Error PlaceMover::just_made(const std::string& name) const {
  return {Code::kBusy, "a program has just made " + printable((here_ / name).native()) +
                           ", where restored data belongs: try again"};
}

// What is neither here nor aside was removed after the journal was written. Were another put in its
// place, it could not be told later which of the two that is.
Result<void> PlaceMover::check_leaving() const {
  if (!may_be_in_use_) { return {}; }
  for (const std::string& name : moves_.out) {
    PV_TRY(const bool here, lies_here(name));
    PV_TRY(const Beside beside, beside_of(name));
    if (!here && !beside.old) { return fail(just_removed(name)); }
  }
  return {};
}

Result<void> PlaceMover::clear_out() {
  PV_CHECK(check_leaving());
  PV_TRY(const std::vector<std::string> names, names_here());
  for (const std::string& name : names) {
    PV_TRY(const bool come, has_come(name));
    if (come) { continue; }
    PV_TRY(const bool old, has_stayed(name));
    if (old && goes_at_once(name)) { continue; }  // when the new one comes
    PV_CHECK(old ? move(here_ / name, aside_ / name) : put_by(here_ / name));
  }
  return wait_aside();
}

// So that the old one, when the two change places, lies where it is kept.
Result<void> PlaceMover::wait_aside() {
  for (const auto& [name, inodes] : moves_.at_once) {
    PV_TRY(const Beside beside, beside_of(name));
    PV_TRY(const bool in_incoming, lies_in(incoming_, name));
    if (beside.fresh && !beside.old && in_incoming) {
      PV_CHECK(move(incoming_ / name, aside_ / name));
    }
  }
  return {};
}

// The file system can't exchange: the new ones come from where all others come from.
Result<void> PlaceMover::wait_in_incoming() {
  for (const auto& [name, inodes] : moves_.at_once) {
    PV_TRY(const Beside beside, beside_of(name));
    PV_TRY(const bool in_aside, lies_in(aside_, name));
    if (beside.fresh && !beside.old && in_aside) {
      PV_CHECK(move(aside_ / name, incoming_ / name));
    }
  }
  PV_CHECK(disk_.sync_folder(incoming_));
  return disk_.sync_folder(aside_);
}

Result<void> PlaceMover::clear_in() {
  for (auto name = moves_.in.rbegin(); name != moves_.in.rend(); ++name) {
    if (goes_at_once(*name)) { continue; }  // when the old one comes back
    PV_TRY(const bool come, has_come(*name));
    if (come) { PV_CHECK(take_away(*name)); }
  }
  PV_TRY(const std::vector<std::string> names, names_here());
  for (const std::string& name : names) {
    PV_TRY(const bool old, has_stayed(name));
    PV_TRY(const bool come, has_come(name));
    if (!old && !come) { PV_CHECK(put_by(here_ / name)); }
  }
  return {};
}

Result<void> PlaceMover::bring_in(const std::string& name) {
  PV_TRY(const Beside beside, beside_of(name));
  if (!beside.fresh) { return {}; }  // what lies in `incoming` may be the old one
  if (goes_at_once(name) && !beside.old) {
    PV_TRY(const bool waits_aside, lies_in(aside_, name));
    if (waits_aside) {
      PV_TRY(const bool changed, change_places(name, in_));
      if (changed) { return {}; }
      PV_CHECK(wait_in_incoming());
    }
    PV_CHECK(move(here_ / name, aside_ / name));
  }
  PV_TRY(const bool occupied, lies_here(name));
  // Nothing of that name lay there when the units were chosen: what does now is none of them.
  if (occupied && may_be_in_use_ && !out_.contains(name)) { return fail(just_made(name)); }
  PV_TRY(const bool in_incoming, lies_in(incoming_, name));
  return bring(name, in_incoming ? incoming_ : aside_, in_);
}

Result<void> PlaceMover::bring_back(const std::string& name) {
  PV_TRY(const Beside beside, beside_of(name));
  if (!beside.old) { return {}; }
  PV_TRY(const bool occupied, lies_here(name));
  if (goes_at_once(name) && !beside.fresh && occupied) {
    PV_TRY(const bool changed, change_places(name, out_));
    if (changed) { return {}; }
    PV_CHECK(take_away(name));
  }
  PV_TRY(const bool in_aside, lies_in(aside_, name));
  return bring(name, in_aside ? aside_ : incoming_, out_);
}

// The one here and the one beside it. False: the file system can't.
Result<bool> PlaceMover::change_places(const std::string& name, const Names& ours) {
  PV_TRY(const bool in_incoming, lies_in(incoming_, name));
  const fs::Path other = (in_incoming ? incoming_ : aside_) / name;
  PV_CHECK(make_movable(other));
  PV_CHECK(make_movable(here_ / name));
  PV_CHECK(make_room_beside(other, ours));
  const Result<void> done = disk_.exchange(other, here_ / name);
  if (done.has_value()) { return true; }
  if (done.error().code == Code::kUnsupported) { return false; }
  return fail(done.error().code == Code::kNotFound ? just_removed(name) : done.error());
}

// Alone beside the directory, where the other one belongs.
Result<bool> PlaceMover::is_out_of_place(const std::string& name) const {
  PV_TRY(const bool in_incoming, lies_in(incoming_, name));
  PV_TRY(const Beside beside, beside_of(name));
  return beside.fresh != beside.old && beside.fresh != in_incoming;
}

Result<bool> PlaceMover::is_mixed_up() const {
  for (const auto& [name, inodes] : moves_.at_once) {
    PV_TRY(const bool out_of_place, is_out_of_place(name));
    if (out_of_place) { return true; }
  }
  return false;
}

Result<void> PlaceMover::sort_out() {
  for (const auto& [name, inodes] : moves_.at_once) {
    PV_TRY(const bool out_of_place, is_out_of_place(name));
    if (!out_of_place) { continue; }
    PV_TRY(const bool in_incoming, lies_in(incoming_, name));
    if (in_incoming) {
      PV_CHECK(move(incoming_ / name, aside_ / name));
    } else if (is_touched(name, aside_ / name)) {
      PV_CHECK(put_by(aside_ / name));
    } else {
      PV_CHECK(move(aside_ / name, incoming_ / name));
    }
  }
  return {};
}

// What is in a "restore-ID" is cleared away when somebody removes the journal. So what an app may
// have put something into goes there only when it is seen to be as it was staged, and that can be
// seen only once no app finds it any more: until then it lies among the strays.
Result<void> PlaceMover::take_away(const std::string& name) {
  if (!moves_.sealed.contains(name)) { return move(here_ / name, incoming_ / name); }
  PV_TRY(const fs::Path left, move_to_strays(here_ / name));
  if (is_touched(name, left)) { return disk_.sync_folder(strays_); }
  return move(left, incoming_ / name);
}

// Whether the new entry `name`, which lies at `path`, is not as it was staged, or might not be.
bool PlaceMover::is_touched(const std::string& name, const fs::Path& path) const {
  const auto sealed = moves_.sealed.find(name);
  if (sealed == moves_.sealed.end()) { return false; }
  const Result<std::uint64_t> now = seal_of(path);
  return !now.has_value() || *now != sealed->second;
}

// Once more: a program may have had a file in it open.
Result<void> PlaceMover::keep_what_was_touched() {
  for (const auto& [name, seal] : moves_.sealed) {
    PV_TRY(const bool went_back, lies_in(incoming_, name));
    if (went_back && is_touched(name, incoming_ / name)) { PV_CHECK(put_by(incoming_ / name)); }
  }
  return {};
}

// A program may be as quick as we are to take the name that it needs.
Result<void> PlaceMover::bring(const std::string& name, const fs::Path& from, const Names& ours) {
  constexpr int kTriesMax = 10;
  for (int tries = 1;; ++tries) {
    const Result<void> brought = bring_once(name, from, ours);
    const bool is_taken = !brought.has_value() && brought.error().code == Code::kExists;
    if (!is_taken) { return brought; }
    if (tries == kTriesMax || (may_be_in_use_ && !out_.contains(name))) {
      return fail(just_made(name));
    }
  }
}

Result<void> PlaceMover::bring_once(const std::string& name, const fs::Path& from,
                                    const Names& ours) {
  PV_TRY(const bool waits, lies_in(from, name));
  if (!waits) { return {}; }
  PV_CHECK(make_again(moves_.folder));
  PV_CHECK(make_room(name));
  PV_CHECK(make_room_beside(from / name, ours));
  return move(from / name, here_ / name);
}

// SQLite would apply the WAL of a database that a program made here meanwhile to this one.
Result<void> PlaceMover::make_room_beside(const fs::Path& coming, const Names& ours) {
  PV_TRY(const fs::Stat about, fs::link_stat(coming));
  if (about.is_folder()) { return {}; }
  for (const std::string& beside : sqlite_companions_of(coming.filename().native())) {
    if (!ours.contains(beside)) { PV_CHECK(make_room(beside)); }
  }
  return {};
}

Result<void> PlaceMover::make_room(const std::string& name) {
  PV_TRY(const bool occupied, lies_here(name));
  return occupied ? put_by(here_ / name) : Result<void>{};
}

// Keeps what is nobody's, beside the replaced data.
Result<void> PlaceMover::put_by(const fs::Path& path) {
  PV_CHECK(move_to_strays(path));
  return disk_.sync_folder(strays_);
}

// Where it lies now.
Result<fs::Path> PlaceMover::move_to_strays(const fs::Path& path) {
  PV_CHECK(make_strays());
  fs::Path place = free_name(strays_ / path.filename());
  PV_CHECK(move(path, place));
  return place;
}

// A file, or a link, of that name becomes the first of them.
Result<void> PlaceMover::make_strays() {
  const Result<fs::Stat> found = fs::link_stat(strays_);
  if (!found.has_value() && found.error().code != Code::kNotFound) { return fail(found.error()); }
  if (found.has_value() && found->is_folder()) { return {}; }
  const fs::Path in_the_way = free_name(strays_);
  if (found.has_value()) { PV_CHECK(disk_.rename(strays_, in_the_way)); }
  PV_CHECK(disk_.make_folder(strays_));
  if (found.has_value()) { PV_CHECK(disk_.rename(in_the_way, strays_ / strays_.filename())); }
  return disk_.sync_folder(strays_.parent_path());
}

// A folder's ".." changes with the rename, so who moves it must be able to write to it.
Result<void> PlaceMover::make_movable(const fs::Path& path) {
  const std::string name = path.filename().string();
  if (!moves_.read_only_out.contains(name) && !moves_.read_only_in.contains(name)) { return {}; }
  PV_TRY(const fs::Stat found, fs::link_stat(path));
  if (!found.is_folder() || (found.mode & kOwnerMayWrite) != 0) { return {}; }
  return disk_.set_permissions(path, found.mode | kOwnerMayWrite);
}

Result<void> PlaceMover::move(const fs::Path& from, const fs::Path& to) {
  PV_CHECK(make_movable(from));
  return disk_.rename(from, to);
}

Result<void> PlaceMover::set_permissions() {
  const auto set = [&](const fs::Path& path, std::uint32_t mode) -> Result<void> {
    const Result<fs::Stat> found = fs::link_stat(path);
    if (!found.has_value() && found.error().code == Code::kNotFound) { return {}; }
    if (!found.has_value()) { return fail(found.error()); }
    constexpr std::uint32_t kPermissions = 07777;
    if (!found->is_folder() || (found->mode & kPermissions) == mode) { return {}; }
    return disk_.set_permissions(path, mode);
  };
  for (const auto& [name, mode] : moves_.read_only_out) {
    PV_TRY(const Beside beside, beside_of(name));
    PV_CHECK(set((beside.old ? aside_ : here_) / name, mode));
  }
  for (const auto& [name, mode] : moves_.read_only_in) {
    PV_TRY(const bool come, has_come(name));
    PV_CHECK(set((come ? here_ : incoming_) / name, mode));
  }
  return {};
}

std::vector<fs::Path> PlaceMover::folders() const {
  std::vector<fs::Path> folders;
  if (fs::is_there(strays_).value_or(true)) {
    folders.push_back(strays_);
  }  // what goes back went through it
  folders.push_back(aside_);
  // It will be made again.
  if (!may_be_in_use_ || fs::is_there(here_).value_or(true)) { folders.push_back(here_); }
  // All of it may have come long ago, and the folder gone, when a power cut brings a journal back;
  // and an archive may have nothing for this place.
  if (fs::is_there(incoming_).value_or(true)) { folders.push_back(incoming_); }
  return folders;
}

}  // namespace pv::restore
