// Spans of time as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace pv {

// "90s", "15m", "24h", "7d", "2w"; "0" is none at all. nullopt: nothing of that, negative, or more
// than 100 years.
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace pv
