// Backup, restore, undo and verify through all the real rooms, on data that PocketBase wrote.
#include "jobs/vault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <set>
#include <thread>
#include <utility>

#include "jobs/lease.h"
#include "jobs/vault_rig_testing.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::FakeClock;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_file;
using testing::run;
using testing::TempFolder;
using ::testing::UnorderedElementsAre;
using testing::unpack_pb_data;
using testing::write_file;

constexpr const char* kVersions[] = {"0.36.6", "0.39.11"};
constexpr const char* kKey = "0123456789abcdef0123456789abcdef";

// What sqlite3 prints for all of a database; the files are looked at by another process.
std::string dump(const fs::Path& database) {
  const auto result = run("sqlite3 -readonly '" + database.string() + "' .dump");
  PV_ASSERT(result.status == 0);
  return result.output;
}

std::string differences(const fs::Path& a, const fs::Path& b) {
  return run("diff -r '" + a.string() + "' '" + b.string() + "'").output;
}

fs::Path unzip(const fs::Path& zip, const fs::Path& into) {
  const auto result = run("unzip -q '" + zip.string() + "' -d '" + into.string() + "'");
  EXPECT_EQ(result.status, 0) << result.output;
  return into;
}

// ------------------------------------------------------------------------------------- backup

TEST(Backup, HoldsEveryRowAndEveryFile) {
  for (const char* version : kVersions) {
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data(version, folder.path());
    VaultRig rig{{.pb_data = pb_data}};
    rig.change("UPDATE products SET title = 'only in the WAL' WHERE rowid = 1");
    const Status status = rig.back_up("nightly.zip");
    ASSERT_EQ(status.state, State::kSucceeded) << why(status);
    EXPECT_THAT(rig.names(), ElementsAre("fixture.zip", "nightly.zip"));

    const fs::Path inside = unzip(pb_data / "backups" / "nightly.zip", folder / "inside");
    EXPECT_FALSE(fs::exists(inside / "backups"));
    EXPECT_FALSE(fs::exists(inside / ".pocketvault"));
    EXPECT_FALSE(fs::exists(inside / "data.db-wal"));
    EXPECT_EQ(dump(inside / "data.db"), dump(pb_data / "data.db"));
    EXPECT_THAT(dump(inside / "data.db"), HasSubstr("only in the WAL"));
    EXPECT_EQ(dump(inside / "auxiliary.db"), dump(pb_data / "auxiliary.db"));
    EXPECT_EQ(differences(inside / "storage", pb_data / "storage"), "");
    EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
  }
}

TEST(Backup, ReportsWhatItDid) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  std::filesystem::create_symlink("nowhere", pb_data / "storage" / "dangling");
  const Status status = rig.back_up("a.zip");
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_EQ(status.kind, Kind::kBackup);
  EXPECT_EQ(status.name, "a.zip");
  EXPECT_EQ(status.id.size(), 15U);
  EXPECT_EQ(status.phase, "commit");
  EXPECT_EQ(status.report.way, "pinned");
  EXPECT_GT(status.report.pause, 0ns);
  EXPECT_LT(status.report.pause, 1s);
  EXPECT_EQ(status.bytes_done, status.bytes_total);
  EXPECT_EQ(status.report.raw_bytes, status.bytes_total);
  EXPECT_EQ(status.report.archive_bytes, std::filesystem::file_size(pb_data / "backups" / "a.zip"));
  const auto listed = run("unzip -Z1 '" + (pb_data / "backups" / "a.zip").string() + "' | wc -l");
  EXPECT_EQ(std::to_string(status.report.entries) + "\n", listed.output);
  ASSERT_EQ(status.warnings.size(), 1U);
  EXPECT_EQ(status.warnings.front().name, "storage/dangling");
}

TEST(Backup, HoldsWhatTheOrderSays) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  write_file(folder / "pb_hooks" / "main.pb.js", "code");
  write_file(folder / "pb_public" / "index.html", "page");
  write_file(pb_data / "storage" / "tmp" / "x", "12345");
  VaultRig rig{{.pb_data = pb_data}};
  const Status status = VaultRig::ended(rig.vault->start_backup(
      {.name = "a.zip", .without_logs = true, .with_code = true, .exclude = {"storage/tmp/*"}}));
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_THAT(status.warnings, IsEmpty());
  EXPECT_EQ(status.report.left_out.files, 2U);
  EXPECT_EQ(status.report.left_out.bytes, 5 + std::filesystem::file_size(pb_data / "auxiliary.db"));
  EXPECT_THAT(status.report.left_out.names, UnorderedElementsAre("auxiliary.db", "storage/tmp/x"));

  const fs::Path inside = unzip(pb_data / "backups" / "a.zip", folder / "inside");
  EXPECT_FALSE(fs::exists(inside / "auxiliary.db"));
  EXPECT_FALSE(fs::exists(inside / "storage" / "tmp"));
  EXPECT_EQ(read_file(inside / ".pocketvault-code" / "pb_hooks" / "main.pb.js"), "code");
  EXPECT_EQ(read_file(inside / ".pocketvault-code" / "pb_public" / "index.html"), "page");
  EXPECT_EQ(rig.verify("a.zip").warnings, std::vector<Warning>{});
}

TEST(Backup, SaysWhichPatternsLeftNothingOut) {
  const TempFolder folder;
  VaultRig rig{{.pb_data = unpack_pb_data("0.39.11", folder.path())}};
  const Status status = VaultRig::ended(rig.vault->start_backup(
      {.name = "a.zip", .exclude = {"auxiliary.db", "storage/nothing/*", "*.bak"}}));
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_EQ(status.report.note,
            "nothing was left out by \"storage/nothing/*\", \"*.bak\": no name fits");
  EXPECT_THAT(status.warnings, IsEmpty());
}

// The one before is not always the newest by its time.
TEST(Backup, IsMadeOfTheNewestThatItCanBeMadeOf) {
  const TempFolder folder;
  VaultRig rig{{.pb_data = unpack_pb_data("0.39.11", folder.path())}};
  const fs::Path backups = rig.directory->path() / "backups";
  const auto made_of = [&](const char* name) {
    const Status status = VaultRig::ended(rig.vault->start_backup({.name = name}));
    EXPECT_EQ(status.state, State::kSucceeded) << why(status);
    return status.report.previous;
  };
  EXPECT_EQ(made_of("a.zip"), "");
  const auto far = std::filesystem::file_time_type::clock::now() + std::chrono::hours{24 * 365};
  std::filesystem::last_write_time(backups / "a.zip", far);
  EXPECT_EQ(made_of("b.zip"), "a.zip") << "better than none";
  EXPECT_EQ(made_of("c.zip"), "b.zip") << "a.zip is from the future";
  write_file(backups / "foreign.zip", "PK\5\6" + std::string(18, '\0'));
  EXPECT_EQ(made_of("d.zip"), "c.zip");
}

TEST(Backup, UnderALimitIsCancelledAtOnceAndLeavesNothing) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data, .options = {.bytes_per_second_max = 1, .nice = true}}};
  const auto before = rig.names();
  const auto job =
      rig.vault->start_backup({.name = "a.zip", .bytes_per_second_max = 1'000'000'000}).value();
  while (job->status().phase != "pack") { std::this_thread::yield(); }
  EXPECT_FALSE(job->wait_for(20ms)) << "at one byte a second it would take a day";
  job->cancel();
  job->wait();
  EXPECT_EQ(job->status().state, State::kCancelled);
  EXPECT_EQ(rig.names(), before);
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
  const auto parts = run("ls -A '" + (pb_data / "backups").string() + "' | grep part | wc -l");
  EXPECT_EQ(parts.output, "0\n");
}

TEST(Backup, RefusesPatternsThatLeaveNothingToRestore) {
  const TempFolder folder;
  VaultRig rig{{.pb_data = unpack_pb_data("0.39.11", folder.path())}};
  for (const char* pattern : {"data.db", "*.db", "**", "?ata.db", "/storage", ""}) {
    const auto started = rig.vault->start_backup({.name = "a.zip", .exclude = {pattern}});
    ASSERT_FALSE(started.has_value()) << pattern;
    EXPECT_EQ(started.error().code, Code::kInvalid) << pattern;
  }
  EXPECT_FALSE(rig.vault->busy());
}

TEST(Restore, OfABackupWithoutLogsMakesThemAnewAndLeavesCodeInTheArchive) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  write_file(folder / "pb_hooks" / "main.pb.js", "code");
  VaultRig rig{{.pb_data = pb_data}};
  const Status made = VaultRig::ended(
      rig.vault->start_backup({.name = "a.zip", .without_logs = true, .with_code = true}));
  ASSERT_EQ(made.state, State::kSucceeded) << why(made);
  write_file(folder / "pb_hooks" / "main.pb.js", "newer code");
  const Status status = rig.restore("a.zip");
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_THAT(status.warnings, IsEmpty());
  EXPECT_EQ(status.report.left_out, (LeftOut{1, 4, {".pocketvault-code/pb_hooks/main.pb.js"}}));
  EXPECT_FALSE(fs::exists(pb_data / ".pocketvault-code"));
  EXPECT_EQ(read_file(folder / "pb_hooks" / "main.pb.js"), "newer code");
  EXPECT_THAT(dump(pb_data / "auxiliary.db"), HasSubstr("_logs"));
  EXPECT_EQ(rig.back_up("b.zip").state, State::kSucceeded) << "it is a whole directory again";
}

TEST(Backup, TakesAnAutomaticNameThatIsFree) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  const FakeClock clock{WallTime{std::chrono::nanoseconds{1795222487907654321}}};
  VaultRig rig{{.pb_data = pb_data, .clock = clock}};
  EXPECT_EQ(rig.back_up("").name, "pb_backup_corner_shop_20261121005447.zip");
  EXPECT_EQ(rig.back_up("").name, "pb_backup_corner_shop_20261121005447_02.zip");
  EXPECT_EQ(rig.back_up("").state, State::kSucceeded);
  EXPECT_EQ(rig.names().size(), 4U) << "three and the fixture's own";
}

TEST(Backup, ReadsTheAppsNameFromEncryptedSettings) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6-encrypted-settings", folder.path());
  const FakeClock clock{WallTime{std::chrono::nanoseconds{1795222487907654321}}};
  {
    VaultRig rig{{.pb_data = pb_data, .clock = clock, .options = {.encryption_key = kKey}}};
    EXPECT_EQ(rig.back_up("").name, "pb_backup_corner_shop_20261121005447.zip");
  }
  VaultRig rig{{.pb_data = pb_data, .clock = clock}};
  const Status status = rig.back_up("");
  EXPECT_EQ(status.state, State::kSucceeded) << "a backup is worth more than its name";
  EXPECT_EQ(status.name, "pb_backup_20261121005447.zip");
  ASSERT_EQ(status.warnings.size(), 2U);
  EXPECT_THAT(status.warnings[0].what, HasSubstr("named without the app"));
  EXPECT_THAT(status.warnings[1].what, HasSubstr("keeps in an S3 bucket, if it does"));
}

TEST(Backup, NeverReplacesOne) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const auto taken = rig.vault->start_backup({"fixture.zip"});
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, Code::kExists);
  const auto escaping = rig.vault->start_backup({"../x.zip"});
  ASSERT_FALSE(escaping.has_value());
  EXPECT_EQ(escaping.error().code, Code::kInvalid);
  EXPECT_FALSE(rig.vault->busy()) << "what could not start holds nothing";
}

TEST(Backup, FindsSpaceThatCrashedJobsLeft) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  write_file(pb_data / ".pocketvault" / "tmp-crashed001" / "work" / "data.db", "x");
  write_file(pb_data / "backups" / ".pocketvault-0123456789.part", "x");
  EXPECT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
  EXPECT_FALSE(fs::exists(pb_data / "backups" / ".pocketvault-0123456789.part"));
}

// ----------------------------------------------------------------------------- restore and undo

TEST(Restore, BringsBackWhatWasThereAndUndoTheRest) {
  for (const char* version : kVersions) {
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data(version, folder.path());
    VaultRig rig{{.pb_data = pb_data}};
    const std::string before = dump(pb_data / "data.db");
    ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
    std::filesystem::copy(pb_data / "storage", folder / "storage",
                          std::filesystem::copy_options::recursive);

    rig.change("DELETE FROM products");
    write_file(pb_data / "storage" / "new.txt", "new");
    const std::string changed = dump(pb_data / "data.db");
    const Status restored = rig.restore("a.zip");
    ASSERT_EQ(restored.state, State::kSucceeded) << why(restored);
    EXPECT_EQ(restored.phase, "swap");
    EXPECT_EQ(restored.bytes_done, restored.bytes_total);
    EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "40") << "served without a restart";
    EXPECT_EQ(dump(pb_data / "data.db"), before);
    EXPECT_EQ(differences(pb_data / "storage", folder / "storage"), "");
    EXPECT_THAT(rig.names(), ElementsAre("a.zip", "fixture.zip"));
    EXPECT_THAT(left_in(pb_data / ".pocketvault"),
                ElementsAre("replaced-" + restored.report.replaced_id));

    const Status undone = rig.undo();
    ASSERT_EQ(undone.state, State::kSucceeded) << why(undone);
    EXPECT_EQ(undone.name, "a.zip");
    EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "0");
    EXPECT_EQ(dump(pb_data / "data.db"), changed);
    EXPECT_EQ(read_file(pb_data / "storage" / "new.txt"), "new");

    ASSERT_EQ(rig.undo().state, State::kSucceeded) << "an undo can be undone";
    EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "40");
  }
}

TEST(Restore, KeepsStoredFilesThatAreUnchangedUnlessToldNotTo) {
  for (const bool delta : {true, false}) {
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
    VaultRig rig{{.pb_data = pb_data}};
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    for (const auto& item : std::filesystem::recursive_directory_iterator{pb_data / "storage"}) {
      if (!item.is_regular_file()) { continue; }
      ++files;
      bytes += item.file_size();
    }
    ASSERT_GT(files, 1U);
    write_file(pb_data / "storage" / "new.txt", "new");
    ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
    write_file(pb_data / "storage" / "new.txt", "changed");
    std::filesystem::copy(pb_data / "storage", folder / "storage",
                          std::filesystem::copy_options::recursive);

    const Status restored = VaultRig::ended(rig.vault->start_restore(
        {.name = store::BackupName::parse("a.zip").value(), .options = {.delta = delta}}));
    ASSERT_EQ(restored.state, State::kSucceeded) << why(restored);
    EXPECT_EQ(restored.report.unchanged_files, delta ? files : 0);
    EXPECT_EQ(restored.report.unchanged_bytes, delta ? bytes : 0);
    EXPECT_EQ(restored.bytes_done, restored.bytes_total);
    EXPECT_EQ(read_file(pb_data / "storage" / "new.txt"), "new");
    ASSERT_EQ(rig.undo().state, State::kSucceeded);
    EXPECT_EQ(differences(pb_data / "storage", folder / "storage"), "") << "every byte is back";
  }
}

TEST(Restore, TakesPocketBasesOwnArchives) {
  for (const char* version : kVersions) {
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data(version, folder.path());
    VaultRig rig{{.pb_data = pb_data}};
    const std::string email = rig.ask("SELECT email FROM _superusers");
    rig.change("DELETE FROM products");
    rig.change("DELETE FROM _superusers");
    const fs::Path file = testing::fixture("pocketbase-" + std::string{version} + "-backup.zip");
    const Status status = VaultRig::ended(rig.vault->start_restore_file(file));
    ASSERT_EQ(status.state, State::kSucceeded) << why(status);
    EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "40");
    EXPECT_EQ(rig.ask("SELECT email FROM _superusers"), email);
    EXPECT_EQ(rig.ask("PRAGMA quick_check"), "ok");
    EXPECT_EQ(rig.vault->start_backup({"after.zip"}).has_value(), true);
  }
}

TEST(Backup, IsNoLargerThanPocketBasesOwnOfTheSameData) {
  for (const char* version : kVersions) {
    const TempFolder folder;
    VaultRig rig{{.pb_data = unpack_pb_data(version, folder.path())}};
    const fs::Path theirs = testing::fixture("pocketbase-" + std::string{version} + "-backup.zip");
    ASSERT_EQ(VaultRig::ended(rig.vault->start_restore_file(theirs)).state, State::kSucceeded);
    const Status ours = rig.back_up("ours.zip");
    ASSERT_EQ(ours.state, State::kSucceeded) << why(ours);
    EXPECT_GT(ours.report.entries, 0U);
    EXPECT_LE(ours.report.archive_bytes, fs::stat(theirs).value().size_bytes) << version;
  }
}

TEST(Restore, KeepsReplacedDataAsLongAsAsked) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  FakeClock clock{
      std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now())};
  VaultRig rig{{.pb_data = pb_data, .clock = clock, .options = {.keep_replaced = 1h}}};
  const std::string first = rig.restore("fixture.zip").report.replaced_id;
  clock.advance(59min);
  const std::string second = rig.restore("fixture.zip").report.replaced_id;
  EXPECT_THAT(left_in(pb_data / ".pocketvault"),
              UnorderedElementsAre("replaced-" + first, "replaced-" + second));
  clock.advance(2min);
  for (const std::string& note :
       sweep(*rig.directory, rig.store, clock, rig.vault->keep_replaced())) {
    ADD_FAILURE() << note;
  }
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), ElementsAre("replaced-" + second));
}

TEST(Restore, RefusesWhatIsNoBackup) {
  struct Case {
    const char* label;
    const char* command;  // makes $Z
    Code code;
  };
  const Case cases[] = {
      {"not a zip", "echo hello > $Z", Code::kDamaged},
      {"empty", ": > $Z", Code::kDamaged},
      {"without data.db", "echo x > x && zip -q $Z x", Code::kDamaged},
      {"data.db is no database", "echo x > data.db && zip -q $Z data.db", Code::kDamaged},
      {"another program's database", "sqlite3 data.db 'CREATE TABLE t(x)' && zip -q $Z data.db",
       Code::kUnsupported},
      {"cut off", "head -c 20000 \"$BACKUP\" > $Z", Code::kDamaged},
      {"encrypted", "echo x > data.db && zip -q -P secret $Z data.db", Code::kUnsupported}};
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const std::string before = dump(pb_data / "data.db");
  for (const Case& one : cases) {
    const TempFolder work;
    const auto made =
        run("cd '" + work.path().string() + "' && Z=x.zip && BACKUP='" +
            testing::fixture("pocketbase-0.39.11-backup.zip").string() + "' && " + one.command);
    ASSERT_EQ(made.status, 0) << one.label << made.output;
    const Status status = VaultRig::ended(rig.vault->start_restore_file(work / "x.zip"));
    ASSERT_EQ(status.state, State::kFailed) << one.label;
    EXPECT_EQ(code_name(status.error->code), code_name(one.code)) << one.label << why(status);
    EXPECT_EQ(dump(pb_data / "data.db"), before) << one.label;
    EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty()) << one.label;
  }
  EXPECT_EQ(rig.undo().error->code, Code::kNotFound) << "nothing was replaced";
}

TEST(Restore, TakesBackWhatCannotBeOpened) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  rig.change("UPDATE products SET title = 'before' WHERE rowid = 1");
  // Two sound databases, but the second lacks PocketBase's table and has one in the place of its
  // index, so that it can't be added when the directory is opened.
  const auto made =
      run("mkdir '" + (folder / "odd").string() + "' && cd '" + (folder / "odd").string() +
          "' && unzip -q ../pb_data/backups/fixture.zip data.db && sqlite3 auxiliary.db 'CREATE "
          "TABLE idx_logs_level(x)' && zip -q ../odd.zip data.db auxiliary.db");
  ASSERT_EQ(made.status, 0) << made.output;
  const Status status = VaultRig::ended(rig.vault->start_restore_file(folder / "odd.zip"));
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_THAT(why(status), HasSubstr("the data from before is in place again"));
  EXPECT_EQ(rig.ask("SELECT title FROM products WHERE rowid = 1"), "before");
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty())
      << "an undo would bring back what can't be opened";
  EXPECT_EQ(rig.back_up("after.zip").state, State::kSucceeded);
}

TEST(Restore, DoesNotTakeADatabaseForAnArchive) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const auto refused = rig.vault->start_restore_file(pb_data / "data.db");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  const auto missing = rig.vault->start_restore_file(folder / "no.zip");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

TEST(Restore, RefusesWhileAnotherProcessHasTheDatabasesOpen) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  // It reads once, says so, and keeps the database open until its input ends.
  const std::string fifo = (folder / "fifo").string();
  const std::string ready = (folder / "ready").string();
  ASSERT_EQ(run("mkfifo '" + fifo + "'").status, 0);
  ASSERT_EQ(run("{ { printf '.output " + ready +
                "\\nSELECT count(*) FROM products;\\n.output\\n'; "
                "cat '" +
                fifo + "'; } | sqlite3 '" + (pb_data / "data.db").string() +
                "'; } >/dev/null 2>&1 & until [ -s '" + ready + "' ]; do sleep 0.01; done")
                .status,
            0);
  const Status refused = rig.restore("a.zip");
  EXPECT_EQ(run("echo .quit > '" + fifo + "'").status, 0);
  ASSERT_EQ(refused.state, State::kFailed);
  EXPECT_EQ(refused.error->code, Code::kBusy);
  EXPECT_THAT(why(refused), HasSubstr("in use by sqlite3 (process "));
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
  Status later;
  for (const Deadline limit = Deadline::after(10s); !limit.passed();) {
    later = rig.restore("a.zip");
    if (later.state == State::kSucceeded) { break; }
  }
  EXPECT_EQ(later.state, State::kSucceeded) << "the other one has ended";
}

// ------------------------------------------------------------------------- busy, cancel, remove

// A hook that stops the first `call` until it is let go.
struct Gate {
  std::string call;
  std::latch reached{1};
  std::latch open{1};
  std::atomic<bool> used = false;

  explicit Gate(std::string name) : call{std::move(name)} {}
  places::StoreHook hook() {
    return [this](std::string_view name) -> Result<void> {
      if (name == call && !used.exchange(true)) {
        reached.count_down();
        open.wait();
      }
      return {};
    };
  }
};

TEST(Vault, DoesOneThingAtATime) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  Gate gate{"write"};
  VaultRig rig{{.pb_data = pb_data, .hook = gate.hook()}};
  VaultRig beside{{.pb_data = pb_data}};  // as another process would, with a vault of its own
  const auto job = rig.vault->start_backup({"a.zip"});
  ASSERT_TRUE(job.has_value());
  gate.reached.wait();

  EXPECT_TRUE(rig.vault->busy());
  EXPECT_TRUE(beside.vault->busy());
  EXPECT_EQ(rig.vault->busy_name(), "a.zip");
  for (const VaultRig* each : {&rig, &beside}) {
    const auto backup = each->vault->start_backup({"b.zip"});
    const auto restore =
        each->vault->start_restore({store::BackupName::parse("fixture.zip").value()});
    const auto undo = each->vault->start_undo();
    for (const auto* refused : {&backup, &restore, &undo}) {
      ASSERT_FALSE(refused->has_value());
      EXPECT_EQ(refused->error().code, Code::kBusy);
      EXPECT_THAT(refused->error().what, HasSubstr("a backup (a.zip) is at work"));
    }
    const auto removed = each->vault->remove(store::BackupName::parse("a.zip").value());
    ASSERT_FALSE(removed.has_value());
    EXPECT_EQ(removed.error().code, Code::kBusy);
  }
  EXPECT_EQ(beside.verify("fixture.zip").state, State::kSucceeded) << "reading needs no lease";
  EXPECT_TRUE(rig.vault->remove(store::BackupName::parse("fixture.zip").value()).has_value());

  gate.open.count_down();
  EXPECT_EQ(VaultRig::ended(job).state, State::kSucceeded);
  EXPECT_FALSE(rig.vault->busy());
  EXPECT_FALSE(beside.vault->busy());
  EXPECT_EQ(beside.back_up("b.zip").state, State::kSucceeded);
}

TEST(Vault, IsFreeBeforeAnybodyHearsOfTheEnd) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  for (int i = 0; i < 20; ++i) {
    const Status status = rig.back_up("n" + std::to_string(i) + ".zip");
    ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  }
}

TEST(Vault, CancelsABackupAndLeavesNothing) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  Gate gate{"write"};
  VaultRig rig{{.pb_data = pb_data, .hook = gate.hook()}};
  const auto job = rig.vault->start_backup({"a.zip"});
  ASSERT_TRUE(job.has_value());
  gate.reached.wait();
  (*job)->cancel();
  gate.open.count_down();
  ASSERT_TRUE((*job)->wait_for(2s));
  EXPECT_EQ((*job)->status().state, State::kCancelled);
  EXPECT_THAT(rig.names(), ElementsAre("fixture.zip"));
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
  EXPECT_EQ(rig.back_up("a.zip").state, State::kSucceeded) << "the name is free again";
}

TEST(Vault, CancelsARestoreAndLeavesTheData) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  const std::string before = dump(pb_data / "data.db");
  Gate gate{"read"};
  VaultRig rig{{.pb_data = pb_data, .hook = gate.hook()}};
  const auto job = rig.vault->start_restore({store::BackupName::parse("fixture.zip").value()});
  ASSERT_TRUE(job.has_value());
  gate.reached.wait();
  (*job)->cancel();
  gate.open.count_down();
  ASSERT_TRUE((*job)->wait_for(2s));
  EXPECT_EQ((*job)->status().state, State::kCancelled);
  EXPECT_EQ(dump(pb_data / "data.db"), before);
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
}

TEST(Vault, EndsItsJobsWhenItGoes) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  std::vector<State> ends;
  VaultOptions options;
  options.observer = [&](const Status& status) { ends.push_back(status.state); };
  Gate gate{"write"};
  {
    VaultRig rig{{.pb_data = pb_data, .options = options, .hook = gate.hook()}};
    ASSERT_TRUE(rig.vault->start_backup({"a.zip"}).has_value());
    gate.reached.wait();
    rig.vault->shut_down();
    EXPECT_EQ(rig.vault->start_verify(store::BackupName::parse("fixture.zip").value()).error().code,
              Code::kBusy);
    gate.open.count_down();
  }
  EXPECT_THAT(ends, ElementsAre(State::kRunning, State::kCancelled));
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
}

// Whoever asks gets its first random bytes only when all others ask for theirs as well.
class Meeting final : public Random {
 public:
  static constexpr int kCount = 16;
  void come() { t_comes = true; }  // this thread is one of them
  void fill(MutableBytes bytes) override {
    if (std::exchange(t_comes, false)) { all_.arrive_and_wait(); }
    system_random().fill(bytes);
  }

 private:
  inline static thread_local bool t_comes = false;
  std::latch all_{kCount};
};

TEST(Vault, BeginsFourReadersAtMostHoweverManyComeAtOnce) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  std::latch open{1};
  Meeting meeting;  // in launch(), for the job's id
  VaultRig rig{{.pb_data = pb_data,
                .hook = [&](std::string_view call) -> Result<void> {
                  if (call == "open") { open.wait(); }
                  return {};
                },
                .random = meeting}};
  std::atomic<int> begun = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> asking;
    for (int i = 0; i < Meeting::kCount; ++i) {
      asking.emplace_back([&] {
        meeting.come();
        const auto job = rig.vault->start_verify(store::BackupName::parse("fixture.zip").value());
        if (job.has_value()) {
          ++begun;
        } else {
          EXPECT_EQ(job.error().code, Code::kBusy);
          ++refused;
        }
      });
    }
  }
  EXPECT_EQ(begun, 4);
  EXPECT_EQ(refused, 12);
  open.count_down();
}

TEST(Vault, RemembersTheLastJobs) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const Status first = rig.verify("fixture.zip");
  ASSERT_NE(rig.vault->find_job(first.id), nullptr);
  EXPECT_EQ(rig.vault->find_job("000000000000000"), nullptr);
  Status last;
  for (int i = 0; i < 200; ++i) { last = rig.verify("fixture.zip"); }
  EXPECT_EQ(rig.vault->jobs().size(), 200U);
  EXPECT_EQ(rig.vault->jobs().front()->id(), last.id);
  EXPECT_EQ(rig.vault->find_job(first.id), nullptr);
}

// ---------------------------------------------------------------------------- verify, summarize

TEST(Verify, PassesWhatIsWholeAndNamesWhatIsNot) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  for (const char* name : {"a.zip", "fixture.zip"}) {
    const Status status = rig.verify(name);
    EXPECT_EQ(status.state, State::kSucceeded) << name << why(status);
    EXPECT_EQ(status.bytes_done, status.bytes_total);
    EXPECT_THAT(status.warnings, IsEmpty()) << name;
  }
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());

  // One bit in the middle of the archive.
  std::string bytes = read_file(pb_data / "backups" / "a.zip");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(pb_data / "backups" / "b.zip", bytes);
  const Status damaged = rig.verify("b.zip");
  ASSERT_EQ(damaged.state, State::kFailed);
  EXPECT_EQ(damaged.error->code, Code::kDamaged) << why(damaged);

  const auto missing = rig.vault->start_verify(store::BackupName::parse("no.zip").value());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

TEST(Verify, LooksIntoTheDatabases) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  // Right checksums around a database that is broken inside: its third page is zeros.
  const TempFolder work;
  const auto made =
      run("cd '" + work.path().string() + "' && unzip -q '" +
          (pb_data / "backups" / "fixture.zip").string() +
          "' && rm -f data.db-wal data.db-shm && dd if=/dev/zero of=data.db bs=4096 seek=2 count=1 "
          "conv=notrunc status=none && zip -qr '" +
          (pb_data / "backups" / "broken.zip").string() + "' .");
  ASSERT_EQ(made.status, 0) << made.output;
  VaultRig rig{{.pb_data = pb_data}};
  const Status status = rig.verify("broken.zip");
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kDamaged) << why(status);
  EXPECT_THAT(why(status), HasSubstr("data.db"));
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
}

// fixture.zip of `pb_data`, unpacked, changed by `commands`, packed again as `name`.
void repack(const fs::Path& pb_data, const std::string& commands, const std::string& name) {
  const TempFolder work;
  const fs::Path backups = pb_data / "backups";
  const auto made =
      run("cd '" + work.path().string() + "' && unzip -q '" + (backups / "fixture.zip").string() +
          "' && " + commands + " && rm -f data.db-wal data.db-shm && zip -qr '" +
          (backups / name).string() + "' .");
  ASSERT_EQ(made.status, 0) << made.output;
}

TEST(Verify, DeepCountsRecordsAndMissesFilesThatTheyName) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const Status whole = rig.verify("fixture.zip", VerifyDepth::kDeep);
  ASSERT_EQ(whole.state, State::kSucceeded) << why(whole);
  EXPECT_THAT(whole.warnings, IsEmpty());
  std::uint64_t sum = 0;
  for (const CollectionRecords& collection : whole.report.collections) {
    sum += collection.records;
  }
  EXPECT_EQ(whole.report.records, sum);
  EXPECT_THAT(whole.report.collections,
              ::testing::Contains(::testing::Field(&CollectionRecords::name, "_superusers")));

  repack(pb_data, "rm $(find storage -type f ! -name '*.attrs' ! -path '*thumbs*' | head -1)",
         "lacks.zip");
  const Status lacks = rig.verify("lacks.zip", VerifyDepth::kDeep);
  ASSERT_EQ(lacks.state, State::kSucceeded) << why(lacks);
  ASSERT_EQ(lacks.warnings.size(), 2U) << "and that the data directory has it";
  EXPECT_THAT(lacks.warnings.front().what, HasSubstr("1 files that records name are not in"));
  EXPECT_THAT(rig.verify("lacks.zip").warnings, IsEmpty()) << "a plain one does not look";
}

TEST(Verify, DeepFindsAnIndexThatDisagreesWithItsTable) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  repack(pb_data,
         "sqlite3 data.db \"CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2), (3, 4);"
         " CREATE INDEX i ON t(a); PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql ="
         " 'CREATE INDEX i ON t(b)' WHERE name = 'i'\"",
         "index.zip");
  repack(pb_data,
         "sqlite3 data.db 'CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p);"
         " INSERT INTO c VALUES(7)'",
         "reference.zip");
  VaultRig rig{{.pb_data = pb_data}};
  EXPECT_EQ(rig.verify("index.zip").state, State::kSucceeded) << "a plain one does not look";
  const Status index = rig.verify("index.zip", VerifyDepth::kDeep);
  ASSERT_EQ(index.state, State::kFailed);
  EXPECT_EQ(index.error->code, Code::kDamaged) << why(index);
  const Status reference = rig.verify("reference.zip", VerifyDepth::kDeep);
  ASSERT_EQ(reference.state, State::kSucceeded) << why(reference);
  ASSERT_EQ(reference.warnings.size(), 1U);
  EXPECT_THAT(reference.warnings.front().what, HasSubstr("refer to rows that are not there"));
}

TEST(Summary, SaysWhatAnArchiveHolds) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const Status made = rig.back_up("a.zip");
  ASSERT_EQ(made.state, State::kSucceeded) << why(made);
  const auto summary = rig.vault->summarize(store::BackupName::parse("a.zip").value());
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->backup.name.text(), "a.zip");
  EXPECT_EQ(summary->entries, made.report.entries);
  EXPECT_EQ(summary->raw_bytes, made.report.raw_bytes);
  EXPECT_TRUE(summary->has_data_db);
  EXPECT_THAT(summary->databases, UnorderedElementsAre("auxiliary.db", "data.db"));
  EXPECT_EQ(summary->storage_files, 19U) << "the fixture's uploads, without their side files";
}

}  // namespace
}  // namespace pv::jobs
