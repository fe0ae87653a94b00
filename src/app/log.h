// The server's log: lines on stderr. No secret is ever handed to it.
#pragma once

#include <string>

#include "jobs/job.h"

namespace pv::app {

void open_log();

// One line when a job starts, one when it ends, and one for each warning (the first 20).
void log_job(const jobs::Status& status);

// "backup nightly.zip done in 1.24 s: 2503 files, 770.0 MB in an archive of 397.2 MB, writers
// paused for 0.21 ms (pinned), 2 warnings"
[[nodiscard]] std::string describe(const jobs::Status& status);

}  // namespace pv::app
