// Whose a WAL is: noted by a server while it has the database open, for whoever opens it next.
//
// SQLite applies whatever WAL lies beside a database: it can't tell whose pages these are. When
// another program replaces data.db and leaves its WAL, the two are mixed by whoever opens them
// next, without an error as long as the pages fit. `.pocketvault/wal-owners`
// (docs/formats/wal-owners.md) makes that a refusal. Nothing is moved or removed because of it.
//
// A line says what was true: this file was data.db, that one its WAL, and begun in this way
// it held commits. It never says what is to be done, so one that is old does no harm: no WAL begins
// twice in the same way, and where the database lies in its place the WAL is its own.
#pragma once

#include <string>
#include <vector>

#include "fs/identity.h"
#include "sqlite/wal_header.h"

namespace pv::datadir {

struct WalOwner {
  std::string database;  // "data.db" or "auxiliary.db"
  fs::Identity file;
  fs::Identity wal;
  sqlite::WalMark mark{};  // of the WAL with commits in it: see sqlite::committed_mark()
  friend bool operator==(const WalOwner&, const WalOwner&) = default;
};

// Empty where there is no note. kDamaged, kUnsupported (of a newer version), or why it can't be
// read: then nothing is known of any WAL, which must not be in anybody's way.
[[nodiscard]] Result<std::vector<WalOwner>> read_wal_owners(const fs::Path& directory);
// The same; empty when it can't be read.
[[nodiscard]] std::vector<WalOwner> known_wal_owners(const fs::Path& directory);

// Adds `owners` to the note, in the place of lines about the same two files; durable. What the note
// says already is not written again. Without `.pocketvault/` kNotFound.
[[nodiscard]] Result<void> note_wal_owners(const fs::Path& directory,
                                           const std::vector<WalOwner>& owners);
// Takes the lines about these databases and WALs out, of which the WALs are gone in order.
void forget_wal_owners(const fs::Path& directory, const std::vector<WalOwner>& owners);

// Whether the WAL beside `database` (called data.db or auxiliary.db, in whatever folder) is
// another's by what was noted. Where nothing is called so now, it is.
[[nodiscard]] bool has_wal_of_another(const fs::Path& database,
                                      const std::vector<WalOwner>& owners);

// kUnsupported, with what a person can do, when one of the databases that lie in `directory` has
// the WAL of another. Looks at the files alone: before they are opened, by any process.
[[nodiscard]] Result<void> refuse_wal_of_another(const fs::Path& directory);
// That error, of "data.db".
[[nodiscard]] Error wal_of_another(const std::string& database);

}  // namespace pv::datadir
