// How a WAL begins, by which it is known again (sqlite.org/fileformat2.html#walformat).
//
//     0   magic, version, page bytes, number of the checkpoint: 4 bytes each, big-endian
//     16  two salts of 4 bytes: others each time that the WAL is begun anew, one of them by chance
//     24  a checksum of what stands before
//     32  the first frame: its page, the size after a commit, the salts again
//     48  a checksum of all before and of the page that follows
//
// Frames count only with the salts of the header, and what was committed does not change until the
// WAL is begun anew. Salts alone are not enough: who finds a header and no whole commit behind it,
// as after a power cut, goes on with the very same salts.
#pragma once

#include <optional>

#include "fs/file.h"
#include "sqlite/connection.h"
#include "sqlite/wal_index.h"

namespace pv::sqlite {

inline constexpr std::size_t kWalStartBytes = 56;

// The salts, and the checksum of the first frame.
using WalMark = std::array<std::byte, 16>;

// nullopt: SQLite would take nothing from a WAL that begins so, as from an empty one.
[[nodiscard]] std::optional<WalMark> parse_wal_start(Bytes start);

// Of the WAL that `connection` has open, read by SQLite's own descriptor: also when another file
// has its name by now. `connection` is used meanwhile. kUnavailable: it has none open.
[[nodiscard]] Result<std::optional<WalMark>> wal_mark_of(Connection& connection);
// Of the WAL at this place; nullopt also when it is not there or can't be read. By a descriptor of
// its own, which is closed again. That is no danger to locks of SQLite's in this process: it locks
// bytes of the database and of the -shm, of a WAL none (a test sees to it).
[[nodiscard]] std::optional<WalMark> wal_mark_at(const fs::Path& wal);

// The mark of the WAL that `connection` has open, when something was committed since it was begun;
// else nullopt, also when that can't be told just now. `connection` is used meanwhile.
[[nodiscard]] std::optional<WalMark> committed_mark(Connection& connection);

}  // namespace pv::sqlite
