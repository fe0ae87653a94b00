// A data directory as it was at one moment, while the app goes on writing.
//
// "The pin": for all databases at once, BEGIN IMMEDIATE (no commit can happen), a second connection
// begins to read (its mark keeps the WAL frames), the wal-index header is copied, ROLLBACK. After
// that the pages of the moment are read from the database file and the WAL without any lock that a
// writer could feel. docs/architecture.md, "Snapshot".
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/glob.h"
#include "base/io.h"
#include "fs/file.h"
#include "snapshot/structure.h"

namespace pv::snapshot {

// A folder outside the data directory whose files are stored as well, below a name of their own.
struct Extra {
  fs::Path folder;   // absent: nothing is stored
  std::string name;  // ".pocketvault-code/pb_hooks", without a slash at the end
};

struct Options {
  std::chrono::milliseconds pin_timeout{10'000};  // for all write locks together; kBusy after it
  // Beyond this growth of a database's WAL its pin is dropped: what is still unread is copied to
  // `temporary` first.
  std::uint64_t wal_growth_max = std::uint64_t{256} << 20U;
  fs::Path temporary;  // folder for spilled or copied databases; ours alone, exists
  std::vector<std::string> exclude_roots;  // root entries left out besides the fixed ones
  std::vector<Glob> exclude;               // names left out, databases of the root among them
  std::vector<Extra> extras;
  std::function<void()> on_pinned;             // called while the pin is held, writers free again
  std::uint64_t check_bytes_max = UINT64_MAX;  // larger databases are not checked inside
};

enum class Way {
  kPinned,  // as above
  kCopied,  // the online backup API into a temporary file: not in WAL mode, or the WAL can't be
            // read
};

struct Database {
  std::string name;  // "data.db"
  Way way = Way::kPinned;
  std::string why_copied;  // for people; empty when pinned
};

// What tells, with size and time of change, that a file was not written since.
struct Settled {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  WallTime changed;  // ctime
};

// One file of the snapshot. Databases come whole: no -wal, no -shm. There may be a million of
// them: keep it small.
struct Item {
  std::string name;  // relative to the directory, bytes as on disk
  std::uint64_t size_bytes = 0;
  WallTime modified;
  // Of a plain file whose last change lies back so far that another one would show in its times.
  std::optional<Settled> settled = std::nullopt;
  std::uint32_t mode = 0100644;
  bool is_database = false;
  bool is_link = false;    // to the file that is meant
  std::uint16_t tree = 0;  // for Snapshot::open(): of which walk
};

struct Warning {
  std::string name;        // of the file
  std::string what;        // "left out: permission denied"
  bool is_unread = false;  // it could not be read: the backup lacks what it would have
};

// What exclude_roots and exclude kept out: plain files and links, and databases. Side files of a
// database are not counted.
struct LeftOut {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> names;  // of the first kNamesMax
  static constexpr std::size_t kNamesMax = 20;
  std::vector<std::string> unmatched = {};  // patterns that fit no name
};

struct Checked {
  std::string name;  // of the database
  Structure structure;
};

// Threads    take() from one; then open(), and what it gives, from any at once.
// Lifetime   Holds the pin of each database until its source has gone, at the latest until
//            destroyed: the app's WAL grows meanwhile, bounded by wal_growth_max. Whoever reads the
//            databases first is done with the pin first.
class Snapshot {
 public:
  // Databases: data.db, auxiliary.db and every root file that is an SQLite database by its first
  // bytes are taken through SQLite, all as of one moment; also through a link. One that SQLite
  // calls damaged is stored as the plain file it is, with a warning; but data.db and auxiliary.db
  // fail the whole (kDamaged). So does every database that can't be read for another reason
  // (kBusy, kDenied...). kNotFound without data.db. A root file named *.db that is none is a plain
  // file with a note; a database that appears after the moment is left out with a warning.
  // Databases below the root are plain files.
  //
  // Files: walked after the pin, so that a record may only lack a file that was deleted since.
  // Left out, as in PocketBase: root entries backups, .pb_temp_to_delete, .autocert_cache,
  // lost+found, .notify; our own .pocketvault and .pocketvault-code, and .pocketvault-restore
  // wherever it lies; -wal, -shm and -journal of databases. With a warning are left out: sockets,
  // FIFOs, devices, what can't be read, and of links
  // - to a file: it is stored as the file it points to, wherever that lies, with that one's mode;
  //   but not when it is a database of the snapshot, an entry that is left out, or the kernel's
  //   (/proc, /sys, /dev);
  // - to a folder: left out, except `storage` in the root, which people put on another volume: its
  //   files are included as if it were a folder;
  // - dangling or in circles: left out.
  // Files that vanish after the walk fail to open (kNotFound); none is fatal for the backup.
  [[nodiscard]] static Result<std::unique_ptr<Snapshot>> take(const fs::Path& directory,
                                                              const Options& options,
                                                              std::stop_token stop);
  virtual ~Snapshot() = default;

  // Databases first, each kind in byte order.
  [[nodiscard]] virtual const std::deque<Item>& items() const = 0;
  // The same, given away: whoever drops each when it is done with it needs no memory for all to the
  // end. items() is empty then.
  [[nodiscard]] virtual std::deque<Item> take_items() = 0;
  // Each at most once; the source lives no longer than the snapshot. Of a database every range is
  // to be read once: after a spill a second read of a whole MiB that was read before fails with
  // kUnavailable. When its source goes, its pin is dropped.
  [[nodiscard]] virtual Result<std::unique_ptr<Source>> open(const Item& item) const = 0;
  [[nodiscard]] virtual const std::vector<Database>& databases() const = 0;
  // Of take() itself.
  [[nodiscard]] virtual const std::vector<Warning>& warnings() const = 0;
  // Of reading: files that changed meanwhile. Complete once their sources have gone. Any thread.
  [[nodiscard]] virtual std::vector<Warning> late_warnings() const { return {}; }
  [[nodiscard]] virtual const LeftOut& left_out() const = 0;
  // How long commits could not happen.
  [[nodiscard]] virtual std::chrono::nanoseconds pause() const = 0;
  // Whether the databases are sound inside: they are checked from take() on, by a thread of low
  // priority, as they were at the moment. Waits for it, at most for `patience`; then, or when
  // take's `stop` says so, the check is broken off and what it has not seen is kUnchecked. Call it
  // when all is read: unread databases can't be read after a check was broken off.
  [[nodiscard]] virtual std::vector<Checked> structures(std::chrono::nanoseconds patience) = 0;
};

}  // namespace pv::snapshot
