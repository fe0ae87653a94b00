// Another process, told what to do line by line.
#pragma once

#include <sys/types.h>

#include <string>

namespace pv::testing {

// Runs a Python program. It says each thing with print(..., flush=True) and hears with input().
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& python);
  ~OtherProcess();  // kills it
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  void say(const std::string& line);
  // The next line it prints; "" when it has ended.
  [[nodiscard]] std::string hear();
  // Closes its input and waits for its end; its exit status.
  int finish();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
};

}  // namespace pv::testing
