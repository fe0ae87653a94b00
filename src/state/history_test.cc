#include "state/history.h"

#include <gtest/gtest.h>

#include "testing/fixtures.h"

namespace pv::state {
namespace {

using namespace std::chrono_literals;

void say_nothing(const std::string& /*what*/) {}

constexpr WallTime kStart{std::chrono::seconds{1'795'222'487}};

PastJob job(int number, std::string outcome = "succeeded", std::string kind = "backup") {
  const bool failed = outcome == "failed";
  return {.id = "id" + std::to_string(number),
          .kind = std::move(kind),
          .name = "n.zip",
          .is_scheduled = number % 2 == 1,
          .started = kStart + number * 1h,
          .ended = kStart + number * 1h + 5ms,
          .outcome = std::move(outcome),
          .error = failed ? "the disk is full" : "",
          .warnings = 1,
          .raw_bytes = 1000,
          .archive_bytes = std::uint64_t{500} + static_cast<std::uint64_t>(number),
          .pause = 170us};
}

struct Fixture {
  testing::TempFolder folder;
  VaultDb db{folder.path()};

  void note(const PastJob& one) {
    const auto put_one = [&](sqlite::Connection& connection) { return put(connection, {&one, 1}); };
    ASSERT_TRUE(db.write(put_one, say_nothing).has_value());
  }
  void sql(const std::string& statement) {
    const auto done =
        db.change([&](sqlite::Connection& connection) { return connection.exec(statement); });
    ASSERT_TRUE(done.has_value()) << done.error().what;
  }
};

TEST(History, GivesBackWhatWasNoted) {
  Fixture fixture;
  EXPECT_TRUE(read_jobs(fixture.db, 10)->empty());
  fixture.note(job(1));
  fixture.note(job(2, "failed", "restore"));
  EXPECT_EQ(*read_jobs(fixture.db, 10), (std::vector{job(2, "failed", "restore"), job(1)}));
  EXPECT_EQ(read_jobs(fixture.db, 1)->size(), 1U);
}

TEST(History, TellsOfBackupsAtAGlance) {
  Fixture fixture;
  EXPECT_FALSE(read_backup_history(fixture.db)->last);
  fixture.note(job(1));
  fixture.note(job(2));
  fixture.note(job(3, "failed"));
  fixture.note(job(4, "succeeded", "verify"));
  const auto history = read_backup_history(fixture.db);
  EXPECT_EQ(history->last, job(3, "failed"));
  EXPECT_EQ(history->last_decided, job(3, "failed"));
  EXPECT_EQ(history->last_succeeded, job(2));
  EXPECT_EQ(history->succeeded, (std::vector{job(2), job(1)}));
}

TEST(History, OneThatWasCancelledDecidesNothing) {
  Fixture fixture;
  fixture.note(job(1));
  fixture.note(job(2, "failed"));
  fixture.note(job(3, "cancelled"));
  const auto history = read_backup_history(fixture.db);
  EXPECT_EQ(history->last, job(3, "cancelled"));
  EXPECT_EQ(history->last_decided, job(2, "failed"));
  fixture.note(job(4));
  fixture.note(job(5, "cancelled"));
  EXPECT_EQ(read_backup_history(fixture.db)->last_decided, job(4));
}

TEST(History, KeepsTheLastTenThousand) {
  Fixture fixture;
  fixture.note(job(1));
  fixture.sql(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10005) "
      "INSERT INTO jobs SELECT NULL, 'x' || i, 'backup', '', 0, i, i, 'succeeded', '', 0, 0, 0, 0 "
      "FROM n");
  fixture.note(job(7));
  const auto all = read_jobs(fixture.db, 20'000);
  EXPECT_EQ(all->size(), 10'000U);
  EXPECT_EQ(all->front(), job(7));
  EXPECT_EQ(all->back().id, "x7");
}

TEST(History, ShortensErrorsToTheirFirstLine) {
  Fixture fixture;
  PastJob failed = job(1, "failed");
  failed.error = std::string(700, 'e') + "\nsecond line";
  fixture.note(failed);
  EXPECT_EQ(read_jobs(fixture.db, 1)->front().error, std::string(500, 'e'));
}

// Of the version that had verdicts alone.
TEST(History, MakesItsTableInAnOlderFile) {
  Fixture fixture;
  {
    auto connection = *sqlite::Connection::open(fixture.folder.path() / "vault.db",
                                                {.create = true, .one_file = true});
    ASSERT_TRUE(
        connection
            .exec("CREATE TABLE verdicts (key TEXT NOT NULL PRIMARY KEY, size_bytes INTEGER "
                  "NOT NULL, modified_ns INTEGER NOT NULL, directory_crc32 INTEGER, at_ms "
                  "INTEGER NOT NULL, depth TEXT NOT NULL, is_sound INTEGER NOT NULL, reason "
                  "TEXT NOT NULL, records INTEGER, took_ms INTEGER NOT NULL) STRICT, WITHOUT "
                  "ROWID;"
                  "INSERT INTO verdicts VALUES ('a.zip', 1, 1, 1, 1, 'quick', 1, '', NULL, 1);"
                  "PRAGMA application_id=1347843700; PRAGMA user_version=1")
            .has_value());
  }
  EXPECT_TRUE(read_jobs(fixture.db, 10)->empty());
  EXPECT_FALSE(read_backup_history(fixture.db)->last);
  fixture.note(job(1));
  EXPECT_EQ(read_jobs(fixture.db, 10)->size(), 1U);
  std::int64_t verdicts = 0;
  const auto read = fixture.db.read([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(const auto row, connection.one("SELECT count(*) FROM verdicts"));
    verdicts = row ? sqlite::to_int(row->front()) : 0;
    return {};
  });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(verdicts, 1) << "and keeps what was there";
}

}  // namespace
}  // namespace pv::state
