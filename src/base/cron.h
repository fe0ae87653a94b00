// A timetable in five columns, as PocketBase reads it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace pv {

// Minutes, hours, days, months and weekdays (0 is Sunday), in UTC. All five must fit, so that "0 0
// 1 * 1" is the first of a month that is a Monday.
//
//     expression = macro | segment " " segment " " segment " " segment " " segment
//     macro      = "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" |
//     "@hourly" segment    = part *( "," part ) part       = "*" [ "/" step ] | number | number "-"
//     number [ "/" step ]
class Cron {
 public:
  // kInvalid, in the words of PocketBase's parser.
  [[nodiscard]] static Result<Cron> parse(std::string_view text);

  // The beginning of the first minute after `time` that fits; nullopt: none does in 40 years, as
  // with 31 February.
  [[nodiscard]] std::optional<WallTime> next_after(WallTime time) const;

  // How much later than `run`, one of its times, a run may begin and be over with before the next:
  // half of the time between them.
  [[nodiscard]] std::chrono::seconds slack_after(WallTime run) const;

  // As given, but macros written out.
  [[nodiscard]] const std::string& expression() const { return expression_; }

 private:
  // Bit n: the number n fits.
  std::uint64_t minutes_ = 0;
  std::uint64_t hours_ = 0;
  std::uint64_t days_ = 0;
  std::uint64_t months_ = 0;
  std::uint64_t weekdays_ = 0;
  std::string expression_;
};

}  // namespace pv
