#include "restore/exchange.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "restore/layout.h"

namespace pv::restore {
namespace {

using Names = std::unordered_set<std::string>;

// An error that hides the answer is no "no": taken for one, it would lose what lies there.
Result<bool> lies_in(const fs::Path& folder, const std::string& name) {
  const Result<fs::Stat> found = fs::link_stat(folder / name);
  if (found.has_value()) { return true; }
  if (found.error().code == Code::kNotFound) { return false; }
  return fail(found.error());
}

// Files that SQLite removes by itself when the last connection closes.
bool may_vanish(std::string_view name) { return name.ends_with("-wal") || name.ends_with("-shm"); }

class Mover {
 public:
  Mover(const fs::Path& directory, const Journal& journal, Disk& disk)
      : journal_{journal},
        disk_{disk},
        directory_{directory},
        incoming_{vault_folder(directory) / journal.incoming},
        aside_{vault_folder(directory) / journal.aside},
        out_{journal.out.begin(), journal.out.end()},
        in_{journal.in.begin(), journal.in.end()} {}

  Result<void> forward() {
    PV_TRY(const bool done, is_new());
    if (done) { return sync_all(); }
    PV_CHECK(check_incoming());
    PV_CHECK(clear_out());
    for (const std::string& name : journal_.in) {
      // The rest is on disk before the last: the last in place means that all are.
      if (&name == &journal_.in.back()) { PV_CHECK(sync_all()); }
      PV_CHECK(bring(name, incoming_));
    }
    return sync_all();
  }

  Result<void> back() {
    PV_TRY(const bool done, is_old());
    if (done) { return sync_all(); }
    PV_CHECK(check_aside());
    PV_CHECK(clear_in());
    // The other way round than they went: data.db last again.
    for (auto name = journal_.out.rbegin(); name != journal_.out.rend(); ++name) {
      if (*name == journal_.out.front()) { PV_CHECK(sync_all()); }
      PV_CHECK(bring(*name, aside_));
    }
    return sync_all();
  }

  // The new data is in place: its last entry has come.
  [[nodiscard]] Result<bool> is_new() const {
    if (!journal_.in.empty()) { return has_come(journal_.in.back()); }
    for (const std::string& name : journal_.out) {
      PV_TRY(const bool there, lies_in(directory_, name));
      if (there) { return false; }
    }
    return true;
  }

 private:
  // The old data is in place: its first entry never left, or has come back, which it does last.
  [[nodiscard]] Result<bool> is_old() const {
    if (journal_.out.empty()) { return false; }
    PV_TRY(const bool left, lies_in(aside_, journal_.out.front()));
    PV_TRY(const bool here, lies_in(directory_, journal_.out.front()));
    return here && !left;
  }

  // `name` in the directory is the new one.
  [[nodiscard]] Result<bool> has_come(const std::string& name) const {
    if (!in_.contains(name)) { return false; }
    PV_TRY(const bool waits, lies_in(incoming_, name));
    PV_TRY(const bool here, lies_in(directory_, name));
    if (waits || !here) { return false; }
    if (!out_.contains(name) || may_vanish(name)) { return true; }
    return lies_in(aside_, name);
  }

  // `name` in the directory is the old one, which has not left yet.
  [[nodiscard]] Result<bool> has_stayed(const std::string& name) const {
    if (!out_.contains(name)) { return false; }
    PV_TRY(const bool left, lies_in(aside_, name));
    return !left;
  }

  // All of the new data is there; else it is not begun with.
  [[nodiscard]] Result<void> check_incoming() const {
    for (const std::string& name : journal_.in) {
      PV_TRY(const bool waits, lies_in(incoming_, name));
      PV_TRY(const bool come, has_come(name));
      if (waits || come || name.ends_with("-shm")) { continue; }
      return fail(Code::kDamaged, "the restored " + printable(name) + " has vanished from " +
                                      printable(incoming_.native()));
    }
    return {};
  }

  [[nodiscard]] Result<void> check_aside() const {
    for (const std::string& name : journal_.out) {
      PV_TRY(const bool left, lies_in(aside_, name));
      PV_TRY(const bool here, lies_in(directory_, name));
      if (left || here || may_vanish(name)) { continue; }
      return fail(Code::kDamaged, "the replaced " + printable(name) + " has vanished from " +
                                      printable(aside_.native()) +
                                      "; put it there again, or remove " +
                                      printable(journal_path(directory_).native()) +
                                      " and put the data in place by hand");
    }
    return {};
  }

  Result<void> clear_out() {
    PV_TRY(const std::vector<std::string> names, entries_to_exchange(directory_));
    for (const std::string& name : names) {
      PV_TRY(const bool come, has_come(name));
      if (come) { continue; }
      PV_TRY(const bool old, has_stayed(name));
      PV_CHECK(old ? disk_.rename(directory_ / name, aside_ / name) : put_by(name));
    }
    // The old WAL is out, on disk, before a new database appears: SQLite would apply it.
    PV_CHECK(disk_.sync_folder(aside_));
    return disk_.sync_folder(directory_);
  }

  Result<void> clear_in() {
    for (auto name = journal_.in.rbegin(); name != journal_.in.rend(); ++name) {
      PV_TRY(const bool come, has_come(*name));
      if (come) { PV_CHECK(disk_.rename(directory_ / *name, incoming_ / *name)); }
    }
    PV_TRY(const std::vector<std::string> names, entries_to_exchange(directory_));
    for (const std::string& name : names) {
      PV_TRY(const bool old, has_stayed(name));
      if (!old) { PV_CHECK(put_by(name)); }
    }
    PV_CHECK(sync_incoming());
    return disk_.sync_folder(directory_);
  }

  Result<void> bring(const std::string& name, const fs::Path& from) {
    PV_TRY(const bool waits, lies_in(from, name));
    if (!waits) { return {}; }
    PV_CHECK(make_room(name));
    if (name.ends_with(".db")) {
      // SQLite would apply the WAL of a database that a program made here meanwhile to this one.
      for (const char* suffix : {"-wal", "-shm", "-journal"}) {
        const bool ours = (from == aside_ ? out_ : in_).contains(name + suffix);
        if (!ours) { PV_CHECK(make_room(name + suffix)); }
      }
    }
    return disk_.rename(from / name, directory_ / name);
  }

  Result<void> make_room(const std::string& name) {
    PV_TRY(const bool occupied, lies_in(directory_, name));
    return occupied ? put_by(name) : Result<void>{};
  }

  // Keeps what is nobody's, beside the replaced data.
  Result<void> put_by(const std::string& name) {
    const fs::Path strays = aside_.parent_path() / kReplacedStray;
    if (!fs::exists(strays)) {
      PV_CHECK(disk_.make_folder(strays));
      PV_CHECK(disk_.sync_folder(strays.parent_path()));
    }
    fs::Path place = strays / name;
    for (int number = 2; fs::exists(place); ++number) {
      place = strays / (name + "." + std::to_string(number));
    }
    PV_CHECK(disk_.rename(directory_ / name, place));
    return disk_.sync_folder(strays);
  }

  Result<void> sync_all() {
    // Where entries were taken from comes last: a name is then on disk in one of two places.
    PV_CHECK(disk_.sync_folder(aside_));
    PV_CHECK(disk_.sync_folder(directory_));
    return sync_incoming();
  }

  // All of it may have come long ago, and the folder gone, when a power cut brings a journal back.
  Result<void> sync_incoming() {
    return fs::exists(incoming_) ? disk_.sync_folder(incoming_) : Result<void>{};
  }

  const Journal& journal_;
  Disk& disk_;
  fs::Path directory_;
  fs::Path incoming_;
  fs::Path aside_;
  Names out_;
  Names in_;
};

Result<void> take_back(const fs::Path& directory, Journal journal, Disk& disk) {
  journal.back = true;
  // Should this fail, a crash from here on is finished forward instead: whole as well.
  (void)write_journal(directory, journal, disk);
  PV_CHECK((Mover{directory, journal, disk}.back()));
  return end_journal(directory, disk);
}

// The journal could not be written, or not with certainty: nothing may act on it.
tl::unexpected<Error> give_up(const fs::Path& directory, const Error& why, Disk& disk) {
  const Result<bool> there =
      lies_in(vault_folder(directory), journal_path(directory).filename().string());
  if (there.has_value() && !*there) { return fail(why.within("nothing was changed")); }
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
  Mover mover{directory, journal, disk};
  if (!journal.back) {
    const Result<void> moved = mover.forward();
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
