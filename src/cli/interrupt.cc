#include "cli/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>

#include "base/error.h"
#include "cli/cli.h"

namespace pv::cli {
namespace {

// A handler may touch little more than these. Zero: no signal yet.
std::atomic<std::int64_t> first_signal_milliseconds = 0;
int pipe_ends[2] = {-1, -1};

// timeout(1) and other wrappers send one Ctrl-C twice, to the process and to its group.
constexpr std::chrono::milliseconds kOneSignal{300};

// Never zero: the machine was not started this very millisecond.
std::int64_t milliseconds_now() {
  ::timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000 + 1;
}

void on_signal(int /*number*/) {
  const int before = errno;
  const std::int64_t now = milliseconds_now();
  std::int64_t first = 0;
  if (first_signal_milliseconds.compare_exchange_strong(first, now)) {
    std::ignore = ::write(pipe_ends[1], "s", 1);
  } else if (now - first >= kOneSignal.count()) {
    ::_exit(static_cast<int>(Exit::kCancelled));
  }
  errno = before;
}

}  // namespace

Interrupt::Interrupt() {
  PV_ASSERT(pipe_ends[0] == -1);
  PV_ASSERT(::pipe2(pipe_ends, O_CLOEXEC) == 0);
  first_signal_milliseconds = 0;
  thread_ = std::thread{[this] {
    char letter = 0;
    while (::read(pipe_ends[0], &letter, 1) < 0 && errno == EINTR) {}
    if (letter == 's') { stop_.request_stop(); }
  }};
  struct ::sigaction action {};
  action.sa_handler = &on_signal;  // no SA_RESTART: a question on the terminal ends too
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) { ::sigaction(kSignals[i], &action, nullptr); }
  }
}

Interrupt::~Interrupt() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  std::ignore = ::write(pipe_ends[1], "q", 1);
  thread_.join();
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  pipe_ends[0] = pipe_ends[1] = -1;
}

}  // namespace pv::cli
