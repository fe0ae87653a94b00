// What a preflight found, for people.
#pragma once

#include <string>

#include "cli/cli.h"
#include "cli/words.h"
#include "jobs/preflight.h"

namespace pv::cli {

// Some lines, the last one without its end. `status` is of a preflight that has succeeded.
[[nodiscard]] std::string render_preflight(const Words& words, const jobs::Status& status);

// 0 ok, 3 warnings, 7 refused, 8 refused for lack of space alone.
[[nodiscard]] Exit exit_for(const jobs::Preflight& preflight);

}  // namespace pv::cli
