#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace pv::s3 {

// "2026-11-26T10:00:00Z", "2026-11-26T10:00:00.123Z": the UTC form of ISO 8601 that S3 uses; the
// fraction is cut off; see wall_time() for years far off. nullopt: anything else, and before 1900.
[[nodiscard]] std::optional<WallTime> parse_iso_date(std::string_view text);

}  // namespace pv::s3
