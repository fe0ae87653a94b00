// The log of requests that PocketBase keeps in auxiliary.db, table _logs.
#pragma once

#include "base/clock.h"
#include "sqlite/connection.h"

namespace pv::logs {

// What is older than so many days, or of a lower level, goes.
[[nodiscard]] Result<void> remove_old(sqlite::Connection& auxiliary, WallTime now,
                                      std::int64_t days_max, std::int64_t level_min);

}  // namespace pv::logs
