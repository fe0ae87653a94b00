#include "datadir/data_dir.h"

#include <sqlite3.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

#include "datadir/fresh.h"
#include "datadir/wal_owners.h"
#include "fs/presence.h"
#include "sqlite/wal_header.h"

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
//
// When another program replaces the files under us.
//
// SQLite opens the WAL and its index by name, and holds on to them. A connection to a data.db that
// was moved away therefore goes on in files that nobody will ever read again, and a new one of the
// same process may find the index of the old database beside the WAL of the new. So the device and
// inode of each file are noted when it is opened, and compared with the names (stat(2): a
// descriptor of our own would drop SQLite's locks when it is closed) before each loan, after each
// new connection has read its first page, and after each write.
//
// What remains: an exchange after the look that follows a write is no different from one some time
// later. One that begins and is undone between the two looks isn't seen, and neither is a copy of
// data.db that was taken before the write and moved into its place after it: what the copy lacks
// is lost, as it is to every user of SQLite.
//
// Closing is without danger to the new files: NO_CKPT_ON_CLOSE stays set for what was lost, and
// without a checkpoint SQLite removes nothing by its name.
//
// Whose WAL it is that lies beside the new database.
//
// If it is the one that was open here, and it was not empty, SQLite would mix it into the new one.
// While a server runs it keeps in mind how a WAL with commits in it begins, and that counts once
// all files have been seen in their places after it was read: what another program does to
// a WAL that was left is never taken for the old one's. This is written down as well
// (wal_owners.h), ahead of any loss, for a server may be killed, or stopped before somebody
// replaces the files. A WAL is begun anew after 4 MiB of changes at the earliest, and no more than
// one note is written in ten looks, so that who writes much costs little: a note that is behind
// tells of a WAL that nobody has any more, and refuses nothing.
namespace pv::datadir {
namespace {

using sqlite::Connection;

constexpr std::size_t kReadersMax = 8;

// SQLite's own default: 4 MiB of 4 KiB pages.
constexpr int kFramesBeforeCheckpoint = 1000;

// For the lock of others on auxiliary.db. What is written there can be written later, or never: it
// must not hold up whoever is next, nor the program's end.
constexpr int kAuxiliaryWaitMs = 1000;

constexpr std::array kNames{"data.db",      "data.db-wal",      "data.db-shm",
                            "auxiliary.db", "auxiliary.db-wal", "auxiliary.db-shm"};
constexpr std::size_t kData = 0;
constexpr std::size_t kAuxiliary = 3;

std::vector<fs::Path> database_files(const fs::Path& directory) {
  std::vector<fs::Path> files;
  for (const char* name : kNames) { files.push_back(directory / name); }
  return files;
}

struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};
using FileIds = std::array<std::optional<FileId>, kNames.size()>;  // nullopt: nothing is there

FileIds look_at_files(const fs::Path& directory) {
  FileIds ids;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto found = fs::stat(directory / kNames[i]);
    if (found.has_value()) { ids[i] = FileId{found->device, found->inode}; }
  }
  return ids;
}

// Of the databases alone: a WAL changes with each commit.
struct Sight {
  FileIds ids;
  std::array<std::optional<fs::Stat>, 2> databases;  // one that is just being copied grows
  friend bool operator==(const Sight&, const Sight&) = default;
};

Sight look_closely(const fs::Path& directory) {
  Sight sight{.ids = look_at_files(directory), .databases = {}};
  for (std::size_t i = 0; i < sight.databases.size(); ++i) {
    const auto found = fs::stat(directory / kNames[i == 0 ? kData : kAuxiliary]);
    if (found.has_value()) { sight.databases[i] = *found; }
  }
  return sight;
}

// What of what was `held` lies there no more.
std::string missing_of(const fs::Path& directory, const FileIds& held, const FileIds& now) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!held[i] || now[i] == held[i]) { continue; }
    const bool has_folder = fs::exists(directory);
    std::string what = has_folder ? kNames[i] : "the data directory";
    what += " was " + std::string{kLostToOthers};
    return now[i] ? what : what + ", and is gone";
  }
  return {};
}

// Of data.db and auxiliary.db: where each is among kNames, with its WAL behind it.
constexpr std::array kMains{kData, kAuxiliary};

// What a WAL held when its database was lost. Without a mark that is not known, and whatever lies
// there may be the old one's.
struct LostWal {
  bool is_empty = false;
  std::optional<sqlite::WalMark> mark;
};

// At most one note in so many looks.
constexpr int kLooksBetweenNotes = 10;

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
  // kLost: nothing is lent; what was open is closed with the last loan.
  enum class Mode { kOpen, kSuspending, kSuspended, kLost };

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
  FileIds held;                 // the files that are open, as far as they were seen
  std::string lost;             // what of them lies there no more; empty: nothing
  std::array<LostWal, kMains.size()> lost_wals;
  bool notes_wals = false;                                        // see note_wals()
  std::array<std::optional<WalOwner>, kMains.size()> wal_owners;  // as last seen in their places
  std::vector<WalOwner> noted;                                    // of these, what is written down
  std::mutex note_mutex;  // who writes that down; taken after the first, if both are
  int looks_since_note = kLooksBetweenNotes;
  Sight seen;  // after a loss, when last looked
  int times_seen = 0;
  int looks = 0;             // since the loss
  bool is_hopeless = false;  // `seen` can't be opened
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
  Result<void> wait_for(std::unique_lock<std::mutex>& lock, const fs::Path& directory,
                        Predicate is_free) {
    if (broken) { return fail(*broken); }
    PV_CHECK(check_not_lost(directory));
    const bool ready = changed.wait_for(lock, options.lease_wait, [&] {
      return mode == Mode::kLost || (is_open_to_this_thread() && is_free());
    });
    if (ready) { return check_not_lost(directory); }
    return fail(Code::kBusy, is_open_to_this_thread()
                                 ? "data.db: all connections are in use"
                                 : "data.db: closed while the data directory is being replaced");
  }

  // A new connection, if it is to what the others are open to.
  Result<ConnectionPtr> open_another(const fs::Path& directory, const char* name, bool read_only) {
    PV_TRY(ConnectionPtr connection, open_connection(directory / name, read_only));
    PV_CHECK(check_not_lost(directory));
    return connection;
  }

  // The mutex is held. kBusy.
  Result<void> check_not_lost(const fs::Path& directory) {
    look(directory);
    if (lost.empty()) { return {}; }
    return fail(Code::kBusy, lost);
  }

  void look(const fs::Path& directory);
  void see_wals(const fs::Path& directory);
  void see_lost_wals(const fs::Path& directory);
  [[nodiscard]] std::vector<WalOwner> owners_seen() const;
  Result<void> note_wals(const fs::Path& directory);
  [[nodiscard]] std::string stale_wal(const fs::Path& directory) const;
  Result<void> refuse_stale_wals(const fs::Path& directory) const;
  void end_loan() {
    if (mode == Mode::kLost && borrowers.empty()) { close_all(); }
  }
  Result<void> open_all(const fs::Path& directory);
  Result<void> open_databases(const fs::Path& directory);
  Result<void> open_after_loss(const fs::Path& directory,
                               const std::function<Result<void>()>& before_lending);
  Result<void> open_auxiliary(const fs::Path& directory);
  void close_all();  // leaves the WALs where they are
  void close_all_and_wals(const fs::Path& directory);
};

// While it is suspended nothing is open that could be lost.
void DataDir::State::look(const fs::Path& directory) {
  if (mode != Mode::kOpen && mode != Mode::kSuspending) { return; }
  const FileIds now = look_at_files(directory);
  lost = missing_of(directory, held, now);
  if (lost.empty()) {
    // SQLite makes a WAL and its index when it comes to need them.
    for (std::size_t i = 0; i < held.size(); ++i) {
      if (!held[i]) { held[i] = now[i]; }
    }
    return;
  }
  if (mode == Mode::kSuspending) { return; }  // it closes everything in any case
  mode = Mode::kLost;
  times_seen = 0;
  looks = 0;
  is_hopeless = false;
  see_lost_wals(directory);
  end_loan();
  changed.notify_all();
}

// The mutex is held, and `data` is open.
void DataDir::State::see_wals(const fs::Path& directory) {
  std::array<std::optional<sqlite::WalMark>, kMains.size()> marks;
  {
    const std::unique_lock data_lock{data_mutex, std::try_to_lock};
    if (data_lock.owns_lock() && held[kData + 1]) { marks[0] = sqlite::committed_mark(*data); }
  }
  if (auxiliary != nullptr && held[kAuxiliary + 1]) {
    marks[1] = sqlite::committed_mark(*auxiliary);
  }
  // Only now: what they were read of lay in its place then.
  const FileIds now = look_at_files(directory);
  if (!missing_of(directory, held, now).empty()) { return; }
  for (std::size_t i = 0; i < kMains.size(); ++i) {
    if (!marks[i]) { continue; }
    const fs::Path database = directory / kNames[kMains[i]];
    const auto file = fs::identity_of(database);
    const auto wal = fs::identity_of(directory / kNames[kMains[i] + 1]);
    const bool is_held = file && wal && file->inode == held[kMains[i]]->inode &&
                         wal->inode == held[kMains[i] + 1]->inode;
    if (!is_held) { continue; }
    wal_owners[i] =
        WalOwner{.database = database.filename(), .file = *file, .wal = *wal, .mark = *marks[i]};
  }
}

// The mutex is held, and what was lost is open still, as far as it is not on loan.
void DataDir::State::see_lost_wals(const fs::Path& directory) {
  lost_wals = {};
  const auto see = [](LostWal& lost_wal, Connection& connection) {
    const auto mark = sqlite::wal_mark_of(connection);
    if (!mark.has_value()) { return; }
    lost_wal = {.is_empty = !mark->has_value(), .mark = *mark};
  };
  {
    const std::lock_guard data_lock{data_mutex};
    if (data != nullptr) { see(lost_wals[0], *data); }
  }
  if (auxiliary != nullptr) { see(lost_wals[1], *auxiliary); }
  // What was moved away together is not for this directory to tell.
  const FileIds now = look_at_files(directory);
  for (std::size_t i = 0; i < kMains.size(); ++i) {
    if (now[kMains[i] + 1] != held[kMains[i] + 1]) { wal_owners[i].reset(); }
  }
  std::ignore = note_wals(directory);
}

std::vector<WalOwner> DataDir::State::owners_seen() const {
  std::vector<WalOwner> owners;
  for (const auto& owner : wal_owners) {
    if (owner) { owners.push_back(*owner); }
  }
  return owners;
}

Result<void> DataDir::State::note_wals(const fs::Path& directory) {
  std::vector<WalOwner> owners = owners_seen();
  if (!notes_wals || owners == noted) { return {}; }
  {
    const std::lock_guard note_lock{note_mutex};
    PV_CHECK(note_wal_owners(directory, owners));
  }
  noted = std::move(owners);
  return {};
}

// Of what was lost, the WAL that lies beside another database now, as it was; nothing is open.
std::string DataDir::State::stale_wal(const fs::Path& directory) const {
  const FileIds now = look_at_files(directory);
  for (std::size_t i = 0; i < kMains.size(); ++i) {
    const std::size_t main = kMains[i];
    const bool is_another = held[main] && now[main] != held[main];
    if (!is_another || !held[main + 1] || now[main + 1] != held[main + 1]) { continue; }
    const auto mark = sqlite::wal_mark_at(directory / kNames[main + 1]);
    if (!mark || lost_wals[i].is_empty) { continue; }
    if (!lost_wals[i].mark || *lost_wals[i].mark == *mark) { return kNames[main]; }
  }
  return {};
}

// Before anything is opened.
Result<void> DataDir::State::refuse_stale_wals(const fs::Path& directory) const {
  PV_CHECK(refuse_wal_of_another(directory));
  // It would be made anew.
  const fs::Path logs = directory / kNames[kAuxiliary];
  if (options.owner && !fs::exists(logs) && has_wal_of_another(logs, known_wal_owners(directory))) {
    return fail(wal_of_another(kNames[kAuxiliary]));
  }
  return {};
}

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
  PV_CHECK(check_is_file(directory / kNames[kData]));
  PV_CHECK(refuse_stale_wals(directory));
  const FileIds before = look_at_files(directory);
  PV_CHECK(open_databases(directory));
  const FileIds after = look_at_files(directory);
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (before[i] && before[i] != after[i]) {
      return fail(Code::kBusy, std::string{kNames[i]} + " was " + std::string{kLostToOthers} +
                                   " while it was being opened");
    }
  }
  held = after;
  lost.clear();
  wal_owners = {};
  see_wals(directory);
  return {};
}

Result<void> DataDir::State::open_databases(const fs::Path& directory) {
  const fs::Path path = directory / "data.db";
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

// On an error all is as before. The new files' WALs are left to whoever comes after us.
Result<void> DataDir::State::open_after_loss(const fs::Path& directory,
                                             const std::function<Result<void>()>& before_lending) {
  const std::string what_was_lost = lost;
  const FileIds what_was_held = held;
  if (const std::string database = stale_wal(directory); !database.empty()) {
    return fail(wal_of_another(database));
  }
  Result<void> outcome = open_all(directory);
  if (outcome.has_value()) { outcome = make_vault_folder(directory); }
  if (outcome.has_value() && before_lending) { outcome = before_lending(); }
  if (outcome.has_value()) { return {}; }
  close_all();
  lost = what_was_lost;
  held = what_was_held;
  return outcome;
}

void DataDir::State::close_all() {
  idle_readers.clear();
  writer.reset();
  auxiliary.reset();
  data.reset();
}

void DataDir::State::close_all_and_wals(const fs::Path& directory) {
  idle_readers.clear();
  writer.reset();
  const std::vector<fs::Path> files = database_files(directory);
  const bool alone =
      options.owner && fs::other_lock_holders(files).empty() && fs::other_openers(files).empty();
  // The WALs go by their names, so what is open must lie there. (SQLite looks at data.db's inode
  // itself once more.)
  const bool is_in_place =
      missing_of(directory, held, look_at_files(directory)).empty() && lost.empty();
  if (is_in_place && data != nullptr) { see_wals(directory); }
  if (alone && is_in_place) {
    for (const ConnectionPtr* last : {&auxiliary, &data}) {
      if (*last != nullptr) { let_close_delete_wal(**last); }
    }
  }
  close_all();
  if (!notes_wals || !is_in_place) { return; }
  std::vector<WalOwner> gone;
  for (std::optional<WalOwner>& owner : wal_owners) {
    if (!owner || fs::exists(directory / (owner->database + "-wal"))) { continue; }
    gone.push_back(*owner);
    owner.reset();
  }
  if (!gone.empty()) { forget_wal_owners(directory, gone); }
  std::ignore = note_wals(directory);
}

DataDir::DataDir(fs::Path path, const OpenOptions& options, bool created)
    : path_{std::move(path)}, created_{created}, state_{std::make_unique<State>(options)} {}

DataDir::~DataDir() {
  const std::lock_guard lock{state_->mutex};
  PV_ASSERT(state_->borrowers.empty());
  state_->close_all_and_wals(path_);
}

Result<std::unique_ptr<DataDir>> DataDir::open(const fs::Path& directory,
                                               const OpenOptions& options, const Clock& clock,
                                               Random& random) {
  bool created = false;
  const bool has_backups =
      fs::exists(directory / "backups") || fs::exists(directory / ".pocketvault");
  const bool tolerated = options.tolerate_damage && has_backups;
  const Result<bool> has_data = fs::is_there(directory / "data.db");
  if (!has_data.has_value() && !tolerated) { return fail(has_data.error()); }
  if (!has_data.value_or(true) && !tolerated) {
    if (!options.create) {
      return fail(Code::kNotFound,
                  directory.string() +
                      " has no data.db, so it is no data directory of PocketBase: --dir says which "
                      "one is meant");
    }
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
  const State::Mode before = state.mode;
  state.mode = State::Mode::kSuspending;
  const bool idle = state.changed.wait_for(lock, wait, [&] { return state.borrowers.empty(); });
  if (!idle) {
    state.mode = before;
    state.changed.notify_all();
    return fail(Code::kBusy, "data.db is still in use by requests after " +
                                 std::to_string(wait.count()) + " ms");
  }
  state.mode = State::Mode::kSuspended;
  state.close_all_and_wals(path_);
  return {};
}

Result<void> DataDir::resume() {
  State& state = *state_;
  const std::lock_guard lock{state.mutex};
  if (state.mode != State::Mode::kSuspended) { return {}; }
  if (auto opened = state.open_all(path_); !opened) {
    state.held = look_at_files(path_);
    state.lost.clear();
    state.close_all_and_wals(path_);
    return opened;
  }
  state.broken.reset();
  ++state.opened;
  state.mode = State::Mode::kOpen;
  state.changed.notify_all();
  return {};
}

void DataDir::note_wals() {
  State& state = *state_;
  std::unique_lock lock{state.mutex};
  if (state.broken) { return; }
  state.notes_wals = true;
  if (state.looks_since_note < kLooksBetweenNotes) { ++state.looks_since_note; }
  state.look(path_);
  if (state.mode != State::Mode::kOpen) { return; }
  state.see_wals(path_);
  std::vector<WalOwner> owners = state.owners_seen();
  if (state.looks_since_note < kLooksBetweenNotes || owners == state.noted) { return; }
  state.looks_since_note = 0;
  lock.unlock();
  // Nobody waits for this disk. When it is full, it is tried again some looks later.
  const bool is_written = [&] {
    const std::lock_guard note_lock{state.note_mutex};
    return note_wal_owners(path_, owners).has_value();
  }();
  lock.lock();
  if (!is_written) { return; }
  state.noted = std::move(owners);
  // Lost meanwhile, and that was noted first.
  if (state.mode == State::Mode::kLost) { std::ignore = state.note_wals(path_); }
}

std::optional<std::string> DataDir::lost() {
  State& state = *state_;
  const std::lock_guard lock{state.mutex};
  state.look(path_);
  if (state.mode != State::Mode::kLost) { return std::nullopt; }
  return state.lost;
}

Result<void> DataDir::check_not_lost() {
  const std::lock_guard lock{state_->mutex};
  return state_->check_not_lost(path_);
}

Result<bool> DataDir::reopen(const std::function<Result<void>()>& before_lending) {
  constexpr int kTimesSeen = 2;
  constexpr int kTimesSeenWithoutAuxiliary = 4;
  constexpr int kLooksMax =
      10;  // an app that is at work on the new files changes them every second
  State& state = *state_;
  const std::lock_guard lock{state.mutex};
  state.look(path_);
  if (state.mode != State::Mode::kLost) { return false; }
  const Sight now = look_closely(path_);
  if (now != state.seen) {
    state.seen = now;
    state.times_seen = 0;
    state.is_hopeless = false;
  }
  ++state.times_seen;
  ++state.looks;
  const bool lacks_auxiliary = state.options.owner && !now.ids[kAuxiliary];
  const bool is_settled =
      state.looks > kLooksMax ||
      state.times_seen >= (lacks_auxiliary ? kTimesSeenWithoutAuxiliary : kTimesSeen);
  if (!state.borrowers.empty() || !now.ids[kData] || !is_settled || state.is_hopeless) {
    return fail(Code::kBusy, state.lost);
  }
  Result<void> opened = state.open_after_loss(path_, before_lending);
  if (!opened.has_value()) {
    const Code code = opened.error().code;
    state.is_hopeless = code == Code::kDamaged || code == Code::kUnsupported;
    state.seen = look_closely(path_);  // with what opening made beside it
    return fail(std::move(opened).error());
  }
  ++state.opened;
  state.mode = State::Mode::kOpen;
  state.changed.notify_all();
  return true;
}

Result<DataDir::Lease> DataDir::lease_reader() {
  State& state = *state_;
  std::unique_lock lock{state.mutex};
  PV_CHECK(state.wait_for(lock, path_, [&] { return state.readers_on_loan < kReadersMax; }));
  ConnectionPtr connection;
  if (!state.idle_readers.empty()) {
    connection = std::move(state.idle_readers.back());
    state.idle_readers.pop_back();
  } else {
    PV_TRY(connection, state.open_another(path_, "data.db", /*read_only=*/true));
  }
  ++state.readers_on_loan;
  state.borrowers.insert(std::this_thread::get_id());
  return Lease{*this, std::move(connection), Kind::kReader};
}

Result<DataDir::Lease> DataDir::lease_writer() {
  State& state = *state_;
  std::unique_lock lock{state.mutex};
  PV_CHECK(state.wait_for(lock, path_, [&] { return !state.writer_on_loan; }));
  if (state.writer == nullptr) {
    PV_TRY(state.writer, state.open_another(path_, "data.db", /*read_only=*/false));
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
  PV_CHECK(state.wait_for(lock, path_, [&] { return !state.auxiliary_on_loan; }));
  state.auxiliary_on_loan = true;
  state.borrowers.insert(std::this_thread::get_id());
  return Lease{*this, std::move(state.auxiliary), Kind::kAuxiliary};
}

Result<std::uint64_t> DataDir::data_version() {
  State& state = *state_;
  const std::lock_guard lock{state.mutex};
  if (state.broken) { return fail(*state.broken); }
  PV_CHECK(state.check_not_lost(path_));
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
  const auto second = [&] {
    const std::lock_guard lock{state_->mutex};
    return state_->open_another(path_, "auxiliary.db", /*read_only=*/false);
  }();
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
    if (state.mode == State::Mode::kLost) { connection_.reset(); }
    switch (kind_) {
      case Kind::kReader:
        if (connection_ != nullptr) { state.idle_readers.push_back(std::move(connection_)); }
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
    state.end_loan();
  }
  state.changed.notify_all();
}

}  // namespace pv::datadir
