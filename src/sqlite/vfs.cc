#include "sqlite/vfs.h"

#include <sqlite3.h>

#include <array>

namespace pv::sqlite {
namespace {

sqlite3_file* file_of(Connection& connection, int which) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(connection.handle(), "main", which, &file) != SQLITE_OK) {
    return nullptr;
  }
  return file != nullptr && file->pMethods != nullptr ? file : nullptr;
}

constexpr int kRegionBytes = 32'768;  // of the wal-index, as SQLite maps it

}  // namespace

sqlite3_file* database_file(Connection& connection) {
  return file_of(connection, SQLITE_FCNTL_FILE_POINTER);
}

sqlite3_file* wal_file(Connection& connection) {
  return file_of(connection, SQLITE_FCNTL_JOURNAL_POINTER);
}

Result<WalIndex> read_wal_index(Connection& connection) {
  sqlite3_file* file = database_file(connection);
  if (file == nullptr || file->pMethods->iVersion < 2 || file->pMethods->xShmMap == nullptr) {
    return fail(Code::kUnsupported, "this file system gives SQLite no shared memory");
  }
  void volatile* region = nullptr;
  const int code = file->pMethods->xShmMap(file, 0, kRegionBytes, 0, &region);
  if (code != SQLITE_OK && code != SQLITE_READONLY) {
    return fail(error_of(nullptr, code, "map the wal-index"));
  }
  if (region == nullptr) { return fail(Code::kUnsupported, "there is no wal-index"); }
  // A checkpoint elsewhere may change nBackfill meanwhile: word by word, never torn.
  std::array<std::uint32_t, kWalIndexHeadBytes / sizeof(std::uint32_t)> words{};
  auto* mapped = static_cast<std::uint32_t volatile*>(region);
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = __atomic_load_n(mapped + i, __ATOMIC_ACQUIRE);
  }
  return parse_wal_index(std::as_bytes(std::span{words}));
}

}  // namespace pv::sqlite
