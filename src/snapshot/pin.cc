#include "snapshot/pin.h"

#include <sqlite3.h>

#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "sqlite/vfs.h"

namespace pv::snapshot {
namespace {

using Moment = std::chrono::steady_clock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// How long one database's writers may be held up because another database is busy: not at all at
// the first attempt, longer at each further one, so that we get there in the end.
constexpr microseconds kHoldStep{100};
constexpr microseconds kHoldMax{2'000};
// Between two tries for a lock: SQLite's own wait (up to 100 ms) loses against a busy writer, whose
// gaps are shorter.
constexpr microseconds kPollMin{50};
constexpr microseconds kPollMax{1'000};

// All that is prepared before the moment, so that little is left to do in it.
struct Pair {
  std::string name;
  fs::Path path;
  sqlite::Connection locker;
  sqlite::Connection reader;
  sqlite::Statement lock;
  sqlite::Statement unlock;
  sqlite::Statement version;  // changes with each commit of others
  sqlite::Statement begin;
  sqlite::Statement read;
  sqlite::Statement end;
  bool lockable = true;
  bool wal = true;
  bool locked = false;
  bool reading = false;
  std::int64_t version_before = 0;
  std::uint64_t pages = 0;
  Result<sqlite::WalIndex> index = fail(Code::kInternal, "not read");
};

std::string explain(const std::string& name, const Error& error) {
  return name + ": " + error.what +
         "; another process holds it locked: look for a long transaction or an exclusive lock";
}

Result<sqlite::Connection> open(const fs::Path& path, milliseconds wait) {
  auto connection = sqlite::Connection::open(
      path, {.checkpoints = sqlite::Checkpoints::kNever, .busy_timeout = wait});
  if (!connection.has_value() && connection.error().code == Code::kBusy) {
    return fail(Code::kBusy, explain(path.filename().string(), connection.error()));
  }
  if (!connection.has_value() && connection.error().code == Code::kDenied) {
    return fail(Code::kDenied,
                connection.error().what + "; SQLite needs " + path.filename().string() +
                    "-shm beside it: a running app has it, else this user must be able to write");
  }
  // From here on nothing waits inside SQLite.
  if (connection.has_value()) { sqlite3_busy_timeout(connection->handle(), 0); }
  return connection;
}

Result<Pair> prepare(const fs::Path& directory, const std::string& name, milliseconds wait) {
  const fs::Path path = directory / name;
  PV_TRY(auto locker, open(path, wait));
  PV_TRY(auto reader, open(path, wait));
  PV_TRY(auto mode, locker.one("PRAGMA journal_mode"));
  PV_TRY(auto lock, locker.prepare("BEGIN IMMEDIATE"));
  PV_TRY(auto unlock, locker.prepare("ROLLBACK"));
  PV_TRY(auto version, locker.prepare("PRAGMA data_version"));
  PV_TRY(auto begin, reader.prepare("BEGIN"));
  PV_TRY(auto read, reader.prepare("PRAGMA page_count"));
  PV_TRY(auto end, reader.prepare("ROLLBACK"));
  const bool lockable = sqlite3_db_readonly(locker.handle(), "main") == 0;
  const bool wal = mode.has_value() && sqlite::to_text(mode->front()) == "wal";
  return Pair{.name = name,
              .path = path,
              .locker = std::move(locker),
              .reader = std::move(reader),
              .lock = std::move(lock),
              .unlock = std::move(unlock),
              .version = std::move(version),
              .begin = std::move(begin),
              .read = std::move(read),
              .end = std::move(end),
              .lockable = lockable,
              .wal = wal};
}

// Runs a prepared statement; its first number. False in `busy`'s place: somebody else is at it.
Result<std::optional<std::int64_t>> step(sqlite::Statement& statement) {
  std::int64_t value = 0;
  auto row = statement.step();
  while (row.has_value() && *row) {
    value = sqlite::to_int(statement.column(0));
    row = statement.step();
  }
  statement.reset();
  if (row.has_value()) { return std::optional{value}; }
  if (row.error().code == Code::kBusy) { return std::optional<std::int64_t>{}; }
  return fail(row.error());
}

class Pinner {
 public:
  Pinner(std::vector<Pair> pairs, Deadline deadline, std::stop_token stop)
      : pairs_{std::move(pairs)}, deadline_{deadline}, stop_{std::move(stop)} {}

  Result<Pin> run() {
    for (;;) {
      auto done = attempt();
      unlock_all();
      if (done.has_value() && *done) { return take(); }
      end_reads();
      if (!done.has_value()) { return fail(done.error()); }
      if (stop_.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
      if (deadline_.passed()) { return fail(Code::kBusy, explain(waited_for_, busy_)); }
      hold_ = std::min(hold_ + kHoldStep, kHoldMax);
      std::this_thread::sleep_for(kPollMax);  // let those through that we have just held up
    }
  }

 private:
  // False: somebody else is at one of them.
  Result<bool> attempt() {
    locked_since_.reset();
    // The one that was busy is waited for while no other is held, so that the rest is quick.
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      Pair& pair = pairs_[(first_ + i) % pairs_.size()];
      PV_TRY(const bool ready, pair.lockable ? lock(pair) : note_version(pair));
      if (!ready) {
        first_ = (first_ + i) % pairs_.size();
        return false;
      }
    }
    for (Pair& pair : pairs_) {
      PV_TRY(const bool ready, begin_read(pair));
      if (!ready) { return false; }
    }
    for (Pair& pair : pairs_) {
      if (pair.lockable && pair.wal) { pair.index = sqlite::read_wal_index(pair.reader); }
    }
    for (Pair& pair : pairs_) {
      PV_TRY(const bool same, pair.lockable ? Result<bool>{true} : version_is_same(pair));
      if (!same) { return false; }
    }
    return true;
  }

  Result<bool> lock(Pair& pair) {
    const bool first = !locked_since_.has_value();
    const Deadline hold = Deadline::after(hold_);
    for (microseconds wait = kPollMin;; wait = std::min(2 * wait, kPollMax)) {
      const Moment before = std::chrono::steady_clock::now();
      PV_TRY(const auto locked, named(pair, step(pair.lock)));
      if (locked.has_value()) {
        pair.locked = true;
        if (first) { locked_since_ = before; }
        return true;
      }
      const bool give_up = deadline_.passed() || (!first && hold.passed());
      if (give_up || stop_.stop_requested()) {
        waited_for_ = pair.name;
        return false;
      }
      std::this_thread::sleep_for(first ? wait : kPollMin);
    }
  }

  Result<bool> begin_read(Pair& pair) {
    PV_TRY(const auto begun, named(pair, step(pair.begin)));
    pair.reading = begun.has_value();
    PV_TRY(const auto pages, named(pair, step(pair.read)));
    if (!pages.has_value()) {
      waited_for_ = pair.name;
      return false;
    }
    pair.pages = static_cast<std::uint64_t>(*pages);
    return true;
  }

  Result<bool> note_version(Pair& pair) {
    PV_TRY(const auto version, named(pair, step(pair.version)));
    if (!version.has_value()) {
      waited_for_ = pair.name;
      return false;
    }
    pair.version_before = *version;
    return true;
  }

  Result<bool> version_is_same(Pair& pair) {
    PV_TRY(const auto version, named(pair, step(pair.version)));
    if (version == std::optional{pair.version_before}) { return true; }
    waited_for_ = pair.name;
    return false;
  }

  template <class T>
  static Result<T> named(const Pair& pair, Result<T> result) {
    if (result.has_value()) { return result; }
    return fail(result.error().within(pair.path.parent_path().string()));
  }

  void unlock_all() {
    for (Pair& pair : pairs_) {
      if (pair.locked) { (void)step(pair.unlock); }  // nothing was written: it can't fail
      pair.locked = false;
    }
    if (locked_since_.has_value()) {
      pause_ = std::max<std::chrono::nanoseconds>(
          pause_, std::chrono::steady_clock::now() - *locked_since_);
    }
  }

  void end_reads() {
    for (Pair& pair : pairs_) {
      if (pair.reading) { (void)step(pair.end); }
      pair.reading = false;
    }
  }

  Result<Pin> take() {
    Pin pin{.databases = {},
            .locked_since = locked_since_.value_or(std::chrono::steady_clock::now()),
            .pause = pause_};
    for (Pair& pair : pairs_) {
      PV_TRY(auto page_bytes, pair.reader.one("PRAGMA page_size"));
      Held held{.name = pair.name,
                .path = pair.path,
                .reader = std::move(pair.reader),
                .pages = pair.pages,
                .page_bytes = static_cast<std::uint32_t>(sqlite::to_int(page_bytes->front())),
                .index = std::nullopt,
                .why_not = {},
                .blocks_commits = !pair.wal};
      if (!pair.wal) {
        held.why_not = "it is not in WAL mode";
      } else if (!pair.lockable) {
        held.why_not = "it is read-only here";
      } else if (pair.index.has_value()) {
        held.index = *pair.index;
      } else {
        held.why_not = pair.index.error().what;
      }
      pin.databases.push_back(std::move(held));
    }
    return pin;
  }

  std::vector<Pair> pairs_;
  Deadline deadline_;
  std::stop_token stop_;
  microseconds hold_{0};
  std::size_t first_ = 0;  // of pairs_, to be locked first
  std::optional<Moment> locked_since_;
  std::chrono::nanoseconds pause_{0};
  std::string waited_for_;
  Error busy_{Code::kBusy, "database is locked"};
};

}  // namespace

Result<Pin> pin(const PinRequest& request, std::stop_token stop) {
  const Deadline deadline = Deadline::after(request.timeout);
  std::vector<Pair> pairs;
  pairs.reserve(request.names.size());
  for (const std::string& name : request.names) {
    if (stop.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
    const auto left = std::chrono::ceil<milliseconds>(deadline.left());
    PV_TRY(auto pair, prepare(request.directory, name, left));
    pairs.push_back(std::move(pair));
  }
  return Pinner{std::move(pairs), deadline, std::move(stop)}.run();
}

}  // namespace pv::snapshot
