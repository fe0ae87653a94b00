// The folders replaced-ID: data that an exchange put aside, with a note of what it is.
#pragma once

#include <string>

#include "restore/restore.h"

namespace pv::restore {

// "replaced-ID", "replaced-ID/pb_data": relative to .pocketvault, as a journal has them.
[[nodiscard]] std::string replaced_folder(std::string_view id);
[[nodiscard]] std::string replaced_data(std::string_view id);

// Makes the folder of `replaced` with its note, on disk, before anything moves into it.
[[nodiscard]] Result<void> create_replaced(const fs::Path& directory, const Replaced& replaced,
                                           Disk& disk);

// Removes the folder when nothing lies in it but the note; data is left alone, whatever failed.
void discard_replaced(const fs::Path& folder, Disk& disk);

}  // namespace pv::restore
