// Ctrl-C, as a stop token.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace pv::cli {

// While it lives, the first SIGINT, SIGTERM or SIGHUP requests a stop, and the next one (0.3 s
// later or more: wrappers send one twice) ends the process at once with status 130. A signal that
// was ignored stays so (nohup). One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  std::stop_source stop_;
  struct ::sigaction before_[3] = {};
  std::thread thread_;
};

}  // namespace pv::cli
