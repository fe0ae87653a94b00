#include <fcntl.h>
#include <sqlite3.h>

#include <cerrno>

#include "base/text.h"
#include "fs/file.h"
#include "sqlite/connection.h"

namespace pv::sqlite {

Result<bool> is_alone(const std::filesystem::path& path) {
  constexpr std::chrono::milliseconds kWait{1000};
  auto opened = Connection::open(path, {.busy_timeout = kWait});
  if (!opened && opened.error().code == Code::kBusy) { return false; }
  if (!opened) { return fail(opened.error()); }
  Connection& connection = *opened;
  // A reader holds the shared lock: in WAL mode for as long as it is open, else in a transaction.
  if (const auto begun = connection.exec("BEGIN; SELECT count(*) FROM sqlite_master"); !begun) {
    if (begun.error().code == Code::kBusy) { return false; }
    return fail(begun.error());
  }
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (file == nullptr || file->pMethods == nullptr) {
    return fail(Code::kUnsupported, path.string() + ": no file behind the connection");
  }
  // From shared to exclusive: the way SQLite goes before it rolls a hot journal back.
  const int locked = file->pMethods->xLock(file, SQLITE_LOCK_EXCLUSIVE);
  file->pMethods->xUnlock(file, SQLITE_LOCK_SHARED);
  PV_CHECK(connection.exec("ROLLBACK"));
  return locked == SQLITE_OK;
}

Result<bool> is_locked_by_others(const std::filesystem::path& path) {
  // SQLite's PENDING_BYTE, RESERVED_BYTE and the SHARED range behind them (its os.h).
  constexpr off_t kLocksFrom = 0x40000000;
  constexpr off_t kLocks = 512;
  PV_TRY(const fs::Fd fd, fs::open_for_reading(path));
  struct ::flock lock {};
  lock.l_type = F_WRLCK;  // what any of them stands against
  lock.l_whence = SEEK_SET;
  lock.l_start = kLocksFrom;
  lock.l_len = kLocks;
  if (::fcntl(fd.get(), F_GETLK, &lock) != 0) {
    return fail(errno_error(errno, "look for locks on " + printable(path.native())));
  }
  return lock.l_type != F_UNLCK;
}

}  // namespace pv::sqlite
