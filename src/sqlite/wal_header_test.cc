#include "sqlite/wal_header.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::sqlite {
namespace {

using pv::testing::TempFolder;

// The value of a Result, or the test ends here.
template <class T>
T must(Result<T> result) {
  if (!result.has_value()) { throw std::runtime_error{result.error().what}; }
  return std::move(*result);
}
void must(const Result<void>& result) {
  if (!result.has_value()) { throw std::runtime_error{result.error().what}; }
}

class WalHeader : public ::testing::Test {
 protected:
  TempFolder folder;
  const std::filesystem::path wal = folder / "a.db-wal";
  Connection db =
      must(Connection::open(folder / "a.db", {.create = true, .checkpoints = Checkpoints::kNever}));
};

TEST_F(WalHeader, HasTheMarkThatSqliteKnows) {
  must(db.exec("CREATE TABLE t(x)"));
  const auto mark = committed_mark(db);
  ASSERT_TRUE(mark.has_value());
  EXPECT_EQ(must(wal_mark_of(db)), mark);
  EXPECT_EQ(wal_mark_at(wal), mark);
  must(db.exec("INSERT INTO t VALUES (1)"));
  EXPECT_EQ(committed_mark(db), mark) << "until it is begun anew";
}

TEST_F(WalHeader, OfAnEmptyWalHasNone) {
  must(db.one("SELECT * FROM sqlite_master"));
  EXPECT_EQ(committed_mark(db), std::nullopt);
  EXPECT_EQ(must(wal_mark_of(db)), std::nullopt);
  EXPECT_EQ(wal_mark_at(wal), std::nullopt);
  EXPECT_EQ(wal_mark_at(folder / "none-wal"), std::nullopt);
}

TEST_F(WalHeader, HasOthersWhenTheWalIsBegunAnew) {
  must(db.exec("CREATE TABLE t(x)"));
  const auto before = wal_mark_at(wal);
  must(db.one("PRAGMA wal_checkpoint(RESTART)"));
  must(db.exec("INSERT INTO t VALUES (1)"));
  const auto second = wal_mark_at(wal);
  EXPECT_NE(second, before);
  EXPECT_EQ(second, committed_mark(db));
  must(db.one("PRAGMA wal_checkpoint(TRUNCATE)"));
  EXPECT_EQ(committed_mark(db), std::nullopt) << "no commit yet";
  EXPECT_EQ(wal_mark_at(wal), std::nullopt);
  must(db.exec("INSERT INTO t VALUES (1)"));
  EXPECT_NE(wal_mark_at(wal), second);
  EXPECT_EQ(wal_mark_at(wal), committed_mark(db));
}

TEST_F(WalHeader, IsReadOfTheFileThatIsOpenThoughItsNameIsGone) {
  must(db.exec("CREATE TABLE t(x)"));
  const auto mark = wal_mark_at(wal);
  std::filesystem::rename(wal, folder / "away");
  EXPECT_EQ(must(wal_mark_of(db)), mark);
}

TEST_F(WalHeader, IsAnotherWithAnyByteChanged) {
  must(db.exec("CREATE TABLE t(x)"));
  std::string header = testing::read_file(wal).substr(0, kWalStartBytes);
  ASSERT_NE(parse_wal_start(as_bytes(header)), std::nullopt);
  for (std::size_t at = 0; at < header.size(); ++at) {
    if (at >= 32 && at < 40) { continue; }  // of the frame: its checksum tells
    std::string torn = header;
    torn[at] = static_cast<char>(torn[at] ^ 0x10);
    EXPECT_NE(parse_wal_start(as_bytes(torn)), parse_wal_start(as_bytes(header))) << at;
  }
  header.pop_back();
  EXPECT_EQ(parse_wal_start(as_bytes(header)), std::nullopt) << "too short";
}

// So that a descriptor of it may be closed by whoever has the database open: closing one of a file
// drops all locks that the process has on that.
TEST_F(WalHeader, SqliteLocksNothingOfAWal) {
  must(db.exec("CREATE TABLE t(x)"));
  testing::OtherProcess app{"import sqlite3\nc = sqlite3.connect('" + (folder / "a.db").string() +
                            "', isolation_level=None)\n"
                            "c.execute('BEGIN IMMEDIATE')\n"
                            "c.execute('INSERT INTO t VALUES (1)')\n"
                            "print('at work', flush=True)\n"
                            "input()\n"};
  ASSERT_EQ(app.hear(), "at work");
  EXPECT_TRUE(fs::other_lock_holders({wal}).empty());
  EXPECT_FALSE(fs::other_lock_holders({folder / "a.db-shm"}).empty());
  EXPECT_FALSE(fs::other_lock_holders({folder / "a.db"}).empty());
}

}  // namespace
}  // namespace pv::sqlite
