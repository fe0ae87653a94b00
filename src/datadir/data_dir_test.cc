#include "datadir/data_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "datadir/wal_owners.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::datadir {
namespace {

using namespace std::chrono_literals;
using sqlite::Connection;
using testing::TempFolder;

constexpr std::array kVersions{"0.36.6", "0.39.11", "0.36.6-encrypted-settings"};

Result<std::unique_ptr<DataDir>> open(const fs::Path& path, OpenOptions options = {}) {
  static const testing::FakeClock clock;
  return DataDir::open(path, options, clock, system_random());
}

std::int64_t count_superusers(DataDir& directory) {
  const auto count = directory.read<std::int64_t>([](Connection& db) -> Result<std::int64_t> {
    PV_TRY(const auto row, db.one("SELECT count(*) FROM _superusers"));
    return row ? sqlite::to_int(row->front()) : -1;
  });
  return count.value_or(-1);
}

// Something of a size that shows in the WAL.
Result<void> write_note(DataDir& directory, std::size_t bytes = 10) {
  return directory.write<void>([&](Connection& db) -> Result<void> {
    PV_CHECK(db.exec("CREATE TABLE IF NOT EXISTS notes (text)"));
    const std::array<sqlite::Value, 1> parameters{std::string(bytes, 'n')};
    PV_CHECK(db.run("INSERT INTO notes VALUES (?1)", parameters));
    return {};
  });
}

// By another process, so that no lock of this one is touched.
std::string query(const fs::Path& database, const std::string& sql) {
  const auto result =
      testing::run("sqlite3 -batch -noheader '" + database.string() + "' \"" + sql + "\"");
  EXPECT_EQ(result.status, 0) << result.output;
  return result.output;
}

std::string schema_of(const fs::Path& database) {
  return query(database, "SELECT name, sql FROM sqlite_master ORDER BY name");
}

TEST(DataDir, OpensWhatPocketBaseWroteAndChangesNothing) {
  for (const char* version : kVersions) {
    const TempFolder folder;
    const fs::Path path = testing::unpack_pb_data(version, folder.path());
    const std::string data = testing::read_file(path / "data.db");
    const std::string auxiliary = testing::read_file(path / "auxiliary.db");
    for (const bool owner : {false, true}) {
      auto directory = open(path, {.owner = owner});
      ASSERT_TRUE(directory.has_value()) << version << ": " << directory.error().what;
      EXPECT_FALSE((*directory)->was_created());
      EXPECT_EQ((*directory)->owns(), owner);
      EXPECT_EQ(count_superusers(**directory), 1);
    }
    EXPECT_EQ(testing::read_file(path / "data.db"), data) << version;
    EXPECT_EQ(testing::read_file(path / "auxiliary.db"), auxiliary) << version;
  }
}

TEST(DataDir, TellsWhetherAnythingWasCommitted) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  auto directory = open(path, {.owner = true});
  ASSERT_TRUE(directory.has_value());
  const auto version = [&] { return (*directory)->data_version().value(); };
  const std::uint64_t first = version();
  EXPECT_EQ(count_superusers(**directory), 1);
  EXPECT_EQ(version(), first) << "reading is no change";
  ASSERT_TRUE(write_note(**directory).has_value());
  const std::uint64_t second = version();
  EXPECT_NE(second, first);
  query(path / "data.db", "INSERT INTO notes VALUES ('x')");
  const std::uint64_t third = version();
  EXPECT_NE(third, second) << "another process";
  ASSERT_TRUE((*directory)->suspend(1s).has_value());
  EXPECT_EQ((*directory)->data_version().error().code, Code::kBusy);
  ASSERT_TRUE((*directory)->resume().has_value());
  EXPECT_NE(version(), third) << "it may be another file";
}

TEST(DataDir, LendsAuxiliaryToItsOwnerAlone) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  const std::function<Result<void>(Connection&)> write = [](Connection& db) -> Result<void> {
    PV_CHECK(db.exec("CREATE TABLE IF NOT EXISTS big (text)"));
    return db.exec("INSERT INTO big VALUES (zeroblob(5000000))");
  };
  {
    auto guest = open(path);
    ASSERT_TRUE(guest.has_value());
    EXPECT_EQ((*guest)->with_auxiliary<void>(write).error().code, Code::kUnsupported);
  }
  auto directory = open(path, {.owner = true});
  ASSERT_TRUE(directory.has_value());
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE((*directory)->with_auxiliary<void>(write).has_value());
  }
  EXPECT_LT(std::filesystem::file_size(path / "auxiliary.db-wal"), 12'000'000U)
      << "checkpointed as it grew, and begun anew";
  EXPECT_EQ(query(path / "auxiliary.db", "SELECT count(*) FROM big"), "4\n");
  ASSERT_TRUE((*directory)->suspend(1s).has_value());
  ASSERT_TRUE((*directory)->resume().has_value());
  EXPECT_TRUE((*directory)->with_auxiliary<void>(write).has_value());
}

TEST(DataDir, MakesItsOwnFolderForUsAlone) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  auto directory = open(path);
  ASSERT_TRUE(directory.has_value());
  const auto found = fs::link_stat((*directory)->vault_folder());
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->is_folder());
  EXPECT_EQ(found->mode & 07777U, 0700U);
}

TEST(DataDir, DoesNotFollowALinkInPlaceOfItsFolder) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  std::filesystem::create_directory_symlink(folder.path(), path / ".pocketvault");
  const auto directory = open(path);
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, Code::kInvalid);
}

TEST(DataDir, CreatesWhatPocketBaseWouldHaveMade) {
  const TempFolder folder;
  const TempFolder reference;
  const fs::Path original = testing::unpack_pb_data("0.36.6", reference.path());
  const fs::Path path = folder / "deep" / "pb_data";
  auto directory = open(path, {.create = true, .owner = true});
  ASSERT_TRUE(directory.has_value()) << directory.error().what;
  EXPECT_TRUE((*directory)->was_created());
  directory->reset();

  const std::string own_tables =
      "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' "
      "AND name NOT LIKE '%products%' ORDER BY name";
  EXPECT_EQ(query(path / "data.db", own_tables), query(original / "data.db", own_tables));
  EXPECT_EQ(schema_of(path / "auxiliary.db"), schema_of(original / "auxiliary.db"));
  const std::string collections =
      "SELECT id, system, type, name, fields, indexes, listRule, viewRule, createRule, updateRule, "
      "deleteRule FROM _collections WHERE name <> 'products' ORDER BY id";
  EXPECT_EQ(query(path / "data.db", collections), query(original / "data.db", collections));
  const std::string migrations =
      "SELECT file FROM _migrations WHERE file LIKE '%.go' ORDER BY file";
  EXPECT_EQ(query(path / "data.db", migrations), query(original / "data.db", migrations));
  EXPECT_EQ(query(path / "data.db", "SELECT typeof(value) FROM _params"), "blob\n");
  EXPECT_EQ(query(path / "data.db", "SELECT count(*) FROM _superusers"), "0\n");
  for (const char* name : {"data.db", "auxiliary.db"}) {
    EXPECT_EQ(query(path / name,
                    "PRAGMA journal_mode; PRAGMA page_size; PRAGMA encoding; "
                    "PRAGMA auto_vacuum; PRAGMA user_version; PRAGMA quick_check"),
              "wal\n4096\nUTF-8\n0\n0\nok\n");
  }
}

TEST(DataDir, GivesEachNewDirectorySecretsAndDatesOfItsOwn) {
  const TempFolder folder;
  const testing::FakeClock clock;
  std::set<std::string> secrets;
  for (const char* name : {"one", "two"}) {
    auto directory = DataDir::open(folder / name, {.create = true}, clock, system_random());
    ASSERT_TRUE(directory.has_value()) << directory.error().what;
    directory->reset();
    const std::string list = query(
        folder / name / "data.db",
        "SELECT json_extract(o.value, '$.secret') FROM _collections AS c, json_each(c.options) AS o"
        " WHERE c.type = 'auth' AND o.key LIKE '%Token'");
    std::istringstream lines{list};
    for (std::string secret; std::getline(lines, secret);) {
      EXPECT_EQ(secret.size(), 50U);
      EXPECT_EQ(secret.find_first_not_of(kAlphanumeric), std::string::npos);
      secrets.insert(secret);
    }
    EXPECT_EQ(query(folder / name / "data.db",
                    "SELECT DISTINCT created || updated FROM _collections UNION "
                    "SELECT created || updated FROM _params"),
              "2026-11-21 00:54:47.000Z2026-11-21 00:54:47.000Z\n");
    EXPECT_EQ(query(folder / name / "data.db",
                    "SELECT min(applied), max(applied), count(DISTINCT applied) FROM _migrations"),
              "1795222487000000|1795222487000006|7\n");
    EXPECT_EQ(query(folder / name / "data.db",
                    "SELECT count(*) FROM _collections WHERE options || created LIKE '%{{%'"),
              "0\n");
  }
  EXPECT_EQ(secrets.size(), 20U) << "ten each, all different";
}

TEST(DataDir, CreatesFilesWithTheModesOfPocketBase) {
  const TempFolder folder;
  const mode_t before = ::umask(0027);
  const fs::Path path = folder / "pb_data";
  EXPECT_TRUE(open(path, {.create = true}).has_value());
  ::umask(before);
  EXPECT_EQ(fs::stat(path)->mode & 07777U, 0750U);
  EXPECT_EQ(fs::stat(path / "data.db")->mode & 07777U, 0640U);
  EXPECT_EQ(fs::stat(path / "auxiliary.db")->mode & 07777U, 0640U);
}

std::set<std::string> entries_of(const fs::Path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

TEST(DataDir, LeavesNoTemporaryFilesOfItsCreation) {
  const TempFolder folder;
  testing::write_file(folder / ".pocketvault" / "fresh-data.db", "what a crash left");
  testing::write_file(folder / ".pocketvault" / "fresh-data.db-wal", "and its WAL");
  ASSERT_TRUE(open(folder.path(), {.create = true, .owner = true}).has_value());
  EXPECT_EQ(entries_of(folder.path()),
            (std::set<std::string>{".pocketvault", "auxiliary.db", "data.db"}));
  EXPECT_EQ(entries_of(folder / ".pocketvault"), (std::set<std::string>{"create.lock"}));
}

TEST(DataDir, FinishesACreationThatWasCutOff) {
  const TempFolder folder;
  ASSERT_TRUE(open(folder.path(), {.create = true, .owner = true}).has_value());
  std::filesystem::remove(folder / "data.db");  // auxiliary.db comes first
  const auto directory = open(folder.path(), {.create = true});
  ASSERT_TRUE(directory.has_value()) << directory.error().what;
  EXPECT_TRUE((*directory)->was_created());
}

TEST(DataDir, CreatesOnlyWhenAsked) {
  const TempFolder folder;
  const auto directory = open(folder / "absent");
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, Code::kNotFound);
  EXPECT_FALSE(fs::exists(folder / "absent"));
}

TEST(DataDir, MakesNoFreshDatabaseWhereOneGotLost) {
  for (const char* left : {"data.db-wal", "data.db-journal", "storage/pbc_1/r1/photo.jpg",
                           ".pb_temp_to_delete/old_pb_data_abcdefgh/data.db"}) {
    const TempFolder folder;
    testing::write_file(folder.path() / left, "x");
    const auto directory = open(folder.path(), {.create = true});
    ASSERT_FALSE(directory.has_value()) << left;
    EXPECT_EQ(directory.error().code, Code::kNotFound) << left;
    EXPECT_FALSE(fs::exists(folder / "data.db")) << left;
  }
  const TempFolder folder;  // these say nothing of the kind
  for (const char* harmless : {"backups/one.zip", "lost+found/x", "types.d.ts", ".gitkeep"}) {
    testing::write_file(folder.path() / harmless, "x");
  }
  std::filesystem::create_directory(folder / "storage");
  EXPECT_TRUE(open(folder.path(), {.create = true}).has_value());
}

TEST(DataDir, CreatesOnceWhenSeveralOpenAtATime) {
  const TempFolder folder;
  std::atomic<int> opened = 0;
  std::atomic<int> created = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (;;) {
        auto directory = open(folder / "pb_data", {.create = true});
        if (directory) {
          ++opened;
          created += (*directory)->was_created() ? 1 : 0;
          return;
        }
        EXPECT_EQ(directory.error().code, Code::kBusy) << directory.error().what;
      }
    });
  }
  for (std::thread& thread : threads) { thread.join(); }
  EXPECT_EQ(opened, 4);
  EXPECT_EQ(created, 1);
}

TEST(DataDir, SaysThatADirectoryIsFromBeforeVersion023) {
  const TempFolder folder;
  query(folder / "data.db",
        "CREATE TABLE _admins (id TEXT); CREATE TABLE _params (id TEXT, value JSON);"
        "CREATE TABLE _collections (id TEXT, name TEXT, type TEXT, schema JSON);");
  const auto directory = open(folder.path());
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, Code::kUnsupported);
  EXPECT_NE(directory.error().what.find("before PocketBase v0.23"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder / ".pocketvault")) << "it is none of ours";
}

TEST(DataDir, NamesWhatASchemaLacks) {
  struct Case {
    const char* change;
    const char* named;
  };
  for (const auto& [change, named] :
       {Case{"DROP TABLE _migrations", "table _migrations"},
        Case{"DROP TABLE _params", "table _params"},
        Case{"DROP TABLE _superusers", "table _superusers"},
        Case{"ALTER TABLE _params RENAME COLUMN value TO content", "column _params.value"},
        Case{"DROP INDEX idx_tokenKey_pbc_3142635823;"
             "ALTER TABLE _superusers DROP COLUMN tokenKey",
             "column _superusers.tokenKey"},
        Case{"DELETE FROM _collections WHERE name = '_superusers'", "the row of _superusers"}}) {
    const TempFolder folder;
    const fs::Path path = testing::unpack_pb_data("0.39.11", folder.path());
    query(path / "data.db", change);
    const auto directory = open(path);
    ASSERT_FALSE(directory.has_value()) << change;
    EXPECT_EQ(directory.error().code, Code::kUnsupported) << change;
    EXPECT_NE(directory.error().what.find(named), std::string::npos) << directory.error().what;
  }
}

TEST(DataDir, AcceptsANewerSchemaThatHasWhatIsNeeded) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.39.11", folder.path());
  query(path / "data.db",
        "CREATE TABLE _future (id TEXT); ALTER TABLE _superusers ADD COLUMN nick TEXT DEFAULT '';"
        "ALTER TABLE _collections ADD COLUMN extra JSON; DROP TABLE _otps;"
        "INSERT INTO _migrations VALUES ('9999999999_future.go', 1)");
  const std::string schema = schema_of(path / "data.db");
  EXPECT_TRUE(open(path, {.owner = true}).has_value());
  EXPECT_EQ(schema_of(path / "data.db"), schema);
}

TEST(DataDir, SaysThatAFileIsNoDatabase) {
  for (const char* name : {"data.db", "auxiliary.db"}) {
    const TempFolder folder;
    const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
    testing::write_file(path / name, std::string(10'000, 'x'));
    const auto directory = open(path, {.owner = true});
    ASSERT_FALSE(directory.has_value()) << name;
    EXPECT_EQ(directory.error().code, Code::kDamaged) << name;
    EXPECT_NE(directory.error().what.find(name), std::string::npos) << directory.error().what;
    std::filesystem::remove(path / name);
    std::filesystem::create_directory(path / name);
    EXPECT_EQ(open(path, {.owner = true}).error().code, Code::kDamaged) << name;
  }
}

TEST(DataDir, MakesTheLogsDatabaseAgainOnlyAsTheOwner) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  const std::string schema = schema_of(path / "auxiliary.db");
  std::filesystem::remove(path / "auxiliary.db");
  ASSERT_TRUE(open(path).has_value());
  EXPECT_FALSE(fs::exists(path / "auxiliary.db"));
  ASSERT_TRUE(open(path, {.owner = true}).has_value());
  EXPECT_EQ(schema_of(path / "auxiliary.db"), schema);

  query(path / "auxiliary.db", "DROP TABLE _logs");
  ASSERT_TRUE(open(path).has_value());
  EXPECT_EQ(schema_of(path / "auxiliary.db"), "");
  ASSERT_TRUE(open(path, {.owner = true}).has_value());
  EXPECT_EQ(schema_of(path / "auxiliary.db"), schema);
}

// As PocketBase does, of a data.db that somebody copied alone to a new place.
TEST(DataDir, MakesTheLogsDatabaseWhereItsOwnFolderIsMissingToo) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  std::filesystem::remove(path / "auxiliary.db");
  const auto directory = open(path, {.owner = true});
  ASSERT_TRUE(directory.has_value()) << directory.error().what;
  EXPECT_TRUE(fs::exists(path / "auxiliary.db"));
  EXPECT_EQ(fs::link_stat((*directory)->vault_folder())->mode & 07777U, 0700U);
}

TEST(DataDir, BringsARestoredDatabaseBackToWalMode) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  query(path / "data.db", "PRAGMA journal_mode=DELETE");
  EXPECT_TRUE(open(path).has_value());
  EXPECT_EQ(query(path / "data.db", "PRAGMA journal_mode"), "delete\n") << "not ours to change";
  EXPECT_TRUE(open(path, {.owner = true}).has_value());
  EXPECT_EQ(query(path / "data.db", "PRAGMA journal_mode"), "wal\n");
}

TEST(DataDir, ReadersCannotWrite) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true});
  ASSERT_TRUE(directory.has_value());
  const auto outcome =
      (*directory)->read<void>([](Connection& db) { return db.exec("DELETE FROM _collections"); });
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Code::kDenied);
}

TEST(DataDir, RollsBackWhatAWriterLeftOpen) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true});
  ASSERT_TRUE(directory.has_value());
  ASSERT_TRUE((*directory)
                  ->write<void>([](Connection& db) {
                    return db.exec("BEGIN IMMEDIATE; CREATE TABLE half (done)");
                  })
                  .has_value());
  ASSERT_TRUE(write_note(**directory).has_value());
  EXPECT_EQ(query(folder / "data.db", "SELECT count(*) FROM sqlite_master WHERE name = 'half'"),
            "0\n");
}

TEST(DataDir, ServesReadersAndWritersFromManyThreads) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true, .owner = true});
  ASSERT_TRUE(directory.has_value());
  ASSERT_TRUE(write_note(**directory).has_value());
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  threads.reserve(12);
  std::atomic<int> failed = 0;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&, writes = i % 3 == 0] {
      for (int k = 0; k < kEach; ++k) {
        const bool fine = writes ? write_note(**directory, 20'000).has_value()
                                 : count_superusers(**directory) == 0;
        failed += fine ? 0 : 1;
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE((*directory)->suspend(10s).has_value());
    EXPECT_TRUE((*directory)->resume().has_value());
  }
  for (std::thread& thread : threads) { thread.join(); }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(query(folder / "data.db", "SELECT count(*) FROM notes; PRAGMA integrity_check"),
            std::to_string(4 * kEach + 1) + "\nok\n");
}

TEST(DataDir, OwnerKeepsTheWalShort) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true, .owner = true});
  ASSERT_TRUE(directory.has_value());
  for (int i = 0; i < 40; ++i) { ASSERT_TRUE(write_note(**directory, 400'000).has_value()); }
  // 16 MB were written; 1000 frames of 4 KiB and one more write fit in 5 MB.
  EXPECT_LT(fs::stat(folder / "data.db-wal")->size_bytes, 5'000'000U);
  EXPECT_GT(fs::stat(folder / "data.db")->size_bytes, 11'000'000U);
}

TEST(DataDir, OthersNeverCheckpoint) {
  const TempFolder folder;
  ASSERT_TRUE(open(folder.path(), {.create = true, .owner = true}).has_value());
  const std::string before = testing::read_file(folder / "data.db");
  {
    auto directory = open(folder.path());
    ASSERT_TRUE(directory.has_value());
    for (int i = 0; i < 20; ++i) { ASSERT_TRUE(write_note(**directory, 400'000).has_value()); }
  }
  EXPECT_EQ(testing::read_file(folder / "data.db"), before);
  EXPECT_GT(fs::stat(folder / "data.db-wal")->size_bytes, 8'000'000U);
  EXPECT_EQ(query(folder / "data.db", "SELECT count(*) FROM notes"), "20\n");
}

TEST(DataDir, OwnerLeavesOneFilePerDatabase) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true, .owner = true});
  ASSERT_TRUE(directory.has_value());
  ASSERT_TRUE(write_note(**directory).has_value());
  EXPECT_TRUE(fs::exists(folder / "data.db-wal"));
  ASSERT_TRUE((*directory)->suspend(1s).has_value());
  EXPECT_FALSE(fs::exists(folder / "data.db-wal"));
  EXPECT_FALSE(fs::exists(folder / "data.db-shm"));
  EXPECT_FALSE(fs::exists(folder / "auxiliary.db-wal"));
  ASSERT_TRUE((*directory)->resume().has_value());
  ASSERT_TRUE(write_note(**directory).has_value());
  directory->reset();
  EXPECT_FALSE(fs::exists(folder / "data.db-wal"));
  EXPECT_EQ(query(folder / "data.db", "SELECT count(*) FROM notes"), "2\n");
}

// A program that has the database open, as a second server would.
std::string neighbour(const fs::Path& path) {
  return "import sqlite3\n"
         "db = sqlite3.connect('" +
         (path / "data.db").string() +
         "', isolation_level=None)\n"
         "db.execute('PRAGMA wal_autocheckpoint=0')\n"
         "db.execute('SELECT count(*) FROM _superusers').fetchall()\n"
         "print('ready', flush=True)\n"
         "while True:\n"
         "  try: line = input()\n"
         "  except EOFError: break\n"
         "  if line == 'lose locks': open('" +
         (path / "data.db").string() + "').close(); open('" + (path / "data.db-shm").string() +
         "').close()\n"
         "  else: db.execute(line)\n"
         "  print('done', flush=True)\n"
         "import os; os._exit(0)\n";
}

TEST(DataDir, OwnsNothingWhileAnotherProcessHasIt) {
  const TempFolder folder;
  ASSERT_TRUE(open(folder.path(), {.create = true, .owner = true}).has_value());
  testing::OtherProcess other{neighbour(folder.path())};
  ASSERT_EQ(other.hear(), "ready");
  auto directory = open(folder.path(), {.owner = true});
  ASSERT_TRUE(directory.has_value()) << directory.error().what;
  EXPECT_FALSE((*directory)->owns());
  const std::string before = testing::run("md5sum < " + (folder / "data.db").string()).output;
  for (int i = 0; i < 20; ++i) { ASSERT_TRUE(write_note(**directory, 400'000).has_value()); }
  EXPECT_EQ(testing::run("md5sum < " + (folder / "data.db").string()).output, before);
  EXPECT_EQ(other.finish(), 0);
  EXPECT_TRUE((*directory)->owns()) << "and then it does";
}

TEST(DataDir, KeepsTheWalOfAProcessThatJoinedLater) {
  for (const bool loses_locks : {false, true}) {
    const TempFolder folder;
    auto directory = open(folder.path(), {.create = true, .owner = true});
    ASSERT_TRUE(directory.has_value());
    ASSERT_TRUE(write_note(**directory).has_value());
    testing::OtherProcess other{neighbour(folder.path())};
    ASSERT_EQ(other.hear(), "ready");
    if (loses_locks) {  // what a backup by PocketBase does to itself
      other.say("lose locks");
      ASSERT_EQ(other.hear(), "done");
      EXPECT_TRUE((*directory)->owns()) << "nothing is seen of it in the lock table";
    }
    directory->reset();
    EXPECT_TRUE(fs::exists(folder / "data.db-wal")) << "lost locks: " << loses_locks;
    other.say("INSERT INTO notes VALUES ('written after we closed')");
    ASSERT_EQ(other.hear(), "done");
    EXPECT_EQ(other.finish(), 0);  // without closing the database
    EXPECT_EQ(query(folder / "data.db", "SELECT count(*) FROM notes; PRAGMA integrity_check"),
              "2\nok\n");
  }
}

TEST(DataDir, HoldsEachDatabaseAllItsLife) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true});
  ASSERT_TRUE(directory.has_value());
  for (const char* name : {"data.db", "auxiliary.db"}) {
    const auto inode = fs::stat(folder / name)->inode;
    const auto held = testing::run("grep -c ' " + std::to_string(::getpid()) +
                                   " .*:" + std::to_string(inode) + " ' /proc/locks");
    EXPECT_EQ(held.status, 0) << name << ": no lock in " << held.output;
    // Another process that opens and closes it is not the last user.
    query(folder / name, "SELECT count(*) FROM sqlite_master");
    EXPECT_TRUE(fs::exists((folder / name).string() + "-wal")) << name;
  }
}

TEST(DataDir, SuspendLetsTheFilesBeReplaced) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  auto directory = open(path, {.owner = true});
  ASSERT_TRUE(directory.has_value());
  EXPECT_EQ(count_superusers(**directory), 1);
  ASSERT_TRUE((*directory)->suspend(1s).has_value());
  ASSERT_TRUE((*directory)->suspend(1s).has_value()) << "twice is once";
  EXPECT_TRUE(
      testing::run("ls -l /proc/" + std::to_string(::getpid()) + "/fd | grep -c " + path.string())
          .output.starts_with("0"));
  std::filesystem::rename(path / "data.db", path / "old.db");
  const TempFolder other;
  ASSERT_TRUE(open(other.path(), {.create = true, .owner = true}).has_value());
  std::filesystem::copy_file(other / "data.db", path / "data.db");
  ASSERT_TRUE((*directory)->resume().has_value());
  EXPECT_EQ(count_superusers(**directory), 0);
}

TEST(DataDir, StaysSuspendedUntilWhatLiesThereOpens) {
  const TempFolder folder;
  const fs::Path path = testing::unpack_pb_data("0.36.6", folder.path());
  auto directory = open(path, {.owner = true, .lease_wait = 20ms});
  ASSERT_TRUE(directory.has_value());
  ASSERT_TRUE((*directory)->suspend(1s).has_value());
  std::filesystem::rename(path / "data.db", path / "kept.db");
  testing::write_file(path / "data.db", std::string(5000, '?'));
  EXPECT_EQ((*directory)->resume().error().code, Code::kDamaged);
  std::filesystem::remove(path / "data.db");
  EXPECT_EQ((*directory)->resume().error().code, Code::kNotFound);
  EXPECT_EQ(write_note(**directory).error().code, Code::kBusy);
  EXPECT_EQ(count_superusers(**directory), -1);
  std::filesystem::rename(path / "kept.db", path / "data.db");
  ASSERT_TRUE((*directory)->resume().has_value());
  EXPECT_EQ(count_superusers(**directory), 1);
}

TEST(DataDir, SuspendWaitsForThoseAtWorkAndHoldsThoseToCome) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true, .owner = true});
  ASSERT_TRUE(directory.has_value());
  std::atomic<bool> working = false;
  std::atomic<bool> finished = false;
  std::thread reader{[&] {
    const auto done = (*directory)->read<void>([&](Connection& db) -> Result<void> {
      working = true;
      std::this_thread::sleep_for(100ms);
      // A suspension that waits for this read must not be what it waits for.
      PV_CHECK(write_note(**directory));
      PV_CHECK(db.one("SELECT count(*) FROM notes"));
      finished = true;
      return {};
    });
    EXPECT_TRUE(done.has_value()) << done.error().what;
  }};
  while (!working) { std::this_thread::yield(); }
  ASSERT_TRUE((*directory)->suspend(10s).has_value());
  EXPECT_TRUE(finished);
  std::atomic<bool> came_in = false;
  std::thread late{[&] {
    EXPECT_EQ(count_superusers(**directory), 0);
    came_in = true;
  }};
  std::this_thread::sleep_for(50ms);
  EXPECT_FALSE(came_in);
  ASSERT_TRUE((*directory)->resume().has_value());
  late.join();
  reader.join();
  EXPECT_TRUE(came_in);
}

TEST(DataDir, SuspendGivesUpOnWhoDoesNotEnd) {
  const TempFolder folder;
  auto directory = open(folder.path(), {.create = true});
  ASSERT_TRUE(directory.has_value());
  std::atomic<bool> working = false;
  std::atomic<bool> enough = false;
  std::thread reader{[&] {
    EXPECT_TRUE((*directory)
                    ->read<void>([&](Connection&) -> Result<void> {
                      working = true;
                      while (!enough) { std::this_thread::sleep_for(1ms); }
                      return {};
                    })
                    .has_value());
  }};
  while (!working) { std::this_thread::yield(); }
  const auto refused = (*directory)->suspend(30ms);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kBusy);
  EXPECT_TRUE(write_note(**directory).has_value()) << "and nothing has changed";
  enough = true;
  reader.join();
}

// ------------------------------------------------------------- replaced by another program

// What a person does: a changed copy takes data.db's name, the WAL goes.
constexpr const char* kPrepare =
    "rm -f n.db && sqlite3 data.db '.backup n.db' && sqlite3 n.db 'DELETE FROM _superusers; "
    "CREATE TABLE IF NOT EXISTS news (text); DELETE FROM news'";

void in_folder(const fs::Path& path, const std::string& command) {
  const auto result = testing::run("cd '" + path.string() + "' && " + command);
  ASSERT_EQ(result.status, 0) << result.output;
}

void replace_data_db(const fs::Path& path) {
  in_folder(path, kPrepare);
  in_folder(path, "mv n.db data.db && rm -f data.db-wal data.db-shm");
}

// As the server does every second; how many looks it took, 0: none did it.
int looks_until_open(DataDir& directory, int looks_max = 5) {
  for (int i = 1; i <= looks_max; ++i) {
    if (directory.reopen().value_or(false)) { return i; }
  }
  return 0;
}

class LostDataDir : public ::testing::Test {
 protected:
  void SetUp() override {
    path = testing::unpack_pb_data("0.36.6", folder.path());
    auto opened = open(path, {.owner = true, .lease_wait = 100ms});
    ASSERT_TRUE(opened.has_value()) << opened.error().what;
    directory = *std::move(opened);
    ASSERT_TRUE(write_note(*directory).has_value());
  }

  TempFolder folder;
  fs::Path path;
  std::unique_ptr<DataDir> directory;
};

TEST_F(LostDataDir, LendsNothingOfADatabaseThatWasReplaced) {
  EXPECT_EQ(directory->lost(), std::nullopt);
  replace_data_db(path);
  const auto written = write_note(*directory);
  ASSERT_FALSE(written.has_value()) << "into a file without a name";
  EXPECT_EQ(written.error().code, Code::kBusy);
  EXPECT_EQ(written.error().what, "data.db was replaced or removed by another program");
  EXPECT_EQ(count_superusers(*directory), -1);
  EXPECT_EQ(directory->data_version().error().code, Code::kBusy);
  EXPECT_EQ(directory->lost(), "data.db was replaced or removed by another program");
  const auto open_files = testing::run("ls -l /proc/" + std::to_string(::getpid()) +
                                       "/fd | grep -c 'pb_data.*(deleted)'");
  EXPECT_EQ(open_files.output, "0\n") << "closed, with nobody at work in it";
}

TEST_F(LostDataDir, OpensWhatCameInItsPlace) {
  const std::uint64_t version = directory->data_version().value();
  replace_data_db(path);
  EXPECT_EQ(looks_until_open(*directory), 2) << "it has to look the same two times";
  EXPECT_EQ(directory->lost(), std::nullopt);
  EXPECT_EQ(count_superusers(*directory), 0);
  EXPECT_NE(directory->data_version().value(), version);
  ASSERT_TRUE(write_note(*directory).has_value());
  EXPECT_EQ(query(path / "data.db", "SELECT count(*) FROM notes"), "2\n");
  EXPECT_FALSE(directory->reopen().value()) << "nothing was lost";
}

TEST_F(LostDataDir, AWriteThatIsOvertakenDoesNotSucceed) {
  in_folder(path, kPrepare);
  const auto written = directory->write<void>([&](Connection& db) -> Result<void> {
    PV_CHECK(db.exec("INSERT INTO notes VALUES ('lost')"));
    in_folder(path, "mv n.db data.db && rm data.db-wal data.db-shm");
    return {};
  });
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, Code::kBusy);
  EXPECT_EQ(looks_until_open(*directory), 2);
  EXPECT_EQ(query(path / "data.db", "SELECT count(*) FROM notes WHERE text = 'lost'"), "0\n");
}

// A new connection of this process would find the index of the old WAL in memory beside a new one.
TEST_F(LostDataDir, NoticesThatItsWalWasTaken) {
  in_folder(path, "rm data.db-wal");
  EXPECT_FALSE(write_note(*directory).has_value());
  EXPECT_EQ(directory->lost(),
            "data.db-wal was replaced or removed by another program, and is gone");
  EXPECT_EQ(looks_until_open(*directory), 2);
  EXPECT_EQ(count_superusers(*directory), 1);
}

TEST_F(LostDataDir, NoticesThatAuxiliaryWasReplaced) {
  in_folder(path, "cp auxiliary.db a.db && mv a.db auxiliary.db && rm auxiliary.db-wal");
  EXPECT_EQ(count_superusers(*directory), -1);
  EXPECT_EQ(looks_until_open(*directory), 2);
  in_folder(path, "rm auxiliary.db*");
  EXPECT_EQ(looks_until_open(*directory), 4) << "it may come after data.db";
  EXPECT_TRUE(fs::exists(path / "auxiliary.db"));
}

TEST_F(LostDataDir, RefusesTheWalOfTheOldBesideTheNew) {
  in_folder(path, kPrepare);
  in_folder(path, "mv n.db data.db");
  EXPECT_EQ(looks_until_open(*directory), 0);
  const auto again = directory->reopen();
  EXPECT_FALSE(again.has_value());
  in_folder(path, "rm data.db-wal data.db-shm");
  EXPECT_EQ(looks_until_open(*directory), 2);
  EXPECT_EQ(query(path / "data.db", "PRAGMA integrity_check"), "ok\n");
}

// data.db alone is replaced, with the WAL of the old left beside it.
void replace_under_its_wal(const fs::Path& path) {
  in_folder(path, kPrepare);
  in_folder(path, "mv data.db old.db && mv n.db data.db");
  ASSERT_GT(fs::stat(path / "data.db-wal")->size_bytes, 0U);
}

constexpr const char* kWalNote = ".pocketvault/wal-owners";
constexpr const char* kWalRefusal = "data.db-wal holds the last changes of the data.db";

TEST_F(LostDataDir, WhoOpensItNextDoesNotMixTheTwo) {
  for (const bool is_seen : {true, false}) {
    directory->note_wals();
    replace_under_its_wal(path);
    if (is_seen) { EXPECT_NE(directory->lost(), std::nullopt); }
    directory.reset();
    const std::string wal = testing::read_file(path / "data.db-wal");
    const std::string data = testing::read_file(path / "data.db");
    for (const bool owner : {true, false}) {
      const auto refused = open(path, {.owner = owner});
      ASSERT_FALSE(refused.has_value()) << is_seen;
      EXPECT_EQ(refused.error().code, Code::kUnsupported);
      EXPECT_NE(refused.error().what.find(kWalRefusal), std::string::npos) << refused.error().what;
    }
    auto broken = open(path, {.tolerate_damage = true});
    ASSERT_TRUE(broken.has_value()) << "to be restored into";
    EXPECT_EQ(count_superusers(**broken), -1);
    (*broken)->note_wals();
    broken->reset();
    EXPECT_EQ(testing::read_file(path / "data.db-wal"), wal);
    EXPECT_EQ(testing::read_file(path / "data.db"), data);
    in_folder(path, "mv data.db-wal old.db-wal && rm -f data.db-shm");
    auto again = open(path, {.owner = true, .lease_wait = 100ms});
    ASSERT_TRUE(again.has_value()) << again.error().what;
    EXPECT_EQ(count_superusers(**again), 0) << "the new one, and nothing of the old";
    EXPECT_EQ(query(path / "old.db", "PRAGMA integrity_check; SELECT text FROM notes LIMIT 1"),
              "ok\nnnnnnnnnnn\n")
        << "whole with its own WAL";
    directory = *std::move(again);
    ASSERT_TRUE(write_note(*directory).has_value());
  }
}

TEST_F(LostDataDir, ItsOwnWalIsItsOwnAgainWhenTheOldComesBack) {
  directory->note_wals();
  replace_under_its_wal(path);
  EXPECT_NE(directory->lost(), std::nullopt);
  EXPECT_EQ(looks_until_open(*directory), 0);
  directory.reset();
  in_folder(path, "mv old.db data.db");
  auto again = open(path, {.owner = true});
  ASSERT_TRUE(again.has_value()) << again.error().what;
  EXPECT_EQ(count_superusers(**again), 1);
  EXPECT_EQ(query(path / "data.db", "SELECT count(*) FROM notes"), "1\n") << "from its WAL";
}

// One that goes on in the WAL that lies there, and dies with all that it was acknowledged in it.
std::string writer_that_dies(const fs::Path& path) {
  return "python3 -c \"import os, sqlite3\n"
         "c = sqlite3.connect('" +
         (path / "data.db").string() +
         "', isolation_level=None)\n"
         "c.execute('PRAGMA journal_mode=WAL')\n"
         "c.execute('INSERT INTO news VALUES (1)')\n"
         "os._exit(0)\"";
}

// Else what the app on the new one was acknowledged would seem to be of the old one.
TEST_F(LostDataDir, AWalThatWasEmptyIsOfWhoWritesToItNext) {
  for (const bool restarts : {false, true}) {
    directory.reset();
    auto opened = open(path, {.owner = true, .lease_wait = 100ms});
    ASSERT_TRUE(opened.has_value());
    directory = *std::move(opened);
    in_folder(path, "sqlite3 data.db 'SELECT * FROM _params' >/dev/null");
    directory->note_wals();
    ASSERT_EQ(fs::stat(path / "data.db-wal")->size_bytes, 0U);
    const auto wal = fs::stat(path / "data.db-wal");
    in_folder(path,
              "cp data.db n.db && sqlite3 n.db 'DELETE FROM _superusers; CREATE TABLE IF NOT "
              "EXISTS news (text); DELETE FROM news' && mv n.db data.db");
    EXPECT_NE(directory->lost(), std::nullopt);
    in_folder(path, writer_that_dies(path));
    ASSERT_EQ(fs::stat(path / "data.db-wal")->inode, wal->inode);
    ASSERT_GT(fs::stat(path / "data.db-wal")->size_bytes, 0U);
    if (restarts) {
      directory.reset();
      auto again = open(path, {.owner = true, .lease_wait = 100ms});
      ASSERT_TRUE(again.has_value()) << again.error().what;
      directory = *std::move(again);
    } else {
      EXPECT_EQ(looks_until_open(*directory), 2);
    }
    EXPECT_EQ(query(path / "data.db", "SELECT count(*) FROM news; PRAGMA integrity_check"),
              "1\nok\n");
  }
}

std::vector<WalOwner> noted_in(const fs::Path& path) { return read_wal_owners(path).value(); }

TEST_F(LostDataDir, NotesWhoseAWalIsWhenItHoldsSomething) {
  EXPECT_FALSE(fs::exists(path / kWalNote)) << "a command notes nothing";
  directory->note_wals();
  ASSERT_EQ(noted_in(path).size(), 1U) << "auxiliary.db's is empty";
  const auto first = noted_in(path).front();
  const auto written = fs::stat(path / kWalNote).value();
  for (int i = 0; i < 30; ++i) { directory->note_wals(); }
  EXPECT_EQ(fs::stat(path / kWalNote).value(), written) << "nothing new";
  ASSERT_TRUE(write_note(*directory).has_value());
  for (int i = 0; i < 30; ++i) { directory->note_wals(); }
  EXPECT_EQ(fs::stat(path / kWalNote).value(), written) << "the same WAL grows";
  // Checkpointed, then begun anew.
  ASSERT_TRUE(write_note(*directory, 5'000'000).has_value());
  ASSERT_TRUE(write_note(*directory).has_value());
  directory->note_wals();
  EXPECT_NE(noted_in(path).front().mark, first.mark);
  ASSERT_TRUE(write_note(*directory, 5'000'000).has_value());
  ASSERT_TRUE(write_note(*directory).has_value());
  const auto second = fs::stat(path / kWalNote).value();
  for (int i = 0; i < 9; ++i) { directory->note_wals(); }
  EXPECT_EQ(fs::stat(path / kWalNote).value(), second) << "not that often";
  directory->note_wals();
  EXPECT_NE(fs::stat(path / kWalNote)->inode, second.inode);
  EXPECT_EQ(noted_in(path).size(), 1U);
  directory.reset();
  EXPECT_FALSE(fs::exists(path / "data.db-wal"));
  EXPECT_FALSE(fs::exists(path / kWalNote)) << "in order";
}

// Not only with the next look that may write.
TEST_F(LostDataDir, NotesAtTheLossWhatItSawLast) {
  directory->note_wals();
  ASSERT_TRUE(write_note(*directory, 5'000'000).has_value());
  ASSERT_TRUE(write_note(*directory).has_value());
  directory->note_wals();
  const auto before = noted_in(path);
  in_folder(path, "cp data.db n.db && mv n.db data.db");
  EXPECT_NE(directory->lost(), std::nullopt);
  EXPECT_NE(noted_in(path), before);
  directory.reset();
  EXPECT_FALSE(open(path, {.owner = true}).has_value());
}

// What was begun anew by whoever, after the last look that saw all in place, is nobody's for sure.
TEST_F(LostDataDir, NotesNothingThatItSawAfterTheLossAlone) {
  directory->note_wals();
  const auto before = noted_in(path);
  in_folder(path,
            "cp data.db n.db && mv n.db data.db && python3 -c \"import os, sqlite3\n"
            "c = sqlite3.connect('data.db', isolation_level=None)\n"
            "c.execute('PRAGMA wal_checkpoint(RESTART)')\n"
            "c.execute('INSERT INTO notes VALUES (1)')\n"
            "os._exit(0)\"");
  EXPECT_NE(directory->lost(), std::nullopt);
  EXPECT_EQ(noted_in(path), before);
  directory.reset();
  EXPECT_TRUE(open(path, {.owner = true}).has_value());
}

TEST_F(LostDataDir, KeepsTheLogsFromTheWalOfOtherLogs) {
  ASSERT_TRUE(directory
                  ->with_auxiliary<void>([](Connection& db) {
                    return db.exec("CREATE TABLE more (x); INSERT INTO more VALUES (1)");
                  })
                  .has_value());
  directory->note_wals();
  ASSERT_EQ(noted_in(path).size(), 2U);
  in_folder(path, "cp auxiliary.db a.db && mv a.db auxiliary.db");
  EXPECT_EQ(looks_until_open(*directory), 0);
  directory.reset();
  const auto refused = open(path, {.owner = true});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().what.find("auxiliary.db-wal holds the last changes"),
            std::string::npos);
  in_folder(path, "rm auxiliary.db");
  EXPECT_FALSE(open(path, {.owner = true}).has_value()) << "it would be made anew beside that WAL";
  EXPECT_FALSE(fs::exists(path / "auxiliary.db"));
  EXPECT_TRUE(open(path).has_value()) << "none is made";
  in_folder(path, "rm auxiliary.db-wal auxiliary.db-shm");
  EXPECT_TRUE(open(path, {.owner = true}).has_value());
}

TEST_F(LostDataDir, AnExchangeOfOurOwnIsNotRefused) {
  directory->note_wals();
  ASSERT_TRUE(directory->suspend(1s).has_value());
  in_folder(path, "cp data.db n.db && mv n.db data.db");
  ASSERT_TRUE(directory->resume().has_value());
  ASSERT_TRUE(write_note(*directory).has_value());
  directory->note_wals();
  directory.reset();
  EXPECT_TRUE(open(path, {.owner = true}).has_value());
}

// Whoever has the new database open finds all that it wrote, though ours closes and ends meanwhile.
TEST_F(LostDataDir, LeavesTheNewDatabaseToAnotherProcess) {
  for (const bool reopens : {true, false}) {
    replace_data_db(path);
    testing::OtherProcess app{
        "import sqlite3\n"
        "c = sqlite3.connect('" +
        (path / "data.db").string() +
        "', isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode=WAL')\n"
        "c.execute('PRAGMA wal_autocheckpoint=0')\n"
        "while input():\n"
        "  c.execute(\"INSERT INTO news VALUES ('kept')\")\n"
        "  print(c.execute('SELECT count(*) FROM news').fetchone()[0], flush=True)\n"};
    app.say("write");
    EXPECT_EQ(app.hear(), "1");
    const auto wal = fs::stat(path / "data.db-wal");
    ASSERT_TRUE(wal.has_value());
    EXPECT_EQ(count_superusers(*directory), -1) << "this closes the old";
    app.say("write");
    EXPECT_EQ(app.hear(), "2");
    if (reopens) {
      EXPECT_EQ(looks_until_open(*directory), 2);
      EXPECT_TRUE(write_note(*directory).has_value());
    } else {
      directory.reset();
    }
    app.say("write");
    EXPECT_EQ(app.hear(), "3");
    EXPECT_EQ(fs::stat(path / "data.db-wal")->inode, wal->inode) << "not removed, not made anew";
    EXPECT_EQ(query(path / "data.db", "SELECT count(*) FROM news; PRAGMA integrity_check"),
              "3\nok\n");
  }
}

// Dropped while it has not noticed anything: the last one out removes the WAL by its name.
TEST_F(LostDataDir, DoesNotRemoveTheWalOfTheNewAtItsEnd) {
  replace_data_db(path);
  // Killed as it is, so nobody holds a lock, and all that it wrote is in the WAL.
  std::ignore = testing::run(
      "python3 -c \"import os, sqlite3\n"
      "c = sqlite3.connect('" +
      (path / "data.db").string() +
      "', isolation_level=None)\n"
      "c.execute('PRAGMA journal_mode=WAL')\n"
      "c.execute('INSERT INTO news VALUES (1)')\n"
      "os._exit(0)\"");
  ASSERT_GT(fs::stat(path / "data.db-wal")->size_bytes, 0U);
  directory.reset();
  ASSERT_TRUE(fs::exists(path / "data.db-wal"));
  EXPECT_EQ(query(path / "data.db", "SELECT count(*) FROM news"), "1\n");
}

TEST_F(LostDataDir, SaysThatItIsGoneAndTakesItBack) {
  const struct {
    const char* away;
    const char* back;
    const char* what;
  } cases[] = {
      {"mkdir away && mv data.db* away", "mv away/* . && rmdir away",
       "data.db was replaced or removed by another program, and is gone"},
      {"mv '{}' '{}-away'", "mv '{}-away' '{}'",
       "the data directory was replaced or removed by another program, and is gone"},
  };
  for (const auto& it : cases) {
    const auto everywhere = [&](std::string command) {
      for (auto at = command.find("{}"); at != std::string::npos; at = command.find("{}")) {
        command.replace(at, 2, path.string());
      }
      const auto done = testing::run(
          (command.find("-away") == std::string::npos ? "cd '" + path.string() + "' && " : "") +
          command);
      ASSERT_EQ(done.status, 0) << done.output;
    };
    everywhere(it.away);
    EXPECT_EQ(directory->lost(), it.what);
    EXPECT_EQ(count_superusers(*directory), -1);
    EXPECT_EQ(looks_until_open(*directory), 0);
    everywhere(it.back);
    EXPECT_EQ(looks_until_open(*directory), 2);
    EXPECT_EQ(count_superusers(*directory), 1);
    EXPECT_TRUE(write_note(*directory).has_value());
  }
}

TEST_F(LostDataDir, MakesItsFolderInADirectoryThatWasMadeAnew) {
  const fs::Path away = folder.path() / "away";
  in_folder(folder.path(), "mv pb_data away && mkdir pb_data && cp away/*.db pb_data");
  EXPECT_FALSE(fs::exists(directory->vault_folder()));
  EXPECT_EQ(looks_until_open(*directory), 2);
  EXPECT_TRUE(fs::exists(directory->vault_folder()));
  EXPECT_TRUE(write_note(*directory).has_value());
}

TEST_F(LostDataDir, OpensADirectoryThatWasMadeAnewWithDataDbAlone) {
  in_folder(folder.path(), "mv pb_data away && mkdir pb_data && cp away/data.db pb_data");
  EXPECT_EQ(looks_until_open(*directory), 4);
  EXPECT_TRUE(fs::exists(path / "auxiliary.db"));
  EXPECT_TRUE(write_note(*directory).has_value());
}

TEST_F(LostDataDir, LendsNothingOfWhatHasNotTheSchema) {
  in_folder(path, "rm data.db* && sqlite3 data.db 'CREATE TABLE other (x)'");
  EXPECT_FALSE(directory->reopen().has_value());
  EXPECT_EQ(directory->reopen().error().code, Code::kUnsupported);
  EXPECT_EQ(directory->reopen().error().code, Code::kBusy) << "not tried again before it changes";
  EXPECT_EQ(count_superusers(*directory), -1);
  EXPECT_NE(directory->lost(), std::nullopt);
}

TEST_F(LostDataDir, LendsNothingWhenItIsRefused) {
  replace_data_db(path);
  const auto refuse = []() -> Result<void> { return fail(Code::kBusy, "not yours"); };
  EXPECT_FALSE(directory->reopen(refuse).has_value());
  EXPECT_EQ(directory->reopen(refuse).error().what, "not yours");
  EXPECT_EQ(count_superusers(*directory), -1);
  EXPECT_EQ(looks_until_open(*directory), 1);
  EXPECT_EQ(count_superusers(*directory), 0);
}

TEST_F(LostDataDir, ALoanOfTheOldEndsBeforeTheNewIsOpened) {
  const auto read = directory->read<void>([&](Connection& db) -> Result<void> {
    replace_data_db(path);
    EXPECT_EQ(looks_until_open(*directory), 0);
    EXPECT_EQ(count_superusers(*directory), -1) << "nor does it get another";
    return db.exec("SELECT * FROM _superusers");
  });
  EXPECT_TRUE(read.has_value()) << "what it has stays in its hands";
  EXPECT_EQ(looks_until_open(*directory), 1);
}

TEST_F(LostDataDir, OurOwnExchangeIsNoLoss) {
  ASSERT_TRUE(directory->suspend(1s).has_value());
  replace_data_db(path);
  EXPECT_EQ(directory->lost(), std::nullopt);
  EXPECT_FALSE(directory->reopen().value()) << "opening is not for others to do";
  EXPECT_EQ(directory->data_version().error().what, "data.db is being replaced");
  ASSERT_TRUE(directory->resume().has_value());
  EXPECT_EQ(count_superusers(*directory), 0);
}

TEST_F(LostDataDir, CanBeRestoredInto) {
  in_folder(path, "cp data.db kept && rm data.db*");
  EXPECT_NE(directory->lost(), std::nullopt);
  ASSERT_TRUE(directory->suspend(1s).has_value());
  in_folder(path, "mv kept data.db");
  EXPECT_FALSE(directory->reopen().value());
  ASSERT_TRUE(directory->resume().has_value());
  EXPECT_EQ(count_superusers(*directory), 1);
}

}  // namespace
}  // namespace pv::datadir
