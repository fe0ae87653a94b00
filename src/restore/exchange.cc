#include "restore/exchange.h"

#include <algorithm>

#include "base/text.h"
#include "fs/presence.h"
#include "restore/layout.h"
#include "restore/place_mover.h"
#include "restore/replaced.h"

namespace pv::restore {
namespace {

class Mover {
 public:
  Mover(const fs::Path& directory, const Journal& journal, Disk& disk)
      : directory_{directory}, journal_{journal}, disk_{disk} {
    places_.reserve(journal.places.size());
    for (const PlaceMoves& moves : journal.places) {
      places_.emplace_back(directory, journal, moves, disk);
    }
  }

  Result<void> forward() {
    PV_TRY(const bool done, is_new());
    if (done) { return finish_forward(); }
    for (const PlaceMover& place : places_) { PV_CHECK(place.check_incoming()); }
    for (PlaceMover& place : places_) { PV_CHECK(place.clear_out()); }
    PV_CHECK(sync());
    const std::string* last = last_in().name;
    for (auto place = places_.rbegin(); place != places_.rend(); ++place) {
      for (const std::string& name : place->moves().in) {
        // The rest is on disk before the last: the last in place means that all are.
        if (&name == last) { PV_CHECK(sync()); }
        PV_CHECK(place->bring_in(name));
      }
    }
    return finish_forward();
  }

  // A program has had time to make something else of the folders in which entries are exchanged.
  Result<void> clear_ways() {
    for (PlaceMover& place : places_) { PV_CHECK(place.clear_way()); }
    return {};
  }

  Result<void> back() {
    PV_CHECK(clear_ways());
    PV_TRY(const bool done, is_old());
    if (done) { return finish_back(); }
    for (const PlaceMover& place : places_) { PV_CHECK(place.check_aside()); }
    for (PlaceMover& place : places_) { PV_CHECK(place.clear_in()); }
    PV_CHECK(sync());
    // The other way round than they went: data.db last again.
    const std::string* last = first_out();
    for (auto place = places_.rbegin(); place != places_.rend(); ++place) {
      const std::vector<std::string>& out = place->moves().out;
      for (auto name = out.rbegin(); name != out.rend(); ++name) {
        if (&*name == last) { PV_CHECK(sync()); }
        PV_CHECK(place->bring_back(*name));
      }
    }
    return finish_back();
  }

  // The new data is in place: its last entry has come.
  [[nodiscard]] Result<bool> is_new() const {
    if (const Last last = last_in(); last.place != nullptr) {
      return last.place->has_come(*last.name);
    }
    for (const PlaceMover& place : places_) {
      PV_TRY(const bool cleared, place.is_cleared());
      if (!cleared) { return false; }
    }
    return true;
  }

 private:
  struct Last {
    const PlaceMover* place = nullptr;
    const std::string* name = nullptr;
  };
  [[nodiscard]] Last last_in() const {
    for (const PlaceMover& place : places_) {
      if (!place.moves().in.empty()) { return {&place, &place.moves().in.back()}; }
    }
    return {};
  }
  [[nodiscard]] const std::string* first_out() const {
    for (const PlaceMover& place : places_) {
      if (!place.moves().out.empty()) { return &place.moves().out.front(); }
    }
    return nullptr;
  }

  // The old data is in place: none of it is aside, for it never left or all has come back, and
  // nothing that is new has come, or all of that has gone back.
  [[nodiscard]] Result<bool> is_old() const {
    const PlaceMover* first = nullptr;
    for (const PlaceMover& place : places_) {
      PV_TRY(const bool any_aside, place.has_any_aside());
      PV_TRY(const bool any_come, place.has_any_come());
      if (any_aside || any_come) { return false; }
      if (first == nullptr && !place.moves().out.empty()) { first = &place; }
    }
    if (first == nullptr) { return false; }
    return first->lies_here(first->moves().out.front());
  }

  Result<void> finish_forward() {
    PV_CHECK(sort_out());
    PV_CHECK(set_permissions());
    PV_CHECK(mark(journal_.aside, first_out() == nullptr && last_in().name != nullptr));
    PV_CHECK(mark(journal_.incoming, false));
    return sync();
  }

  Result<void> finish_back() {
    PV_CHECK(sort_out());
    for (PlaceMover& place : places_) { PV_CHECK(place.keep_what_was_touched()); }
    PV_CHECK(set_permissions());
    PV_CHECK(mark(journal_.aside, false));
    PV_CHECK(mark(journal_.incoming, last_in().name == nullptr && first_out() != nullptr));
    return sync();
  }

  // `data`, "replaced-ID/pb_data", is empty, and yet there is something to take back: see
  // has_data().
  Result<void> mark(const std::string& data, bool wanted) {
    if (journal_.layout.units().empty() || !data.starts_with(kReplacedPrefix)) { return {}; }
    const fs::Path folder =
        directory_ / journal_.layout.volumes().front().vault / data.substr(0, data.find('/'));
    const fs::Path path = folder / kReplacedNothing;
    PV_TRY(const bool is_marked, fs::is_there(path));
    if (is_marked == wanted) { return {}; }
    if (wanted) { return disk_.write_file(path, ""); }
    PV_CHECK(disk_.remove_file(path));
    return disk_.sync_folder(folder);
  }

  Result<void> sort_out() {
    bool is_mixed_up = false;
    for (const PlaceMover& place : places_) {
      PV_TRY(const bool is, place.is_mixed_up());
      is_mixed_up = is_mixed_up || is;
    }
    if (!is_mixed_up) { return {}; }
    PV_CHECK(sync());
    for (PlaceMover& place : places_) { PV_CHECK(place.sort_out()); }
    return {};
  }

  Result<void> set_permissions() {
    for (PlaceMover& place : places_) { PV_CHECK(place.set_permissions()); }
    return {};
  }

  // What was moved so far is on disk.
  Result<void> sync() {
    std::vector<fs::Path> folders;
    for (const PlaceMover& place : places_) {
      for (const fs::Path& folder : place.folders()) {
        const bool is_named = std::ranges::find(folders, folder) != folders.end();
        if (!is_named) { folders.push_back(folder); }
      }
    }
    return sync_folders(directory_, journal_.layout, folders, disk_);
  }

  const fs::Path& directory_;
  const Journal& journal_;
  Disk& disk_;
  std::vector<PlaceMover> places_;
};

Result<void> take_back(const fs::Path& directory, Journal journal, Disk& disk) {
  PV_CHECK(turn_journal(directory, journal, disk));
  PV_CHECK((Mover{directory, journal, disk}.back()));
  return end_journal(directory, disk);
}

// The journal could not be written, or not with certainty: nothing may act on it.
tl::unexpected<Error> give_up(const fs::Path& directory, const Error& why, Disk& disk) {
  const Result<void> ended = end_journal(directory, disk);
  if (ended.has_value()) { return fail(why.within("nothing was changed")); }
  return fail(why.code, why.what + "; and the journal can't be removed: " + ended.error().what +
                            ". The next start of pocketvault on " + printable(directory.native()) +
                            " carries the exchange out");
}

}  // namespace

Result<void> exchange(const fs::Path& directory, const Journal& journal, Disk& disk) {
  const Result<void> written = write_journal(directory, journal, disk);
  if (!written.has_value()) { return give_up(directory, written.error(), disk); }
  Result<void> moved = Mover{directory, journal, disk}.forward();
  if (moved.has_value()) { moved = end_journal(directory, disk); }
  if (moved.has_value()) { return {}; }
  const Result<void> back = take_back(directory, journal, disk);
  if (back.has_value()) { return fail(moved.error().within("nothing was changed")); }
  return fail(moved.error().code, moved.error().what + "; and taking it back failed: " +
                                      back.error().what + ". The next start of pocketvault on " +
                                      printable(directory.native()) + " puts it in order");
}

Result<Recovery> finish_exchange(const fs::Path& directory, const Journal& journal, Disk& disk) {
  const Result<void> as_it_was = journal.layout.check_still_so(directory, journal.aside, disk);
  if (!as_it_was.has_value()) {
    return fail(as_it_was.error().within("an earlier restore was cut off and is not gone on with"));
  }
  // What it says may be in memory alone: its fsync failed, or was never reached.
  PV_CHECK(disk.sync_folder(vault_folder(directory)));
  Mover mover{directory, journal, disk};
  if (!journal.back) {
    Result<void> moved = mover.clear_ways();
    if (moved.has_value()) { moved = mover.forward(); }
    if (moved.has_value()) {
      PV_CHECK(end_journal(directory, disk));
      return Recovery::kFinished;
    }
    // An app may have worked with the new data by now: too late to take it away.
    PV_TRY(const bool is_new, mover.is_new());
    if (is_new) { return fail(moved.error()); }
  }
  const Result<void> back = take_back(directory, journal, disk);
  if (!back.has_value()) {
    return fail(back.error().within(
        "an earlier restore was cut off and can be neither finished nor taken back now"));
  }
  return Recovery::kTakenBack;
}

}  // namespace pv::restore
