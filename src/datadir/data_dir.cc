#include "datadir/data_dir.h"

#include <sqlite3.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

#include "datadir/fresh.h"

// Who checkpoints, and when the WAL may go.
//
// Every connection to data.db and auxiliary.db is opened with Checkpoints::kNever, the owner's too:
// no automatic checkpoint, and closing leaves the WAL. What SQLite would do by itself is done here,
// in two places, and only by the owner of the directory:
//
// 1. After a write, when the WAL has grown past kFramesBeforeCheckpoint: the writer takes the write
//    lock (BEGIN IMMEDIATE), a second connection runs a passive checkpoint, the writer rolls back.
//    A passive checkpoint waits for nobody and needs no write lock of its own; that we hold it all
//    the same is because of the WAL-reset bug of SQLite up to 3.51.2 (sqlite.org/wal.html): a
//    commit that begins the WAL anew while a checkpoint runs makes that checkpoint count frames of
//    the new WAL as copied, and they are lost. While we hold the write lock nobody commits, in this
//    process or another, so there is nothing to race with. (Automatic checkpoints run after the
//    commit, without that lock, and so can.)
// 2. When the last of our connections closes, in suspend() and at the end. Only if nobody else
//    holds a lock on the databases or has them open, NO_CKPT_ON_CLOSE is taken back from it, and
//    SQLite copies the WAL into the database and deletes it, as after PocketBase's own clean stop.
//    A process that comes between our look and that moment is safe: SQLite does this under an
//    exclusive lock on the database, which it does not get while anyone has it open. The look is
//    for those who have it open but lost their locks, as PocketBase does with its own backups.
//
// Nobody else's database is checkpointed or written to unless write() is called. One connection to
// each is held throughout: while it lives no other process can be the last user.
namespace pv::datadir {
namespace {

using sqlite::Connection;

constexpr std::size_t kReadersMax = 8;

// SQLite's own default: 4 MiB of 4 KiB pages.
constexpr int kFramesBeforeCheckpoint = 1000;

// For the lock of others on auxiliary.db. What is written there can be written later, or never: it
// must not hold up whoever is next, nor the program's end.
constexpr int kAuxiliaryWaitMs = 1000;

std::vector<fs::Path> database_files(const fs::Path& directory) {
  std::vector<fs::Path> files;
  for (const char* name : {"data.db", "data.db-wal", "data.db-shm", "auxiliary.db",
                           "auxiliary.db-wal", "auxiliary.db-shm"}) {
    files.push_back(directory / name);
  }
  return files;
}

using ConnectionPtr = std::unique_ptr<Connection>;

Result<ConnectionPtr> open_connection(const fs::Path& path, bool read_only) {
  PV_TRY(
      Connection connection,
      Connection::open(path, {.read_only = read_only, .checkpoints = sqlite::Checkpoints::kNever}));
  return std::make_unique<Connection>(std::move(connection));
}

// "Held" begins with the first read: only then does SQLite take the locks that it keeps.
Result<ConnectionPtr> open_held(const fs::Path& path, bool read_only) {
  PV_TRY(ConnectionPtr connection, open_connection(path, read_only));
  PV_CHECK(connection->one("SELECT count(*) FROM sqlite_master"));
  return connection;
}

Result<void> check_is_file(const fs::Path& path) {
  PV_TRY(const fs::Stat found, fs::stat(path));
  if (!found.is_file()) { return fail(Code::kDamaged, path.string() + " is not a file"); }
  return {};
}

void let_close_delete_wal(Connection& connection) {
  ::sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

// All of the WAL is copied, and the next commit begins it anew. `writer` sees to it that nobody
// commits meanwhile.
bool checkpoint(Connection& writer, Connection& second) {
  const auto nobody_commits = sqlite::Transaction::begin_immediate(writer);
  if (!nobody_commits) { return false; }
  const auto done = second.all("PRAGMA wal_checkpoint(PASSIVE)");  // busy, frames, copied
  return done && !done->empty() && done->front().size() == 3 &&
         done->front()[1] == done->front()[2];
}

int remember_frames(void* frames, sqlite3* /*handle*/, const char* /*schema*/, int count) {
  *static_cast<int*>(frames) = count;
  return SQLITE_OK;
}

}  // namespace

struct DataDir::State {
  enum class Mode { kOpen, kSuspending, kSuspended };

  explicit State(const OpenOptions& given) : options{given} {}

  const OpenOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  Mode mode = Mode::kSuspended;
  ConnectionPtr data;        // held; the owner's can write, for checkpoints
  std::mutex data_mutex;     // who works with it; taken after the other, if both are
  std::uint64_t opened = 0;  // how often; numbers of one connection say nothing of another's
  ConnectionPtr auxiliary;   // held; null where there is none and we are not the owner, and on loan
  ConnectionPtr writer;      // null until first used, and while on loan
  bool writer_on_loan = false;
  bool auxiliary_on_loan = false;
  std::vector<ConnectionPtr> idle_readers;
  std::optional<Error> broken;  // why there is nothing to lend; see OpenOptions::tolerate_damage
  std::size_t readers_on_loan = 0;
  std::multiset<std::thread::id> borrowers;  // one entry for each lease
  int wal_frames = 0;                        // after the last commit; who has the writer has this
  int auxiliary_wal_frames = 0;              // the same of auxiliary.db

  [[nodiscard]] bool is_open_to_this_thread() const {
    // Who has a lease already may have another: a suspension that waits for the first one must not
    // be what keeps it from ending.
    return mode == Mode::kOpen ||
           (mode == Mode::kSuspending && borrowers.contains(std::this_thread::get_id()));
  }

  // Waits until the directory is open and `is_free`. The mutex is held by `lock`.
  template <class Predicate>
  Result<void> wait_for(std::unique_lock<std::mutex>& lock, Predicate is_free) {
    if (broken) { return fail(*broken); }
    const bool ready = changed.wait_for(lock, options.lease_wait,
                                        [&] { return is_open_to_this_thread() && is_free(); });
    if (ready) { return {}; }
    return fail(Code::kBusy, is_open_to_this_thread()
                                 ? "data.db: all connections are in use"
                                 : "data.db: closed while the data directory is being replaced");
  }

  Result<void> open_all(const fs::Path& directory);
  Result<void> open_auxiliary(const fs::Path& directory);
  void close_all(const fs::Path& directory);
};

Result<void> DataDir::State::open_auxiliary(const fs::Path& directory) {
  const fs::Path path = directory / "auxiliary.db";
  if (!fs::exists(path)) {
    if (!options.owner) { return {}; }
    PV_CHECK(create_auxiliary(directory));
  }
  PV_CHECK(check_is_file(path));
  PV_TRY(auxiliary, open_held(path, /*read_only=*/!options.owner));
  auxiliary_wal_frames = 0;
  ::sqlite3_wal_hook(auxiliary->handle(), remember_frames, &auxiliary_wal_frames);
  if (options.owner && !auxiliary->has_table("_logs")) {
    PV_CHECK(add_auxiliary_tables(*auxiliary));
  }
  ::sqlite3_busy_timeout(auxiliary->handle(), kAuxiliaryWaitMs);
  return {};
}

Result<void> DataDir::State::open_all(const fs::Path& directory) {
  const fs::Path path = directory / "data.db";
  PV_CHECK(check_is_file(path));
  PV_TRY(data, open_held(path, /*read_only=*/!options.owner));
  if (auto checked = check_schema(*data); !checked) {
    return fail(checked.error().within(directory.string()));
  }
  PV_CHECK(open_auxiliary(directory));
  if (options.owner) {
    // A restored archive may hold databases in another mode. In WAL mode already, this does
    // nothing; while another process is at it, it fails, and the mode found works as well.
    static_cast<void>(data->exec("PRAGMA journal_mode=WAL"));
    static_cast<void>(auxiliary->exec("PRAGMA journal_mode=WAL"));
  }
  return {};
}

void DataDir::State::close_all(const fs::Path& directory) {
  idle_readers.clear();
  writer.reset();
  const std::vector<fs::Path> files = database_files(directory);
  const bool alone =
      options.owner && fs::other_lock_holders(files).empty() && fs::other_openers(files).empty();
  for (ConnectionPtr* held : {&auxiliary, &data}) {
    if (alone && *held != nullptr) { let_close_delete_wal(**held); }
    held->reset();
  }
}

DataDir::DataDir(fs::Path path, const OpenOptions& options, bool created)
    : path_{std::move(path)}, created_{created}, state_{std::make_unique<State>(options)} {}

DataDir::~DataDir() {
  const std::lock_guard lock{state_->mutex};
  PV_ASSERT(state_->borrowers.empty());
  state_->close_all(path_);
}

Result<std::unique_ptr<DataDir>> DataDir::open(const fs::Path& directory,
                                               const OpenOptions& options, const Clock& clock,
                                               Random& random) {
  bool created = false;
  const bool has_backups =
      fs::exists(directory / "backups") || fs::exists(directory / ".pocketvault");
  const bool tolerated = options.tolerate_damage && has_backups;
  if (!fs::exists(directory / "data.db") && !tolerated) {
    if (!options.create) { return fail(Code::kNotFound, directory.string() + " has no data.db"); }
    PV_CHECK(fs::make_folders(directory));
    const auto made = create_fresh(directory, clock, random);
    if (!made && made.error().code != Code::kExists) { return fail(made.error()); }
    created = made.has_value();  // kExists: another process was faster, and that is as good
  }
  std::unique_ptr<DataDir> result{new DataDir{directory, options, created}};
  if (const auto opened = result->resume(); !opened) {
    const Code code = opened.error().code;
    const bool damaged = code == Code::kDamaged || code == Code::kUnsupported ||
                         code == Code::kNotFound || code == Code::kDenied;
    if (!tolerated || !damaged) { return fail(opened.error()); }
    result->state_->broken = opened.error();
  }
  if (const auto made = make_vault_folder(directory); !made) {
    // On a volume that may only be read, what needs no folder still works.
    if (!tolerated || made.error().code != Code::kDenied) { return fail(made.error()); }
  }
  return result;
}

bool DataDir::owns() const {
  return state_->options.owner && fs::other_lock_holders(database_files(path_)).empty();
}

Result<void> DataDir::suspend(std::chrono::milliseconds wait) {
  State& state = *state_;
  std::unique_lock lock{state.mutex};
  PV_ASSERT(!state.borrowers.contains(std::this_thread::get_id()));
  if (state.mode == State::Mode::kSuspended) { return {}; }
  if (state.mode == State::Mode::kSuspending) {
    return fail(Code::kBusy, "the data directory is being closed already");
  }
  state.mode = State::Mode::kSuspending;
  const bool idle = state.changed.wait_for(lock, wait, [&] { return state.borrowers.empty(); });
  if (!idle) {
    state.mode = State::Mode::kOpen;
    state.changed.notify_all();
    return fail(Code::kBusy, "data.db is still in use by requests after " +
                                 std::to_string(wait.count()) + " ms");
  }
  state.mode = State::Mode::kSuspended;
  state.close_all(path_);
  return {};
}

Result<void> DataDir::resume() {
  State& state = *state_;
  const std::lock_guard lock{state.mutex};
  if (state.mode != State::Mode::kSuspended) { return {}; }
  if (auto opened = state.open_all(path_); !opened) {
    state.close_all(path_);
    return opened;
  }
  state.broken.reset();
  ++state.opened;
  state.mode = State::Mode::kOpen;
  state.changed.notify_all();
  return {};
}

Result<DataDir::Lease> DataDir::lease_reader() {
  State& state = *state_;
  std::unique_lock lock{state.mutex};
  PV_CHECK(state.wait_for(lock, [&] { return state.readers_on_loan < kReadersMax; }));
  ConnectionPtr connection;
  if (!state.idle_readers.empty()) {
    connection = std::move(state.idle_readers.back());
    state.idle_readers.pop_back();
  } else {
    PV_TRY(connection, open_connection(path_ / "data.db", /*read_only=*/true));
  }
  ++state.readers_on_loan;
  state.borrowers.insert(std::this_thread::get_id());
  return Lease{*this, std::move(connection), Kind::kReader};
}

Result<DataDir::Lease> DataDir::lease_writer() {
  State& state = *state_;
  std::unique_lock lock{state.mutex};
  PV_CHECK(state.wait_for(lock, [&] { return !state.writer_on_loan; }));
  if (state.writer == nullptr) {
    PV_TRY(state.writer, open_connection(path_ / "data.db", /*read_only=*/false));
    state.wal_frames = 0;
    ::sqlite3_wal_hook(state.writer->handle(), remember_frames, &state.wal_frames);
  }
  state.writer_on_loan = true;
  state.borrowers.insert(std::this_thread::get_id());
  return Lease{*this, std::move(state.writer), Kind::kWriter};
}

Result<DataDir::Lease> DataDir::lease_auxiliary() {
  State& state = *state_;
  if (!state.options.owner) { return fail(Code::kUnsupported, "auxiliary.db is the app's"); }
  std::unique_lock lock{state.mutex};
  PV_CHECK(state.wait_for(lock, [&] { return !state.auxiliary_on_loan; }));
  state.auxiliary_on_loan = true;
  state.borrowers.insert(std::this_thread::get_id());
  return Lease{*this, std::move(state.auxiliary), Kind::kAuxiliary};
}

Result<std::uint64_t> DataDir::data_version() {
  State& state = *state_;
  const std::lock_guard lock{state.mutex};
  if (state.broken) { return fail(*state.broken); }
  if (state.mode != State::Mode::kOpen) { return fail(Code::kBusy, "data.db is being replaced"); }
  const std::unique_lock data_lock{state.data_mutex, std::try_to_lock};
  if (!data_lock.owns_lock()) { return fail(Code::kBusy, "data.db is being checkpointed"); }
  PV_TRY(const auto row, state.data->one("PRAGMA data_version"));
  const std::int64_t version = row ? sqlite::to_int(row->front()) : 0;
  return (state.opened << 32U) + static_cast<std::uint32_t>(version);
}

// Called by who has the writer on loan, so `data` stays open. Failing is fine: the next write tries
// again.
void DataDir::checkpoint_when_due(Connection& writer) {
  if (state_->wal_frames < kFramesBeforeCheckpoint || !owns()) { return; }
  if (::sqlite3_get_autocommit(writer.handle()) == 0) { return; }
  const std::lock_guard data_lock{state_->data_mutex};
  if (checkpoint(writer, *state_->data)) { state_->wal_frames = 0; }
}

void DataDir::checkpoint_auxiliary_when_due(Connection& auxiliary) {
  if (state_->auxiliary_wal_frames < kFramesBeforeCheckpoint || !owns()) { return; }
  if (::sqlite3_get_autocommit(auxiliary.handle()) == 0) { return; }
  const auto second = open_connection(path_ / "auxiliary.db", /*read_only=*/false);
  if (second && checkpoint(auxiliary, **second)) { state_->auxiliary_wal_frames = 0; }
}

DataDir::Lease::Lease(DataDir& owner, ConnectionPtr connection, Kind kind)
    : owner_{&owner}, connection_{std::move(connection)}, kind_{kind} {}

DataDir::Lease::~Lease() {
  if (connection_ == nullptr) { return; }
  if (::sqlite3_get_autocommit(connection_->handle()) == 0) {
    static_cast<void>(connection_->exec("ROLLBACK"));
  }
  State& state = *owner_->state_;
  {
    const std::lock_guard lock{state.mutex};
    state.borrowers.erase(state.borrowers.find(thread_));
    switch (kind_) {
      case Kind::kReader:
        state.idle_readers.push_back(std::move(connection_));
        --state.readers_on_loan;
        break;
      case Kind::kWriter:
        state.writer = std::move(connection_);
        state.writer_on_loan = false;
        break;
      case Kind::kAuxiliary:
        state.auxiliary = std::move(connection_);
        state.auxiliary_on_loan = false;
        break;
    }
  }
  state.changed.notify_all();
}

}  // namespace pv::datadir
