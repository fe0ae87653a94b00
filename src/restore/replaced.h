// The folders replaced-ID: data that an exchange put aside, with a note of what it is. There is one
// on each volume that took part.
#pragma once

#include <array>
#include <string>

#include "restore/journal.h"

namespace pv::restore {

// "replaced-ID", "replaced-ID/pb_data": in the vault of each volume.
[[nodiscard]] std::string replaced_folder(std::string_view id);
[[nodiscard]] std::string replaced_data(std::string_view id);

// Removes the folders when nothing lies in them but the notes; data is left alone, whatever failed.
void discard_replaced(const fs::Path& directory, const Layout& layout, const std::string& id,
                      Disk& disk);

// The vaults of the directory's own volume, where replaced data is listed.
inline constexpr std::array<std::string_view, 2> kOwnVaults{kOwnVault, kVolumeVault};

// The mark, beside the note: units came, and none of them was there before.
inline constexpr std::string_view kReplacedNothing = "nothing";

// Replaced data, and how the directory lay when it was replaced.
struct Kept {
  Replaced replaced;
  Layout layout;
  std::vector<std::string> made = {};  // Moves::made of the exchange that put it aside
  bool has_note = true;
};

// Makes the folders of `kept` with their notes, and in them one for each of `places` (with those on
// the way to it), like those in place, on disk, before anything moves into them. What was made is
// removed when it fails.
[[nodiscard]] Result<void> create_replaced(const fs::Path& directory, const Kept& kept,
                                           const std::vector<PlaceMoves>& places, Disk& disk);

// By its note in the folder `name` ("replaced-ID", "going-ID") of `vault`. Without a note, or with
// one that is damaged, it is known by its folder alone, as lying on no other volume.
[[nodiscard]] Result<Kept> read_kept(const fs::Path& directory, std::string_view vault,
                                     const std::string& name);
// Newest first, with all that is known of them.
[[nodiscard]] Result<std::vector<Kept>> list_kept(const fs::Path& directory);

// Whether there is something to take back: what was put aside, or a mark that units came where none
// were. Empty folders for places are nothing.
[[nodiscard]] bool has_data(const fs::Path& directory, const Kept& kept);
// Files and folders that were put by. A folder that can't be looked into counts as one.
[[nodiscard]] std::uint64_t count_strays(const fs::Path& directory, const Kept& kept);

// names_in(); none where there is no folder.
[[nodiscard]] Result<std::vector<std::string>> names_if_any(const fs::Path& folder);

}  // namespace pv::restore
