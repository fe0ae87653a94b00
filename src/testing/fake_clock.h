#pragma once

#include <mutex>

#include "base/clock.h"

namespace pv::testing {

// Stands still until told otherwise. Any thread.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime now = WallTime{std::chrono::seconds{1'795'222'487}}) : now_{now} {}
  [[nodiscard]] WallTime now() const override {
    const std::lock_guard lock{mutex_};
    return now_;
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override {
    const std::lock_guard lock{mutex_};
    return steady_;
  }
  void advance(std::chrono::nanoseconds span) {
    const std::lock_guard lock{mutex_};
    now_ += span;
    steady_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(span);
  }

 private:
  mutable std::mutex mutex_;
  WallTime now_;
  std::chrono::steady_clock::time_point steady_{};
};

}  // namespace pv::testing
