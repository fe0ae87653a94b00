#pragma once

#include <chrono>
#include <stop_token>

namespace pv {

// Blocks for `span`, or until told to stop.
void wait(std::chrono::milliseconds span, const std::stop_token& stop);

}  // namespace pv
