#include "jobs/overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "base/text.h"
#include "jobs/other_users.h"
#include "places/hooked_store_testing.h"
#include "places/spooled_store.h"
#include "restore/restore.h"
#include "restore/swap_lock.h"
#include "state/history.h"
#include "state/schedule.h"
#include "store/folder_store.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"
#include "testing/tiny_backup.h"
#include "zip/zip_reader.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;
using testing::TempFolder;
using testing::write_file;

const WallTime kNow{std::chrono::seconds{1'795'222'487}};

const std::string kTinyBackup = testing::tiny_backup();

// One empty file, of 2020.
std::string zip_of_2020() {
  const std::string first_of_1980{"\x21\0", 2};
  std::string bytes = kTinyBackup;
  for (auto at = bytes.find(first_of_1980); at != std::string::npos;
       at = bytes.find(first_of_1980)) {
    bytes[at + 1] = '\x50';
  }
  return bytes;
}

class Look : public ::testing::Test {
 protected:
  [[nodiscard]] Overview overview() {
    const auto store = store::make_folder_store(folder / "backups");
    auto looked = look_over(folder.path(), *store, 24h, system_clock().now());
    EXPECT_TRUE(looked.has_value());
    return looked.value_or(Overview{});
  }
  [[nodiscard]] fs::Path vault() const { return folder / ".pocketvault"; }
  void add(const std::string& name, std::chrono::seconds from_now,
           const std::string& content = kTinyBackup) const {
    const fs::Path path = folder / ("backups/" + name);
    write_file(path, content);
    std::filesystem::last_write_time(path,
                                     std::filesystem::file_time_type::clock::now() + from_now);
  }

  TempFolder folder;
};

TEST_F(Look, AtAnEmptyDirectoryChangesNothing) {
  const Overview empty = overview();
  EXPECT_EQ(empty.newest, std::nullopt);
  EXPECT_EQ(empty.backups, 0U);
  EXPECT_TRUE(empty.kept.empty() && empty.users.empty());
  EXPECT_FALSE(empty.job || empty.is_cut_off);
  EXPECT_GT(empty.data_free_bytes.value_or(0), 0U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(Look, CountsBackups) {
  add("old.zip", -2h);
  add("new.zip", -1h);
  const Overview found = overview();
  EXPECT_EQ(found.backups, 2U);
  EXPECT_EQ(found.backups_bytes, 2 * kTinyBackup.size());
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "new.zip");
  EXPECT_EQ(found.newest_verdict, std::nullopt);
  EXPECT_TRUE(found.discounted.empty());
}

TEST_F(Look, TheNewestIsOneThatCanBeReliedOn) {
  add("old.zip", -5h);
  add("found-damaged.zip", -4h);
  add("cut.zip", -3h, "PK\x03\x04 and no end");
  add("@pre_restore_shop_20261121005447.zip", -2h);
  add("good.zip", -6h);
  add("future.zip", 24h);
  const auto note = [&](const std::string& name, bool is_sound) {
    const auto store = store::make_folder_store(folder / "backups");
    const store::Backup backup = store->stat(store::BackupName::parse(name).value()).value();
    const state::NotedVerdict noted{
        .key = name,
        .archive = {.size_bytes = backup.size_bytes,
                    .modified = backup.modified,
                    .directory_crc32 = 0},
        .verdict = {.is_sound = is_sound, .at = kNow, .reason = "why", .records = std::nullopt}};
    std::set<std::string> keys;
    const std::vector<store::Backup> backups = store->list().value();
    for (const store::Backup& one : backups) { keys.insert(one.name.text()); }
    ASSERT_TRUE(state::note_verdict(state::VaultDb{vault()}, noted, keys, {}).has_value());
  };
  std::filesystem::create_directory(vault());
  note("found-damaged.zip", false);
  Overview found = overview();
  EXPECT_EQ(found.backups, 6U);
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "old.zip");
  std::vector<std::string> discounted;
  for (const Discounted& one : found.discounted) {
    discounted.push_back(one.backup.name.text() + ": " + one.why);
  }
  EXPECT_THAT(discounted,
              ElementsAre("future.zip: its time lies in the future",
                          "@pre_restore_shop_20261121005447.zip: it was made of what a restore "
                          "replaced",
                          StartsWith("cut.zip: damaged: no end record"),
                          "found-damaged.zip: damaged, as a verification found: why"));
  // A clock that is a little wrong is no reason, and one that was verified is not opened.
  add("ahead.zip", 2min, "no archive");
  note("ahead.zip", true);
  found = overview();
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "ahead.zip");
}

TEST_F(Look, AZipWithoutDataDbAtItsTopIsNoBackup) {
  add("real.zip", -2h);
  std::string photos = kTinyBackup;
  for (auto at = photos.find("data.db"); at != std::string::npos; at = photos.find("data.db")) {
    photos.replace(at, 7, "a/b.jpg");
  }
  add("photos.zip", -1h, photos);
  const Overview found = overview();
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "real.zip");
  ASSERT_EQ(found.discounted.size(), 1U);
  EXPECT_THAT(found.discounted.front().why, StartsWith("damaged: the archive is no backup of "));
}

// The store gives it another time, as for a copy; what is in it is what was found damaged.
TEST_F(Look, KnownDamageOutlastsATouch) {
  add("real.zip", -3h);
  add("bad.zip", -2h);
  std::filesystem::create_directory(vault());
  const auto store = store::make_folder_store(folder / "backups");
  const auto name = store::BackupName::parse("bad.zip").value();
  const store::Backup bad = store->stat(name).value();
  const auto reader =
      zip::ZipReader::open(std::shared_ptr<Source>{store->open(name).value()}).value();
  const state::NotedVerdict noted{
      .key = "bad.zip",
      .archive = {.size_bytes = bad.size_bytes,
                  .modified = bad.modified,
                  .directory_crc32 = reader.directory_crc32()},
      .verdict = {.is_sound = false, .at = kNow, .reason = "why", .records = std::nullopt}};
  ASSERT_TRUE(state::note_verdict(state::VaultDb{vault()}, noted, std::nullopt, {}).has_value());
  add("bad.zip", -1h);
  Overview found = overview();
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "real.zip");
  ASSERT_EQ(found.discounted.size(), 1U);
  EXPECT_EQ(found.discounted.front().why, "damaged, as a verification found: why");
  // Another of the same size is not that one.
  std::string other = kTinyBackup;
  other[other.rfind("PK\1\2") + 12] = '\2';  // its time
  add("bad.zip", -1h, other);
  found = overview();
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "bad.zip");
}

TEST_F(Look, FollowsNoLinkInThePlaceOfOurFolder) {
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::create_directory_symlink(folder / "elsewhere", vault());
  const auto store = store::make_folder_store(folder / "backups");
  const auto looked = look_over(folder.path(), *store, 24h, kNow);
  ASSERT_FALSE(looked.has_value());
  EXPECT_EQ(looked.error().code, Code::kInvalid);
  EXPECT_THAT(looked.error().what, HasSubstr(".pocketvault is a link"));
}

TEST_F(Look, SeesTheJobAtWork) {
  std::filesystem::create_directory(vault());
  {
    const Result<Lease> lease =
        Lease::take(vault(), {.pid = ::getpid(), .kind = "backup", .name = "a.zip", .since = kNow});
    ASSERT_TRUE(lease.has_value());
    const Overview found = overview();
    ASSERT_TRUE(found.job.has_value());
    EXPECT_EQ(found.job->kind, "backup");
    EXPECT_EQ(found.job->name, "a.zip");
  }
  EXPECT_EQ(overview().job, std::nullopt);
}

TEST_F(Look, TellsASwapThatDiedFromOneThatGoesOn) {
  std::filesystem::create_directory(vault());
  write_file(vault() / "restore.journal", "whatever it says");
  EXPECT_TRUE(overview().is_cut_off);
  EXPECT_THAT(risk_of(overview()), StartsWith("a restore was cut off between its renames"));
  {
    const auto swapping = restore::take_swap_lock(vault(), 0ms);
    ASSERT_TRUE(swapping.has_value());
    EXPECT_FALSE(overview().is_cut_off);
  }
  EXPECT_TRUE(overview().is_cut_off);
  EXPECT_TRUE(fs::exists(vault() / "restore.journal")) << "looking repairs nothing";
}

TEST_F(Look, NamesWhoHasTheDatabasesOpen) {
  write_file(folder / "data.db", "");
  testing::OtherProcess other{"f = open('" + (folder / "data.db").string() +
                              "', 'rb')\nprint('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(other.hear(), "ready");
  const Overview found = overview();
  ASSERT_EQ(found.users.size(), 1U);
  EXPECT_EQ(found.users[0].pid, other.pid());
  EXPECT_EQ(found.users[0].program, "python3");
}

TEST_F(Look, IsToldAsJson) {
  Overview overview;
  overview.newest = store::Backup{store::BackupName::parse("a.zip").value(), 7, kNow - 90s, {}};
  overview.newest_verdict = state::Verdict{
      .is_sound = true, .depth = state::Depth::kDeep, .at = kNow, .records = 12, .took = 5ms};
  overview.discounted = {
      {store::Backup{store::BackupName::parse("b.zip").value(), 3, kNow, {}}, "cut"}};
  overview.backups = 2;
  overview.backups_bytes = 9;
  overview.data_free_bytes = 5;
  overview.kept = {{.id = "id1",
                    .from = "x\xff.zip",
                    .at = kNow,
                    .until = kNow + 1h,
                    .bytes = {},
                    .units = {"storage/a"},
                    .strays = 2}};
  overview.users = {{12, "pocketbase"}};
  EXPECT_EQ(
      boost::json::serialize(to_json(overview, kNow)),
      R"({"now":"2026-11-21 00:54:47.000Z",)"
      R"("newest":{"key":"a.zip","size":7,"modified":"2026-11-21 00:53:17.000Z",)"
      R"("made":"2026-11-21 00:53:17.000Z","foreign":false,"ageSeconds":90,"verdict":{"sound":true,"depth":"deep",)"
      R"("at":"2026-11-21 00:54:47.000Z","reason":"","records":12,"tookMs":5},"incomplete":null},)"
      R"("discounted":[{"key":"b.zip","size":3,"modified":"2026-11-21 00:54:47.000Z",)"
      R"("why":"cut"}],"damaged":[],)"
      R"("backups":{"count":2,"size":9,"free":null},)"
      R"("data":{"free":5},"replaced":[{"id":"id1","from":"x)"
      "\xEF\xBF\xBD"
      R"(.zip",)"
      R"("at":"2026-11-21 00:54:47.000Z","until":"2026-11-21 01:54:47.000Z","size":null,)"
      R"("only":["storage/a"],"strays":2,"canUndo":true}],)"
      R"("verdictsUnknownBecause":"","storeUnknownBecause":"","storeError":"","cutOff":false,"waiting":0,"served":false,"job":null,"users":[{"pid":12,"program":"pocketbase"}],"mirror":null,"retention":{"summary":""},)"
      R"("lastBackup":null,"lastDecided":null,"lastSuccess":null,"trend":null,)"
      R"("schedule":{"cron":"","next":null,"missed":null,"offBecause":""},)"
      R"("verification":{"cron":"","next":null,"offBecause":""},"settingsError":"","unwrittenBecause":"","memoryError":"","risk":"","risks":[]})");
}

TEST_F(Look, WhatCannotBeReadIsARisk) {
  add("good.zip", -1h);
  std::filesystem::create_directory(vault());
  EXPECT_EQ(risk_of(overview()), "") << "nothing was ever noted";
  write_file(vault() / "vault.db", "garbage, not a database at all");
  EXPECT_THAT(risk_of(overview()), StartsWith("it is not known what was missed or failed, for "
                                              ".pocketvault/vault.db can't be read: "));
  std::filesystem::remove(vault() / "vault.db");
  write_file(vault() / "settings.json", std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(risk_of(overview()), HasSubstr("settings.json is longer than 1 MiB"));
  std::filesystem::remove(vault() / "settings.json");
  Overview unknown = overview();
  unknown.store_doubt = "no key";
  EXPECT_THAT(risk_of(unknown), StartsWith("it is not known where the backups belong"));
}

TEST_F(Look, TellsWhatIsKnownWithoutTheStore) {
  std::filesystem::create_directory(vault());
  write_file(folder / "backups", "no folder");
  const state::PastJob made{.id = "a",
                            .kind = "backup",
                            .name = "a.zip",
                            .started = kNow,
                            .ended = kNow,
                            .outcome = "succeeded"};
  ASSERT_TRUE(state::VaultDb{vault()}
                  .write(
                      [&](sqlite::Connection& db) {
                        return state::put(db, {&made, 1});
                      },
                      {})
                  .has_value());
  const Overview found = overview();
  EXPECT_THAT(found.store_trouble, HasSubstr("backups"));
  EXPECT_EQ(risk_of(found), "the backups can't be listed: " + found.store_trouble);
  EXPECT_EQ(found.newest, std::nullopt);
  EXPECT_EQ(found.health.last_succeeded.value_or(state::PastJob{}).name, "a.zip");
  EXPECT_EQ(to_json(found, kNow).at("storeError").as_string(), found.store_trouble);
}

TEST_F(Look, TellsOfWhatIsAtRisk) {
  Overview overview;
  EXPECT_EQ(risk_of(overview), "no backup can be relied on");
  overview.newest = store::Backup{store::BackupName::parse("a.zip").value(), 7, kNow, {}};
  state::PastJob failed;
  failed.outcome = "failed";
  failed.error = "the disk is full";
  failed.ended = kNow - 1h;
  overview.health.last_decided = failed;
  EXPECT_EQ(risk_of(overview), "") << "there is a newer one";
  overview.health.last_decided->ended = kNow + 1h;
  EXPECT_EQ(risk_of(overview),
            "the last backup failed, at 2026-11-21 01:54:47.000Z: the disk is full");
  overview.health.timetable.missed = kNow;
  EXPECT_EQ(risk_of(overview), "the backup that was due at 2026-11-21 00:54:47.000Z was missed");
  overview.looked = kNow + 1h;
  overview.job = LeaseNote{.pid = 1, .kind = "backup", .name = "b.zip", .since = kNow};
  EXPECT_THAT(risk_of(overview), StartsWith("the last backup failed")) << "it is just made";
  overview.health.last_decided.reset();
  EXPECT_EQ(risk_of(overview), "");
  overview.health.unwritten_because = "vault.db: database or disk is full (13)";
  EXPECT_EQ(risk_of(overview),
            "what happens is kept in memory alone, for it can't be written to "
            ".pocketvault/vault.db: vault.db: database or disk is full (13)");
}

TEST_F(Look, OnlyABackupBegunInTimeHidesThatOneWasMissed) {
  const auto risk = [](const LeaseNote& job, WallTime now) {
    Overview overview;
    overview.newest = store::Backup{store::BackupName::parse("a.zip").value(), 7, kNow - 48h, {}};
    overview.looked = now;
    overview.health.timetable.missed = kNow;
    overview.health.late_max = 1h;
    overview.job = job;
    return risk_of(overview);
  };
  const auto job = [](const char* kind, WallTime since) {
    return LeaseNote{.pid = 1, .kind = kind, .name = "b.zip", .since = since};
  };
  EXPECT_EQ(risk(job("backup", kNow + 1h), kNow + 20h), "");
  EXPECT_THAT(risk(job("backup", kNow + 1h), kNow + 25h), HasSubstr("was missed")) << "it hangs";
  EXPECT_THAT(risk(job("backup", kNow + 61min), kNow + 2h), HasSubstr("was missed"))
      << "one that is begun again and again";
  EXPECT_THAT(risk(job("restore", kNow), kNow + 2h), HasSubstr("was missed"));
}

TEST_F(Look, WhatWaitsIsNotYetWhereItBelongs) {
  std::filesystem::create_directories(vault() / "spool");
  write_file(vault() / "spool/w.zip", kTinyBackup);
  const auto inner = store::make_folder_store(folder / "backups");
  places::SpooledStore store{*inner, vault()};
  const auto looked = look_over(folder.path(), store, 24h, system_clock().now());
  ASSERT_TRUE(looked.has_value());
  EXPECT_EQ(looked->newest, std::nullopt);
  EXPECT_EQ(looked->waiting, 1U);
  ASSERT_EQ(looked->discounted.size(), 1U);
  EXPECT_EQ(looked->discounted[0].why, "it waits to be sent to its store");
  EXPECT_TRUE(own_made(*looked).has_value()) << "it was made, so none is missed";
  add("older.zip", -1h);
  const auto later = look_over(folder.path(), store, 24h, system_clock().now() + 1h);
  ASSERT_TRUE(later.has_value());
  EXPECT_THAT(risk_of(*later), StartsWith("backups wait to be sent to their store, since "));
}

TEST_F(Look, AMirrorThatLacksBackupsIsARisk) {
  Overview overview;
  overview.newest = store::Backup{store::BackupName::parse("a.zip").value(), 7, kNow, {}};
  overview.looked = kNow + 30min;
  overview.mirror = places::MirrorState{
      .place = "folder /m", .missing = 2, .names = {}, .trouble = {}, .missing_since = kNow};
  EXPECT_EQ(risk_of(overview), "") << "it is just filled";
  overview.looked = kNow + 1h;
  EXPECT_EQ(risk_of(overview), "backups that the mirror lacks: 2");
  overview.mirror->trouble = "/m: gone";
  EXPECT_EQ(risk_of(overview), "the mirror does not get every backup: /m: gone");
}

TEST_F(Look, WhatAlertsKnowOfIsARisk) {
  add("a.zip", -49h);
  std::filesystem::create_directory(vault());
  const auto risk = [&](const std::string& alerts) {
    write_file(vault() / "settings.json", "{\"alerts\":" + alerts + "}");
    return risk_of(overview());
  };
  EXPECT_EQ(risk("{}"), "");
  EXPECT_EQ(risk(R"({"unverifiedAfterDays":3})"), "");
  EXPECT_EQ(risk(R"({"unverifiedAfterDays":2})"), "no backup has ever been verified");
  EXPECT_THAT(risk(R"({"spaceLowBytes":1000000000000000})"),
              MatchesRegex("where the next backup lies .* are free, and 1.0 PB are to be"));
}

TEST_F(Look, AnOldOneThatIsCopiedHereMakesNothingWell) {
  const std::string old = zip_of_2020();
  add("own.zip", -30h);
  add("copied.zip", -1min, old);
  Overview found = overview();
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "own.zip");
  ASSERT_EQ(found.discounted.size(), 1U);
  EXPECT_EQ(found.discounted[0].why,
            "what it holds is older than its time: from 2020-01-01 00:00 UTC");
  std::filesystem::remove(folder / "backups/own.zip");
  found = overview();
  ASSERT_TRUE(found.newest.has_value()) << "it is all there is";
  EXPECT_EQ(format_minute(*newest_made(found)), "2020-01-01 00:00 UTC");
  EXPECT_EQ(own_made(found), std::nullopt);
  add("@auto_pb_backup_shop_20200601000000.zip", -1min);
  found = overview();
  EXPECT_EQ(format_minute(*own_made(found)), "2020-06-01 00:00 UTC") << "by its name";
  // One that is new, and from elsewhere, is one to rely on, but no proof of anything.
  add("foreign.zip", -1min);
  found = overview();
  EXPECT_EQ(found.newest->name.text(), "foreign.zip");
  EXPECT_EQ(format_minute(*own_made(found)), "2020-06-01 00:00 UTC");
  found.health.last_decided = state::PastJob{};
  found.health.last_decided->outcome = "failed";
  found.health.last_decided->ended = found.looked - 1h;
  EXPECT_TRUE(is_last_failed(found));
}

TEST_F(Look, TellsWhetherAServerMakesWhatTheTimetableSays) {
  add("a.zip", -1h);
  std::filesystem::create_directory(vault());
  ASSERT_TRUE(state::note_served(state::VaultDb{vault()}, std::string{state::kBackupCron},
                                 {"0 0 * * *", system_clock().now()}, {})
                  .has_value());
  EXPECT_FALSE(overview().is_served);
  const auto server = fs::FileLock::try_take(vault() / "server.lock");
  ASSERT_TRUE(server.has_value());
  EXPECT_TRUE(overview().is_served);
}

TEST_F(Look, ATimetableThatNobodyServesIsARisk) {
  add("a.zip", -49h);
  Overview found = overview();
  EXPECT_EQ(risk_of(found), "");
  found.cron_wanted = "0 3 * * *";
  EXPECT_THAT(risk_of(found), StartsWith("backups.cron says when backups are due, but nothing"));
  found.users = {{12, "pocketbase"}};
  EXPECT_EQ(risk_of(found), "") << "the app does";
  found.users.clear();
  found.cron_wanted = "0 3 1 1 *";
  found.newest_made = found.looked;
  EXPECT_EQ(risk_of(found), "") << "none was due since";
}

TEST_F(Look, AReadOnlyMountIsARisk) {
  Overview overview;
  overview.newest = store::Backup{store::BackupName::parse("a.zip").value(), 7, kNow, {}};
  overview.read_only = "the data lies";
  EXPECT_EQ(risk_of(overview),
            "nothing can be written, for it is mounted read-only, where the data lies");
  add("a.zip", -1h);
  const char* const here = folder.path().c_str();
  if (::mount(here, here, nullptr, MS_BIND, nullptr) != 0) { GTEST_SKIP() << "no right to mount"; }
  const bool is_read_only =
      ::mount(nullptr, here, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  const std::string risk = risk_of(this->overview());
  EXPECT_EQ(::umount2(here, MNT_DETACH), 0);
  if (!is_read_only) { GTEST_SKIP() << "no right to mount"; }
  EXPECT_EQ(risk, "nothing can be written, for it is mounted read-only, where the data lies");
}

TEST_F(Look, CountsAllThatAreDamaged) {
  Overview overview;
  const store::Backup backup{store::BackupName::parse("a.zip").value(), 7, kNow, {}};
  overview.newest = backup;
  overview.damaged.assign(10, {backup, "why"});
  overview.damaged_count = 14;
  EXPECT_EQ(risk_of(overview), "a verification found a.zip damaged, and 13 more: why");
}

TEST_F(Look, VerificationsOfBucketsAreOff) {
  std::filesystem::create_directory(vault());
  ASSERT_TRUE(state::note_served(state::VaultDb{vault()}, std::string{state::kVerifyCron},
                                 {"30 4 * * 0", system_clock().now()}, {})
                  .has_value());
  const auto server = fs::FileLock::try_take(vault() / "server.lock");
  const auto inner = store::make_folder_store(folder / "backups");
  places::HookedStore bucket{*inner, [](std::string_view) { return Result<void>{}; }};
  bucket.pretend_remote();
  const auto off = [&] {
    return look_over(folder.path(), bucket, 24h, system_clock().now())
        .value()
        .health.verification.off_because;
  };
  EXPECT_THAT(off(), StartsWith("each would read whole backups out of the bucket"));
  write_file(vault() / "settings.json", R"({"verification":{"buckets":true}})");
  EXPECT_EQ(off(), "");
}

TEST_F(Look, OneThatWasCancelledHidesNoFailure) {
  std::filesystem::create_directory(vault());
  const auto past = [](const std::string& outcome, WallTime ended) {
    return state::PastJob{.id = outcome,
                          .kind = "backup",
                          .name = "a.zip",
                          .started = ended,
                          .ended = ended,
                          .outcome = outcome,
                          .error = outcome == "failed" ? "the disk is full" : ""};
  };
  const std::vector<state::PastJob> jobs{past("succeeded", kNow - 3h), past("failed", kNow - 2h),
                                         past("cancelled", kNow - 1h)};
  ASSERT_TRUE(state::VaultDb{vault()}
                  .write([&](sqlite::Connection& db) { return state::put(db, jobs); }, {})
                  .has_value());
  const Overview found = overview();
  EXPECT_EQ(found.health.last.value_or(state::PastJob{}).outcome, "cancelled");
  EXPECT_THAT(risk_of(found), StartsWith("the last backup failed, at 2026-11-20 22:54:47"));
  Health unwritten;
  count_in({jobs[2], jobs[1]}, unwritten);
  EXPECT_EQ(unwritten.last_decided, jobs[1]);
}

TEST_F(Look, NoSpaceForTheNextBackupIsARisk) {
  struct Case {
    std::optional<std::uint64_t> there;  // free, where backups lie
    std::optional<std::uint64_t> data;   // free, where the data lies
    std::string risk;
  };
  const Case cases[] = {
      {std::nullopt, std::nullopt, ""},
      {7, 1, ""},
      {6, 1, "where the next backup goes 6 B are free, and the last one took 7 B"},
      {0, 1, "no space is left where the next backup goes"},
      {std::nullopt, 0, "no space is left where the data lies"}};
  for (const Case& one : cases) {
    Overview overview;
    overview.newest = store::Backup{store::BackupName::parse("a.zip").value(), 7, kNow, {}};
    overview.backups_free_bytes = one.there;
    overview.data_free_bytes = one.data;
    EXPECT_EQ(risk_of(overview), one.risk);
  }
}

}  // namespace
}  // namespace pv::jobs
