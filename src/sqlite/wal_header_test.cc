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

TEST_F(WalHeader, HasTheSaltsThatSqliteKnows) {
  must(db.exec("CREATE TABLE t(x)"));
  const auto salts = committed_salts(db);
  ASSERT_TRUE(salts.has_value());
  EXPECT_EQ(must(wal_salts_of(db)), salts);
  EXPECT_EQ(wal_salts_at(wal), salts);
  must(db.exec("INSERT INTO t VALUES (1)"));
  EXPECT_EQ(committed_salts(db), salts) << "until it is begun anew";
}

TEST_F(WalHeader, OfAnEmptyWalHasNone) {
  must(db.one("SELECT * FROM sqlite_master"));
  EXPECT_EQ(committed_salts(db), std::nullopt);
  EXPECT_EQ(must(wal_salts_of(db)), std::nullopt);
  EXPECT_EQ(wal_salts_at(wal), std::nullopt);
  EXPECT_EQ(wal_salts_at(folder / "none-wal"), std::nullopt);
}

TEST_F(WalHeader, HasOthersWhenTheWalIsBegunAnew) {
  must(db.exec("CREATE TABLE t(x)"));
  const auto before = wal_salts_at(wal);
  must(db.one("PRAGMA wal_checkpoint(RESTART)"));
  must(db.exec("INSERT INTO t VALUES (1)"));
  const auto second = wal_salts_at(wal);
  EXPECT_NE(second, before);
  EXPECT_EQ(second, committed_salts(db));
  must(db.one("PRAGMA wal_checkpoint(TRUNCATE)"));
  EXPECT_EQ(committed_salts(db), std::nullopt) << "no commit yet";
  EXPECT_EQ(wal_salts_at(wal), std::nullopt);
  must(db.exec("INSERT INTO t VALUES (1)"));
  EXPECT_NE(wal_salts_at(wal), second);
  EXPECT_EQ(wal_salts_at(wal), committed_salts(db));
}

TEST_F(WalHeader, IsReadOfTheFileThatIsOpenThoughItsNameIsGone) {
  must(db.exec("CREATE TABLE t(x)"));
  const auto salts = wal_salts_at(wal);
  std::filesystem::rename(wal, folder / "away");
  EXPECT_EQ(must(wal_salts_of(db)), salts);
}

TEST_F(WalHeader, IsNoneWithAnyByteChanged) {
  must(db.exec("CREATE TABLE t(x)"));
  std::string header = testing::read_file(wal).substr(0, kWalHeaderBytes);
  ASSERT_NE(parse_wal_header(as_bytes(header)), std::nullopt);
  for (std::size_t at = 0; at < header.size(); ++at) {
    std::string torn = header;
    torn[at] = static_cast<char>(torn[at] ^ 0x10);
    EXPECT_EQ(parse_wal_header(as_bytes(torn)), std::nullopt) << at;
  }
  header.pop_back();
  EXPECT_EQ(parse_wal_header(as_bytes(header)), std::nullopt) << "too short";
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
