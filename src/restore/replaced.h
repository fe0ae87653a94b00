// The folders replaced-ID: data that an exchange put aside, with a note of what it is. There is one
// on each volume that took part.
#pragma once

#include <array>
#include <string>

#include "restore/layout.h"

namespace pv::restore {

// "replaced-ID", "replaced-ID/pb_data": in the vault of each volume.
[[nodiscard]] std::string replaced_folder(std::string_view id);
[[nodiscard]] std::string replaced_data(std::string_view id);

// Makes the folders of `replaced` with their notes, and in them one for each place, on disk, before
// anything moves into them. What was made is removed when it fails.
[[nodiscard]] Result<void> create_replaced(const fs::Path& directory, const Layout& layout,
                                           const Replaced& replaced, Disk& disk);

// Removes the folders when nothing lies in them but the notes; data is left alone, whatever failed.
void discard_replaced(const fs::Path& directory, const Layout& layout, const std::string& id,
                      Disk& disk);

// The vaults of the directory's own volume, where replaced data is listed.
inline constexpr std::array<std::string_view, 2> kOwnVaults{kOwnVault, kVolumeVault};

// Replaced data, and how the directory lay when it was replaced.
struct Kept {
  Replaced replaced;
  Layout layout;
  bool has_note = true;
};
// By its note in the folder `name` ("replaced-ID", "going-ID") of `vault`. Without a note, or with
// one that is damaged, it is known by its folder alone, as lying on no other volume.
[[nodiscard]] Result<Kept> read_kept(const fs::Path& directory, std::string_view vault,
                                     const std::string& name);
// Newest first.
[[nodiscard]] Result<std::vector<Kept>> list_kept(const fs::Path& directory);

// Whether something was put aside and is still there; empty folders for places are nothing.
[[nodiscard]] bool has_data(const fs::Path& directory, const Kept& kept);
[[nodiscard]] bool has_strays(const fs::Path& directory, const Kept& kept);

// names_in(); none where there is no folder.
[[nodiscard]] Result<std::vector<std::string>> names_if_any(const fs::Path& folder);

}  // namespace pv::restore
