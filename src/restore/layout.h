// How a data directory lies on file systems, and the names in it that restore's own parts share.
//
// Renames do not leave a file system, so each volume in the directory (a mount, or what the link
// `storage` leads to) keeps what is staged for it and replaced on it in a hidden folder of its own,
// and a folder that is a volume, or lies on the way to one, stays where it is: its entries are
// exchanged, each alone.
//
//     pb_data/                          place; volume, vault .pocketvault
//       data.db                         entry
//       storage/                        place
//         a/                            entry
//         b/        another disk        place; volume, vault storage/b/.pocketvault-restore
//           c/                          entry
//
// Of a scope only its units are exchanged, each whole; the folders on the way to them are places of
// which nothing else moves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "restore/restore.h"

namespace pv::restore {

// Whether a root entry of the data directory is never part of a restore: backups and folders that
// belong to programs, not to the data.
[[nodiscard]] bool stays(std::string_view root_entry);

// Whether `name`, relative to the data directory, is or lies in a hidden folder of ours on a
// volume.
[[nodiscard]] bool is_in_volume_vault(std::string_view name);

// Whether `name`, relative to the data directory, lies in no folder of it.
[[nodiscard]] inline bool is_in_root(std::string_view name) {
  return name.find('/') == std::string_view::npos;
}

// Whether `name` is a database to PocketBase, which opens none that lies deeper.
[[nodiscard]] inline bool is_database(std::string_view name) {
  return is_in_root(name) && name.ends_with(".db");
}
// The database of PocketBase's that `name` would lie beside as one of SQLite's companions; else
// `name` itself.
[[nodiscard]] std::string_view database_of(std::string_view name);

// The files that SQLite would take for a part of the file `name`: any may be a database, of an app
// or a hook, wherever it lies and whatever it is called. Names that no folder can hold are left
// out.
[[nodiscard]] std::vector<std::string> sqlite_companions_of(std::string_view name);

// The files that go with the file `name` wherever it goes: these, and of a stored file the
// ".attrs" in which PocketBase keeps its type and more. And the other way round: what `name` goes
// with, else `name` itself. Folders go with nothing, and nothing with them.
[[nodiscard]] std::vector<std::string> companions_of(std::string_view name);
[[nodiscard]] std::string_view main_of(std::string_view name);

// Whether `name` is `folder` or lies in it; everything lies in "".
[[nodiscard]] inline bool is_at_or_below(std::string_view name, std::string_view folder) {
  return folder.empty() || name == folder ||
         (name.starts_with(folder) && name[folder.size()] == '/');
}

// Whether `is_one` says so of `name`, or of a folder that it lies in.
template <class Predicate>
[[nodiscard]] bool any_at_or_above(std::string_view name, const Predicate& is_one) {
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    if (is_one(name.substr(0, slash))) { return true; }
  }
  return is_one(name);
}

// A name that a folder can hold: without "/", neither "." nor "..".
[[nodiscard]] bool is_one_name(std::string_view name);

// A clean relative name of a folder inside the data directory whose entries a restore may move.
[[nodiscard]] bool is_folder_name(std::string_view name);

[[nodiscard]] inline fs::Path vault_folder(const fs::Path& directory) {
  return directory / ".pocketvault";
}
[[nodiscard]] inline fs::Path journal_path(const fs::Path& directory) {
  return vault_folder(directory) / "restore.journal";
}

// On volumes; on the directory's own as well where .pocketvault lies on another.
inline constexpr std::string_view kVolumeVault = ".pocketvault-restore";
inline constexpr std::string_view kOwnVault = ".pocketvault";
inline constexpr std::string_view kStagedPrefix = "restore-";
inline constexpr std::string_view kReplacedPrefix = "replaced-";
inline constexpr std::string_view kGoingPrefix = "going-";  // replaced data that is being removed
// Inside a replaced-ID: the data itself, and beside it what it is, and what was in the way.
inline constexpr std::string_view kReplacedData = "pb_data";
inline constexpr std::string_view kReplacedInfo = "info";
inline constexpr std::string_view kReplacedStray = "stray";

// Names are relative to the data directory; "" is the directory itself.
struct Volume {
  std::string at;     // the folder that it is, or is reached through
  std::string vault;  // our folder on it
  friend bool operator==(const Volume&, const Volume&) = default;
};

class Layout {
 public:
  // As the directory lies now, as far as it concerns `units` (Plan::units). kUnsupported, saying
  // what to do: a database that is a link, a file that is a mount, a link `storage` that leads
  // nowhere; a unit in what is no folder.
  [[nodiscard]] static Result<Layout> of(const fs::Path& directory, const Disk& disk,
                                         const std::vector<std::string>& units = {});

  // As it lay once: `own_vault` is the directory's, `volumes` where the others are.
  Layout(std::string own_vault, const std::vector<std::string>& volumes,
         std::vector<std::string> units = {});

  // The directory's own comes first, then by name.
  [[nodiscard]] const std::vector<Volume>& volumes() const { return volumes_; }
  // All but the directory's own.
  [[nodiscard]] std::vector<std::string> other_volumes() const;
  // In byte order; empty: everything.
  [[nodiscard]] const std::vector<std::string>& units() const { return units_; }
  [[nodiscard]] bool is_unit(std::string_view name) const;
  // The folders whose entries are exchanged each alone: "" first, parents before what is in them.
  [[nodiscard]] const std::vector<std::string>& places() const { return places_; }
  [[nodiscard]] bool is_place(std::string_view name) const;
  // Whether `name` is a unit or lies in one. All entries of such a place are exchanged; of others
  // only units, with their companions.
  [[nodiscard]] bool is_whole(std::string_view name) const;
  [[nodiscard]] const Volume& volume_of(std::string_view name) const;
  // Where `name` lies inside `folder` ("restore-ID") of its volume's vault, relative to the
  // directory: "storage/.pocketvault-restore/restore-ID/a/b.png".
  [[nodiscard]] std::string inside(std::string_view folder, std::string_view name) const;

  // The first folder on the way to `name` that is not there; nullopt: all are. kUnsupported: one is
  // a file, or a link that is no volume.
  [[nodiscard]] Result<std::optional<std::string>> missing_above(const fs::Path& directory,
                                                                 std::string_view name) const;

  // kUnsupported, saying what to do: a unit can't come where it belongs, for a file or a link is on
  // its way there, or a folder that must not be written to. of() has seen to it.
  [[nodiscard]] Result<void> check_units_can_move(const fs::Path& directory) const;

  // kUnsupported when something is mounted that is no volume of this layout, or when a volume of it
  // does not hold `folder` (which lies in each vault): it is not mounted now, or another one is.
  [[nodiscard]] Result<void> check_still_so(const fs::Path& directory, std::string_view folder,
                                            const Disk& disk) const;

  friend bool operator==(const Layout&, const Layout&) = default;

 private:
  std::vector<Volume> volumes_;
  std::vector<std::string> units_;
  std::vector<std::string> places_;
};

// What was done in `folders` of the directory, and in its vaults, is on disk: one after the other,
// or where they are many the file systems of all volumes as a whole.
[[nodiscard]] Result<void> sync_folders(const fs::Path& directory, const Layout& layout,
                                        const std::vector<fs::Path>& folders, Disk& disk);

// kInvalid unless `vault` is a folder, or absent: where a link stands in its place, work and
// cleaning up would go on where it leads.
[[nodiscard]] Result<void> refuse_linked_vault(const fs::Path& vault);
// "storage/a" and "b" of "storage/a/b".
[[nodiscard]] std::string parent_of(std::string_view name);
[[nodiscard]] std::string last_part_of(std::string_view name);

// Names in `folder`, in byte order.
[[nodiscard]] Result<std::vector<std::string>> names_in(const fs::Path& folder);

// Sorts entries of `place` as they leave it: data.db first, its WAL at once behind it, then the
// rest in byte order. They come in the other way round.
void sort_as_they_leave(std::vector<std::string>& entries, std::string_view place);

// The entries of the folder at `path` that a restore exchanges when it stands for `place`, all of
// them, sorted so. None where there is no folder.
[[nodiscard]] Result<std::vector<std::string>> entries_to_exchange(const fs::Path& path,
                                                                   std::string_view place,
                                                                   const Layout& layout);

}  // namespace pv::restore
