// Ends the process when its end takes too long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace pv::app {

// From start() on, unless it is destroyed first, the process ends after `limit` with status 1,
// without any clean-up: whatever it was at can be cut off like that (an unfinished part is swept,
// a swap is finished or taken back at the next start).
class Watchdog {
 public:
  Watchdog() = default;
  ~Watchdog();
  void start(std::chrono::milliseconds limit);  // once

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace pv::app
