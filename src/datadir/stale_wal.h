// The WAL of a database that was replaced, beside the one that came in its place.
//
// SQLite applies whatever WAL lies beside a database: it can't tell whose pages these are, and the
// two are mixed, without an error as long as the pages fit. Who had the old database open can tell,
// and notes which WAL is whose in `.pocketvault/wal-owners`, so that whoever opens the directory
// next knows as well:
//
//     data.db 9978306 1795777925123456789 9978307 1795777925133456789 41232 1795777926000000000
//             inode and birth (ns since 1970) of the database, then of its WAL; the WAL's size and
//             time of change
//
// A line says what was true, never what is to be done: where the database lies in its place again,
// its WAL is its own. As inodes are given again, but with another time of birth, lines never come
// to mean another file; so they stay, the newest 16. Without times of birth nothing is noted.
//
// A WAL that was written to since may be either's: of who still had the old database, or of who
// opened the new one, for SQLite goes on in the file that lies there, and what was acknowledged to
// him is in it. Nobody moves that one but a person.
#pragma once

#include <string>
#include <vector>

#include "fs/identity.h"

namespace pv::datadir {

struct WalOwner {
  std::string database;  // "data.db"
  fs::Identity file;
  fs::Identity wal;
  std::uint64_t wal_bytes = 0;
  std::int64_t wal_changed_ns = 0;  // since 1970
  friend bool operator==(const WalOwner&, const WalOwner&) = default;
};

// What can't be written down is not: it is on the way out of something that is worse.
void note_wal_owners(const fs::Path& directory, const std::vector<WalOwner>& owners);
[[nodiscard]] std::vector<WalOwner> noted_wal_owners(const fs::Path& directory);

// Fills in how the WAL is now.
[[nodiscard]] WalOwner as_it_is(const fs::Path& directory, WalOwner owner);

enum class Wal {
  kOwn,      // or it is gone, or empty
  kStale,    // it lies there as it was, and the database is another, or gone
  kUnknown,  // the same, and it was written to since
};
[[nodiscard]] Wal judge(const fs::Path& directory, const WalOwner& owner);

// "data.db-wal still is that of the data.db that was there before, and would damage the new one".
[[nodiscard]] std::string tell_of(Wal wal, const WalOwner& owner);
// The same of the first that is not its database's own, by what was noted, and whose database is
// there; else empty.
[[nodiscard]] std::string tell_of_stale_wal(const fs::Path& directory);

// Moves DATABASE-wal to a folder of its own in `.pocketvault/` and removes the -shm, while nobody
// has them open and nobody can open them. What was done, for a person. kBusy: somebody has.
[[nodiscard]] Result<std::string> put_wal_by(const fs::Path& directory,
                                             const std::string& database);

}  // namespace pv::datadir
