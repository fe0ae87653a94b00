// Forms of what stands in the columns of vault.db.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/text.h"
#include "base/wall_time.h"

namespace pv::state {

// Milliseconds since 1970, UTC; as wall_time(), and nothing before 1970.
[[nodiscard]] inline WallTime time_of_ms(std::int64_t count) {
  return wall_time(std::chrono::milliseconds{std::max<std::int64_t>(count, 0)});
}

[[nodiscard]] inline std::int64_t ms_of(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

// For what a check or a library says in many lines: whole characters, at most `bytes_max` of them.
[[nodiscard]] inline std::string first_line(const std::string& text, std::size_t bytes_max) {
  std::string line = printable(text.substr(0, text.find('\n')));
  line.resize(whole_characters(line, bytes_max));
  return line;
}

}  // namespace pv::state
