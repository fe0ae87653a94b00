// How fast a count grows, over the last few seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace pv::jobs {

// Threads    One at a time.
// Memory     At most kSamplesMax samples, however often it is told.
class RateMeter {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  // `count` never goes back, `now` neither.
  void add(Moment now, std::uint64_t count);

  // 0 while less than 100 ms are known. Who is told seldom knows only the time since it was last
  // told.
  [[nodiscard]] std::uint64_t per_second() const;

  static constexpr std::chrono::seconds kOver{5};
  static constexpr std::chrono::milliseconds kApart{100};  // samples that are kept
  static constexpr std::size_t kSamplesMax = 64;

 private:
  struct Sample {
    Moment at;
    std::uint64_t count = 0;
  };
  std::deque<Sample> samples_;  // oldest first
};

}  // namespace pv::jobs
