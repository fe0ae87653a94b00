#include "jobs/overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "jobs/other_users.h"
#include "restore/restore.h"
#include "restore/swap_lock.h"
#include "state/history.h"
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
using ::testing::StartsWith;
using testing::TempFolder;
using testing::write_file;

const WallTime kNow{std::chrono::seconds{1'795'222'487}};

const std::string kTinyBackup = testing::tiny_backup();

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
      R"({"newest":{"key":"a.zip","size":7,"modified":"2026-11-21 00:53:17.000Z",)"
      R"("ageSeconds":90,"verdict":{"sound":true,"depth":"deep",)"
      R"("at":"2026-11-21 00:54:47.000Z","reason":"","records":12,"tookMs":5},"incomplete":null},)"
      R"("discounted":[{"key":"b.zip","size":3,"modified":"2026-11-21 00:54:47.000Z",)"
      R"("why":"cut"}],"damaged":[],)"
      R"("backups":{"count":2,"size":9,"free":null},)"
      R"("data":{"free":5},"replaced":[{"id":"id1","from":"x)"
      "\xEF\xBF\xBD"
      R"(.zip",)"
      R"("at":"2026-11-21 00:54:47.000Z","until":"2026-11-21 01:54:47.000Z","size":null,)"
      R"("only":["storage/a"],"strays":2,"canUndo":true}],)"
      R"("verdictsUnknownBecause":"","storeUnknownBecause":"","storeError":"","cutOff":false,"job":null,"users":[{"pid":12,"program":"pocketbase"}],"mirror":null,"retention":{"summary":""},)"
      R"("lastBackup":null,"lastDecided":null,"lastSuccess":null,"trend":null,)"
      R"("schedule":{"cron":"","next":null,"missed":null,"offBecause":""},)"
      R"("verification":{"cron":"","next":null,"offBecause":""},"settingsError":"","unwrittenBecause":"","memoryError":"","risk":""})");
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
  EXPECT_EQ(risk_of(overview), "") << "there is a newer one, whoever made it";
  overview.health.last_decided->ended = kNow + 1h;
  EXPECT_EQ(risk_of(overview),
            "the last backup failed, at 2026-11-21 01:54:47.000Z: the disk is full");
  overview.health.timetable.missed = kNow;
  EXPECT_EQ(risk_of(overview), "the backup that was due at 2026-11-21 00:54:47.000Z was missed");
  overview.job = LeaseNote{};
  EXPECT_THAT(risk_of(overview), StartsWith("the last backup failed")) << "it is just made";
  overview.health.last_decided.reset();
  EXPECT_EQ(risk_of(overview), "");
  overview.health.unwritten_because = "vault.db: database or disk is full (13)";
  EXPECT_EQ(risk_of(overview),
            "what happens is kept in memory alone, for it can't be written to "
            ".pocketvault/vault.db: vault.db: database or disk is full (13)");
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
