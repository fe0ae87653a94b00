#include <sqlite3.h>

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

}  // namespace pv::sqlite
