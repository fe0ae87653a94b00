#include "fs/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/system_call.h"

namespace pv::fs {
namespace {

int openat2(int root, const char* name, int flags) {
  ::open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root, name, &how, sizeof how));
}

// EXDEV: the name leads outside. ELOOP: too many links, or one into /proc. ENXIO: a FIFO or device
// that nobody serves.
Error open_error(const std::string& name) {
  Error error = path_error("open", name);
  if (errno == EXDEV || errno == ELOOP || errno == ENXIO || errno == ENAMETOOLONG) {
    error.code = Code::kNotFound;
  }
  return error;
}

// openat2 refuses flags that open would ignore: O_PATH goes with few others.
int complete(int flags) { return flags | O_CLOEXEC | ((flags & O_PATH) == 0 ? O_NOCTTY : 0); }

}  // namespace

Result<Fd> open_beneath(const Fd& root, const std::string& name, int flags) {
  constexpr int kTriesMax = 32;  // EAGAIN: a rename somewhere raced with a ".." on the way
  flags = complete(flags);
  for (int tries = 1;; ++tries) {
    Fd fd{retry_interrupted([&] { return openat2(root.get(), name.c_str(), flags); })};
    if (fd.is_open()) { return fd; }
    if (errno == ENOSYS || errno == EPERM) { return open_beneath_step_by_step(root, name, flags); }
    if (errno != EAGAIN || tries == kTriesMax) { return fail(open_error(name)); }
  }
}

Result<Fd> open_beneath_step_by_step(const Fd& root, const std::string& name, int flags) {
  flags = complete(flags) | O_NOFOLLOW;
  constexpr int kFolderFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd folder;
  int at = root.get();
  for (std::size_t start = 0;;) {
    const std::size_t slash = name.find('/', start);
    const bool last = slash == std::string::npos;
    const std::string part = name.substr(start, last ? std::string::npos : slash - start);
    if (part == ".." || part.empty()) {
      return fail(Code::kNotFound, "open " + printable(name) + ": leads outside its folder");
    }
    Fd fd{
        retry_interrupted([&] { return ::openat(at, part.c_str(), last ? flags : kFolderFlags); })};
    if (!fd.is_open()) { return fail(open_error(name)); }
    if (last) {
      struct ::stat raw {};  // O_PATH opens a link itself
      if (::fstat(fd.get(), &raw) == 0 && S_ISLNK(raw.st_mode)) {
        return fail(Code::kNotFound, "open " + printable(name) + ": is a symbolic link");
      }
      return fd;
    }
    folder = std::move(fd);
    at = folder.get();
    start = slash + 1;
  }
}

}  // namespace pv::fs
