#include "notify/sendmail.h"

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "base/clock.h"
#include "base/text.h"
#include "fs/file.h"

namespace pv::notify {
namespace {

constexpr std::chrono::milliseconds kLookEvery{20};

// A file in memory, for a program to read from or to write to: no pipe can fill up then.
Result<fs::Fd> memory_file(const char* name) {
  const int fd = ::memfd_create(name, MFD_CLOEXEC);
  if (fd < 0) { return fail(errno_error(errno, name)); }
  return fs::Fd{fd};
}

Result<fs::Fd> memory_file_with(const char* name, std::string_view text) {
  PV_TRY(fs::Fd file, memory_file(name));
  while (!text.empty()) {
    const ssize_t count = ::write(file.get(), text.data(), text.size());
    if (count < 0 && errno != EINTR) { return fail(errno_error(errno, name)); }
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) { return fail(errno_error(errno, name)); }
  return file;
}

std::string first_line_of(const fs::Fd& file) {
  std::array<char, 300> text{};
  const ssize_t count = ::pread(file.get(), text.data(), text.size(), 0);
  const std::string_view all{text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  return printable(trim_blanks(all.substr(0, all.find('\n'))));
}

// Of this process's environment what mail programs heed; the rest may be keys.
std::vector<std::string> environment() {
  std::vector<std::string> kept;
  for (const char* name : {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ"}) {
    if (const char* value = std::getenv(name)) { kept.push_back(std::string{name} + "=" + value); }
  }
  return kept;
}

// In a process group of its own, so that its end is that of its helpers.
Result<::pid_t> spawn(const std::string& program, const std::string& to, const fs::Fd& input,
                      const fs::Fd& output) {
  ::posix_spawn_file_actions_t actions;
  ::posix_spawnattr_t attributes;
  ::sigset_t none;
  ::sigset_t broken_pipe;
  ::sigemptyset(&none);
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  PV_ASSERT(::posix_spawn_file_actions_init(&actions) == 0);
  PV_ASSERT(::posix_spawnattr_init(&attributes) == 0);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDERR_FILENO);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  // -i: a line with a dot alone does not end the message. --: an address is no option.
  std::string arguments[] = {program, "-i", "--", to};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), nullptr};
  std::vector<std::string> variables = environment();
  std::vector<char*> envp;
  for (std::string& variable : variables) { envp.push_back(variable.data()); }
  envp.push_back(nullptr);
  ::pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) { return fail(errno_error(error, program)); }
  return pid;
}

// The status that wait() has; nullopt: it was not done in time, or is not wanted any more.
std::optional<int> wait_for(::pid_t pid, const Deadline& deadline, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  for (;;) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) { return status; }
    if (stop.stop_requested() || deadline.passed()) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return std::nullopt;
    }
    std::unique_lock lock{mutex};
    woken.wait_for(lock, stop, kLookEvery, [] { return false; });
  }
}

}  // namespace

std::vector<std::string> sendmail_places(const std::string& search_path) {
  std::vector<std::string> places{"/usr/sbin/sendmail", "/usr/bin/sendmail"};
  for (std::string_view left = search_path; !left.empty();) {
    const std::size_t end = std::min(left.find(':'), left.size());
    // One that is relative would be looked for wherever the program was started.
    if (left.starts_with('/')) { places.push_back(std::string{left.substr(0, end)} + "/sendmail"); }
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return places;
}

Result<void> run_sendmail(const std::vector<std::string>& places, const std::string& to,
                          const std::string& message, std::chrono::seconds patience,
                          const std::stop_token& stop) {
  const auto found = std::ranges::find_if(
      places, [](const std::string& place) { return ::access(place.c_str(), X_OK) == 0; });
  if (found == places.end()) {
    return fail(Code::kUnsupported, "failed to locate a sendmail executable path");
  }
  std::string lines = message;  // it is given as a file of this machine, not of the net
  std::erase(lines, '\r');
  PV_TRY(const fs::Fd input, memory_file_with("mail", lines));
  PV_TRY(const fs::Fd output, memory_file("sendmail's output"));
  PV_TRY(const ::pid_t pid, spawn(*found, to, input, output));
  const std::optional<int> status = wait_for(pid, Deadline::after(patience), stop);
  if (!status && stop.stop_requested()) { return fail(Code::kCancelled, *found + ": cancelled"); }
  if (!status) {
    return fail(Code::kUnavailable,
                *found + " did not end within " + std::to_string(patience.count()) + " s");
  }
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) { return {}; }
  const std::string how = WIFEXITED(*status)
                              ? "ended with status " + std::to_string(WEXITSTATUS(*status))
                              : std::string{"was killed"};
  const std::string complaint = first_line_of(output);
  return fail(Code::kUnavailable, *found + " " + how + (complaint.empty() ? "" : ": " + complaint));
}

}  // namespace pv::notify
