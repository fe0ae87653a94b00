#include "sqlite/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <filesystem>

#include "base/known_texts.h"
#include "testing/fixtures.h"

namespace pv::sqlite {
namespace {

using pv::testing::TempFolder;
using ::testing::HasSubstr;

// The value of a Result, or the test ends here.
template <class T>
T must(Result<T> result) {
  if (!result.has_value()) { throw std::runtime_error{result.error().what}; }
  return std::move(*result);
}
void must(const Result<void>& result) {
  if (!result.has_value()) { throw std::runtime_error{result.error().what}; }
}

Connection fresh(const std::filesystem::path& path, Checkpoints checkpoints = Checkpoints::kOwner) {
  return must(Connection::open(path, {.create = true, .checkpoints = checkpoints}));
}

std::string pragma(Connection& db, const std::string& name) {
  return to_text(must(db.one("PRAGMA " + name))->front());
}

TEST(Connection, SetsPocketBasesPragmas) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  EXPECT_EQ(pragma(db, "journal_mode"), "wal");
  EXPECT_EQ(pragma(db, "busy_timeout"), "10000");
  EXPECT_EQ(pragma(db, "journal_size_limit"), "200000000");
  EXPECT_EQ(pragma(db, "synchronous"), "1");
  EXPECT_EQ(pragma(db, "foreign_keys"), "1");
  EXPECT_EQ(pragma(db, "temp_store"), "2");
  EXPECT_EQ(pragma(db, "cache_size"), "-32000");
  EXPECT_EQ(pragma(db, "trusted_schema"), "0");
  EXPECT_EQ(pragma(db, "wal_autocheckpoint"), "1000");
}

TEST(Connection, AnOneFileDatabaseLeavesNothingBesideIt) {
  const TempFolder folder;
  Connection db = must(Connection::open(folder / "a.db", {.create = true, .one_file = true}));
  EXPECT_EQ(pragma(db, "journal_mode"), "delete");
  EXPECT_EQ(pragma(db, "synchronous"), "2") << "a rollback journal needs it against a power cut";
  must(db.exec("CREATE TABLE t(x)"));
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{folder.path()}) {
    ++files;
  }
  EXPECT_EQ(files, 1U);
}

TEST(Connection, RoundTripsEveryKindOfValue) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  const std::string with_nul{"a\0b", 3};
  const Row values{std::monostate{}, std::int64_t{-5},        1.5,    std::string{"text"},
                   with_nul,         Blob{with_nul + "\xff"}, Blob{}, std::string{}};
  const auto row = must(db.one("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8", values));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(*row, values);
}

TEST(Connection, KeepsDoubleQuotedStringsForOldSchemas) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  must(db.exec("CREATE TABLE t (a TEXT DEFAULT \"x\")"));
  EXPECT_EQ(to_text(must(db.one("SELECT \"plain\""))->front()), "plain");
}

TEST(Connection, RefusesToLoadExtensions) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  const auto loaded = db.one("SELECT load_extension('nothing')");
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(loaded.error().what, HasSubstr("not authorized"));
}

TEST(Connection, RunsScriptsOfSeveralStatements) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  must(db.exec("CREATE TABLE t (a); -- a comment\nINSERT INTO t VALUES (1), (2);\n  ;\n"));
  EXPECT_EQ(must(db.run("DELETE FROM t WHERE a > 0")), 2);
  EXPECT_EQ(must(db.all("SELECT a FROM t")).size(), 0U);
}

TEST(Connection, PreparesExactlyOneStatement) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  EXPECT_EQ(db.prepare("SELECT 1; SELECT 2").error().code, Code::kInvalid);
  EXPECT_EQ(db.prepare("  ").error().code, Code::kInvalid);
  EXPECT_TRUE(db.prepare("SELECT 1 ; \n").has_value());
  EXPECT_EQ(db.prepare("SELEC").error().code, Code::kInvalid);
  EXPECT_EQ(must(db.prepare("SELECT 1")).bind(2, std::int64_t{1}).error().code, Code::kInvalid);
}

TEST(Connection, TellsTablesAndColumns) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  must(db.exec("CREATE TABLE Some (id, \"odd name\"); CREATE VIEW v AS SELECT 1"));
  EXPECT_TRUE(db.has_table("Some"));
  EXPECT_FALSE(db.has_table("v"));
  EXPECT_FALSE(db.has_table("none"));
  EXPECT_THAT(db.columns_of("Some"), ::testing::ElementsAre("id", "odd name"));
  EXPECT_TRUE(db.columns_of("none").empty());
}

TEST(Connection, OpensNothingThatIsNotThere) {
  const TempFolder folder;
  EXPECT_EQ(Connection::open(folder / "none.db", {}).error().code, Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder / "none.db"));
  EXPECT_EQ(Connection::open(folder / "no/folder.db", {.create = true}).error().code,
            Code::kNotFound);
}

TEST(Connection, TakesOddNamesAsFiles) {
  const TempFolder folder;
  for (const std::string name : {":memory:", "file:x?mode=memory", "a b#?.db", "\xff\xfe.db"}) {
    { must(fresh(folder / name).exec("CREATE TABLE t (a)")); }
    EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  }
}

TEST(Connection, SaysThatAFileIsNoDatabase) {
  const TempFolder folder;
  pv::testing::write_file(folder / "a.db", std::string(5000, 'x'));
  const auto opened = Connection::open(folder / "a.db", {});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Code::kDamaged);
  EXPECT_THAT(opened.error().what, HasSubstr("a.db: file is not a database (26)"));
}

TEST(Connection, MapsErrorsToWhatTheCallerCanDo) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  must(db.exec("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)"));
  EXPECT_EQ(db.run("INSERT INTO t VALUES (1)").error().code, Code::kExists);
  EXPECT_EQ(db.run("INSERT INTO u VALUES (1)").error().code, Code::kInvalid);

  Connection reader = must(Connection::open(folder / "a.db", {.read_only = true}));
  EXPECT_EQ(reader.run("INSERT INTO t VALUES (2)").error().code, Code::kDenied);

  const auto transaction = must(Transaction::begin_immediate(db));
  Connection other =
      must(Connection::open(folder / "a.db", {.busy_timeout = std::chrono::milliseconds{1}}));
  EXPECT_EQ(other.run("INSERT INTO t VALUES (2)").error().code, Code::kBusy);
}

TEST(Connection, ReportsAFullDisk) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  must(db.exec("CREATE TABLE t (a); PRAGMA max_page_count=4"));
  const std::array<Value, 1> big{std::string(100'000, 'x')};
  EXPECT_EQ(db.run("INSERT INTO t VALUES (?1)", big).error().code, Code::kNoSpace);
}

// Without this, our close would delete the WAL under an app that has lost its locks.
TEST(Connection, LeavesTheWalOfOthersAlone) {
  const TempFolder folder;
  {
    Connection db = fresh(folder / "a.db", Checkpoints::kNever);
    must(db.exec("CREATE TABLE t (a)"));
    for (int i = 0; i < 1500; ++i) { must(db.exec("INSERT INTO t VALUES (1)")); }
  }
  // 1500 commits passed the automatic checkpoint's 1000 frames: each still lies in the WAL.
  EXPECT_GT(std::filesystem::file_size(folder / "a.db-wal"), 1500U * 4096U);
  { must(fresh(folder / "a.db").exec("INSERT INTO t VALUES (2)")); }
  EXPECT_FALSE(std::filesystem::exists(folder / "a.db-wal"));  // an owner's last close cleans up
}

TEST(Connection, DoesNotChangeTheJournalModeOfOthers) {
  const TempFolder folder;
  ASSERT_EQ(
      pv::testing::run("sqlite3 '" + (folder / "a.db").string() + "' 'CREATE TABLE t (a)'").status,
      0);
  Connection db = must(Connection::open(folder / "a.db", {}));
  EXPECT_EQ(pragma(db, "journal_mode"), "delete");
}

TEST(Connection, ReadsWhatPocketBaseWrote) {
  for (const std::string version : {"0.36.6", "0.39.11"}) {
    const TempFolder folder;
    const auto data = pv::testing::unpack_pb_data(version, folder.path());
    Connection db = must(Connection::open(data / "data.db", {}));
    EXPECT_EQ(to_int(must(db.one("SELECT count(*) FROM products"))->front()), 40) << version;
    EXPECT_EQ(must(check(db, Check::kIntegrity)), "ok") << version;
  }
}

TEST(Connection, ClosesTheOldWhenAssigned) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  db = fresh(folder / "b.db");
  EXPECT_EQ(db.path(), folder / "b.db");
  must(db.exec("CREATE TABLE t (a)"));
}

TEST(Transaction, RollsBackUnlessCommitted) {
  const TempFolder folder;
  Connection db = fresh(folder / "a.db");
  must(db.exec("CREATE TABLE t (a)"));
  {
    const auto dropped = must(Transaction::begin_immediate(db));
    must(db.exec("INSERT INTO t VALUES (1)"));
  }
  {
    auto kept = must(Transaction::begin_immediate(db));
    must(db.exec("INSERT INTO t VALUES (2)"));
    must(kept.commit());
  }
  EXPECT_EQ(must(db.all("SELECT a FROM t")), (std::vector<Row>{{std::int64_t{2}}}));
}

TEST(Check, FindsDamage) {
  const TempFolder folder;
  const auto path = folder / "a.db";
  {
    Connection db = fresh(path);
    must(
        db.exec("CREATE TABLE t (a); CREATE INDEX i ON t (a);"
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000)"
                "INSERT INTO t SELECT hex(randomblob(50)) FROM n"));
    EXPECT_EQ(must(check(db, Check::kQuick)), "ok");
  }
  std::string bytes = pv::testing::read_file(path);
  for (std::size_t page = 10; page < 30; ++page) { bytes.replace(page * 4096, 64, 64, '\x7f'); }
  pv::testing::write_file(path, bytes);
  Connection db = must(Connection::open(path, {}));
  EXPECT_NE(must(check(db, Check::kQuick)), "ok");
  EXPECT_NE(must(check(db, Check::kIntegrity)), "ok");
}

TEST(ToInt, IsZeroForWhatIsNoNumber) {
  EXPECT_EQ(to_int(std::string{"5"}), 0);
  EXPECT_EQ(to_int(1e300), 0);
  EXPECT_EQ(to_int(-2.9), -2);
  EXPECT_EQ(to_text(2.5), "2.5");
  EXPECT_EQ(to_text(std::int64_t{-7}), "-7");
  EXPECT_EQ(to_text(std::monostate{}), "");
}

TEST(Connection, TheTextsThatAreToldInChineseAreSqlites) {
  for (const Phrase& phrase : known::kSqliteTexts) {
    const bool is_errmsg = phrase.english.starts_with("malformed database schema (") ||
                           phrase.english.starts_with("unsupported file format");
    bool is_said = is_errmsg;  // of one database, not of a code
    for (int code = 1; code < 28 && !is_said; ++code) {
      is_said = std::string{sqlite3_errstr(code)} + " ({})" == phrase.english;
    }
    EXPECT_TRUE(is_said) << phrase.english;
  }
}

}  // namespace
}  // namespace pv::sqlite
