#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "jobs/vault.h"

namespace pv::app {

// Sends what waits in the spool, for as long as a server runs: soon after it has come there, then
// after 30 s, and twice as long each time up to a quarter of an hour, until the store is back.
class Sender {
 public:
  explicit Sender(jobs::Vault& vault);
  // Begins no more, and ends what is on its way; the destructor waits for that.
  void stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);
  // How long to wait before the next look.
  [[nodiscard]] std::chrono::seconds look(const std::stop_token& stop);

  jobs::Vault& vault_;
  int failures_ = 0;
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread thread_;  // last: joined before the rest goes
};

}  // namespace pv::app
