#include "datadir/stale_wal.h"

#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "datadir/fresh.h"
#include "fs/give.h"
#include "sqlite/exclusion.h"

namespace pv::datadir {
namespace {

constexpr std::size_t kLinesMax = 16;
constexpr std::uint64_t kBytesMax = 64 << 10;

fs::Path place_of_notes(const fs::Path& directory) {
  return directory / ".pocketvault" / "wal-owners";
}

// Devices are numbered anew when a machine starts; all of these files lie on one.
bool is_same(const std::optional<fs::Identity>& found, const fs::Identity& known) {
  return found && found->inode == known.inode && found->born_ns == known.born_ns;
}

}  // namespace

std::vector<WalOwner> noted_wal_owners(const fs::Path& directory) {
  std::vector<WalOwner> owners;
  const auto text = fs::read_file(place_of_notes(directory), kBytesMax);
  if (!text.has_value()) { return owners; }
  std::istringstream lines{*text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields{line};
    WalOwner owner;
    fields >> owner.database >> owner.file.inode >> owner.file.born_ns >> owner.wal.inode >>
        owner.wal.born_ns >> owner.wal_bytes >> owner.wal_changed_ns;
    const bool is_ours = owner.database == "data.db" || owner.database == "auxiliary.db";
    if (fields && is_ours) { owners.push_back(std::move(owner)); }
  }
  return owners;
}

void note_wal_owners(const fs::Path& directory, const std::vector<WalOwner>& owners) {
  std::vector<WalOwner> all = noted_wal_owners(directory);
  bool is_other = false;
  for (WalOwner owner : owners) {
    owner.file.device = 0;
    owner.wal.device = 0;
    const bool has_births = owner.file.born_ns != 0 && owner.wal.born_ns != 0;
    if (!has_births || std::find(all.begin(), all.end(), owner) != all.end()) { continue; }
    std::erase_if(all, [&](const WalOwner& one) {  // as it was before
      return one.database == owner.database && one.file == owner.file && one.wal == owner.wal;
    });
    all.push_back(std::move(owner));
    is_other = true;
  }
  if (!is_other || !fs::exists(directory)) { return; }
  std::ostringstream text;
  for (std::size_t i = all.size() > kLinesMax ? all.size() - kLinesMax : 0; i < all.size(); ++i) {
    const WalOwner& owner = all[i];
    text << owner.database << ' ' << owner.file.inode << ' ' << owner.file.born_ns << ' '
         << owner.wal.inode << ' ' << owner.wal.born_ns << ' ' << owner.wal_bytes << ' '
         << owner.wal_changed_ns << '\n';
  }
  constexpr std::uint32_t kMode = 0600;
  if (!make_vault_folder(directory).has_value()) { return; }
  const fs::Path place = place_of_notes(directory);
  if (fs::write_file_atomically(place, text.str(), kMode).has_value()) {
    fs::give_like(place.parent_path(), place);
  }
}

WalOwner as_it_is(const fs::Path& directory, WalOwner owner) {
  const auto found = fs::stat(directory / (owner.database + "-wal"));
  if (found.has_value()) {
    owner.wal_bytes = found->size_bytes;
    owner.wal_changed_ns = found->modified.time_since_epoch() / std::chrono::nanoseconds{1};
  }
  return owner;
}

Wal judge(const fs::Path& directory, const WalOwner& owner) {
  const fs::Path wal = directory / (owner.database + "-wal");
  if (!is_same(fs::identity_of(wal), owner.wal)) { return Wal::kOwn; }
  if (is_same(fs::identity_of(directory / owner.database), owner.file)) { return Wal::kOwn; }
  const WalOwner now = as_it_is(directory, owner);
  if (now.wal_bytes == 0) { return Wal::kOwn; }
  return now == owner ? Wal::kStale : Wal::kUnknown;
}

std::string tell_of(Wal wal, const WalOwner& owner) {
  const std::string& name = owner.database;
  return wal == Wal::kStale ? name + "-wal still is that of the " + name +
                                  " that was there before, and would damage the new one"
                            : name + "-wal was that of the " + name +
                                  " that was there before, and was written to since";
}

std::string tell_of_stale_wal(const fs::Path& directory) {
  for (const WalOwner& owner : noted_wal_owners(directory)) {
    const Wal wal = judge(directory, owner);
    if (wal != Wal::kOwn && fs::exists(directory / owner.database)) { return tell_of(wal, owner); }
  }
  return {};
}

Result<std::string> put_wal_by(const fs::Path& directory, const std::string& database) {
  const std::string name = database + "-wal";
  const fs::Path wal = directory / name;
  PV_CHECK(make_vault_folder(directory));
  PV_TRY(const auto alone, sqlite::Exclusion::take(directory / database));
  const auto which = fs::identity_of(wal);
  if (!which) { return fail(Code::kNotFound, printable(wal.native()) + " is gone"); }
  const fs::Path folder =
      directory / ".pocketvault" /
      ("lost-wal-" + std::to_string(which->inode) + "-" + std::to_string(which->born_ns));
  auto made = fs::make_folder(folder, 0700);
  if (!made.has_value() && made.error().code != Code::kExists) { return fail(made.error()); }
  fs::give_like(folder.parent_path(), folder);
  PV_CHECK(fs::rename_to_new(wal, folder / name));
  // Only an index of what is gone now: made anew by whoever opens the database first.
  auto removed = fs::remove_file(directory / (database + "-shm"));
  if (!removed.has_value() && removed.error().code != Code::kNotFound) {
    return fail(removed.error());
  }
  PV_CHECK(fs::sync_folder(folder));
  PV_CHECK(fs::sync_folder(directory));
  return name + " was that of the " + database +
         " that was there before, and holds what was written to that last. So that the two are "
         "not mixed it was put by in " +
         printable(folder.native()) + ": laid beside a copy of the old " + database +
         ", under the same name, it can be read with sqlite3; else remove that folder";
}

}  // namespace pv::datadir
