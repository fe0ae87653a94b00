#include "app/watchdog.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace pv::app {

void Watchdog::start(std::chrono::milliseconds limit) {
  thread_ = std::thread{[this, limit] {
    std::unique_lock lock{mutex_};
    if (changed_.wait_for(lock, limit, [this] { return ended_; })) { return; }
    spdlog::error("not ended after {} ms: a disk or a job does not answer; ending as it is",
                  limit.count());
    ::_exit(1);
  }};
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock{mutex_};
    ended_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) { thread_.join(); }
}

}  // namespace pv::app
