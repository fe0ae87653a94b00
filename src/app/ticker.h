#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace pv::app {

// Calls `work` on a thread of its own at the beginning of each second of the clock, but never twice
// at once: what takes longer makes it miss some.
class Ticker {
 public:
  explicit Ticker(std::function<void()> work);
  // Calls no more; the destructor waits for a call that runs.
  void stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);

  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread thread_;  // last: joined before the rest goes
};

}  // namespace pv::app
