// The files that AWS's programs share: ~/.aws/credentials and ~/.aws/config.
#pragma once

#include <optional>

#include "s3/credentials.h"

namespace pv::s3 {

// Those of the profile that the environment names; nullopt: no file or no keys in it. kNotFound: a
// profile was named, and neither file has it. kInvalid: half a pair of keys, a file over 1 MiB.
// An error names the file and the profile, never a line of it.
[[nodiscard]] Result<std::optional<Credentials>> credentials_of_files(
    const Environment& environment);

}  // namespace pv::s3
