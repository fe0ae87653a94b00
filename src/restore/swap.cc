#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "fs/give.h"
#include "restore/exchange.h"
#include "restore/journal.h"
#include "restore/layout.h"
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
};

// "undo of NAME"; taking that back is NAME once more.
std::string undone(const std::string& restored_from) {
  constexpr std::string_view kUndo = "undo of ";
  return restored_from.starts_with(kUndo) ? restored_from.substr(kUndo.size())
                                          : std::string{kUndo} + restored_from;
}

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

// All of a place's entries for all of those that come.
Result<PlaceMoves> whole_place(const fs::Path& directory, const Order& order,
                               const std::string& place) {
  const fs::Path here = place.empty() ? directory : directory / place;
  const fs::Path incoming = directory / order.layout.inside(order.incoming, place);
  PlaceMoves moves;
  moves.folder = place;
  PV_TRY(moves.out, entries_to_exchange(here, place, order.layout));
  PV_TRY(moves.in, entries_to_exchange(incoming, place, order.layout));
  std::reverse(moves.in.begin(), moves.in.end());
  PV_TRY(moves.read_only_out, read_only_among(moves.out, here));
  PV_TRY(moves.read_only_in, read_only_among(moves.in, incoming));
  return moves;
}

Result<Journal> journal_for(const fs::Path& directory, const Order& order) {
  Journal journal{.back = false,
                  .layout = order.layout,
                  .incoming = order.incoming,
                  .aside = replaced_data(order.id),
                  .places = {}};
  for (const std::string& place : order.layout.places()) {
    PV_TRY(PlaceMoves moves, whole_place(directory, order, place));
    journal.places.push_back(std::move(moves));
  }
  return journal;
}

Result<Replaced> carry_out(const fs::Path& directory, const Order& order, Disk& disk) {
  if (is_cut_off(directory)) {
    return fail(Code::kBusy,
                "an earlier restore was cut off; start pocketvault again, which "
                "finishes it or takes it back");
  }
  PV_CHECK(order.layout.check_still_so(directory, order.incoming, disk));
  PV_TRY(const Journal journal, journal_for(directory, order));
  Replaced replaced{.id = order.id,
                    .folder = directory / order.layout.inside(replaced_folder(order.id), ""),
                    .at = order.now,
                    .restored_from = order.restored_from};
  PV_CHECK(create_replaced(directory, order.layout, replaced, disk));
  const Result<void> done = exchange(directory, journal, disk);
  if (done.has_value()) { return replaced; }
  // With a journal left behind, recover() needs the folders.
  if (!is_cut_off(directory)) { discard_replaced(directory, order.layout, order.id, disk); }
  return fail(done.error());
}

// On which volumes the data lies is known by its note alone.
Result<void> check_note(const fs::Path& directory, const Kept& kept, const Disk& disk) {
  if (kept.has_note) { return {}; }
  PV_TRY(const Layout layout, Layout::of(directory, disk));
  if (layout.other_volumes().empty()) { return {}; }
  return fail(Code::kDamaged, "the note " +
                                  printable((kept.replaced.folder / kReplacedInfo).native()) +
                                  " can't be read, and with " + layout.other_volumes().front() +
                                  " on a volume of its own it is not known what lies where: put "
                                  "the data in place by hand");
}

// Until here they were root's alone where root works; should a crash come from now on, the app's
// own user is to finish what was begun.
void give_incoming(const fs::Path& directory, const Order& order) {
  for (const Volume& volume : order.layout.volumes()) {
    const fs::Path vault = directory / volume.vault;
    fs::give_like(vault, vault / order.incoming);
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
  const Order order{.layout = Layout{staged.folder.parent_path().filename(), staged.volumes},
                    .incoming = staged.folder.filename().string(),
                    .id = staged.id,
                    .restored_from = std::string{restored_from},
                    .now = now};
  give_incoming(directory, order);
  PV_TRY(Replaced replaced, carry_out(directory, order, disk));
  remove_emptied(directory, order, disk);
  return replaced;
}

Result<Replaced> undo(const fs::Path& directory, std::string_view id, WallTime now, Disk& disk) {
  PV_TRY(const std::vector<Kept> kept, list_kept(directory));
  const auto found = std::find_if(kept.begin(), kept.end(), [&](const Kept& one) {
    return id.empty() || one.replaced.id == id;
  });
  if (found == kept.end()) {
    return fail(Code::kNotFound, "there is no replaced data to take back in " +
                                     printable(vault_folder(directory).native()));
  }
  PV_CHECK(check_note(directory, *found, disk));
  const Order order{.layout = found->layout,
                    .incoming = replaced_data(found->replaced.id),
                    .id = random_text(system_random(), kLowerAlphanumeric, 15),
                    .restored_from = undone(found->replaced.restored_from),
                    .now = now};
  PV_TRY(Replaced replaced, carry_out(directory, order, disk));
  // Its data is in place; only the note is left.
  discard_replaced(directory, found->layout, found->replaced.id, disk);
  return replaced;
}

bool is_cut_off(const fs::Path& directory) {
  // What can't be looked at counts: recover() then says what is wrong.
  const Result<fs::Stat> found = fs::link_stat(journal_path(directory));
  return found.has_value() || found.error().code != Code::kNotFound;
}

Result<Recovery> recover(const fs::Path& directory, Disk& disk) {
  PV_TRY(const std::optional<Journal> journal, read_journal(directory));
  if (!journal) { return Recovery::kNothing; }
  return finish_exchange(directory, *journal, disk);
}

}  // namespace pv::restore
