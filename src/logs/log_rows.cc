#include "logs/log_rows.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pv::logs {

using sqlite::Value;

Result<void> remove_old(sqlite::Connection& auxiliary, WallTime now, std::int64_t days_max,
                        std::int64_t level_min) {
  constexpr std::int64_t kDaysMax = 36'500;  // more would be before the first clock
  const std::chrono::days days{std::clamp<std::int64_t>(days_max, 0, kDaysMax)};
  const auto now_days = std::chrono::floor<std::chrono::days>(now.time_since_epoch());
  const WallTime oldest = now - std::min(days, now_days);
  const std::array<Value, 2> parameters{format_pocketbase_date(oldest), level_min};
  PV_TRY(std::ignore,
         auxiliary.run("DELETE FROM _logs WHERE created < ?1 OR level < ?2", parameters));
  return {};
}

}  // namespace pv::logs
