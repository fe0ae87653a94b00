#include "fs/first_line.h"

#include <linux/magic.h>
#include <poll.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "base/wait.h"
#include "fs/system_call.h"

namespace pv::fs {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};

// Of a pipe without a name all writers are there from the start, so that none is the end.
bool may_get_a_writer(const Fd& fd) {
  struct ::stat found {};
  struct ::statfs system {};
  if (::fstat(fd.get(), &found) != 0 || !S_ISFIFO(found.st_mode)) { return false; }
  return ::fstatfs(fd.get(), &system) == 0 && system.f_type != PIPEFS_MAGIC;
}

}  // namespace

Result<std::string> read_first_line(const Path& path, const LineOptions& options) {
  const std::string name = printable(path.native());
  const Deadline deadline = Deadline::after(options.patience);
  PV_TRY(const Fd fd, open_for_reading(path));
  const bool is_named = may_get_a_writer(fd);
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t count =
        retry_interrupted([&] { return ::read(fd.get(), block.data(), block.size()); });
    if (count < 0 && errno != EAGAIN) { return fail(path_error("read", path)); }
    if (count == 0 && (!text.empty() || !is_named)) { return text; }
    if (count > 0) {
      text.append(block.data(), static_cast<std::size_t>(count));
      const std::size_t end = text.find('\n');
      if (std::min(end, text.size()) > options.bytes_max) {
        return fail(Code::kInvalid,
                    name + " has more than " + std::to_string(options.bytes_max) + " bytes");
      }
      if (end != std::string::npos) { return text.substr(0, end); }
    }
    if (options.stop.stop_requested()) {
      return fail(Code::kCancelled, "read " + name + ": cancelled");
    }
    if (deadline.passed()) {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.patience);
      return fail(Code::kUnavailable,
                  name + ": no line came within " + std::to_string(seconds.count()) + " s");
    }
    if (count < 0) {
      ::pollfd coming{.fd = fd.get(), .events = POLLIN, .revents = 0};
      (void)::poll(&coming, 1, static_cast<int>(kBetweenLooks.count()));
    } else if (count == 0) {
      wait(kBetweenLooks, options.stop);
    }
  }
}

}  // namespace pv::fs
