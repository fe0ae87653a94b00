// SQLite's own files behind a connection, reached through its VFS.
#pragma once

#include "snapshot/wal_index.h"
#include "sqlite/connection.h"

struct sqlite3_file;

namespace pv::snapshot {

// The open database file, and the open WAL (nullptr when the connection has none). They belong to
// the connection and go with it; used by one thread at a time.
[[nodiscard]] sqlite3_file* database_file(sqlite::Connection& connection);
[[nodiscard]] sqlite3_file* wal_file(sqlite::Connection& connection);

// The wal-index as SQLite has it mapped. kUnsupported without shared memory.
[[nodiscard]] Result<WalIndex> read_wal_index(sqlite::Connection& connection);

}  // namespace pv::snapshot
