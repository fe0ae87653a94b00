#include "jobs/json_reader.h"

#include <array>
#include <charconv>

#include "base/wall_time.h"

namespace pv::jobs {

Code code_of(std::string_view name) {
  constexpr std::array kCodes{Code::kInvalid,     Code::kNotFound,        Code::kExists,
                              Code::kDenied,      Code::kUnauthenticated, Code::kBusy,
                              Code::kDamaged,     Code::kNoSpace,         Code::kUnavailable,
                              Code::kUnsupported, Code::kCancelled,       Code::kInternal};
  for (const Code code : kCodes) {
    if (code_name(code) == name) { return code; }
  }
  return Code::kInternal;
}

std::optional<WallTime> parse_date(std::string_view text) {
  // 0123456789012345678901
  // 2026-11-21 00:54:47.907Z
  constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
  if (text.size() < kShape.size()) { return std::nullopt; }
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    const bool fits = kShape[i] == 'd'   ? digit
                      : kShape[i] == ' ' ? text[i] == ' ' || text[i] == 'T'
                                         : text[i] == kShape[i];
    if (!fits) { return std::nullopt; }
  }
  const auto number = [&](std::size_t start, std::size_t length) {
    int value = 0;
    std::from_chars(text.data() + start, text.data() + start + length, value);
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year{number(0, 4)},
                                        std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                        std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  if (!day.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) {
    return std::nullopt;
  }
  const std::chrono::sys_seconds time =
      std::chrono::sys_days{day} + std::chrono::hours{number(11, 2)} +
      std::chrono::minutes{number(14, 2)} + std::chrono::seconds{number(17, 2)};
  std::chrono::milliseconds rest{0};
  if (text.size() >= kShape.size() + 4 && text[kShape.size()] == '.') {
    rest = std::chrono::milliseconds{number(kShape.size() + 1, 3)};
  }
  return wall_time(time.time_since_epoch(), rest);
}

}  // namespace pv::jobs
