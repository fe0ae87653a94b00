// Other processes that work with a directory's databases. Exchanging files under a process that has
// them open loses what it writes from then on.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "fs/file.h"

namespace pv::jobs {

// What somebody stands in the way of; the ways to go on depend on it.
enum class Exchange { kRestore, kUndo, kRecovery };

// Other processes that hold locks on the databases of `directory`, or have them open: one that has
// lost its locks (PocketBase does, with its own backups) counts as well. Files in storage/ don't
// count. By process number, each once; only what /proc shows to us.
[[nodiscard]] std::vector<fs::LockHolder> other_users(const fs::Path& directory);
// The same for whoever only tells of them: the table of locks, for which the kernel makes its
// reader wait 10 to 25 ms, is left alone where it can't know of more.
[[nodiscard]] std::vector<fs::LockHolder> users_at_a_look(const fs::Path& directory);

// kBusy while there are such processes: names them, the unit or container that keeps each running,
// and how to go on. Opens no database: good at any time, in the middle of a swap too.
[[nodiscard]] Result<void> refuse_other_users(const fs::Path& directory, Exchange exchange);

// A program other than pocketvault that has both databases open, as an app has and a look with
// sqlite3 has not: "pocketbase (process 12, pocketbase.service)"; empty: there is none.
[[nodiscard]] std::string app_on(const fs::Path& directory);
// Why nothing is to be done by the clock: such a program does it. Reads no table of locks.
[[nodiscard]] std::string left_to_app(const fs::Path& directory);

// The databases in place that an exchange of `units` (none: of everything) moves, beside data.db
// and auxiliary.db: files called *.db, empty, or with SQLite's header. Of units that are folders,
// those in them that are called as databases are or have a -wal, -shm or -journal beside them, as
// far as 100,000 names tell; of everything, those at the top. Opens none that this process may have
// open.
[[nodiscard]] std::vector<fs::Path> other_databases(const fs::Path& directory,
                                                    const std::vector<std::string>& units);

// kBusy, as refuse_other_users(), while another process has one of `databases` open.
[[nodiscard]] Result<void> refuse_users_of(const fs::Path& directory,
                                           const std::vector<fs::Path>& databases,
                                           Exchange exchange);

// What a restore of `units` (none: of everything) would be refused with, for the programs that have
// open what it exchanges, PocketBase's databases or others; empty when there are none. Not for
// pocketvault: a server of ours does its restores itself. Looks for no hidden users.
[[nodiscard]] std::string tell_of_other_programs(const fs::Path& directory,
                                                 const std::vector<std::string>& units);

// kBusy while somebody whom /proc does not show has a database open: a process of another
// container, seen by its locks. Opens each database with SQLite, so only while this process has
// none open, and not between the renames of a swap.
[[nodiscard]] Result<void> refuse_hidden_users(const fs::Path& directory);
// kBusy, likewise, of other_databases(): nobody holds a lock on one of them.
[[nodiscard]] Result<void> refuse_hidden_users_of(const std::vector<fs::Path>& databases);

// Other processes that work with a database in WAL mode without the lock that SQLite holds on it
// for as long as it is open. Whoever else opens and closes the database then takes itself for the
// last user, and deletes the WAL under them.
[[nodiscard]] std::vector<fs::LockHolder> users_without_locks(const fs::Path& directory);

// The warning about them; empty when there are none.
[[nodiscard]] std::string tell_of_lost_locks(const std::vector<fs::LockHolder>& users);

}  // namespace pv::jobs
