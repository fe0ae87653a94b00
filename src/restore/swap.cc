#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "restore/exchange.h"
#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/moves.h"
#include "restore/replaced.h"
#include "restore/restore.h"

namespace pv::restore {
namespace {

struct Order {
  Layout layout;
  std::string incoming;  // "restore-ID", "replaced-ID/pb_data"
  std::string id;        // of what is replaced
  std::string restored_from;
  WallTime now;
  std::vector<std::string> made = {};  // see moves_of()
};

// "undo of NAME"; taking that back is NAME once more.
std::string undone(const std::string& restored_from) {
  constexpr std::string_view kUndo = "undo of ";
  return restored_from.starts_with(kUndo) ? restored_from.substr(kUndo.size())
                                          : std::string{kUndo} + restored_from;
}

Result<Replaced> carry_out(const fs::Path& directory, const Order& order, Disk& disk) {
  if (is_cut_off(directory)) {
    return fail(Code::kBusy,
                "an earlier restore was cut off; start pocketvault again, which "
                "finishes it or takes it back");
  }
  PV_CHECK(order.layout.check_still_so(directory, order.incoming, disk));
  PV_TRY(Moves moves, moves_of(directory, order.layout, order.incoming, order.made));
  const Journal journal{.back = false,
                        .layout = order.layout,
                        .incoming = order.incoming,
                        .aside = replaced_data(order.id),
                        .places = std::move(moves.places)};
  const Kept kept{
      .replaced = {.id = order.id,
                   .folder = directory / order.layout.inside(replaced_folder(order.id), ""),
                   .at = order.now,
                   .restored_from = order.restored_from,
                   .units = order.layout.units()},
      .layout = order.layout,
      .made = std::move(moves.made)};
  PV_CHECK(create_replaced(directory, kept, journal.places, disk));
  const Result<void> done = exchange(directory, journal, disk);
  if (done.has_value()) { return kept.replaced; }
  // With a journal left behind, recover() needs the folders.
  if (!is_cut_off(directory)) { discard_replaced(directory, order.layout, order.id, disk); }
  Error error = done.error();
  if (has_strays(directory, order.id)) {
    error.what += "; what programs made meanwhile is kept in the folder stray of " +
                  printable(kept.replaced.folder.native()) +
                  ", with what was restored there (`pocketvault replaced` lists it)";
  }
  return fail(std::move(error));
}

// To be undone; the newest without an `id`.
Result<Kept> find_kept(const fs::Path& directory, std::string_view id) {
  PV_TRY(const std::vector<Kept> kept, list_kept(directory));
  const auto found = std::find_if(kept.begin(), kept.end(), [&](const Kept& one) {
    return one.replaced.can_undo && (id.empty() || one.replaced.id == id);
  });
  if (found != kept.end()) { return *found; }
  return fail(Code::kNotFound, "there is no replaced data to take back in " +
                                   printable(vault_folder(directory).native()));
}

// Fills a file without a name. Where there are none such, nothing is tried.
Result<void> try_room(const fs::Path& vault, std::uint64_t bytes) {
  const fs::Fd fd{::open(vault.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)};
  if (!fd.is_open() && errno != ENOSPC && errno != EDQUOT) { return {}; }
  if (!fd.is_open()) { return fail(errno_error(errno, printable(vault.native()))); }
  const std::vector<std::byte> block(std::size_t{64} << 10U);
  for (std::uint64_t written = 0; written < bytes; written += block.size()) {
    PV_CHECK(fs::write_all(fd, block));
  }
  return fs::sync(fd);  // some file systems look for the blocks only then
}

// Whether it is all of the data or a part, and on which volumes, is known by its note alone.
Result<void> check_note(const Kept& kept) {
  if (kept.has_note) { return {}; }
  return fail(Code::kDamaged, "the note " +
                                  printable((kept.replaced.folder / kReplacedInfo).native()) +
                                  " can't be read, so it is not known whether that is all of the "
                                  "data or a part of it: put it in place by hand");
}

// Until here they were root's alone where root works; should a crash come from now on, the app's
// own user is to finish what was begun.
void give_incoming(const fs::Path& directory, const Order& order, Disk& disk) {
  for (const Volume& volume : order.layout.volumes()) {
    const fs::Path vault = directory / volume.vault;
    disk.give_like(vault, vault / order.incoming);
  }
}

// The staging folders, when all that was in them has come.
void remove_emptied(const fs::Path& directory, const Order& order, Disk& disk) {
  const std::vector<std::string>& places = order.layout.places();
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    (void)disk.remove_folder(directory / order.layout.inside(order.incoming, *place));
  }
}

}  // namespace

Result<Replaced> swap(const fs::Path& directory, const Staged& staged,
                      std::string_view restored_from, WallTime now, Disk& disk) {
  const Order order{
      .layout = Layout{staged.folder.parent_path().filename(), staged.volumes, staged.units},
      .incoming = staged.folder.filename().string(),
      .id = staged.id,
      .restored_from = std::string{restored_from},
      .now = now};
  give_incoming(directory, order, disk);
  PV_TRY(Replaced replaced, carry_out(directory, order, disk));
  remove_emptied(directory, order, disk);
  return replaced;
}

Result<Replaced> undo(const fs::Path& directory, std::string_view id, WallTime now, Disk& disk) {
  PV_TRY(const Kept kept, find_kept(directory, id));
  PV_CHECK(check_note(kept));
  const Order order{.layout = kept.layout,
                    .incoming = replaced_data(kept.replaced.id),
                    .id = random_text(system_random(), kLowerAlphanumeric, 15),
                    .restored_from = undone(kept.replaced.restored_from),
                    .now = now,
                    .made = kept.made};
  PV_TRY(Replaced replaced, carry_out(directory, order, disk));
  // Its data is in place; only the note is left.
  discard_replaced(directory, kept.layout, kept.replaced.id, disk);
  return replaced;
}

Result<void> check_undo(const fs::Path& directory, std::string_view id) {
  PV_TRY(const Kept kept, find_kept(directory, id));
  PV_CHECK(kept.layout.check_units_can_move(directory));
  // Two indexes of 32 KiB, the names of units in a note and in the journal, a block for each
  // folder.
  constexpr std::uint64_t kAtLeastBytes = std::uint64_t{256} << 10U;
  constexpr std::uint64_t kFolderBytes = 4096;
  constexpr std::uint64_t kTimesNoted = 5;
  const Result<fs::Stat> note = fs::stat(kept.replaced.folder / kReplacedInfo);
  const std::uint64_t bytes = kAtLeastBytes + kept.layout.places().size() * kFolderBytes +
                              (note.has_value() ? note->size_bytes * kTimesNoted : 0);
  for (const Volume& volume : kept.layout.volumes()) {
    const fs::Path vault = directory / volume.vault;
    const Result<void> has_room = try_room(vault, bytes);
    if (has_room.has_value() || has_room.error().code != Code::kNoSpace) { continue; }
    return fail(Code::kNoSpace,
                "nothing was changed: an undo moves data without copying it, but needs " +
                    format_size(bytes) + " for its notes in " + printable(vault.native()) +
                    ", and the disk is full. Free that much, then try again");
  }
  return {};
}

bool is_cut_off(const fs::Path& directory) {
  // What can't be looked at counts: recover() then says what is wrong.
  const Result<fs::Stat> found = fs::link_stat(journal_path(directory));
  return found.has_value() || found.error().code != Code::kNotFound;
}

bool is_cut_off_with_databases(const fs::Path& directory) {
  const Result<std::optional<Journal>> journal = read_journal(directory);
  if (!journal.has_value()) { return true; }
  return *journal && involves_databases((*journal)->layout.units());
}

std::vector<std::string> units_cut_off(const fs::Path& directory) {
  const Result<std::optional<Journal>> journal = read_journal(directory);
  return journal.value_or(std::nullopt) ? (*journal)->layout.units() : std::vector<std::string>{};
}

Result<Recovery> recover(const fs::Path& directory, Disk& disk) {
  PV_TRY(const std::optional<Journal> journal, read_journal(directory));
  if (!journal) { return Recovery::kNothing; }
  return finish_exchange(directory, *journal, disk);
}

}  // namespace pv::restore
