// The first bytes of a WAL, and whose it is (sqlite.org/fileformat2.html#walformat).
//
//     0   magic, version, page bytes, number of the checkpoint: 4 bytes each, big-endian
//     16  two salts of 4 bytes: others each time that the WAL is begun anew, one of them by chance
//     24  a checksum of what stands before
//
// Frames count only when they carry the header's salts. So a WAL with the salts of a known moment
// holds what was committed up to then, and one with others holds none of it.
#pragma once

#include <optional>

#include "fs/file.h"
#include "sqlite/connection.h"
#include "sqlite/wal_index.h"

namespace pv::sqlite {

inline constexpr std::size_t kWalHeaderBytes = 32;

// nullopt: SQLite would take nothing from a WAL that begins so, as from an empty one.
[[nodiscard]] std::optional<WalSalts> parse_wal_header(Bytes header);

// What the WAL that `connection` has open begins with, read by SQLite's own descriptor: also when
// another file has its name by now. `connection` is used meanwhile. kUnavailable: it has none open.
[[nodiscard]] Result<std::optional<WalSalts>> wal_salts_of(Connection& connection);
// What a WAL begins with on disk; nullopt also when it is not there or can't be read. By a
// descriptor of its own, which is closed again. That is no danger to locks of SQLite's in this
// process: it locks bytes of the database and of the -shm, of a WAL none (a test sees to it).
[[nodiscard]] std::optional<WalSalts> wal_salts_at(const fs::Path& wal);

// The salts under which the last commit was made; nullopt while none was made since the WAL was
// begun anew: who opens the database next may then go on with the very same salts. `connection` is
// used meanwhile.
[[nodiscard]] std::optional<WalSalts> committed_salts(Connection& connection);

}  // namespace pv::sqlite
