// `pocketvault serve`.
#pragma once

#include <string>

#include "cli/cli.h"

namespace pv::app {

// Serves until SIGTERM or SIGINT; ends within 10 s of it. Returns the exit status.
[[nodiscard]] int serve(const cli::ServeOptions& options, const std::string& version);

}  // namespace pv::app
