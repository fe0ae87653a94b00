#include "base/wait.h"

#include <condition_variable>
#include <mutex>

namespace pv {

void wait(std::chrono::milliseconds span, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock{mutex};
  woken.wait_for(lock, stop, span, [] { return false; });
}

}  // namespace pv
