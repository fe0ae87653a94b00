#include <gtest/gtest.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <atomic>
#include <random>

#include "restore/restore_testing.h"
#include "sqlite/connection.h"
#include "testing/fake_clock.h"

namespace pv::restore {
namespace {

using testing::TempFolder;
using testing::write_file;

class Stage : public ::testing::Test {
 protected:
  Result<Staged> run(const FakeArchive& archive) {
    PV_TRY(const Plan planned, plan(archive));
    return stage(archive, planned, folder.path(), pool, system_random(), {}, {}, stop.get_token());
  }
  // Nothing but the (empty) folder of ours.
  bool is_clean() {
    return std::filesystem::is_empty(folder / ".pocketvault") && tree_of(folder.path()).empty();
  }

  TempFolder folder;
  WorkPool pool{2};
  std::stop_source stop;
};

std::string make_database(const std::filesystem::path& path, int rows) {
  auto db =
      sqlite::Connection::open(path, {.create = true, .checkpoints = sqlite::Checkpoints::kOwner});
  PV_ASSERT(db.has_value());
  PV_ASSERT(db->exec("CREATE TABLE t (n INTEGER)").has_value());
  for (int i = 0; i < rows; ++i) { PV_ASSERT(db->exec("INSERT INTO t VALUES (1)").has_value()); }
  return path.string();
}

std::int64_t count_rows(const std::filesystem::path& path) {
  auto db = sqlite::Connection::open(path, {.checkpoints = sqlite::Checkpoints::kOwner});
  PV_ASSERT(db.has_value());
  return sqlite::to_int(db->one("SELECT count(*) FROM t").value()->front());
}

TEST_F(Stage, ExtractsEverythingWithItsModes) {
  make_database(folder / "source.db", 3);
  FakeArchive archive;
  archive.add("data.db", testing::read_file(folder / "source.db"), 0100400);
  archive.add("storage/c/r/a.txt", "hello", 0100640).add("empty/").add("zero", "");
  std::filesystem::remove(folder / "source.db");
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  const auto tree = tree_of(staged->folder);
  EXPECT_EQ(tree.at("storage/c/r/a.txt"), "hello");
  EXPECT_EQ(tree.at("empty"), "DIR");
  EXPECT_EQ(tree.at("zero"), "");
  EXPECT_EQ(fs::stat(staged->folder / "data.db")->mode & 0777U, 0600U) << "its owner must write it";
  EXPECT_EQ(fs::stat(staged->folder / "storage/c/r/a.txt")->mode & 0777U, 0640U);
  EXPECT_FALSE(tree.contains("data.db-wal"));
  EXPECT_FALSE(tree.contains("data.db-shm"));
}

TEST_F(Stage, AppliesTheWalThatTheArchiveHolds) {
  const TempFolder source;
  // A database whose rows are in the WAL alone: copied while a connection keeps it.
  auto db = sqlite::Connection::open(source / "data.db", {.create = true});
  ASSERT_TRUE(db.has_value());
  ASSERT_TRUE(db->exec("CREATE TABLE t (n INTEGER)").has_value());
  ASSERT_TRUE(db->exec("PRAGMA wal_checkpoint(TRUNCATE)").has_value());
  ASSERT_TRUE(db->exec("INSERT INTO t VALUES (1), (2), (3)").has_value());
  FakeArchive archive;
  ASSERT_EQ(
      testing::run("cp '" + source.path().string() + "'/data.db* '" + folder.path().string() + "'/")
          .status,
      0);
  for (const char* name : {"data.db", "data.db-wal", "data.db-shm"}) {
    archive.add(name, testing::read_file(folder / name));
    std::filesystem::remove(folder / name);
  }
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(tree_of(staged->folder).size(), 1U) << "the WAL is in the database now";
  EXPECT_EQ(count_rows(staged->folder / "data.db"), 3);

  FakeArchive without;
  without.add("data.db", testing::read_file(source / "data.db"));
  const Result<Staged> less = run(without);
  ASSERT_TRUE(less.has_value());
  EXPECT_EQ(count_rows(less->folder / "data.db"), 0) << "so the rows were in the WAL alone";
}

TEST_F(Stage, BackupsThatPocketBaseWrote) {
  for (const char* version : {"0.36.6", "0.39.11"}) {
    const TempFolder source;
    const std::string zip =
        testing::fixture(std::string{"pocketbase-"} + version + "-backup.zip").string();
    ASSERT_EQ(testing::run("unzip -q '" + zip + "' -d '" + source.path().string() + "'").status, 0);
    ASSERT_TRUE(std::filesystem::exists(source / "data.db-wal")) << "as PocketBase packs it";
    FakeArchive archive;
    archive.add_tree(source.path());
    const Result<Staged> staged = run(archive);
    ASSERT_TRUE(staged.has_value()) << staged.error().what;
    auto db = sqlite::Connection::open(staged->folder / "data.db", {});
    ASSERT_TRUE(db.has_value());
    EXPECT_EQ(sqlite::to_int(db->one("SELECT count(*) FROM products").value()->front()), 40);
  }
}

TEST_F(Stage, AnythingDamagedLeavesNothingBehind) {
  make_database(folder / "source.db", 500);
  const std::string good = testing::read_file(folder / "source.db");
  std::filesystem::remove(folder / "source.db");
  std::string torn = good;
  torn.replace(4096, 4096, std::string(4096, '\x5a'));

  struct Case {
    const char* label;
    std::function<void(FakeArchive&)> fill;
  };
  const Case cases[] = {
      {"not a database", [](FakeArchive& a) { a.add("data.db", "just text"); }},
      {"empty", [](FakeArchive& a) { a.add("data.db", ""); }},
      {"only the first bytes", [&](FakeArchive& a) { a.add("data.db", good.substr(0, 16)); }},
      {"a torn page", [&](FakeArchive& a) { a.add("data.db", torn); }},
      {"cut off", [&](FakeArchive& a) { a.add("data.db", good.substr(0, 4096)); }},
      {"auxiliary.db is text",
       [&](FakeArchive& a) { a.add("data.db", good).add("auxiliary.db", "text"); }},
      {"wrong checksum",
       [&](FakeArchive& a) {
         a.add("data.db", good).add("x");
         a.broken_ = 1;
       }},
      {"shorter than declared",
       [&](FakeArchive& a) {
         a.add("data.db", good).add("x", "abc");
         a.edit()[1].raw_bytes = 4;
       }},
      {"longer than declared",
       [&](FakeArchive& a) {
         a.add("data.db", good).add("x", "abc");
         a.edit()[1].raw_bytes = 2;
       }},
  };
  for (const Case& damaged : cases) {
    FakeArchive archive;
    damaged.fill(archive);
    const Result<Staged> staged = run(archive);
    ASSERT_FALSE(staged.has_value()) << damaged.label;
    EXPECT_EQ(staged.error().code, Code::kDamaged) << damaged.label << ": " << staged.error().what;
    EXPECT_TRUE(is_clean()) << damaged.label;
  }
}

TEST_F(Stage, ADatabaseOfNobodysIsRestoredWithAWarning) {
  make_database(folder / "source.db", 1);
  FakeArchive archive;
  archive.add("data.db", testing::read_file(folder / "source.db")).add("notes.db", "no database");
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  ASSERT_EQ(staged->warnings.size(), 1U);
  EXPECT_NE(staged->warnings[0].find("notes.db"), std::string::npos);
}

TEST_F(Stage, TheCallersCheckDecides) {
  make_database(folder / "source.db", 1);
  FakeArchive archive;
  archive.add("data.db", testing::read_file(folder / "source.db"));
  std::filesystem::remove(folder / "source.db");
  const auto refuse = [](const fs::Path& path) -> Result<void> {
    return fail(Code::kUnsupported, path.filename().string() + " is too new");
  };
  const auto staged =
      stage(archive, plan(archive).value(), folder.path(), pool, system_random(), {}, refuse, {});
  EXPECT_EQ(staged.error().what, "data.db is too new");
  EXPECT_TRUE(is_clean());
}

TEST_F(Stage, StopsWhenAsked) {
  FakeArchive archive;
  archive.add("data.db", "x");
  stop.request_stop();
  EXPECT_EQ(run(archive).error().code, Code::kCancelled);
  EXPECT_TRUE(is_clean());
}

TEST_F(Stage, AHostileSchemaRunsNothing) {
  {
    auto db = sqlite::Connection::open(
        folder / "source.db", {.create = true, .checkpoints = sqlite::Checkpoints::kOwner});
    ASSERT_TRUE(db.has_value());
    ASSERT_TRUE(db->exec("CREATE TABLE t (n); CREATE TABLE log (n); INSERT INTO t VALUES (1);"
                         "CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log VALUES "
                         "(load_extension('/tmp/evil.so')); END;"
                         "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
                         "FROM c) SELECT * FROM c")
                    .has_value());
  }
  FakeArchive archive;
  archive.add("data.db", testing::read_file(folder / "source.db"));
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  auto db = sqlite::Connection::open(staged->folder / "data.db", {});
  EXPECT_EQ(sqlite::to_int(db->one("SELECT count(*) FROM log").value()->front()), 0);
}

// A database in rollback mode in the middle of a transaction whose pages reach the file early: what
// lies there is right only once its journal is rolled back.
FakeArchive database_with_hot_journal(const std::filesystem::path& source,
                                      const std::string& after_journal) {
  auto db = sqlite::Connection::open(source / "data.db", {.create = true});
  PV_ASSERT(db.has_value());
  PV_ASSERT(db->exec("PRAGMA journal_mode=DELETE; CREATE TABLE t (n INTEGER, text TEXT);"
                     "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2000)"
                     "INSERT INTO t SELECT x, hex(randomblob(100)) FROM c;"
                     "PRAGMA cache_size=5; BEGIN; UPDATE t SET n = -1")
                .has_value());
  FakeArchive archive;
  archive.add("data.db", testing::read_file(source / "data.db"));
  archive.add("data.db-journal", testing::read_file(source / "data.db-journal") + after_journal);
  return archive;
}

TEST_F(Stage, RollsBackWhatWasNeverCommitted) {
  const TempFolder source;
  const Result<Staged> staged = run(database_with_hot_journal(source.path(), ""));
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(tree_of(staged->folder).size(), 1U);
  auto db = sqlite::Connection::open(staged->folder / "data.db", {});
  EXPECT_EQ(sqlite::to_int(db->one("SELECT count(*) FROM t WHERE n < 0").value()->front()), 0);
  EXPECT_EQ(sqlite::to_int(db->one("SELECT count(*) FROM t").value()->front()), 2000);
}

// SQLite's layout, big-endian: page number of the lock byte's page, name, its length, the sum of
// its bytes, magic.
std::string super_journal_record(const std::string& name) {
  const auto number = [](std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) { bytes += static_cast<char>(value >> shift); }
    return bytes;
  };
  std::uint32_t sum = 0;
  for (const char letter : name) { sum += static_cast<unsigned char>(letter); }
  return number(0x40000000 / 4096 + 1) + name + number(static_cast<std::uint32_t>(name.size())) +
         number(sum) + "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
}

TEST_F(Stage, AJournalThatNamesAnotherFileCannotHaveItDeleted) {
  const TempFolder source;
  write_file(source / "victim", "precious");
  const FakeArchive archive =
      database_with_hot_journal(source.path(), super_journal_record((source / "victim").string()));
  const Result<Staged> staged = run(archive);
  ASSERT_FALSE(staged.has_value());
  EXPECT_EQ(staged.error().code, Code::kDamaged);
  EXPECT_TRUE(fs::exists(source / "victim"));
  EXPECT_TRUE(is_clean());

  // Not in vain: SQLite alone would have deleted it.
  for (std::size_t i = 0; i < 2; ++i) {
    write_file(folder.path() / archive.entries()[i].name, archive.content(i));
  }
  ASSERT_TRUE(sqlite::Connection::open(folder / "data.db", {}).has_value());
  EXPECT_FALSE(fs::exists(source / "victim"));
}

std::string database_of(const std::filesystem::path& path, const std::string& sql) {
  {
    auto db = sqlite::Connection::open(
        path, {.create = true, .checkpoints = sqlite::Checkpoints::kOwner});
    PV_ASSERT(db.has_value() && db->exec(sql).has_value());
  }
  return testing::read_file(path);
}

TEST_F(Stage, RowsThatBreakTheirTablesRulesAreAWarning) {
  const TempFolder source;
  {
    auto db = sqlite::Connection::open(
        source / "a.db", {.create = true, .checkpoints = sqlite::Checkpoints::kOwner});
    PV_ASSERT(db.has_value());
    ::sqlite3_db_config(db->handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
    PV_ASSERT(db->exec("CREATE TABLE t (n); INSERT INTO t VALUES (NULL); PRAGMA writable_schema=ON;"
                       "UPDATE sqlite_schema SET sql = 'CREATE TABLE t (n NOT NULL)'")
                  .has_value());
  }
  FakeArchive archive;
  archive.add("data.db", testing::read_file(source / "a.db"));
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  ASSERT_EQ(staged->warnings.size(), 1U);
  EXPECT_NE(staged->warnings[0].find("NULL value in t.n"), std::string::npos);
}

TEST_F(Stage, StopsInTheMiddleOfExtraction) {
  const TempFolder source;
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)"));
  for (int i = 0; i < 50; ++i) { archive.add("storage/" + std::to_string(i), "hello"); }
  std::atomic<std::uint64_t> bytes = 0;
  const Progress progress{.on_extracted = [&](std::uint64_t more) {
    bytes += more;
    if (bytes > 20) { stop.request_stop(); }
  }};
  const auto staged = stage(archive, plan(archive).value(), folder.path(), pool, system_random(),
                            progress, {}, stop.get_token());
  ASSERT_FALSE(staged.has_value());
  EXPECT_EQ(staged.error().code, Code::kCancelled);
  EXPECT_TRUE(is_clean());
}

TEST_F(Stage, TellsEveryByte) {
  const TempFolder source;
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)")).add("x", "hello");
  const Plan planned = plan(archive).value();
  std::atomic<std::uint64_t> bytes = 0;
  const Progress progress{.on_extracted = [&](std::uint64_t more) { bytes += more; }};
  ASSERT_TRUE(
      stage(archive, planned, folder.path(), pool, system_random(), progress, {}, {}).has_value());
  EXPECT_EQ(bytes, planned.raw_bytes);
}

TEST_F(Stage, AnEntryInPiecesIsTheSameWhoeverExtractsThem) {
  const TempFolder source;
  std::string big(9 * FakeArchive::kPieceBytes + 17, '\0');
  std::mt19937 random{1};  // NOLINT: always the same
  for (char& letter : big) { letter = static_cast<char>(random()); }
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)"));
  archive.add("storage/c/r/big", big);
  archive.in_pieces_ = 1;
  for (const std::size_t broken : {SIZE_MAX, std::size_t{0}, std::size_t{4}, std::size_t{9}}) {
    archive.broken_piece_ = broken;  // then the whole entry decides, and is sound
    std::atomic<std::uint64_t> bytes = 0;
    const Progress progress{.on_extracted = [&](std::uint64_t more) { bytes += more; }};
    const Plan planned = plan(archive).value();
    const auto staged =
        stage(archive, planned, folder.path(), pool, system_random(), progress, {}, {});
    ASSERT_TRUE(staged.has_value()) << staged.error().what;
    EXPECT_TRUE(testing::read_file(staged->folder / "storage/c/r/big") == big) << broken;
    EXPECT_EQ(bytes, planned.raw_bytes) << "no byte is told twice, " << broken;
    EXPECT_EQ(fs::stat(staged->folder / "storage/c/r/big")->modified, FakeArchive::kModified);
  }
  archive.broken_ = 1;
  EXPECT_EQ(run(archive).error().code, Code::kDamaged) << "pieces and the whole are wrong";
  EXPECT_TRUE(is_clean());
}

TEST_F(Stage, LongZerosOfAnEntryInPiecesBecomeHoles) {
  const TempFolder source;
  std::string sparse(16 * FakeArchive::kPieceBytes, '\0');
  sparse[5 * FakeArchive::kPieceBytes] = 'x';
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)"));
  archive.add("storage/c/r/sparse", sparse);
  archive.in_pieces_ = 1;
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  const fs::Path file = staged->folder / "storage/c/r/sparse";
  EXPECT_TRUE(testing::read_file(file) == sparse);
  EXPECT_LE(fs::stat(file)->allocated_bytes, 2 * FakeArchive::kPieceBytes);
}

TEST_F(Stage, AFolderThatCannotBeMadeIsToldAndNothingIsLeft) {
  const TempFolder source;
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)"));
  for (int i = 0; i < 20; ++i) { archive.add("storage/" + std::to_string(i) + "/a"); }
  Plan planned = plan(archive).value();
  const std::string long_name(300, 'x');  // longer than file systems take
  planned.files.back().name = "storage/" + long_name + "/a";
  const Error error =
      stage(archive, planned, folder.path(), pool, system_random(), {}, {}, {}).error();
  EXPECT_NE(error.what.find(long_name), std::string::npos) << error.what;
  EXPECT_TRUE(is_clean());
}

TEST_F(Stage, ADatabaseInPiecesIsCheckedWhenItIsWhole) {
  const TempFolder source;
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db",
                                     "CREATE TABLE t (b); WITH RECURSIVE c(x) AS (SELECT 1 UNION "
                                     "ALL SELECT x + 1 FROM c LIMIT 6000) INSERT INTO t SELECT "
                                     "randomblob(1000) FROM c; PRAGMA wal_checkpoint(TRUNCATE)"));
  ASSERT_GT(archive.content(0).size(), std::size_t{4} << 20U);
  archive.in_pieces_ = 0;
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(count_rows(staged->folder / "data.db"), 6000);
}

TEST_F(Stage, RootRestoresForTheOwnerOfTheData) {
  if (::geteuid() != 0) { GTEST_SKIP() << "only root can give files away"; }
  const TempFolder source;
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)"));
  archive.add("storage/a/b", "hello").add("empty/");
  ASSERT_EQ(::chown(folder.path().c_str(), 12345, 23456), 0);
  const Result<Staged> staged = run(archive);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  for (const char* name : {"data.db", "storage", "storage/a", "storage/a/b", "empty"}) {
    const Result<fs::Stat> found = fs::stat(staged->folder / name);
    EXPECT_EQ(found->owner, 12345U) << name;
    EXPECT_EQ(found->group, 23456U) << name;
  }
}

TEST_F(Stage, AFolderInUseSurvivesAPruneAndGoesWithItsHolder) {
  const TempFolder source;
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)"));
  const auto now = std::chrono::system_clock::now();
  fs::Path path;
  {
    const Result<Staged> staged = run(archive);
    ASSERT_TRUE(staged.has_value());
    path = staged->folder;
    ASSERT_TRUE(prune_replaced(folder.path(), now, std::chrono::seconds{0}).has_value());
    EXPECT_TRUE(fs::exists(path / "data.db"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Stage, AFolderThatAJournalMayNeedOutlivesItsHolder) {
  const TempFolder source;
  FakeArchive archive;
  archive.add("data.db", database_of(source / "a.db", "CREATE TABLE t (n)"));
  fs::Path path;
  {
    const Result<Staged> staged = run(archive);
    ASSERT_TRUE(staged.has_value());
    path = staged->folder;
    write_file(folder / ".pocketvault/restore.journal", "of a swap that was cut off");
  }
  EXPECT_TRUE(fs::exists(path / "data.db"));
}

}  // namespace
}  // namespace pv::restore
