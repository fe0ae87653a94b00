// Backups that are not to be removed, whatever the rules or a slip say.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "state/vault_db.h"

namespace pv::state {

struct Pin {
  std::string key;   // of the backup; it is the name that is pinned
  std::string note;  // why, at most kNoteBytesMax
  WallTime at;       // to the millisecond
  friend bool operator==(const Pin&, const Pin&) = default;
};

inline constexpr std::size_t kNoteBytesMax = 500;

// Pins lie in vault.db. Beside it a file, `pinned`, says how many there are, so that a vault.db
// that was lost, or began anew after damage, is not taken for one without pins: until it has as
// many again, or the file is removed, nobody relies on it.
//
// Errors of all: as VaultDb; `vault_folder` is .pocketvault.

// Whether there are any, by that file alone; where it can't be looked for, there may be.
[[nodiscard]] bool has_pins(const fs::Path& vault_folder);

// By key. kDamaged: there were more, and vault.db does not have them any more.
[[nodiscard]] Result<std::vector<Pin>> read_pins(const fs::Path& vault_folder);

// In the place of an earlier one of that key.
[[nodiscard]] Result<void> put_pin(const fs::Path& vault_folder, const Pin& pin,
                                   const VaultDb::Say& say);
// false: that key is not pinned. Without any pins left all is as if there never were some.
[[nodiscard]] Result<bool> remove_pin(const fs::Path& vault_folder, const std::string& key);

}  // namespace pv::state
