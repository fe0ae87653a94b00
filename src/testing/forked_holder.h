// Another process, forked from this one, that holds something until it is told to end.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/error.h"

namespace pv::testing {

// Does `work` there; without destructors at its end, as a crash.
class ForkedHolder {
 public:
  template <class Work>
  explicit ForkedHolder(const Work& work) {
    PV_ASSERT(::pipe(ready_.data()) == 0 && ::pipe(end_.data()) == 0);
    pid_ = ::fork();
    PV_ASSERT(pid_ >= 0);
    if (pid_ == 0) {
      const auto held = work();
      char letter = held.has_value() ? 'r' : 'f';
      PV_ASSERT(::write(ready_[1], &letter, 1) == 1);
      PV_ASSERT(::read(end_[0], &letter, 1) == 1);
      ::_exit(0);
    }
    PV_ASSERT(::read(ready_[0], &answer_, 1) == 1);
  }
  ~ForkedHolder() { end(); }
  ForkedHolder(const ForkedHolder&) = delete;
  ForkedHolder& operator=(const ForkedHolder&) = delete;
  void end() {
    if (pid_ == 0) { return; }
    PV_ASSERT(::write(end_[1], "e", 1) == 1);
    PV_ASSERT(::waitpid(pid_, nullptr, 0) == pid_);
    pid_ = 0;
    for (const int fd : {ready_[0], ready_[1], end_[0], end_[1]}) { ::close(fd); }
  }
  // Whether `work` succeeded.
  [[nodiscard]] bool holds() const { return answer_ == 'r'; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::array<int, 2> ready_{};
  std::array<int, 2> end_{};
  pid_t pid_ = 0;
  char answer_ = 0;
};

}  // namespace pv::testing
