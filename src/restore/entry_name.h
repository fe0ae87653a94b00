// Names of archive entries, which strangers choose.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace pv::restore {

// The name as PocketBase would resolve it below the data directory, cleaned: "a/b". Empty: the
// directory itself. kDamaged: it leads outside, or no file can have it.
[[nodiscard]] Result<std::string> safe_name(std::string_view name);

// kDamaged: `the archive has an entry "name" why`, with as much of the name as can be shown.
[[nodiscard]] tl::unexpected<Error> refuse(std::string_view name, std::string_view why);

}  // namespace pv::restore
