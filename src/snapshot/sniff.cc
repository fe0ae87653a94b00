#include "snapshot/sniff.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sqlite/files.h"

namespace pv::snapshot {
namespace {

// From here to the end of child(): only what may be called after a fork in a process with threads
// (signal-safety(7)): no allocation, no locks.
Kind look(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) { return Kind::kUnreadable; }
  struct ::stat about {};
  std::array<char, sqlite::kFileMagic.size()> head{};
  Kind kind = Kind::kUnreadable;
  if (::fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
    const ::ssize_t count = ::pread(fd, head.data(), head.size(), 0);
    if (count == 0) { kind = Kind::kEmpty; }
    if (count > 0) { kind = Kind::kOther; }
    if (count == static_cast<::ssize_t>(head.size()) &&
        std::memcmp(head.data(), sqlite::kFileMagic.data(), head.size()) == 0) {
      kind = Kind::kDatabase;
    }
  }
  ::close(fd);
  return kind;
}

[[noreturn]] void child(int pipe, const std::vector<const char*>& paths) {
  for (const char* path : paths) {
    const char answer = static_cast<char>(look(path));
    while (::write(pipe, &answer, 1) < 0) {
      if (errno != EINTR) { ::_exit(1); }
    }
  }
  ::_exit(0);
}

// Until the child closes its end, whatever becomes of its exit status.
std::vector<Kind> read_answers(const fs::Fd& pipe, std::size_t count) {
  std::vector<Kind> kinds;
  kinds.reserve(count);
  std::array<char, 512> block{};
  while (kinds.size() < count) {
    const ::ssize_t got = ::read(pipe.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) { continue; }
    if (got <= 0) { break; }
    for (::ssize_t i = 0; i < got; ++i) {
      kinds.push_back(static_cast<Kind>(block[static_cast<std::size_t>(i)]));
    }
  }
  return kinds;
}

}  // namespace

Result<std::vector<Kind>> sniff(const std::vector<fs::Path>& files) {
  if (files.empty()) { return std::vector<Kind>{}; }
  std::vector<const char*> paths;
  paths.reserve(files.size());
  for (const fs::Path& file : files) { paths.push_back(file.c_str()); }

  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) { return fail(errno_error(errno, "make a pipe")); }
  const fs::Fd from{ends[0]};
  fs::Fd to{ends[1]};
  const ::pid_t pid = ::fork();
  if (pid < 0) { return fail(errno_error(errno, "start a process that looks at the files")); }
  if (pid == 0) { child(to.get(), paths); }
  PV_CHECK(to.close());
  std::vector<Kind> kinds = read_answers(from, files.size());
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  if (kinds.size() != files.size()) {
    return fail(Code::kUnavailable, "the process that looks at the files died");
  }
  return kinds;
}

}  // namespace pv::snapshot
