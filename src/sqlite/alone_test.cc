#include <gtest/gtest.h>

#include "sqlite/connection.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::sqlite {
namespace {

void make_database(const std::filesystem::path& path, const std::string& journal_mode) {
  ASSERT_EQ(testing::run("sqlite3 '" + path.string() + "' 'PRAGMA journal_mode=" + journal_mode +
                         "; CREATE TABLE t (n); INSERT INTO t VALUES (1)'")
                .status,
            0);
}

// A program that reads, and after a word is idle with the database open.
std::string reader_of(const std::filesystem::path& path) {
  return "import sqlite3\nc = sqlite3.connect('" + path.string() +
         "', isolation_level=None)\n"
         "c.execute('BEGIN'); c.execute('SELECT * FROM t').fetchall()\n"
         "print('reads', flush=True); input()\n"
         "c.execute('COMMIT'); print('idle', flush=True); input()\n";
}

TEST(IsAlone, SeesAnotherProcessInAnyJournalMode) {
  for (const char* mode : {"wal", "delete"}) {
    const testing::TempFolder folder;
    const auto path = folder / "data.db";
    make_database(path, mode);
    EXPECT_TRUE(is_alone(path).value()) << mode;
    {
      testing::OtherProcess other{reader_of(path)};
      ASSERT_EQ(other.hear(), "reads");
      EXPECT_FALSE(is_alone(path).value()) << mode;
      other.say("");
      ASSERT_EQ(other.hear(), "idle");
      // In WAL mode SQLite holds the shared lock for as long as the database is open.
      EXPECT_EQ(is_alone(path).value(), std::string{mode} != "wal") << mode;
    }
    EXPECT_TRUE(is_alone(path).value()) << mode;
  }
}

TEST(IsLockedByOthers, SeesTheLocksOfAnotherProcessAndLeavesNoTrace) {
  for (const char* mode : {"wal", "delete"}) {
    const testing::TempFolder folder;
    const auto path = folder / "data.db";
    make_database(path, mode);
    EXPECT_FALSE(is_locked_by_others(path).value()) << mode;
    {
      testing::OtherProcess other{reader_of(path) +
                                  "c.execute('INSERT INTO t VALUES (2)')\n"
                                  "print('wrote', flush=True); input()\n"};
      ASSERT_EQ(other.hear(), "reads");
      EXPECT_TRUE(is_locked_by_others(path).value()) << mode;
      other.say("");
      ASSERT_EQ(other.hear(), "idle");
      EXPECT_EQ(is_locked_by_others(path).value(), std::string{mode} == "wal") << mode;
      other.say("");
      ASSERT_EQ(other.hear(), "wrote") << "its own locks are its own still";
    }
    EXPECT_FALSE(is_locked_by_others(path).value()) << mode;
  }
  EXPECT_EQ(is_locked_by_others("/none/x.db").error().code, Code::kNotFound);
}

TEST(IsAlone, ChangesNothing) {
  const testing::TempFolder folder;
  const auto pb_data = testing::unpack_pb_data("0.36.6", folder.path());
  const std::string before = testing::read_file(pb_data / "data.db");
  EXPECT_TRUE(is_alone(pb_data / "data.db").value());
  EXPECT_EQ(testing::read_file(pb_data / "data.db"), before);
}

}  // namespace
}  // namespace pv::sqlite
