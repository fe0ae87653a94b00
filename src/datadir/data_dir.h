// A PocketBase data directory that is open: its databases, for as long as this process runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "fs/file.h"
#include "sqlite/connection.h"

namespace pv::datadir {

struct OpenOptions {
  // A directory whose databases can't be opened (damaged, gone, on a read-only volume) is opened
  // all the same, so that its backups can be listed and restored. read() and write() answer with
  // the reason until then.
  bool tolerate_damage = false;

  // An absent directory, or one without data.db, becomes a fresh one, as PocketBase v0.36 makes it.
  bool create = false;
  // The directory is meant to be ours alone (standalone): checkpoints are ours to make, an absent
  // auxiliary.db is made again, WAL mode is set. Of no effect while another process holds locks on
  // the databases: see owns().
  bool owner = false;
  // How long read() and write() wait for a connection, or for the end of a suspension.
  std::chrono::milliseconds lease_wait{15'000};
};

// In every error that says so: the files that are open are not those that lie in the directory any
// more, and not because of suspend(). What is asked of them ends with kBusy until reopen().
inline constexpr std::string_view kLostToOthers = "replaced or removed by another program";

// Threads    All methods from any thread.
// Lifetime   One connection to each database stays open for the whole life: while it is, no other
//            process can think that it is the last user and delete the WAL (docs/architecture.md).
//            Outlives its leases.
// Exchange   When another program moves, replaces or removes the databases, what is open here are
//            files without a name. Each loan looks for that, by stat(2) alone; from then on nothing
//            is lent (kBusy, kLostToOthers), and the files are closed with the last loan, such that
//            nothing that lies there now is touched. reopen() brings the new ones.
class DataDir {
 public:
  // kNotFound: no data.db and not create, or what lies there says that a data.db got lost (the text
  // says what; a fresh one would hide it). kUnsupported: not a PocketBase v0.23 to v0.39 schema;
  // the text names the tables or columns that are missing. kDamaged: not a database. Never changes
  // an existing schema, nor opens a database that has the WAL of another beside it, by what a
  // server noted (kUnsupported; so do resume() and reopen()). Makes `.pocketvault/` (0700) when
  // absent.
  [[nodiscard]] static Result<std::unique_ptr<DataDir>> open(const fs::Path& directory,
                                                             const OpenOptions& options,
                                                             const Clock& clock, Random& random);
  ~DataDir();

  [[nodiscard]] const fs::Path& path() const { return path_; }
  [[nodiscard]] fs::Path vault_folder() const { return path_ / ".pocketvault"; }
  // Opened as owner, and no other process holds a lock on the databases at this moment.
  [[nodiscard]] bool owns() const;
  [[nodiscard]] bool was_created() const { return created_; }

  // Runs `work` with a connection to data.db, which it must not keep. Readers get one of a small
  // pool, which can't write; writers take turns. Both wait while the directory is suspended, at
  // most `lease_wait`, then kBusy. What `work` leaves uncommitted is rolled back. A read may write
  // inside itself, but not a write. A write is looked after once more when it is done: it does not
  // succeed when what it was committed to had been replaced by then.
  template <class T>
  [[nodiscard]] Result<T> read(const std::function<Result<T>(sqlite::Connection&)>& work) {
    PV_TRY(auto lease, lease_reader());
    return work(*lease);
  }
  template <class T>
  [[nodiscard]] Result<T> write(const std::function<Result<T>(sqlite::Connection&)>& work) {
    PV_TRY(auto lease, lease_writer());
    auto result = work(*lease);
    PV_CHECK(check_not_lost());
    checkpoint_when_due(*lease);
    return result;
  }

  // The same with the connection to auxiliary.db, which takes turns as well. kUnsupported: there is
  // none, or it is not ours to write to (not opened as owner).
  template <class T>
  [[nodiscard]] Result<T> with_auxiliary(
      const std::function<Result<T>(sqlite::Connection&)>& work) {
    PV_TRY(auto lease, lease_auxiliary());
    auto result = work(*lease);
    PV_CHECK(check_not_lost());
    checkpoint_auxiliary_when_due(*lease);
    return result;
  }

  // Another number than before when anything was committed to data.db since, by whichever process,
  // or it was exchanged. Costs no access to a disk, so it can be asked often. kBusy while it can't
  // be told, as during a suspension.
  [[nodiscard]] Result<std::uint64_t> data_version();

  // Closes every connection, after waiting for those in use, so that the files can be replaced.
  // From then on read() and write() wait. Returns after all are closed. kBusy after `wait`, and
  // nothing has changed then. Not from inside read() or write().
  [[nodiscard]] Result<void> suspend(std::chrono::milliseconds wait);
  // Opens what lies there now. On an error it stays suspended; the caller puts the old files back
  // and calls again.
  [[nodiscard]] Result<void> resume();

  // Keeps `.pocketvault/wal-owners` true from now on (wal_owners.h): for a server, which calls this
  // every second. While nothing is committed it writes nothing.
  void note_wals();

  // What was replaced or removed, in words without a path; nullopt: what is open lies in its place,
  // or is suspended.
  [[nodiscard]] std::optional<std::string> lost();
  // After a loss: opens what lies there now and checks its schema. Meant to be called every second:
  // whoever replaces files takes a while, so they must look the same two times, or four where
  // auxiliary.db would be made anew. `before_lending` comes last, and can still refuse. True: there
  // was a loss, and it is over. kBusy: not yet; the rest as open(), and what can't be opened is not
  // tried again before it changes.
  [[nodiscard]] Result<bool> reopen(const std::function<Result<void>()>& before_lending = {});

 private:
  enum class Kind { kReader, kWriter, kAuxiliary };
  // A connection on loan; goes back to its pool with this.
  class Lease {
   public:
    Lease(DataDir& owner, std::unique_ptr<sqlite::Connection> connection, Kind kind);
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] sqlite::Connection& operator*() const { return *connection_; }

   private:
    DataDir* owner_;
    std::unique_ptr<sqlite::Connection> connection_;  // null when moved from
    Kind kind_;
    std::thread::id thread_ = std::this_thread::get_id();
  };

  DataDir(fs::Path path, const OpenOptions& options, bool created);
  [[nodiscard]] Result<Lease> lease_reader();
  [[nodiscard]] Result<Lease> lease_writer();
  [[nodiscard]] Result<Lease> lease_auxiliary();
  [[nodiscard]] Result<void> check_not_lost();
  void checkpoint_when_due(sqlite::Connection& writer);
  void checkpoint_auxiliary_when_due(sqlite::Connection& auxiliary);

  struct State;
  fs::Path path_;
  bool created_;
  std::unique_ptr<State> state_;
};

// Whether data.db has the tables, columns and rows that this program needs; newer schemas with more
// are fine. kUnsupported names what is missing; kDamaged. Shared by DataDir::open and by restore's
// check of an extracted data.db.
[[nodiscard]] Result<void> check_schema(sqlite::Connection& data);

// Makes data.db, and auxiliary.db unless it is there, in an existing folder: each under another
// name first (in `.pocketvault/`), fsynced; data.db comes last. kExists: there is a data.db
// already; kBusy: another process makes one now.
[[nodiscard]] Result<void> create_fresh(const fs::Path& directory, const Clock& clock,
                                        Random& random);

}  // namespace pv::datadir
