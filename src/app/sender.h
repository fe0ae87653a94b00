#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "alerts/alerts.h"
#include "jobs/vault.h"

namespace pv::app {

// One kind of sending that goes on for as long as a server runs: when it is woken, else from time
// to time; after a failure 30 s later, and twice as long each time up to a quarter of an hour.
//
// Threads    wake() and stop() from any.
class Errand {
 public:
  // How long to rest after a success; nullopt: it failed. What it throws is logged, and a failure.
  using Work = std::function<std::optional<std::chrono::seconds>(const std::stop_token& stop,
                                                                 std::chrono::seconds next_try)>;
  explicit Errand(Work work, std::chrono::seconds pause_first = std::chrono::seconds{30});
  void wake();
  // Begins no more, and ends what is on its way; the destructor waits for that.
  void stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);

  const Work work_;
  const std::chrono::seconds pause_first_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  bool is_due_ = false;
  std::jthread thread_;  // last: joined before the rest goes
};

// Sends what waits in the spool, soon after it has come there.
[[nodiscard]] Errand::Work send_from_spool(jobs::Vault& vault);

// Copies what the mirror lacks: woken after each backup, and every quarter of an hour for those
// that others made.
[[nodiscard]] Errand::Work fill_mirror(jobs::Vault& vault);

// Looks whether anything is wrong with the backups, and tells it: woken after each job, and from
// time to time.
[[nodiscard]] Errand::Work send_alerts(alerts::Alerts& alerts);

}  // namespace pv::app
