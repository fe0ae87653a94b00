// SQLite's own files behind a connection, reached through its VFS.
#pragma once

#include "sqlite/connection.h"
#include "sqlite/wal_index.h"

struct sqlite3_file;

namespace pv::sqlite {

// The open database file, and the open WAL (nullptr when the connection has none). They belong to
// the connection and go with it; used by one thread at a time.
[[nodiscard]] sqlite3_file* database_file(Connection& connection);
[[nodiscard]] sqlite3_file* wal_file(Connection& connection);

// The wal-index as SQLite has it mapped. kUnsupported without shared memory.
[[nodiscard]] Result<WalIndex> read_wal_index(Connection& connection);

}  // namespace pv::sqlite
