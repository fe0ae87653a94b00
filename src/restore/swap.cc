#include <algorithm>
#include <optional>

#include "base/text.h"
#include "restore/exchange.h"
#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/replaced.h"
#include "restore/restore.h"

namespace pv::restore {
namespace {

struct Order {
  std::string incoming;  // relative to .pocketvault
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

Result<Journal> journal_for(const fs::Path& directory, const Order& order) {
  PV_TRY(std::vector<std::string> out, entries_to_exchange(directory));
  PV_TRY(std::vector<std::string> in,
         entries_to_exchange(vault_folder(directory) / order.incoming));
  std::reverse(in.begin(), in.end());
  return Journal{.back = false,
                 .incoming = order.incoming,
                 .aside = replaced_data(order.id),
                 .out = std::move(out),
                 .in = std::move(in)};
}

Result<Replaced> carry_out(const fs::Path& directory, const Order& order, Disk& disk) {
  PV_TRY(const std::optional<Journal> unfinished, read_journal(directory));
  if (unfinished) {
    return fail(Code::kBusy,
                "an earlier restore was cut off; start pocketvault again, which "
                "finishes it or takes it back");
  }
  PV_CHECK(refuse_mounts(directory));
  PV_TRY(const Journal journal, journal_for(directory, order));
  Replaced replaced{.id = order.id,
                    .folder = vault_folder(directory) / replaced_folder(order.id),
                    .at = order.now,
                    .restored_from = order.restored_from};
  Result<void> done = create_replaced(directory, replaced, disk);
  if (done.has_value()) { done = exchange(directory, journal, disk); }
  if (done.has_value()) { return replaced; }
  // With a journal left behind, recover() needs the folder.
  if (!fs::exists(journal_path(directory))) { discard_replaced(replaced.folder, disk); }
  return fail(done.error());
}

}  // namespace

Result<Replaced> swap(const fs::Path& directory, const Staged& staged,
                      std::string_view restored_from, WallTime now, Disk& disk) {
  const Order order{.incoming = staged.folder.filename().string(),
                    .id = staged.id,
                    .restored_from = std::string{restored_from},
                    .now = now};
  PV_TRY(Replaced replaced, carry_out(directory, order, disk));
  (void)disk.remove_folder(staged.folder);  // empty by now
  return replaced;
}

Result<Replaced> undo(const fs::Path& directory, std::string_view id, WallTime now, Disk& disk) {
  PV_TRY(const std::vector<Replaced> kept, list_replaced(directory));
  const auto found = std::find_if(kept.begin(), kept.end(), [&](const Replaced& replaced) {
    return id.empty() || replaced.id == id;
  });
  if (found == kept.end()) {
    return fail(Code::kNotFound, "there is no replaced data to take back in " +
                                     printable(vault_folder(directory).native()));
  }
  const Order order{.incoming = replaced_data(found->id),
                    .id = random_text(system_random(), kLowerAlphanumeric, 15),
                    .restored_from = undone(found->restored_from),
                    .now = now};
  PV_TRY(Replaced replaced, carry_out(directory, order, disk));
  discard_replaced(found->folder, disk);  // its data is in place; only the note is left
  return replaced;
}

bool is_cut_off(const fs::Path& directory) { return fs::exists(journal_path(directory)); }

Result<Recovery> recover(const fs::Path& directory, Disk& disk) {
  PV_TRY(const std::optional<Journal> journal, read_journal(directory));
  if (!journal) { return Recovery::kNothing; }
  return finish_exchange(directory, *journal, disk);
}

}  // namespace pv::restore
