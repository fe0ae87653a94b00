#include "schedule/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <mutex>

#include "base/text.h"
#include "jobs/lease.h"
#include "jobs/vault_rig_testing.h"
#include "state/schedule.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"
#include "testing/tiny_backup.h"

namespace pv::schedule {
namespace {

using namespace std::chrono_literals;
using jobs::Kind;
using jobs::Lease;
using jobs::ListedBackup;
using jobs::LiveSettings;
using jobs::State;
using jobs::Status;
using jobs::VaultRig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
namespace json = boost::json;

const std::string kTinyBackup = testing::tiny_backup();

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
    rig_ = std::make_unique<VaultRig>(
        VaultRig::Setup{.pb_data = pb_data_,
                        .clock = clock_,
                        .options = {.observer = observer_},
                        .hook = [this](std::string_view call) -> Result<void> {
                          if (call == "create" && cancelled_) {
                            return fail(Code::kCancelled, "somebody does not want it");
                          }
                          if (call == "stat" && unknown_) {
                            return fail(Code::kUnavailable, "the disk is away");
                          }
                          if (call == "open" && unreadable_) {
                            return fail(Code::kUnavailable, "the disk is away");
                          }
                          return {};
                        }});
    settings_ = std::make_unique<LiveSettings>(*rig_->directory, "", clock_, system_random());
    own_ = std::make_unique<settings::VaultSettingsFile>(rig_->directory->vault_folder());
    options.say = [this](bool /*is_warning*/, const std::string& what) { said_.push_back(what); };
    scheduler_ = std::make_unique<Scheduler>(*rig_->vault, *settings_, *own_, clock_, random_,
                                             std::move(options));
  }
  // A server that took up a daily timetable, and is gone.
  void take_up_and_stop() {
    start();
    set(R"({"cron":"0 3 * * *"})");
    play();
    stop();
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
  void set_own(const std::string& section, const std::string& name = "schedule") {
    const auto changed =
        own_->change({json::parse("{\"" + name + "\":" + section + "}").get_object()});
    ASSERT_TRUE(changed.has_value() && changed->faults.empty());
  }
  // Another's work, for as long as this is held.
  [[nodiscard]] Lease be_busy() {
    return Lease::take(rig_->directory->vault_folder(),
                       {.pid = 1, .kind = "restore", .name = {}, .since = clock_.now()})
        .value();
  }
  // Ticks until nothing is at work.
  void play() {
    settings_->refresh();  // as the server does, on another thread
    scheduler_->tick();
    for (const auto& job : rig_->vault->jobs()) { job->wait(); }
    scheduler_->tick();
  }
  [[nodiscard]] std::string next() const {
    const auto time = scheduler_->next_backup();
    return time ? format_pocketbase_date(*time).substr(0, 19) : "none";
  }
  // Of vault.db; one of a newer version can't be read.
  void version(int version) {
    auto connection =
        *sqlite::Connection::open(pb_data_ / ".pocketvault/vault.db", {.one_file = true});
    ASSERT_TRUE(connection.exec("PRAGMA user_version=" + std::to_string(version)).has_value());
  }
  void put(const std::string& name, WallTime modified, const std::string& content = kTinyBackup) {
    testing::write_file(pb_data_ / "backups" / name, content);
    touch(name, modified);
  }
  void touch(const std::string& name, WallTime modified) {
    std::filesystem::last_write_time(
        pb_data_ / "backups" / name,
        std::chrono::file_clock::from_sys(
            std::chrono::time_point_cast<std::chrono::system_clock::duration>(modified)));
  }

  // For another program: opens the database, and reads it once.
  [[nodiscard]] std::string open(const char* name) const {
    return "c" + std::string{name, 1} + " = sqlite3.connect('" + (pb_data_ / name).string() +
           "')\nc" + std::string{name, 1} + ".execute('SELECT * FROM sqlite_master').fetchall()\n";
  }

  std::function<void(const Status&)> observer_;
  bool cancelled_ = false;  // each backup
  bool unreadable_ = false;
  bool unknown_ = false;
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
  std::optional<Lease> lease = be_busy();
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

TEST_F(SchedulerTest, WhatWaitsIsMadeThoughTheTimetableChanges) {
  start();
  set(R"({"cron":"0 1 * * *"})");
  play();
  std::optional<Lease> lease = be_busy();
  clock_.advance(6min);
  play();
  set(R"({"cron":"0 3 * * *"})");
  play();
  lease.reset();
  clock_.advance(10s);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2026-11-21 03:00:00");

  lease.emplace(be_busy());
  clock_.advance(2h);
  play();
  set(R"({"cron":""})");
  play();
  lease.reset();
  clock_.advance(10s);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(said_.back(),
            "the backup that waits is not made: backups.cron does not ask for it now");
}

TEST_F(SchedulerTest, WhatWaitsThoughTheTimetableChangedOutlivesARestart) {
  start();
  set(R"({"cron":"0 1 * * *"})");
  play();
  std::optional<Lease> lease = be_busy();
  clock_.advance(6min);
  play();
  set(R"({"cron":"0 3 * * *"})");
  play();
  lease.reset();
  said_.clear();
  start();
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_THAT(said_,
              ::testing::Contains(HasSubstr("waited when the server ended: it is made now")));
  EXPECT_EQ(next(), "2026-11-21 03:00:00");
  start();
  clock_.advance(1min);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1)) << "once";
}

// A disk that is not mounted when the backup is due.
TEST_F(SchedulerTest, WhatCannotBeginIsAFailureAndIsTriedAgain) {
  start();
  set(R"({"cron":"0 * * * *"})");
  play();
  const fs::Path backups = pb_data_ / "backups";
  std::filesystem::remove_all(backups);
  std::filesystem::create_symlink("/nonexistent/disk", backups);
  clock_.advance(1h);
  play();
  ASSERT_THAT(said_, ::testing::Contains(HasSubstr("could not be begun, and is tried again")));
  const auto past = rig_->vault->history(10).value();
  ASSERT_EQ(past.size(), 1U);
  EXPECT_EQ(past[0].outcome, "failed");
  EXPECT_TRUE(past[0].is_scheduled);
  EXPECT_THAT(past[0].error, HasSubstr("No such file"));
  clock_.advance(6min);
  play();
  EXPECT_EQ(rig_->vault->history(10)->size(), 1U) << "told once";
  std::filesystem::remove(backups);
  clock_.advance(6min);
  play();
  EXPECT_EQ(rig_->vault->history(10)->size(), 2U);
  EXPECT_EQ(rig_->names().size(), 1U);
}

TEST_F(SchedulerTest, OneThatWasCancelledIsMissedAndIsNotBegunAgainByItself) {
  start();
  set(R"({"cron":"0 3 * * *"})");
  play();
  ASSERT_EQ(rig_->back_up("before.zip").state, State::kSucceeded);
  touch("before.zip", clock_.now());
  clock_.advance(3h);
  cancelled_ = true;
  play();
  ASSERT_EQ(rig_->vault->history(1)->front().outcome, "cancelled");
  cancelled_ = false;
  clock_.advance(1min);
  play();
  EXPECT_THAT(rig_->names(), ElementsAre("before.zip"));
  EXPECT_EQ(next(), "2026-11-22 03:00:00");
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()), "") << "an hour late is fine";
  clock_.advance(1h);
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()),
            "the backup that was due at 2026-11-21 03:00:00.000Z was missed");
  start();
  play();
  EXPECT_THAT(rig_->names(), SizeIs(2)) << "a new server makes what was missed";
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()), "");
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
  take_up_and_stop();
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

TEST_F(SchedulerTest, WhatWasMissedStaysSoThoughTheTimetableChanges) {
  start();
  set(R"({"cron":"0 3 * * *"})");
  set_own(R"({"catchUp":false})");
  play();
  ASSERT_EQ(rig_->back_up("before.zip").state, State::kSucceeded);
  touch("before.zip", clock_.now());
  clock_.advance(6h);
  start();
  play();
  const std::string missed = "the backup that was due at 2026-11-21 03:00:00.000Z was missed";
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()), missed);
  set(R"({"cron":"0 4 * * *"})");
  play();
  EXPECT_EQ(next(), "2026-11-22 04:00:00");
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()), missed);
  set(R"({"cron":""})");
  play();
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()), "") << "nobody asks for any";
  set(R"({"cron":"0 5 * * *"})");
  play();
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()), "");
  clock_.advance(24h);
  start();
  play();
  set(R"({"cron":"0 8 * * *"})");
  play();
  EXPECT_THAT(jobs::risk_of(*rig_->vault->overview()), HasSubstr("due at 2026-11-22 05:00"));
  clock_.advance(2h);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(2));
  EXPECT_EQ(jobs::risk_of(*rig_->vault->overview()), "") << "one was made";
}

TEST_F(SchedulerTest, WhatWasMissedIsMadeAsSoonAsItIsKnown) {
  take_up_and_stop();
  clock_.advance(24h);
  version(99);
  start();
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  EXPECT_EQ(next(), "2026-11-22 03:00:00") << "what is due from now on is made all the same";
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("not known yet what was missed: vault.db was "
                                                   "made by a newer pocketvault")));
  version(5);
  clock_.advance(10s);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_THAT(said_, ::testing::Contains("a backup was due at 2026-11-21 03:00 UTC, when no server "
                                         "ran: it is made now"));
}

TEST_F(SchedulerTest, WhatIsDueWhileItIsNotKnownWhatWasDoneIsMade) {
  take_up_and_stop();
  version(99);
  start();
  play();
  clock_.advance(2h + 6min);  // 03:00:47
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2026-11-22 03:00:00");
}

TEST_F(SchedulerTest, WhatAnAppMadeMeanwhileWasNotMissed) {
  take_up_and_stop();
  put("@auto_pb_backup_corner_shop_20261121030000.zip", clock_.now() + 3h);
  clock_.advance(24h);
  start();
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1));
  EXPECT_EQ(next(), "2026-11-22 03:00:00");
}

TEST_F(SchedulerTest, WhatDoesNotCountMakesUpForNothing) {
  take_up_and_stop();
  put("@auto_pb_backup_cut_short.zip", clock_.now() + 3h, "PK\x03\x04 and no end");
  put("@auto_pb_backup_of_a_wrong_clock.zip", clock_.now() + 24h * 365);
  clock_.advance(24h);
  start();
  const jobs::Overview overview = rig_->vault->overview().value();
  EXPECT_EQ(jobs::risk_of(overview),
            "the backup that was due at 2026-11-21 03:00:00.000Z was missed");
  play();
  EXPECT_THAT(rig_->names(), ::testing::Contains("@auto_pb_backup_corner_shop_20261122005447.zip"));
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("a backup was due at 2026-11-21 03:00 UTC")));
}

// An app made the first of those that were due, and no other.
TEST_F(SchedulerTest, OneThatWasMadeMakesUpForThoseBeforeItAlone) {
  take_up_and_stop();
  put("@auto_pb_backup_corner_shop_20261121030000.zip", clock_.now() + 3h);
  clock_.advance(48h);
  start();
  play();
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("a backup was due at 2026-11-22 03:00 UTC")));
  EXPECT_THAT(rig_->names(), SizeIs(2));
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

TEST_F(SchedulerTest, PinsAndTheLastVerifiedOutliveTheCount) {
  start();
  set(R"({"cron":"0 1 * * *","cronMaxKeep":1})");
  play();
  for (const char* name : {"pinned", "gone", "verified"}) {
    ASSERT_EQ(rig_->back_up("@auto_pb_backup_" + std::string{name} + ".zip").state,
              State::kSucceeded);
    touch("@auto_pb_backup_" + std::string{name} + ".zip", clock_.now() - 24h);
  }
  const auto pinned = store::BackupName::parse("@auto_pb_backup_pinned.zip").value();
  ASSERT_TRUE(rig_->vault->pin(pinned, "keep").has_value());
  ASSERT_EQ(rig_->verify("@auto_pb_backup_verified.zip").state, State::kSucceeded);
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(),
              UnorderedElementsAre("@auto_pb_backup_corner_shop_20261121010047.zip",
                                   "@auto_pb_backup_pinned.zip", "@auto_pb_backup_verified.zip"));
}

TEST_F(SchedulerTest, ARetentionDecidesInThePlaceOfTheCount) {
  start();
  set(R"({"cron":"0 1 * * *","cronMaxKeep":1})");
  set_own(R"({"keepDaily":2,"keepMonthly":2})", "retention");
  play();
  ASSERT_EQ(rig_->back_up("@auto_pb_backup_today.zip").state, State::kSucceeded);
  touch("@auto_pb_backup_today.zip", clock_.now());
  put("@auto_pb_backup_yesterday.zip", clock_.now() - 24h);
  put("@auto_pb_backup_before.zip", clock_.now() - 48h);
  put("@auto_pb_backup_october.zip", clock_.now() - 24h * 30);
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(),
              UnorderedElementsAre("@auto_pb_backup_corner_shop_20261121010047.zip",
                                   "@auto_pb_backup_today.zip", "@auto_pb_backup_yesterday.zip",
                                   "@auto_pb_backup_october.zip"));
  EXPECT_THAT(said_, ::testing::Contains("the retention (keeps 2 daily, 2 monthly) says which "
                                         "backups are pruned, not backups.cronMaxKeep"));
  EXPECT_THAT(said_, ::testing::Contains("pruned @auto_pb_backup_before.zip"));
}

TEST_F(SchedulerTest, WhereItIsNotKnownWhatToKeepNothingGoes) {
  start();
  set(R"({"cron":"0 1 * * *","cronMaxKeep":1})");
  play();
  put("@auto_pb_backup_old.zip", clock_.now() - 24h);
  testing::write_file(pb_data_ / ".pocketvault/settings.json",
                      R"({"retention":{"keepDaily":"7"}})");
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(2));
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("not known which are to be kept: settings.json: "
                                                   "retention.keepDaily: ")));
  testing::write_file(pb_data_ / ".pocketvault/settings.json", "{}");
  // Pins that are lost: vault.db is another one by now, as it is noted what was done.
  testing::write_file(pb_data_ / ".pocketvault/pinned", "");
  clock_.advance(24h);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(3));
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("old backups can't be pruned: nothing is "
                                                   "removed, for it is not known what is pinned")));
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
  const auto known = state::read_served(state::VaultDb{rig_->directory->vault_folder()},
                                        std::string{state::kBackupCron});
  ASSERT_TRUE(known.has_value() && *known);
  EXPECT_EQ((*known)->until, clock_.now()) << "so that it is known what is missed from now on";
}

TEST_F(SchedulerTest, WhatWasMissedStaysSoThoughTheClockIsSetBack) {
  take_up_and_stop();
  clock_.advance(72h);
  start();
  set_own(R"({"catchUp":false})");
  play();
  const auto risk = [&] { return jobs::risk_of(rig_->vault->overview().value()); };
  const std::string missed = "the backup that was due at 2026-11-21 03:00:00.000Z was missed";
  ASSERT_EQ(risk(), missed);
  clock_.advance(-2min);
  play();
  EXPECT_EQ(risk(), missed);
  EXPECT_EQ(next(), "2026-11-24 03:00:00");
}

// Somebody's clock was a year ahead while a server ran.
TEST_F(SchedulerTest, ANoteOfATimeToComeIsPutRight) {
  start();
  ASSERT_EQ(rig_->back_up("a.zip").state, State::kSucceeded);
  clock_.advance(24h * 365);
  set(R"({"cron":"0 3 * * *"})");
  play();
  stop();
  clock_.advance(-24h * 300);
  const jobs::Health health =
      jobs::look_at_health(pb_data_ / ".pocketvault", std::nullopt, clock_.now());
  ASSERT_TRUE(health.timetable.missed.has_value()) << "whoever looks from outside sees that";
  EXPECT_EQ(format_pocketbase_date(*health.timetable.missed), "2026-11-21 03:00:00.000Z");
  start();
  play();
  const auto known = state::read_served(state::VaultDb{rig_->directory->vault_folder()},
                                        std::string{state::kBackupCron});
  ASSERT_TRUE(known.has_value() && *known);
  EXPECT_EQ((*known)->until, clock_.now());
}

// With a delay of up to six hours every twelfth run would be made else.
TEST_F(SchedulerTest, ADelayByChanceLeavesOutNoRun) {
  start();
  set_own(R"({"jitterSeconds":21600})");
  set(R"({"cron":"0 * * * *"})");
  play();
  EXPECT_EQ(next(), "2026-11-21 01:30:00");
  clock_.advance(40min);
  play();
  EXPECT_EQ(next(), "2026-11-21 02:30:00");
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
  EXPECT_THAT(rig_->names(), ElementsAre("@auto_pb_backup_corner_shop_20261121010047.zip",
                                         "@auto_pb_backup_of_a_wrong_clock.zip"));
}

TEST_F(SchedulerTest, WhatIsAskedForByHandStaysSoWhenItCannotBegin) {
  start();
  set(R"({"cron":"@yearly"})");
  play();
  testing::OtherProcess app{"import sqlite3\n" + open("data.db") + open("auxiliary.db") +
                            "print('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(app.hear(), "ready");
  const fs::Path backups = pb_data_ / "backups";
  std::filesystem::create_symlink("/nonexistent/disk", backups);
  ASSERT_TRUE(scheduler_->run("__pbAutoBackup__").has_value());
  play();
  ASSERT_THAT(said_, ::testing::Contains(HasSubstr("could not be begun, and is tried again")));
  std::filesystem::remove(backups);
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1)) << "not left to the app, which nobody asked";
}

TEST_F(SchedulerTest, KeepsHouseBesideAnAppWhereItIsAskedTo) {
  start();
  rig_->change(
      "INSERT INTO _otps (id, collectionRef, recordRef, password, sentTo, created, updated) VALUES "
      "('old', 'pbc_3142635823', 'r', '', '', '2026-11-20 00:00:00.000Z', '')");
  play();
  testing::OtherProcess app{"import sqlite3\n" + open("data.db") + open("auxiliary.db") +
                            "print('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(app.hear(), "ready");
  clock_.advance(6min);  // past 01:00, when it is due
  play();
  EXPECT_EQ(rig_->ask("SELECT group_concat(id) FROM _otps"), "old") << "the app does it";
  ASSERT_TRUE(scheduler_->run("__pbOTPCleanup__").has_value());
  play();
  EXPECT_EQ(rig_->ask("SELECT group_concat(id) FROM _otps"), "");
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(SchedulerTest, IsLeftToAnAppUnlessToldOtherwise) {
  start();
  set(R"({"cron":"0 * * * *"})");
  play();
  {
    testing::OtherProcess look{"import sqlite3\n" + open("data.db") +
                               "print('ready', flush=True)\ninput()\n"};
    ASSERT_EQ(look.hear(), "ready");
    EXPECT_EQ(scheduler_->why_off(), "") << "who looks into data.db alone is no app";
  }
  std::optional<testing::OtherProcess> app;
  app.emplace("import sqlite3\n" + open("data.db") + open("auxiliary.db") +
              "print('ready', flush=True)\ninput()\n");
  ASSERT_EQ(app->hear(), "ready");
  EXPECT_THAT(scheduler_->why_off(), HasSubstr("left to python3 (process "));
  clock_.advance(6min);
  play();
  EXPECT_THAT(rig_->names(), IsEmpty());
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("the backup that is due is left to python3")));
  said_.clear();
  start();
  play();
  EXPECT_THAT(said_, ElementsAre(HasSubstr("backups by the clock (0 * * * *) are left to python3")))
      << "said at once";
  clock_.advance(2h);
  play();
  EXPECT_THAT(said_, SizeIs(1)) << "once";
  jobs::Overview overview = rig_->vault->overview().value();
  EXPECT_THAT(overview.health.timetable.off_because, HasSubstr("left to python3 (process "));
  EXPECT_EQ(jobs::risk_of(overview),
            "the backup that was due at 2026-11-21 01:00:00.000Z was missed")
      << "the app made none";
  put("@auto_pb_backup_corner_shop_20261121030000.zip", clock_.now() - 1min);
  overview = rig_->vault->overview().value();
  EXPECT_EQ(jobs::risk_of(overview), "") << "now it did";
  std::filesystem::remove(pb_data_ / "backups/@auto_pb_backup_corner_shop_20261121030000.zip");
  ASSERT_TRUE(scheduler_->run("__pbAutoBackup__").has_value());
  play();
  EXPECT_THAT(rig_->names(), SizeIs(1)) << "asked for by hand";
  start({.beside_app = true});
  play();
  EXPECT_EQ(rig_->vault->overview()->health.timetable.off_because, "") << "not left to it";
  clock_.advance(1h);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(2));
  start();
  play();
  app.reset();
  clock_.advance(1h);
  play();
  EXPECT_THAT(rig_->names(), SizeIs(3));
  EXPECT_THAT(said_, ::testing::Contains("backups are made by themselves again, for the app is "
                                         "gone"));
}

// The names that were verified, in order, with what was asked for.
class VerificationTest : public SchedulerTest {
 protected:
  VerificationTest() {
    observer_ = [this](const Status& status) {
      if (status.kind != Kind::kVerify || status.finished) { return; }
      const std::lock_guard lock{mutex_};
      verified_.push_back(status.name);
    };
  }
  // Real backups, `days` old.
  void back_up(const std::string& name, int days) {
    ASSERT_EQ(rig_->back_up(name).state, State::kSucceeded);
    touch(name, clock_.now() - days * 24h);
  }
  void play_all() {
    for (int i = 0; i < 6; ++i) {
      scheduler_->tick();
      scheduler_->tick();
      EXPECT_LE(std::ranges::count_if(rig_->vault->jobs(),
                                      [](const auto& job) { return !job->finished(); }),
                1);
      play();
    }
  }
  // Of verifications, newest first.
  [[nodiscard]] std::vector<State> outcomes() {
    std::vector<State> states;
    for (const auto& job : rig_->vault->jobs()) {
      const Status status = job->status();
      if (status.kind == Kind::kVerify) { states.push_back(status.state); }
    }
    return states;
  }
  [[nodiscard]] std::vector<std::string> verified() {
    const std::lock_guard lock{mutex_};
    return std::exchange(verified_, {});
  }
  [[nodiscard]] std::string next_verification() const {
    const auto time = scheduler_->verifications().next();
    return time ? format_pocketbase_date(*time).substr(0, 19) : "none";
  }

  std::mutex mutex_;
  std::vector<std::string> verified_;
};

TEST_F(VerificationTest, LooksAtTheNewestAndTheOneVerifiedLongestAgo) {
  start();
  play();
  EXPECT_EQ(next_verification(), "2026-11-22 04:30:00") << "Sunday, if nothing is said";
  for (int day = 0; day < 4; ++day) { back_up("day" + std::to_string(day) + ".zip", day); }
  clock_.advance(27h);
  play();
  EXPECT_THAT(verified(), IsEmpty());
  clock_.advance(37min);  // past 04:30
  play_all();
  EXPECT_THAT(verified(), ElementsAre("day0.zip", "day1.zip"));
  EXPECT_EQ(next_verification(), "2026-11-29 04:30:00");
  EXPECT_THAT(scheduler_->jobs(), SizeIs(4)) << "PocketBase's list has no more";
  const auto past = rig_->vault->history(1).value();
  ASSERT_THAT(past, SizeIs(1));
  EXPECT_EQ(past.front().kind, "verify");
  EXPECT_TRUE(past.front().is_scheduled);
  const jobs::Listing listing = rig_->vault->list().value();
  ASSERT_TRUE(listing.backups.front().verdict);
  EXPECT_EQ(listing.backups.front().verdict->depth, state::Depth::kDeep);

  clock_.advance(7 * 24h);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("day0.zip", "day2.zip"));
  set_own(R"({"cron":"0 5 * * *","sampleCount":2,"deep":false})", "verification");
  play();
  clock_.advance(24h);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("day0.zip", "day3.zip", "day1.zip"));
  set_own(R"({"cron":""})", "verification");
  clock_.advance(24h * 30);
  play_all();
  EXPECT_THAT(verified(), IsEmpty());
  EXPECT_EQ(next_verification(), "none");
}

TEST_F(VerificationTest, TellsOfDamageAndGoesOn) {
  start();
  play();
  back_up("a.zip", 1);
  back_up("b.zip", 0);
  const fs::Path path = pb_data_ / "backups/b.zip";
  std::string bytes = testing::read_file(path);
  bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
  testing::write_file(path, bytes);
  touch("b.zip", clock_.now());
  clock_.advance(28h);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("b.zip", "a.zip"));
  EXPECT_THAT(outcomes(), ElementsAre(State::kSucceeded, State::kFailed));
  const jobs::Overview overview = rig_->vault->overview().value();
  ASSERT_THAT(overview.damaged, SizeIs(1));
  EXPECT_THAT(jobs::risk_of(overview), HasSubstr("a verification found b.zip damaged: "));
  EXPECT_EQ(overview.newest->name.text(), "a.zip");
  EXPECT_EQ(overview.health.verification.expression, "30 4 * * 0");
  clock_.advance(7 * 24h);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("a.zip")) << "what is known to be damaged is not read again";
}

TEST_F(VerificationTest, WhatWasMissedOrCutOffIsMadeUpFor) {
  start();
  play();
  back_up("a.zip", 0);
  stop();
  clock_.advance(48h);
  start();
  rig_->vault->shut_down();
  play();
  EXPECT_THAT(verified(), IsEmpty());
  stop();
  start();
  play_all();
  EXPECT_THAT(verified(), ElementsAre("a.zip"));
  stop();
  start();
  play_all();
  EXPECT_THAT(verified(), IsEmpty()) << "once";
}

TEST_F(VerificationTest, WhatCouldNotBeLookedAtIsTriedAgain) {
  start();
  play();
  back_up("a.zip", 0);
  back_up("b.zip", 1);
  unreadable_ = true;
  clock_.advance(28h);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("a.zip", "b.zip"));
  EXPECT_EQ(next_verification(), "2026-11-22 04:30:00") << "it is not done";
  clock_.advance(59min);
  play_all();
  EXPECT_THAT(verified(), IsEmpty());
  unreadable_ = false;
  clock_.advance(2min);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("a.zip", "b.zip"));
  EXPECT_EQ(next_verification(), "2026-11-29 04:30:00");
}

TEST_F(VerificationTest, WhatCouldNotBeginIsTriedAgain) {
  start();
  play();
  back_up("a.zip", 0);
  unknown_ = true;
  clock_.advance(28h);
  play_all();
  EXPECT_THAT(verified(), IsEmpty());
  EXPECT_EQ(next_verification(), "2026-11-22 04:30:00") << "it is not done";
  unknown_ = false;
  clock_.advance(61min);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("a.zip"));
  EXPECT_EQ(next_verification(), "2026-11-29 04:30:00");
}

TEST_F(VerificationTest, WhatCanNeverBeLookedAtIsLeftInTheEnd) {
  start();
  play();
  back_up("a.zip", 0);
  unreadable_ = true;
  clock_.advance(28h);
  for (int i = 0; i < 6; ++i, clock_.advance(61min)) { play_all(); }
  EXPECT_THAT(verified(), SizeIs(4));
  EXPECT_THAT(said_,
              ::testing::Contains(HasSubstr("could not be, and are left for the next time")));
  EXPECT_EQ(next_verification(), "2026-11-29 04:30:00");
}

TEST_F(VerificationTest, WaitsForABackupOrARestore) {
  start();
  play();
  back_up("a.zip", 0);
  std::optional<Lease> lease = be_busy();
  clock_.advance(28h);
  play_all();
  EXPECT_THAT(verified(), IsEmpty());
  lease.reset();
  clock_.advance(10s);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("a.zip"));
}

TEST_F(VerificationTest, WhatWasMissedIsMadeUpForAsSoonAsItIsKnown) {
  start();
  play();
  back_up("a.zip", 0);
  stop();
  clock_.advance(48h);
  version(99);
  start();
  play_all();
  EXPECT_THAT(verified(), IsEmpty());
  version(5);
  clock_.advance(10s);
  play_all();
  EXPECT_THAT(verified(), ElementsAre("a.zip"));
}

ListedBackup listed(const std::string& name, WallTime modified,
                    std::optional<WallTime> verified = std::nullopt, bool is_sound = true) {
  ListedBackup one{.backup = {.name = store::BackupName::parse(name).value(),
                              .size_bytes = 1,
                              .modified = modified,
                              .content_type = {}},
                   .verdict = std::nullopt};
  if (verified) {
    one.verdict = state::Verdict{.is_sound = is_sound, .at = *verified, .records = std::nullopt};
  }
  return one;
}

TEST(ChooseToVerify, TakesThoseThatAreLookedAtLeast) {
  const WallTime now{std::chrono::seconds{1'795'222'487}};
  const std::vector<ListedBackup> all{
      listed("old.zip", now - 9h),
      listed("middle.zip", now - 8h),
      listed("seen.zip", now - 7h, now - 1h),
      listed("seen_before.zip", now - 6h, now - 2h),
      listed("damaged.zip", now - 1h, now - 3h, false),
      listed("newest.zip", now - 3h, now - 4h),
      listed("future.zip", now + 24h, now - 1min),
      listed("@pre_restore_x.zip", now - 2h, now - 1min),
  };
  const auto chosen = [&](std::size_t samples) {
    std::string names;
    for (const store::BackupName& name : choose_to_verify(all, samples, now)) {
      names += (names.empty() ? "" : " ") + name.text();
    }
    return names;
  };
  EXPECT_EQ(chosen(0), "newest.zip");
  EXPECT_EQ(chosen(1), "newest.zip middle.zip");
  EXPECT_EQ(chosen(4), "newest.zip middle.zip old.zip seen_before.zip seen.zip");
  EXPECT_EQ(choose_to_verify({}, 3, now).size(), 0U);
}

}  // namespace
}  // namespace pv::schedule
