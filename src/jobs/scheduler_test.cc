#include "jobs/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "base/text.h"
#include "jobs/lease.h"
#include "jobs/vault_rig.h"
#include "state/schedule.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
namespace json = boost::json;

// As chance, always the greatest number.
class AllOnes final : public Random {
 public:
  void fill(MutableBytes bytes) override {
    for (std::byte& byte : bytes) { byte = std::byte{0xFF}; }
  }
};

// A server's directory whose clock stands at 2026-11-21 00:54:47 UTC.
class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() { std::filesystem::remove_all(pb_data_ / "backups"); }

  // Another server on the directory, after the one before.
  void start(SchedulerOptions options = {}) {
    scheduler_.reset();
    rig_.reset();
    rig_ = std::make_unique<VaultRig>(VaultRig::Setup{.pb_data = pb_data_, .clock = clock_});
    settings_ = std::make_unique<LiveSettings>(*rig_->directory, "", clock_, system_random());
    own_ = std::make_unique<settings::VaultSettingsFile>(rig_->directory->vault_folder());
    options.say = [this](bool /*is_warning*/, const std::string& what) { said_.push_back(what); };
    scheduler_ = std::make_unique<Scheduler>(*rig_->vault, *settings_, *own_, clock_, random_,
                                             std::move(options));
  }
  void stop() {
    scheduler_.reset();
    settings_.reset();
    own_.reset();
    rig_.reset();
  }
  void set(const std::string& backups) {
    const auto changed = settings_->change(
        {json::parse("{\"backups\":" + backups + "}").get_object()}, settings::Edition::k039);
    ASSERT_TRUE(changed.has_value()) << changed.error().what;
    ASSERT_THAT(changed->faults, IsEmpty());
  }
  void set_own(const std::string& schedule) {
    const auto changed =
        own_->change({json::parse("{\"schedule\":" + schedule + "}").get_object()});
    ASSERT_TRUE(changed.has_value() && changed->faults.empty());
  }
  // Ticks until nothing is at work.
  void play() {
    scheduler_->tick();
    for (const auto& job : rig_->vault->jobs()) { job->wait(); }
    scheduler_->tick();
  }
  [[nodiscard]] std::string next() const {
    const auto time = scheduler_->next_backup();
    return time ? format_pocketbase_date(*time).substr(0, 19) : "none";
  }
  void put(const std::string& name, WallTime modified) {
    const fs::Path path = pb_data_ / "backups" / name;
    ASSERT_TRUE(fs::make_folders(path.parent_path()).has_value());
    testing::write_file(path, "x");
    std::filesystem::last_write_time(
        path, std::chrono::file_clock::from_sys(
                  std::chrono::time_point_cast<std::chrono::system_clock::duration>(modified)));
  }

  testing::TempFolder folder_;
  fs::Path pb_data_ = testing::unpack_pb_data("0.36.6", folder_.path());
  testing::FakeClock clock_;
  AllOnes random_;
  std::unique_ptr<VaultRig> rig_;
  std::unique_ptr<LiveSettings> settings_;
  std::unique_ptr<settings::VaultSettingsFile> own_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::string> said_;
};

TEST_F(SchedulerTest, MakesABackupWhenOneIsDue) {
  start();
  play();
  EXPECT_EQ(next(), "none");
  set(R"({"cron":"0 * * * *"})");
  play();
  EXPECT_EQ(next(), "2026-11-21 01:00:00");
  EXPECT_THAT(rig_->names(), IsEmpty());
  clock_.advance(5min + 12s);  // 00:59:59
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  clock_.advance(1s);
  play();
  EXPECT_THAT(rig_->names(), ElementsAre("@auto_pb_backup_corner_shop_20261121010000.zip"));
  EXPECT_EQ(next(), "2026-11-21 02:00:00");
  clock_.advance(59min);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  set(R"({"cron":""})");
  clock_.advance(2h);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "none");
}

TEST_F(SchedulerTest, ABusySlotIsTriedAgain) {
  start();
  set(R"({"cron":"0 1 * * *"})");
  play();
  std::optional<Lease> lease =
      Lease::take(rig_->directory->vault_folder(),
                  {.pid = 1, .kind = "restore", .name = {}, .since = clock_.now()})
          .value();
  clock_.advance(6min);
  play();
  clock_.advance(10s);
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("the backup that is due waits: ")));
  EXPECT_THAT(said_, SizeIs(2)) << "said once";
  lease.reset();
  clock_.advance(10s);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2026-11-22 01:00:00");
}

TEST_F(SchedulerTest, OneBackupServesAllThatWasDueBeforeIt) {
  start();
  set(R"({"cron":"* * * * *"})");
  play();
  clock_.advance(3h);
  play();
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2026-11-21 03:55:00");
}

TEST_F(SchedulerTest, WhatWasMissedIsMadeAtTheNextStart) {
  start();
  set(R"({"cron":"0 3 * * *"})");
  play();
  stop();
  clock_.advance(24h);
  start();
  play();
  EXPECT_THAT(rig_->names(), ElementsAre("@auto_pb_backup_corner_shop_20261122005447.zip"));
  EXPECT_THAT(said_, ::testing::Contains("a backup was due at 2026-11-21 03:00 UTC, when no server "
                                         "ran: it is made now"));
  EXPECT_EQ(next(), "2026-11-22 03:00:00");
  stop();
  start();
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1)) << "once";
}

TEST_F(SchedulerTest, NothingIsMissedBeforeItWasWanted) {
  start();
  set(R"({"cron":"0 3 * * *"})");
  stop();  // no tick saw it
  clock_.advance(240h);
  start();
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  stop();
  clock_.advance(24h);
  start();
  set(R"({"cron":"0 4 * * *"})");  // another timetable
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  EXPECT_EQ(next(), "2026-12-02 04:00:00");
}

TEST_F(SchedulerTest, WhatWasMissedIsLeftWhereTheOwnSettingsSaySo) {
  start();
  set(R"({"cron":"0 3 * * *"})");
  set_own(R"({"catchUp":false})");
  play();
  stop();
  clock_.advance(24h);
  start();
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  EXPECT_THAT(said_,
              ::testing::Contains("a backup was due at 2026-11-21 03:00 UTC, when no server ran"));
  EXPECT_EQ(next(), "2026-11-22 03:00:00");
}

TEST_F(SchedulerTest, WhatAnAppMadeMeanwhileWasNotMissed) {
  start();
  set(R"({"cron":"0 3 * * *"})");
  play();
  stop();
  put("@auto_pb_backup_corner_shop_20261121030000.zip", clock_.now() + 3h);
  clock_.advance(24h);
  start();
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2026-11-22 03:00:00");
}

TEST_F(SchedulerTest, PrunesTheOldestOfThoseThatAreMadeByThemselves) {
  start();
  set(R"({"cron":"0 1 * * *","cronMaxKeep":2})");
  play();
  const WallTime past = clock_.now() - 100h;
  put("@auto_pb_backup_a.zip", past + 3h);
  put("@auto_pb_backup_z.zip", past + 1h);
  put("@auto_pb_backup_m.txt", past + 2h);
  put("pb_backup_old.zip", past);
  put("@pre_restore_old.zip", past);
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(), UnorderedElementsAre("@auto_pb_backup_corner_shop_20261121010047.zip",
                                                  "@auto_pb_backup_a.zip", "pb_backup_old.zip",
                                                  "@pre_restore_old.zip"));
}

TEST_F(SchedulerTest, IsBegunByHand) {
  start();
  play();
  EXPECT_EQ(scheduler_->run("__pbAutoBackup__").error().code, Code::kNotFound) << "not set";
  EXPECT_EQ(scheduler_->run("x").error().code, Code::kNotFound);
  set(R"({"cron":"@yearly"})");
  play();
  EXPECT_THAT(scheduler_->jobs(), ElementsAre(CronJob{"__pbDBOptimize__", "0 0 * * *"},
                                              CronJob{"__pbMFACleanup__", "0 * * * *"},
                                              CronJob{"__pbOTPCleanup__", "0 * * * *"},
                                              CronJob{"__pbLogsCleanup__", "0 */6 * * *"},
                                              CronJob{"__pbAutoBackup__", "0 0 1 1 *"}));
  ASSERT_TRUE(scheduler_->run("__pbAutoBackup__").has_value());
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2027-01-01 00:00:00");
}

TEST_F(SchedulerTest, KeepsHouse) {
  start();
  rig_->change(
      "INSERT INTO _mfas (id, collectionRef, recordRef, method, created, updated) VALUES "
      "('old', 'pbc_3142635823', 'r', 'password', '2026-11-20 00:00:00.000Z', ''),"
      "('new', 'pbc_3142635823', 'r', 'password', '2026-11-21 00:54:00.000Z', '')");
  rig_->change(
      "INSERT INTO _otps (id, collectionRef, recordRef, password, sentTo, created, updated) VALUES "
      "('old', 'pbc_3142635823', 'r', '', '', '2026-11-20 00:00:00.000Z', ''),"
      "('new', 'pbc_3142635823', 'r', '', '', '2026-11-21 00:54:00.000Z', '')");
  const auto logs = [&](const std::string& sql) {
    return rig_->directory
        ->with_auxiliary<std::string>([&](sqlite::Connection& db) -> Result<std::string> {
          PV_TRY(const auto row, db.one(sql));
          return row ? sqlite::to_text(row->front()) : "";
        })
        .value();
  };
  logs("DELETE FROM _logs");
  logs(
      "INSERT INTO _logs (id, level, created) VALUES ('old', 0, '2026-11-15 00:00:00.000Z'), "
      "('low', -4, '2026-11-21 00:00:00.000Z'), ('new', 0, '2026-11-21 00:00:00.000Z')");
  play();
  EXPECT_EQ(rig_->ask("SELECT count(*) FROM _mfas"), "2");
  for (const char* id :
       {"__pbDBOptimize__", "__pbMFACleanup__", "__pbOTPCleanup__", "__pbLogsCleanup__"}) {
    ASSERT_TRUE(scheduler_->run(id).has_value());
  }
  play();
  EXPECT_EQ(rig_->ask("SELECT group_concat(id) FROM _mfas"), "new");
  EXPECT_EQ(rig_->ask("SELECT group_concat(id) FROM _otps"), "new");
  EXPECT_EQ(logs("SELECT group_concat(id) FROM _logs"), "new");
  clock_.advance(6min);  // past 01:00, when both clean-ups of sign-ins are due
  play();
  EXPECT_EQ(rig_->ask("SELECT group_concat(id) FROM _otps"), "");
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(SchedulerTest, SaysWhatIsWrongWithATimetable) {
  start();
  play();
  rig_->change(
      "UPDATE _params SET value = json_set(CAST(value AS TEXT), '$.backups.cron', '61 * * * *')");
  play();
  EXPECT_THAT(said_, ElementsAre(HasSubstr("no backups are made by themselves: backups.cron: ")));
  EXPECT_EQ(next(), "none");
}

TEST_F(SchedulerTest, BeginsLaterByChance) {
  start();
  set_own(R"({"jitterSeconds":99})");
  set(R"({"cron":"0 * * * *"})");
  play();
  const auto late = scheduler_->next_backup();
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(next(), "2026-11-21 01:01:35");  // 0xFFFFFFFF modulo 100 seconds
  clock_.advance(6min);                      // 01:00:47
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  clock_.advance(48s);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
}

TEST_F(SchedulerTest, AClockThatIsSetBackIsFollowed) {
  start();
  set(R"({"cron":"0 * * * *"})");
  play();
  clock_.advance(-48h);
  play();
  EXPECT_EQ(next(), "2026-11-19 01:00:00");
  const auto known =
      state::read_served(state::VaultDb{rig_->directory->vault_folder()}, std::string{kBackupCron});
  ASSERT_TRUE(known.has_value() && *known);
  EXPECT_EQ((*known)->until, clock_.now()) << "so that it is known what is missed from now on";
}

TEST_F(SchedulerTest, AClockThatIsSetBackDuringABackupIsFollowed) {
  start();
  set(R"({"cron":"0 * * * *"})");
  play();
  clock_.advance(6min);
  scheduler_->tick();
  clock_.advance(-48h);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2026-11-19 02:00:00");
}

TEST_F(SchedulerTest, TheBackupJustMadeIsNeverPruned) {
  start();
  set(R"({"cron":"0 1 * * *","cronMaxKeep":1})");
  play();
  put("@auto_pb_backup_of_a_wrong_clock.zip", system_clock().now() + 24h * 365);
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(), ElementsAre("@auto_pb_backup_corner_shop_20261121010047.zip"));
}

TEST_F(SchedulerTest, IsLeftToAnAppUnlessToldOtherwise) {
  start();
  set(R"({"cron":"0 * * * *"})");
  play();
  const auto open = [&](const char* name) {
    return "c" + std::string{name, 1} + " = sqlite3.connect('" + (pb_data_ / name).string() +
           "')\nc" + std::string{name, 1} + ".execute('SELECT * FROM sqlite_master').fetchall()\n";
  };
  {
    testing::OtherProcess look{"import sqlite3\n" + open("data.db") +
                               "print('ready', flush=True)\ninput()\n"};
    ASSERT_EQ(look.hear(), "ready");
    EXPECT_EQ(scheduler_->why_off(), "") << "who looks into data.db alone is no app";
  }
  testing::OtherProcess app{"import sqlite3\n" + open("data.db") + open("auxiliary.db") +
                            "print('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(app.hear(), "ready");
  EXPECT_THAT(scheduler_->why_off(), HasSubstr("left to python3 (process "));
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("the backup that is due is left to python3")));
  ASSERT_TRUE(scheduler_->run("__pbAutoBackup__").has_value());
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1)) << "asked for by hand";
  start({.beside_app = true});
  play();
  clock_.advance(1h);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(2));
}

}  // namespace
}  // namespace pv::jobs
