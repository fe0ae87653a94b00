// Time, passed in so that tests decide what it is.
#pragma once

#include <chrono>

namespace pv {

using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;  // UTC; may jump
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady_now() const = 0;
};

// The machine's. Lives as long as the process.
[[nodiscard]] const Clock& system_clock();

// A moment after which a wait gives up.
class Deadline {
 public:
  [[nodiscard]] static Deadline after(std::chrono::nanoseconds span) {
    return Deadline{std::chrono::steady_clock::now() + span};
  }
  [[nodiscard]] bool passed() const { return std::chrono::steady_clock::now() >= at_; }
  // Zero once it has passed.
  [[nodiscard]] std::chrono::nanoseconds left() const {
    const auto span = at_ - std::chrono::steady_clock::now();
    return span.count() > 0 ? span : std::chrono::nanoseconds{0};
  }

 private:
  explicit Deadline(std::chrono::steady_clock::time_point at) : at_{at} {}
  std::chrono::steady_clock::time_point at_;
};

}  // namespace pv
