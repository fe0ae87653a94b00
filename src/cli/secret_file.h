// Secrets that are kept in files of their own, so that no process list and no environment has them.
#pragma once

#include <string>

#include "fs/file.h"

namespace pv::cli {

// The first line, without blanks around it. kInvalid: it is empty; the rest as fs::read_file(). No
// error holds anything of it.
[[nodiscard]] Result<std::string> read_secret(const fs::Path& file);

}  // namespace pv::cli
