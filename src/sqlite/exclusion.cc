#include "sqlite/exclusion.h"

#include <fcntl.h>

#include <cerrno>

#include "base/text.h"
#include "fs/page_cache.h"
#include "sqlite/files.h"

namespace pv::sqlite {
namespace {

struct Range {
  off_t from;
  off_t count;
};
// PENDING_BYTE, RESERVED_BYTE and the SHARED range behind them (SQLite's os.h).
constexpr Range kOfDatabase{0x40000000, 512};
// The eight locks of the wal-index and UNIX_SHM_DMS behind them (os_unix.c).
constexpr Range kOfSharedMemory{120, 9};

tl::unexpected<Error> in_use(const fs::Path& file, const std::string& by) {
  return fail(Code::kBusy, printable(file.filename().native()) + " is in use by " + by);
}

// The lock belongs to the descriptor, so that it counts against this process's own as well.
Result<fs::Fd> lock(const fs::Path& file, Range range) {
  fs::Fd fd{::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
  if (!fd.is_open()) { return fail(errno_error(errno, "open " + printable(file.native()))); }
  struct ::flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  wanted.l_start = range.from;
  wanted.l_len = range.count;
  if (::fcntl(fd.get(), F_OFD_SETLK, &wanted) == 0) { return fd; }
  if (errno == EAGAIN || errno == EACCES) {
    return in_use(file, "a program that can't be seen from here");
  }
  return fail(errno_error(errno, "lock " + printable(file.native())));
}

}  // namespace

Result<Exclusion> Exclusion::take(const fs::Path& database) {
  const std::vector<fs::Path> files = files_of(database);
  // Closing a plain descriptor would drop this process's own locks.
  for (const fs::Path& file : files) {
    const auto found = fs::stat(file);
    if (found.has_value() && fs::descriptor_of(*found)) {
      return in_use(file, "a job of this program");
    }
  }
  // One that has lost its locks, as PocketBase does with its own backups, shows in /proc alone.
  if (const auto others = fs::other_openers(files); !others.empty()) {
    return in_use(database,
                  others.front().program + " (process " + std::to_string(others.front().pid) + ")");
  }
  std::vector<fs::Fd> held;
  const fs::Path shared_memory = database.string() + "-shm";
  for (const auto& [file, range] :
       {std::pair{database, kOfDatabase}, std::pair{shared_memory, kOfSharedMemory}}) {
    if (!fs::exists(file)) { continue; }
    PV_TRY(fs::Fd fd, lock(file, range));
    held.push_back(std::move(fd));
  }
  return Exclusion{std::move(held)};
}

}  // namespace pv::sqlite
