// How far it is: a bar on a terminal, else a plain line now and then.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <iosfwd>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/words.h"

namespace pv::cli {

// "0:07", "12:34", "1:02:03".
[[nodiscard]] std::string format_span(std::chrono::seconds span);

enum class ProgressStyle { kBar, kLines, kNone };

// Threads    One.
class Progress {
 public:
  // `label`: "backup nightly.zip". `to` and `clock` outlive it.
  Progress(std::ostream& to, ProgressStyle style, const Clock& clock, std::string label,
           Words words);
  ~Progress();  // takes the bar away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `phase`: jobs::Status::phase. `total` 0: unknown. Cheap; shows at most ten bars a second, or
  // one line in ten seconds.
  void update(const std::string& phase, std::uint64_t done, std::uint64_t total);
  // Before something else is written to the same place.
  void clear();

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Sample {
    Moment at;
    std::uint64_t done;
  };

  void remember(Moment now, std::uint64_t done);
  [[nodiscard]] std::optional<double> bytes_per_second() const;
  [[nodiscard]] std::string amount(std::uint64_t done, std::uint64_t total) const;
  [[nodiscard]] std::string bar(const std::string& phase, std::uint64_t done,
                                std::uint64_t total) const;
  [[nodiscard]] std::string line(const std::string& phase, std::uint64_t done,
                                 std::uint64_t total) const;
  [[nodiscard]] std::optional<std::chrono::seconds> left(std::uint64_t done,
                                                         std::uint64_t total) const;

  std::ostream& to_;
  ProgressStyle style_;
  const Clock& clock_;
  std::string label_;
  Words words_;
  std::deque<Sample> samples_;  // of the last seconds; the rate is over these
  Moment next_;                 // not shown again before
  bool bar_is_shown_ = false;
};

}  // namespace pv::cli
