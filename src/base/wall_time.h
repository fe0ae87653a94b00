// Moments that others tell: files, servers, archives, what was written down before.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace pv {

// WallTime ends in 2262, and a file may be of 2446. Any two moments within these bounds are at most
// 290 years apart, which a difference of WallTimes can hold (292); and a span of sixty years can be
// added to one.
inline constexpr WallTime kEarliestTime{std::chrono::sys_days{std::chrono::year{1910} / 1 / 1}};
inline constexpr WallTime kLatestTime{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};

// So long after 1970, UTC, and `rest`, less than one unit of that. What is out of bounds becomes
// the nearest that is not: what lies in the future stays there.
template <class Period>
[[nodiscard]] constexpr WallTime wall_time(std::chrono::duration<std::int64_t, Period> since_1970,
                                           std::chrono::nanoseconds rest = {}) {
  using Span = std::chrono::duration<std::int64_t, Period>;
  // Compared in the unit given: what is beyond can't be said in nanoseconds.
  if (since_1970 >= std::chrono::duration_cast<Span>(kLatestTime.time_since_epoch())) {
    return kLatestTime;
  }
  if (since_1970 < std::chrono::duration_cast<Span>(kEarliestTime.time_since_epoch())) {
    return kEarliestTime;
  }
  return WallTime{since_1970 + rest};
}

}  // namespace pv
