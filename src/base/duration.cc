#include "base/duration.h"

#include <charconv>
#include <cstdint>

namespace pv {
namespace {

// 0: no such unit.
std::int64_t seconds_in(std::string_view unit) {
  if (unit == "s") { return 1; }
  if (unit == "m") { return 60; }
  if (unit == "h") { return 60 * 60; }
  if (unit == "d") { return 24 * 60 * 60; }
  if (unit == "w") { return 7 * 24 * 60 * 60; }
  return 0;
}

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::int64_t kSecondsMax = std::int64_t{100} * 366 * 24 * 60 * 60;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || number < 0) { return std::nullopt; }
  const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  if (unit.empty() && number == 0) { return std::chrono::seconds{0}; }
  const std::int64_t each = seconds_in(unit);
  if (each == 0 || number > kSecondsMax / each) { return std::nullopt; }
  return std::chrono::seconds{number * each};
}

}  // namespace pv
