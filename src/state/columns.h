// Forms of what stands in the columns of vault.db.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/text.h"

namespace pv::state {

// Milliseconds since 1970, UTC. What no date can be becomes the nearest that can.
[[nodiscard]] inline WallTime time_of_ms(std::int64_t count) {
  using std::chrono::milliseconds;
  using std::chrono::nanoseconds;
  constexpr std::int64_t kMost = std::chrono::floor<milliseconds>(nanoseconds::max()).count();
  return WallTime{milliseconds{std::clamp<std::int64_t>(count, 0, kMost)}};
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
