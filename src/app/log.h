// The server's log: lines on stderr, text on a terminal, else JSON. No secret is ever handed to it.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "jobs/job.h"

namespace pv::app {

void open_log();
// "debug", "info", "warning" or "error": what is less is passed over. Any thread.
void set_log_level(const std::string& level);

// {"time":"2026-11-21T00:54:47.907Z","level":"info","message":"..."}, without a newline. Valid
// UTF-8, whatever the message is.
[[nodiscard]] std::string json_line(WallTime time, std::string_view level,
                                    std::string_view message);

// One line when a job starts, one when it ends, and one for each warning (the first 20).
void log_job(const jobs::Status& status);

// "backup nightly.zip done in 1.24 s: 2503 files, 770.0 MB in an archive of 397.2 MB, writers
// paused for 0.21 ms (pinned), 2 warnings"
[[nodiscard]] std::string describe(const jobs::Status& status);

}  // namespace pv::app
