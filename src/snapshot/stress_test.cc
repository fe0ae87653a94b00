// Snapshots beside a process that writes as fast as it can.
#include <gtest/gtest.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "snapshot/copied_database.h"
#include "snapshot/pin.h"
#include "snapshot/pinned_database.h"
#include "snapshot/snapshot_testing.h"

namespace pv::snapshot {
namespace {

namespace stdfs = std::filesystem;
using Clock = std::chrono::steady_clock;

// What the writer tells, in memory that both processes share.
struct Shared {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::int64_t> longest_ns{0};  // of one transaction over both databases
};

// Transaction n writes n into both databases: it locks data.db first, commits auxiliary.db inside,
// then data.db. So whoever holds data.db's write lock sees equal numbers; two reads one after the
// other don't. Triggers keep the count and size of the rows, so that each database can be held
// against itself.
void write_until_closed(const Directory& directory, int pipe, Shared& shared) {
  auto data = app_connection(directory / "data.db");
  auto auxiliary = app_connection(directory / "auxiliary.db");
  for (sqlite::Connection* db : {&data, &auxiliary}) {
    must(db->exec(
        "CREATE TABLE state (n INTEGER, count INTEGER, bytes INTEGER);"
        "INSERT INTO state VALUES (0, 0, 0);"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, key TEXT, v BLOB); CREATE INDEX i ON t (key);"
        "CREATE TRIGGER added AFTER INSERT ON t BEGIN"
        "  UPDATE state SET count = count + 1, bytes = bytes + length(new.v); END;"
        "CREATE TRIGGER removed AFTER DELETE ON t BEGIN"
        "  UPDATE state SET count = count - 1, bytes = bytes - length(old.v); END;"));
  }
  std::mt19937 random{4711};
  const auto change = [&](sqlite::Connection& db) {
    must(db.exec("UPDATE state SET n = n + 1"));
    const std::string size = std::to_string(random() % 3000);
    must(db.exec("INSERT INTO t (key, v) VALUES (hex(randomblob(8)), randomblob(" + size + "))"));
    if (random() % 20 == 0) {
      must(db.exec("DELETE FROM t WHERE id % 3 = " + std::to_string(random() % 3)));
    }
  };
  const auto tidy = [&](sqlite::Connection& db) {
    constexpr const char* kModes[] = {"PASSIVE", "FULL", "RESTART", "TRUNCATE"};
    if (random() % 30 == 0) { must(db.exec("VACUUM")); }
    if (random() % 15 != 0) { return; }
    sqlite3_busy_timeout(db.handle(), 1);  // a checkpoint that must wait for a reader gives up
    (void)db.exec(std::string{"PRAGMA wal_checkpoint("} + kModes[random() % 4] + ")");
    sqlite3_busy_timeout(db.handle(), 10'000);
  };
  for (;;) {
    const auto before = Clock::now();
    must(data.exec("BEGIN IMMEDIATE"));
    change(data);
    must(auxiliary.exec("BEGIN IMMEDIATE"));
    change(auxiliary);
    must(auxiliary.exec("COMMIT"));
    must(data.exec("COMMIT"));
    const auto took = std::chrono::nanoseconds{Clock::now() - before}.count();
    shared.longest_ns = std::max<std::int64_t>(shared.longest_ns, took);
    ++shared.commits;
    tidy(data);
    tidy(auxiliary);
    ::pollfd end{.fd = pipe, .events = POLLIN, .revents = 0};
    if (::poll(&end, 1, 0) != 0) { return; }
  }
}

class Writer {
 public:
  explicit Writer(const Directory& directory) {
    void* memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    PV_ASSERT(memory != MAP_FAILED);
    shared_ = new (memory) Shared;
    PV_ASSERT(::pipe(pipe_) == 0);
    pid_ = ::fork();
    PV_ASSERT(pid_ >= 0);
    if (pid_ > 0) {
      ::close(pipe_[0]);
      return;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(pipe_[1]);
    int status = 1;
    try {
      write_until_closed(directory, pipe_[0], *shared_);
      status = 0;
    } catch (const std::exception& error) { std::fprintf(stderr, "writer: %s\n", error.what()); }
    ::_exit(status);
  }
  ~Writer() {
    if (pid_ > 0) { (void)stop(); }
    ::munmap(shared_, sizeof(Shared));
  }

  // Until some transactions are through.
  void wait_until_going() const {
    const Deadline deadline = Deadline::after(std::chrono::seconds{20});
    while (shared_->commits < 50 && !deadline.passed()) {
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    PV_ASSERT(shared_->commits >= 50);
  }
  // Its exit status.
  int stop() {
    ::close(pipe_[1]);
    int status = -1;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  [[nodiscard]] const Shared& shared() const { return *shared_; }

 private:
  Shared* shared_;
  int pipe_[2]{};
  ::pid_t pid_ = -1;
};

// Reads as the zip writer does, from two threads, and stores it as a database file.
void store(Source& source, const stdfs::path& path) {
  const auto read_from = [&](std::uint64_t start) {
    const std::uint64_t block = std::uint64_t{1} << 20U;
    std::string bytes(block, '\0');
    std::ofstream file{path, std::ios::in | std::ios::out | std::ios::binary};
    for (std::uint64_t at = start; at < source.size_bytes(); at += 2 * block) {
      const auto count = must(source.read_at(at, std::as_writable_bytes(std::span{bytes})));
      PV_ASSERT(count == std::min(block, source.size_bytes() - at));
      file.seekp(static_cast<std::streamoff>(at));
      file.write(bytes.data(), static_cast<std::streamsize>(count));
    }
    file.close();
    PV_ASSERT(!file.fail());
  };
  pv::testing::write_file(path, "");
  auto other = std::async(std::launch::async, read_from, std::uint64_t{1} << 20U);
  read_from(0);
  other.get();
}

// The number of the last transaction in a stored database, which must be sound and whole.
std::int64_t check_stored(const stdfs::path& path) {
  auto db = must(sqlite::Connection::open(path, {}));
  EXPECT_EQ(must(sqlite::check(db, sqlite::Check::kIntegrity)), "ok");
  EXPECT_EQ(number(db, "SELECT count FROM state"), number(db, "SELECT count(*) FROM t"));
  EXPECT_EQ(number(db, "SELECT bytes FROM state"),
            number(db, "SELECT coalesce(sum(length(v)), 0) FROM t"));
  return number(db, "SELECT n FROM state");
}

std::chrono::milliseconds stress_time() {
  const char* given = std::getenv("PV_STRESS_SECONDS");
  return std::chrono::seconds{given == nullptr ? 4 : std::atoi(given)};
}

class Stress : public ::testing::Test {
 protected:
  Stress() : writer_{directory_} {
    writer_.wait_until_going();
    stdfs::create_directory(out());
  }
  [[nodiscard]] stdfs::path out() const { return directory_.outside() / "out"; }

  // Whether data.db and auxiliary.db differ when they are read one after the other, without a pin:
  // shows that the writer would be caught.
  [[nodiscard]] bool naive_reads_differ() const {
    auto data = must(sqlite::Connection::open(directory_ / "data.db", {}));
    auto auxiliary = must(sqlite::Connection::open(directory_ / "auxiliary.db", {}));
    const auto first = number(data, "SELECT n FROM state");
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
    return number(auxiliary, "SELECT n FROM state") > first + 1;
  }

  // `apart_max`: how far auxiliary.db may be ahead.
  void take_one(std::int64_t apart_max) {
    const auto snapshot = must(directory_.take());
    ASSERT_EQ(snapshot->databases().size(), 2U);
    for (const Database& database : snapshot->databases()) {
      copied_ += database.way == Way::kCopied ? 1 : 0;
    }
    for (const std::string name : {"data.db", "auxiliary.db"}) {
      const auto source = must(snapshot->open(*find_item(*snapshot, name)));
      store(*source, out() / name);
    }
    pauses_.push_back(snapshot->pause());
    const auto data = check_stored(out() / "data.db");
    const auto ahead = check_stored(out() / "auxiliary.db") - data;
    EXPECT_GE(ahead, 0);
    EXPECT_LE(ahead, apart_max);
  }

  // The same moment read by us and copied by SQLite.
  void compare_one() {
    Pin moment =
        must(pin({directory_.data(), {"data.db", "auxiliary.db"}, std::chrono::seconds{10}}, {}));
    for (Held& held : moment.databases) {
      ASSERT_TRUE(held.index.has_value()) << held.why_not;
      const std::string name = held.name;
      const auto copy = must(copy_database(held.reader, name, directory_.temporary(), {})).fd;
      std::string expected(must(fs::stat(copy, name)).size_bytes, '\0');
      must(fs::read_some(copy, 0, std::as_writable_bytes(std::span{expected})));
      std::optional<Held> rejected;
      const auto database = must(PinnedDatabase::create(std::move(held), rejected, {}));
      std::string got(database->size_bytes(), '\0');
      must(database->read_at(0, std::as_writable_bytes(std::span{got})));
      EXPECT_EQ(first_difference(got, expected), std::nullopt) << name;
    }
  }

  void print(int compared, int naive) {
    std::sort(pauses_.begin(), pauses_.end());
    const auto ms = [](std::chrono::nanoseconds span) {
      return std::chrono::duration<double, std::milli>{span}.count();
    };
    std::printf(
        "[ measured ] %zu snapshots, %d more compared with SQLite's own copy; pause min %.3f, "
        "median %.3f, 99%% %.3f, max %.3f ms; writer: %llu transactions, longest %.1f ms; reads "
        "without a pin that disagreed: %d\n",
        pauses_.size(), compared, ms(pauses_.front()), ms(pauses_[pauses_.size() / 2]),
        ms(pauses_[pauses_.size() * 99 / 100]), ms(pauses_.back()),
        static_cast<unsigned long long>(writer_.shared().commits.load()),
        ms(std::chrono::nanoseconds{writer_.shared().longest_ns.load()}), naive);
  }

  Directory directory_;
  Writer writer_;  // forks: before anything here has opened a database
  std::vector<std::chrono::nanoseconds> pauses_;
  int copied_ = 0;
};

TEST_F(Stress, EverySnapshotIsOneSoundMoment) {
  const Deadline deadline = Deadline::after(stress_time());
  int compared = 0;
  int naive = 0;
  const auto commits_before = writer_.shared().commits.load();
  while (!deadline.passed() && !HasFailure()) {
    ASSERT_NO_FATAL_FAILURE(take_one(0));
    if (pauses_.size() % 2 == 0) {
      ASSERT_NO_FATAL_FAILURE(compare_one());
      ++compared;
    }
    naive += naive_reads_differ() ? 1 : 0;
  }
  EXPECT_EQ(copied_, 0);
  for (const Deadline more = Deadline::after(std::chrono::seconds{10});
       naive == 0 && !more.passed();) {
    naive += naive_reads_differ() ? 1 : 0;
  }
  EXPECT_GT(naive, 0) << "the writer is too slow for this test to mean anything";
  EXPECT_GT(writer_.shared().commits.load(), commits_before + 10);
  EXPECT_TRUE(stdfs::is_empty(directory_.temporary()));
  EXPECT_EQ(writer_.stop(), 0);
  print(compared, naive);
  // Nothing that was acknowledged is lost, and the databases are sound.
  const auto commits = static_cast<std::int64_t>(writer_.shared().commits.load());
  EXPECT_EQ(check_stored(directory_ / "data.db"), commits);
  EXPECT_EQ(check_stored(directory_ / "auxiliary.db"), commits);
}

// A user who may only read can't take a lock; the moment is one for both all the same. It may be
// the moment between the writer's two commits, though.
TEST_F(Stress, ReadersWithoutLocksGetOneMomentToo) {
  for (const std::string name : {"data.db", "auxiliary.db"}) {
    for (const std::string suffix : {"", "-wal", "-shm"}) {
      stdfs::permissions(directory_ / (name + suffix), stdfs::perms{0644});
    }
  }
  stdfs::permissions(directory_.outside(), stdfs::perms{0755});
  stdfs::permissions(directory_.data(), stdfs::perms{0755});
  stdfs::permissions(directory_.temporary(), stdfs::perms{0777});
  stdfs::permissions(out(), stdfs::perms{0777});
  if (::geteuid() != 0) { GTEST_SKIP() << "only root can become somebody else"; }
  const int status = in_child([&] {
    if (::setgid(65'534) != 0 || ::setuid(65'534) != 0) { return 124; }
    const Deadline deadline = Deadline::after(stress_time() / 4);
    int taken = 0;
    while (!deadline.passed() && !HasFailure()) {
      take_one(1);
      ++taken;
    }
    std::printf("[ measured ] %d snapshots by a reader, %d databases copied\n", taken, copied_);
    return !HasFailure() && taken > 0 && copied_ == 2 * taken ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(writer_.stop(), 0);
}

}  // namespace
}  // namespace pv::snapshot
