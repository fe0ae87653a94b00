#include "s3/date.h"

#include "base/wall_time.h"

namespace pv::s3 {
namespace {

// Digits [at, at + count) as a number; -1: not digits alone.
int number_at(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char letter : text.substr(at, count)) {
    if (letter < '0' || letter > '9') { return -1; }
    value = value * 10 + (letter - '0');
  }
  return value;
}

}  // namespace

std::optional<WallTime> parse_iso_date(std::string_view text) {
  constexpr std::size_t kWholeBytes = 19;  // 2026-11-26T10:00:00
  if (text.size() <= kWholeBytes || !text.ends_with('Z')) { return std::nullopt; }
  const std::string_view fraction = text.substr(kWholeBytes, text.size() - kWholeBytes - 1);
  if (!fraction.empty() && (fraction[0] != '.' || fraction.size() < 2 || fraction.size() > 10 ||
                            number_at(fraction, 1, fraction.size() - 1) < 0)) {
    return std::nullopt;
  }
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const int year = number_at(text, 0, 4);
  const int month = number_at(text, 5, 2);
  const int day = number_at(text, 8, 2);
  const int hour = number_at(text, 11, 2);
  const int minute = number_at(text, 14, 2);
  const int second = number_at(text, 17, 2);
  // Before 1900: what programs write that know none, as 0001-01-01.
  if (year < 1900 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) { return std::nullopt; }
  const auto midnight = std::chrono::sys_seconds{std::chrono::sys_days{date}}.time_since_epoch();
  return wall_time(std::chrono::seconds{midnight + std::chrono::hours{hour} +
                                        std::chrono::minutes{minute} +
                                        std::chrono::seconds{second}});
}

}  // namespace pv::s3
