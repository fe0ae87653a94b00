// What comes through a pipe, or is typed: it has no size, can be read once, and may never come.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "fs/file.h"

namespace pv::fs {

struct LineOptions {
  std::size_t bytes_max = 0;
  std::chrono::milliseconds patience{0};
  std::stop_token stop = {};
};

// The first line without its end, or all where no line ends. Waits for it, and no longer for what
// comes behind. A FIFO with a name that nobody writes to yet is waited for as well. kInvalid:
// longer than that; kUnavailable: it did not come in time; kCancelled.
[[nodiscard]] Result<std::string> read_first_line(const Path& path, const LineOptions& options);

}  // namespace pv::fs
