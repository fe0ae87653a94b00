// What the tests of alerts share.
#pragma once

#include <string>

#include "state/alerts.h"

namespace pv::state {

inline constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};

inline Delivery delivery(const std::string& channel, const std::string& text) {
  return {.channel = channel,
          .kind = "failed",
          .title = "Backup failed",
          .text = text,
          .created = kNow,
          .next = kNow,
          .ended = std::nullopt,
          .outcome = "waiting"};
}

}  // namespace pv::state
