// What a restore does so that it can be taken back: replaced data kept, or backed up before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/vault_rig_testing.h"
#include "jobs/workers.h"
#include "restore/restore.h"
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
using ::testing::StartsWith;
using testing::TempFolder;
using testing::unpack_pb_data;
using testing::write_file;

// The fixture's 40 products, then one less; the fixture's own backup has them all.
class Safety : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(pb_data / "storage" / "only-now.txt", "written after the backup");
  }
  VaultRig& open(const VaultOptions& options = {}, places::StoreHook hook = {}) {
    VaultRig::Setup setup{.pb_data = pb_data, .clock = clock, .options = options};
    if (hook) { setup.hook = std::move(hook); }
    rig = std::make_unique<VaultRig>(setup);
    rig->change("DELETE FROM products WHERE id = (SELECT min(id) FROM products)");
    return *rig;
  }
  Status restore(const RestoreOptions& options) {
    return VaultRig::ended(rig->vault->start_restore(
        {.name = store::BackupName::parse("fixture.zip").value(), .options = options}));
  }
  [[nodiscard]] std::string products() const { return rig->ask("SELECT count(*) FROM products"); }
  [[nodiscard]] std::vector<std::string> in_vault() const {
    return left_in(pb_data / ".pocketvault");
  }

  TempFolder folder;
  fs::Path pb_data = unpack_pb_data("0.36.6", folder.path());
  FakeClock clock{WallTime{std::chrono::nanoseconds{1795222487907654321}}};
  std::unique_ptr<VaultRig> rig;
};

TEST_F(Safety, ReplacedDataIsListedAndComesBackById) {
  open();
  const std::string first = restore({}).report.replaced_id;
  clock.advance(1h);
  const std::string second = restore({.keep_replaced = 72h}).report.replaced_id;
  const std::vector<Kept> kept = rig->vault->kept().value();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].id, second) << "newest first";
  EXPECT_EQ(kept[0].until - kept[0].at, 72h);
  EXPECT_EQ(kept[1].id, first);
  EXPECT_EQ(kept[1].from, "fixture.zip");
  EXPECT_EQ(kept[1].until - kept[1].at, 24h);
  EXPECT_GT(kept[1].bytes.value_or(0), 100'000U);
  EXPECT_EQ(products(), "40");
  EXPECT_EQ(VaultRig::ended(rig->vault->start_undo("none")).error->code, Code::kNotFound);
  const Status undone = VaultRig::ended(rig->vault->start_undo(first));
  ASSERT_EQ(undone.state, State::kSucceeded) << why(undone);
  EXPECT_EQ(products(), "39");
  EXPECT_EQ(read_file(pb_data / "storage" / "only-now.txt"), "written after the backup");
}

TEST_F(Safety, WhatAnUndoPutsAsideIsKeptAsLong) {
  open({.keep_replaced = 0s});
  ASSERT_EQ(restore({.keep_replaced = 72h}).state, State::kSucceeded);
  ASSERT_EQ(rig->undo().state, State::kSucceeded);
  EXPECT_EQ(products(), "39");
  const std::vector<Kept> kept = rig->vault->kept().value();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].until - kept[0].at, 72h);
  ASSERT_EQ(rig->undo().state, State::kSucceeded);
  EXPECT_EQ(products(), "40");
}

// An app that is started between two renames of an exchange would take a WAL for its own.
TEST_F(Safety, NothingLiesBesideADatabaseThatMoves) {
  open();
  rig->change("CREATE TABLE in_the_wal (n)");
  const auto wal_of = [](const fs::Path& where) {
    return fs::Path{(where / "data.db").native() + "-wal"};
  };
  ASSERT_GT(fs::stat(wal_of(pb_data)).value().size_bytes, 0U);
  ASSERT_EQ(restore({}).state, State::kSucceeded);
  const fs::Path kept =
      pb_data / ".pocketvault" / ("replaced-" + rig->vault->kept().value().at(0).id) / "pb_data";
  EXPECT_TRUE(fs::exists(kept / "data.db"));
  EXPECT_FALSE(fs::exists(wal_of(kept)));
  EXPECT_EQ(rig->ask("SELECT count(*) FROM sqlite_master WHERE name = 'in_the_wal'"), "0");
  ASSERT_EQ(testing::run("cd '" + kept.string() +
                         "' && python3 -c \"import os, sqlite3; db = sqlite3.connect('data.db'); "
                         "db.execute('CREATE TABLE by_hand (n)'); db.commit(); os._exit(0)\"")
                .status,
            0);
  ASSERT_TRUE(fs::exists(wal_of(kept)));
  ASSERT_EQ(rig->undo().state, State::kSucceeded);
  EXPECT_EQ(rig->ask("SELECT count(*) FROM sqlite_master WHERE name IN ('in_the_wal', 'by_hand')"),
            "2");
}

// What may move databases is left to the next start, which looks for who has them open.
TEST_F(Safety, ARestoreOfFilesTouchesNoExchangeOfDatabasesThatWasCutOff) {
  open();
  const fs::Path journal = pb_data / ".pocketvault/restore.journal";
  testing::write_file(journal, "torn");
  const Status refused = restore({.only = {"storage"}});
  ASSERT_EQ(refused.state, State::kFailed);
  EXPECT_THAT(refused.error->what, HasSubstr("start pocketvault again"));
  EXPECT_EQ(read_file(journal), "torn");
  EXPECT_EQ(products(), "39");
}

// By the time that the replaced data could go, the exchange is made.
TEST_F(Safety, ReplacedDataIsKeptWhereTheBackupOfItCannotBeReliedOn) {
  const auto is_replaced = [this] {
    for (const std::string& name : in_vault()) {
      if (name.starts_with("replaced-")) { return true; }
    }
    return false;
  };
  const auto safety_backup = [this] {
    for (const std::string& name : rig->names()) {
      if (name.starts_with("@pre_restore_")) { return pb_data / "backups" / name; }
    }
    return fs::Path{};
  };
  struct Case {
    const char* label;
    std::function<void()> spoil;
    const char* told;
  };
  const Case cases[] = {
      {"gone", [&] { std::filesystem::remove(safety_backup()); }, "is not there any more"},
      {"cut off", [&] { std::filesystem::resize_file(safety_backup(), 100); },
       "was replaced meanwhile"}};
  for (const Case& one : cases) {
    bool is_spoilt = false;
    open({}, [&](std::string_view call) -> Result<void> {
      if (call == "stat" && is_replaced() && !std::exchange(is_spoilt, true)) { one.spoil(); }
      return {};
    });
    const Status done = restore({.keep_replaced = 0s});
    ASSERT_EQ(done.state, State::kSucceeded) << one.label << why(done);
    EXPECT_TRUE(is_spoilt) << one.label;
    ASSERT_EQ(done.warnings.size(), 1U) << one.label;
    EXPECT_THAT(done.warnings[0].what, HasSubstr(one.told)) << one.label;
    const std::vector<Kept> kept = rig->vault->kept().value();
    ASSERT_EQ(kept.size(), 1U) << one.label;
    EXPECT_EQ(kept[0].until - kept[0].at, 24h) << one.label;
    ASSERT_TRUE(rig->vault->remove_kept(kept[0].id).has_value());
    std::filesystem::remove(safety_backup());
  }
  // Something in storage/ that no backup can take.
  open();
  ASSERT_EQ(testing::run("mkfifo '" + (pb_data / "storage" / "pipe").string() + "'").status, 0);
  const Status done = restore({.keep_replaced = 0s});
  ASSERT_EQ(done.state, State::kSucceeded) << why(done);
  EXPECT_EQ(rig->vault->kept().value().size(), done.warnings.empty() ? 0U : 1U);
  EXPECT_FALSE(done.warnings.empty());
}

TEST_F(Safety, ReplacedDataCanBeRemovedBeforeItsTime) {
  open();
  const std::string id = restore({}).report.replaced_id;
  EXPECT_EQ(rig->vault->remove_kept("none").error().code, Code::kNotFound);
  ASSERT_TRUE(rig->vault->remove_kept(id).has_value());
  EXPECT_THAT(in_vault(), IsEmpty());
  EXPECT_EQ(rig->undo().error->code, Code::kNotFound);
}

TEST_F(Safety, ExpiredDataGoesWithTheNextJob) {
  open();
  const std::string id = restore({}).report.replaced_id;
  clock.advance(24h);
  EXPECT_THAT(in_vault(), ElementsAre("replaced-" + id));
  ASSERT_EQ(rig->back_up("a.zip").state, State::kSucceeded);
  EXPECT_THAT(in_vault(), IsEmpty());
}

TEST_F(Safety, NothingKeptMeansABackupBefore) {
  open({.keep_replaced = 0s});
  const Status status = restore({});
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_EQ(status.report.safety_backup, "@pre_restore_corner_shop_20261121005447.zip");
  EXPECT_EQ(status.report.replaced_id, "");
  EXPECT_EQ(status.bytes_done, status.bytes_total);
  EXPECT_GT(status.bytes_total, status.report.raw_bytes) << "the backup is part of the work";
  EXPECT_THAT(in_vault(), IsEmpty());
  EXPECT_EQ(products(), "40");
  // It is an ordinary backup of what was there.
  ASSERT_EQ(rig->restore(status.report.safety_backup).state, State::kSucceeded);
  EXPECT_EQ(products(), "39");
  EXPECT_EQ(read_file(pb_data / "storage" / "only-now.txt"), "written after the backup");
}

TEST_F(Safety, ABackupBeforeIsMadeWhenAskedForAndElseOnlyWhereNothingIsKept) {
  struct Case {
    const char* label;
    std::chrono::seconds keep;
    std::optional<bool> asked;
    bool made;
  };
  constexpr Case kCases[] = {{"kept", 24h, std::nullopt, false},
                             {"kept, asked for", 24h, true, true},
                             {"not kept", 0s, std::nullopt, true},
                             {"not kept, refused", 0s, false, false}};
  open();
  for (const Case& one : kCases) {
    const Status status = restore({.keep_replaced = one.keep, .backup_first = one.asked});
    ASSERT_EQ(status.state, State::kSucceeded) << one.label << ": " << why(status);
    EXPECT_EQ(!status.report.safety_backup.empty(), one.made) << one.label;
    EXPECT_EQ(status.report.replaced_id.empty(), one.keep == 0s) << one.label;
  }
}

// On the worst day the disk is full, of the restore that is to be undone.
TEST(SafetyOnASmallDisk, AnUndoWithoutRoomForItsNotesChangesNothingAndSaysSo) {
  const TempFolder folder;
  const std::string mount = folder / "mount";
  std::filesystem::create_directory(mount);
  if (testing::run("mount -t tmpfs -o size=16m none '" + mount + "'").status != 0) {
    GTEST_SKIP() << "not allowed to mount here";
  }
  const auto unmount = [&](const int*) { (void)testing::run("umount -l '" + mount + "'"); };
  const int mounted = 0;
  const std::unique_ptr<const int, decltype(unmount)> guard{&mounted, unmount};
  const fs::Path pb_data = unpack_pb_data("0.36.6", mount);
  VaultRig rig{{.pb_data = pb_data}};
  rig.change("DELETE FROM products");
  ASSERT_EQ(rig.restore("fixture.zip").state, State::kSucceeded);
  const auto listed = rig.vault->kept().value();
  const auto fill = [&](const char* name, int mib) {
    (void)testing::run("head -c " + std::to_string(mib) + "M /dev/zero > '" + mount + "/" + name +
                       "'");
  };
  fill("little", 1);
  fill("much", 16);  // more than there is
  ASSERT_EQ(fs::space(mount).value().free_bytes, 0U);

  const Status refused = rig.undo();
  ASSERT_EQ(refused.state, State::kFailed);
  EXPECT_EQ(refused.error->code, Code::kNoSpace);
  EXPECT_THAT(refused.error->what, StartsWith("nothing was changed: an undo moves data"));
  EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "40");
  EXPECT_EQ(rig.vault->kept().value(), listed);
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), ElementsAre("replaced-" + listed.front().id));

  std::filesystem::remove(mount + "/little");
  const Status undone = rig.undo();
  ASSERT_EQ(undone.state, State::kSucceeded) << why(undone);
  EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "0");
}

TEST_F(Safety, WithoutDataThereIsNothingToBackUp) {
  open({.keep_replaced = 0s});
  rig.reset();
  for (const char* name : {"data.db", "data.db-wal", "data.db-shm"}) {
    (void)fs::remove_file(pb_data / name);
  }
  datadir::OpenOptions options;
  options.tolerate_damage = true;
  auto opened = open_directory(pb_data, options, clock, system_random());
  ASSERT_TRUE(opened.has_value()) << opened.error().what;
  const auto store = store::make_folder_store(pb_data / "backups");
  WorkPool pool{2};
  Vault vault{*opened->directory, *store, pool, clock, system_random(), {.keep_replaced = 0s}};
  const Status status = VaultRig::ended(
      vault.start_restore({.name = store::BackupName::parse("fixture.zip").value()}));
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_EQ(status.report.safety_backup, "");
}

TEST_F(Safety, NothingIsReplacedWhenTheBackupBeforeFails) {
  bool full = false;
  open({}, [&full](std::string_view call) -> Result<void> {
    if (full && call == "create") { return fail(Code::kNoSpace, "the disk is full"); }
    return {};
  });
  full = true;
  const Status status = restore({.backup_first = true});
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kNoSpace);
  EXPECT_THAT(why(status), HasSubstr("nothing was replaced: "));
  EXPECT_THAT(why(status), HasSubstr("the disk is full"));
  EXPECT_THAT(why(status), HasSubstr("--no-backup-first"));
  EXPECT_EQ(products(), "39");
  EXPECT_THAT(in_vault(), IsEmpty());
  EXPECT_EQ(restore({.backup_first = false}).state, State::kSucceeded);
}

TEST_F(Safety, ACancelledBackupBeforeCancelsTheRestore) {
  bool restores = false;
  open({}, [&](std::string_view call) -> Result<void> {
    if (restores && call == "create") { rig->vault->jobs().front()->cancel(); }
    return {};
  });
  restores = true;
  const Status status = restore({.backup_first = true});
  EXPECT_EQ(status.state, State::kCancelled) << why(status);
  EXPECT_EQ(status.phase, "backup");
  EXPECT_EQ(products(), "39");
  EXPECT_THAT(in_vault(), IsEmpty());
  EXPECT_THAT(rig->names(), ElementsAre("fixture.zip"));
}

TEST_F(Safety, DamagedDataIsStoredAsItIsAndSaidSo) {
  open();
  rig->change("CREATE TABLE big (n, t)");
  rig->change(
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000) "
      "INSERT INTO big SELECT n, hex(randomblob(200)) FROM c");
  const std::string page = rig->ask("SELECT rootpage FROM sqlite_master WHERE name = 'big'");
  rig.reset();
  // An interior page of that table becomes nonsense; the schema can still be read.
  ASSERT_EQ(testing::run("sqlite3 '" + (pb_data / "data.db").string() +
                         "' 'PRAGMA wal_checkpoint(TRUNCATE)' && dd if=/dev/urandom of='" +
                         (pb_data / "data.db").string() +
                         "' bs=4096 count=1 conv=notrunc status=none seek=" +
                         std::to_string(std::stoi(page) - 1))
                .status,
            0);
  rig = std::make_unique<VaultRig>(
      VaultRig::Setup{.pb_data = pb_data, .clock = clock, .options = {.keep_replaced = 0s}});
  ASSERT_NE(rig->back_up("plain.zip").state, State::kSucceeded) << "it is damaged";
  const Status status = restore({});
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  EXPECT_THAT(status.report.safety_backup, StartsWith("@pre_restore_"));
  ASSERT_FALSE(status.warnings.empty());
  EXPECT_THAT(status.warnings.front().what,
              HasSubstr("in the backup before the restore: stored, but it is damaged"));
  EXPECT_EQ(products(), "40");
}

TEST_F(Safety, DataThatCannotBeReadIsNotThrownAwayUnasked) {
  open({.keep_replaced = 0s});
  rig.reset();
  for (const char* name : {"data.db-wal", "data.db-shm"}) { (void)fs::remove_file(pb_data / name); }
  write_file(pb_data / "data.db", "no database any more");
  datadir::OpenOptions options;
  options.tolerate_damage = true;
  auto opened = open_directory(pb_data, options, clock, system_random());
  ASSERT_TRUE(opened.has_value()) << opened.error().what;
  const auto store = store::make_folder_store(pb_data / "backups");
  WorkPool pool{2};
  Vault vault{*opened->directory, *store, pool, clock, system_random(), {.keep_replaced = 0s}};
  const auto restore_with = [&](const RestoreOptions& how) {
    return VaultRig::ended(vault.start_restore(
        {.name = store::BackupName::parse("fixture.zip").value(), .options = how}));
  };
  const Status refused = restore_with({});
  ASSERT_EQ(refused.state, State::kFailed);
  EXPECT_EQ(refused.error->code, Code::kDamaged) << why(refused);
  EXPECT_THAT(why(refused), HasSubstr("--no-backup-first"));
  EXPECT_THAT(why(refused), HasSubstr("--keep-replaced 24h"));
  EXPECT_EQ(read_file(pb_data / "data.db"), "no database any more");
  const Status kept = restore_with({.keep_replaced = 24h});
  ASSERT_EQ(kept.state, State::kSucceeded) << why(kept);
  EXPECT_EQ(read_file(pb_data / ".pocketvault" / ("replaced-" + kept.report.replaced_id) /
                      "pb_data" / "data.db"),
            "no database any more");
}

TEST_F(Safety, ARestoreWithoutSpaceSaysWhatCouldBeFreed) {
  EXPECT_EQ(tell_of_kept({}), "");
  const Kept known{.id = "a", .from = {}, .at = {}, .until = {}, .bytes = 3'000'000};
  const Kept unknown{.id = "b", .from = {}, .at = {}, .until = {}, .bytes = std::nullopt};
  EXPECT_THAT(tell_of_kept({known, known}), HasSubstr("holds 6.0 MB"));
  EXPECT_THAT(tell_of_kept({known, unknown}), HasSubstr("holds at least 3.0 MB"));
  EXPECT_THAT(tell_of_kept({known}), HasSubstr("pocketvault replaced delete --all"));
}

TEST_F(Safety, APartWithoutDatabasesWaitsForNobodyWhoReadsThem) {
  open();
  const Result<int> read = rig->directory->read<int>([&](sqlite::Connection&) -> Result<int> {
    const Status files = restore({.only = {"storage"}});
    EXPECT_EQ(files.state, State::kSucceeded);
    EXPECT_EQ(files.report.scope, "storage");
    EXPECT_FALSE(fs::exists(pb_data / "storage/only-now.txt"));
    EXPECT_EQ(rig->undo().state, State::kSucceeded);
    return 0;
  });
  EXPECT_TRUE(read.has_value());
  EXPECT_EQ(read_file(pb_data / "storage/only-now.txt"), "written after the backup");
  EXPECT_EQ(products(), "39");
}

TEST_F(Safety, DatabasesComeBackAloneAndGoAlone) {
  open();
  EXPECT_EQ(restore({.only = {"databases"}}).state, State::kSucceeded);
  EXPECT_EQ(products(), "40");
  EXPECT_TRUE(fs::exists(pb_data / "storage/only-now.txt"));
  EXPECT_THAT(rig->vault->kept()->front().units, ElementsAre("auxiliary.db", "data.db"));
  write_file(pb_data / "storage/later.txt", "later");
  EXPECT_EQ(rig->undo().state, State::kSucceeded);
  EXPECT_EQ(products(), "39");
  EXPECT_TRUE(fs::exists(pb_data / "storage/later.txt"));
}

TEST_F(Safety, APartThatCantBeIsNotBegun) {
  open();
  const Status refused = restore({.only = {"storage", "../x"}});
  EXPECT_EQ(refused.error->code, Code::kInvalid);
  EXPECT_THAT(rig->vault->jobs(), IsEmpty());
  EXPECT_EQ(restore({.only = {"storage/none"}}).error->code, Code::kNotFound);
  EXPECT_THAT(in_vault(), IsEmpty());
}

TEST(NoteOnPart, IsGivenWhereRecordsAndFilesAreOfDifferentTimes) {
  struct Case {
    std::vector<std::string> units;
    bool is_mixed;
  };
  const Case cases[] = {{{}, false},
                        {{"data.db"}, true},
                        {{"data.db", "storage/a"}, true},
                        {{"data.db", "storage"}, false},
                        {{"storage"}, true},
                        {{"auxiliary.db", "storage/a/b"}, true},
                        {{"auxiliary.db"}, false},
                        {{"types.d.ts"}, false}};
  for (const Case& one : cases) {
    EXPECT_EQ(!note_on_part(one.units).empty(), one.is_mixed)
        << (one.units.empty() ? "all" : one.units.front());
  }
}

}  // namespace
}  // namespace pv::jobs
