// Half-finished sign-ins that nobody can finish any more.
#pragma once

#include "base/clock.h"
#include "sqlite/connection.h"

namespace pv::auth {

// Rows of _mfas and _otps that are older than their collection lets them be.
[[nodiscard]] Result<void> remove_expired_mfas(sqlite::Connection& data, const Clock& clock);
[[nodiscard]] Result<void> remove_expired_otps(sqlite::Connection& data, const Clock& clock);

}  // namespace pv::auth
