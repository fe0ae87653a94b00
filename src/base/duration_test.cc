#include "base/duration.h"

#include <gtest/gtest.h>

namespace pv {
namespace {

using namespace std::chrono_literals;

struct DurationCase {
  const char* given;
  std::optional<std::chrono::seconds> span;
};

constexpr DurationCase kDurations[] = {
    {"0", 0s},
    {"0h", 0s},
    {"90s", 90s},
    {"15m", 15min},
    {"24h", 24h},
    {"7d", 168h},
    {"2w", 336h},
    {"", std::nullopt},
    {"24", std::nullopt},  // of what?
    {"-1h", std::nullopt},
    {"1.5h", std::nullopt},
    {"1h30m", std::nullopt},
    {"h", std::nullopt},
    {"1 h", std::nullopt},
    {"1y", std::nullopt},
    {"36600d", 36600 * 24h},
    {"36601d", std::nullopt},
    {"99999999999999999999s", std::nullopt},
    {"9223372036854775807w", std::nullopt},
};

TEST(ParseDuration, TakesANumberAndAUnit) {
  for (const DurationCase& one : kDurations) {
    EXPECT_EQ(parse_duration(one.given), one.span) << one.given;
  }
}

}  // namespace
}  // namespace pv
