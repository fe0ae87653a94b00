#include "testing/other_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace pv::testing {

OtherProcess::OtherProcess(const std::string& python) {
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  PV_ASSERT(::pipe2(input.data(), O_CLOEXEC) == 0 && ::pipe2(output.data(), O_CLOEXEC) == 0);
  pid_ = ::fork();
  PV_ASSERT(pid_ >= 0);
  if (pid_ == 0) {
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(output[1], STDOUT_FILENO);
    ::execlp("python3", "python3", "-c", python.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  to_ = input[1];
  from_ = output[0];
}

OtherProcess::~OtherProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (to_ >= 0) { ::close(to_); }
  ::close(from_);
}

void OtherProcess::say(const std::string& line) {
  const std::string text = line + "\n";
  PV_ASSERT(::write(to_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

std::string OtherProcess::hear() {
  std::string line;
  for (char letter = 0;;) {
    const ssize_t count = ::read(from_, &letter, 1);
    if (count < 0 && errno == EINTR) { continue; }
    if (count <= 0 || letter == '\n') { return line; }
    line += letter;
  }
}

int OtherProcess::finish() {
  ::close(to_);
  to_ = -1;
  int status = 0;
  PV_ASSERT(::waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace pv::testing
