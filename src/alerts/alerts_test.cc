#include "alerts/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <set>

#include "jobs/live_settings.h"
#include "jobs/vault_rig_testing.h"
#include "state/schedule.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"

namespace pv::alerts {
namespace {

using namespace std::chrono_literals;
using jobs::State;
using jobs::VaultRig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
namespace json = boost::json;

// As long as it lives, no file of this process grows.
class FullDisk {
 public:
  FullDisk() : handler_{std::signal(SIGXFSZ, SIG_IGN)} {
    PV_ASSERT(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    PV_ASSERT(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

// A server's directory whose clock stands still; what is sent is noted here.
class AlertsTest : public ::testing::Test {
 protected:
  AlertsTest() {
    std::filesystem::remove_all(pb_data_ / "backups");
    start();
  }

  // Another process on the directory, after the one before.
  void start() {
    alerts_.reset();
    mailer_.reset();
    own_.reset();
    rig_.reset();
    rig_ = std::make_unique<VaultRig>(
        VaultRig::Setup{.pb_data = pb_data_,
                        .clock = clock_,
                        .hook = [this](std::string_view call) -> Result<void> {
                          if (call == "create" && full_) {
                            return fail(Code::kNoSpace, "the disk is full");
                          }
                          if (call == "list" && unlisted_) {
                            return fail(Code::kUnavailable, "away");
                          }
                          if (call == "stat" && unasked_) { return fail(*unasked_); }
                          return {};
                        }});
    own_ = std::make_unique<settings::VaultSettingsFile>(rig_->directory->vault_folder());
    mailer_ = std::make_unique<Mailer>(*rig_->directory, clock_, system_random(), MailerOptions{});
    AlertsOptions options;
    options.say = [this](bool /*is_warning*/, const std::string& what) { said_ += what + "\n"; };
    options.send = [this](const Channel& channel, const notify::Notice& notice,
                          const std::stop_token& stop) -> Result<void> {
      if (channel.id == away_) { return fail(code_, "no route to host"); }
      std::unique_lock lock{mutex_};
      if (channel.id == silent_) {
        hanging_ = true;
        changed_.notify_all();
        changed_.wait(lock, stop, [&] { return silent_.empty(); });
        hanging_ = false;
        if (!silent_.empty()) { return fail(Code::kCancelled, "told to stop"); }
      }
      last_ = notice;
      sent_.push_back(channel.id + " " + notify::subject_of(notice));
      changed_.notify_all();
      return {};
    };
    alerts_ = std::make_unique<Alerts>(*rig_->vault, *mailer_, *own_, clock_, std::move(options));
  }

  void set(const std::string& alerts) {
    const auto changed = own_->change({json::parse("{\"alerts\":" + alerts + "}").get_object()});
    ASSERT_TRUE(changed.has_value() && changed->faults.empty());
  }
  // What one look sends.
  std::vector<std::string> run() {
    sent_.clear();
    std::ignore = alerts_->run({});
    alerts_->wait();
    std::vector<std::string> sent = sent_;
    // Channels come in any order, what goes to one of them in its own.
    std::ranges::stable_sort(sent, {},
                             [](const std::string& one) { return one.substr(0, one.find(' ')); });
    rest_ = alerts_->run({});
    alerts_->wait();
    EXPECT_EQ(sent_.size(), sent.size()) << "a second look has nothing to send";
    return sent;
  }
  // Has one look's notices sent until `silent` hangs, and somebody else has been sent `count`.
  void run_beside_silent(std::size_t count) {
    std::ignore = alerts_->run({});
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return hanging_ && sent_.size() == count; });
  }
  void answer_again() {
    const std::lock_guard lock{mutex_};
    silent_.clear();
    changed_.notify_all();
  }
  void back_up(bool fails) {
    full_ = fails;
    const std::string name = "n" + std::to_string(++made_) + ".zip";
    const jobs::Status status = rig_->back_up(name);
    ASSERT_EQ(status.state, fails ? State::kFailed : State::kSucceeded) << why(status);
    if (!fails) {
      std::filesystem::last_write_time(
          pb_data_ / "backups" / name,
          std::chrono::file_clock::from_sys(
              std::chrono::time_point_cast<std::chrono::system_clock::duration>(clock_.now())));
    }
  }
  // Of vault.db.
  void version(int version) {
    auto connection =
        *sqlite::Connection::open(rig_->directory->vault_folder() / "vault.db", {.one_file = true});
    ASSERT_TRUE(connection.exec("PRAGMA user_version=" + std::to_string(version)).has_value());
  }
  // As a server notes that it takes up a timetable now.
  void adopt(const std::string& expression) {
    ASSERT_TRUE(state::note_served(state::VaultDb{rig_->directory->vault_folder()},
                                   std::string{state::kBackupCron}, {expression, clock_.now()}, {})
                    .has_value());
  }
  std::string outcomes() {
    std::string text;
    const json::object report = *alerts_->report();
    for (const json::value& one : report.at("deliveries").get_array()) {
      text += std::string{one.at("kind").get_string()} + ":" +
              std::string{one.at("state").get_string()} + ":" +
              std::to_string(one.at("attempts").get_int64()) + " ";
    }
    return text;
  }

  testing::TempFolder folder_;
  fs::Path pb_data_ = testing::unpack_pb_data("0.36.6", folder_.path());
  testing::FakeClock clock_;
  bool full_ = false;             // of the store
  bool unlisted_ = false;         // of the store
  std::optional<Error> unasked_;  // what the store says of a name
  std::string away_;
  std::mutex mutex_;  // of what the threads that send share
  std::condition_variable_any changed_;
  std::string silent_;  // takes the connection, and says nothing
  bool hanging_ = false;
  Code code_ = Code::kUnavailable;
  int made_ = 0;
  std::unique_ptr<VaultRig> rig_;
  std::unique_ptr<settings::VaultSettingsFile> own_;
  std::unique_ptr<Mailer> mailer_;
  std::unique_ptr<Alerts> alerts_;
  std::vector<std::string> sent_;
  notify::Notice last_;
  std::chrono::seconds rest_{0};
  std::string said_;
};

constexpr const char* kTeam = R"({"webhooks":[{"name":"Team","url":"https://h.example/x"}]})";

TEST_F(AlertsTest, TellOnceRemindAndTellOnceThatItIsOver) {
  set(kTeam);
  EXPECT_THAT(run(), IsEmpty());
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed"));
  EXPECT_THAT(last_.text, HasSubstr("the disk is full"));
  EXPECT_FALSE(last_.is_good);
  clock_.advance(1h);
  back_up(true);
  EXPECT_THAT(run(), IsEmpty()) << "it lasts";
  clock_.advance(23h - 1min);
  EXPECT_THAT(run(), IsEmpty());
  clock_.advance(1min);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Reminder: Backup failed"));
  clock_.advance(1h);
  EXPECT_THAT(run(), IsEmpty());
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backups are well again"));
  EXPECT_TRUE(last_.is_good);
  clock_.advance(24h * 3);
  EXPECT_THAT(run(), IsEmpty());
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed")) << "anew";
}

TEST_F(AlertsTest, ABackupByHandThatCannotBeginIsToldAsOneThatFailed) {
  set(kTeam);
  unasked_ = Error{Code::kDenied, "access is denied"};
  EXPECT_FALSE(rig_->vault->start_backup({.name = "a.zip"}).has_value());
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed"));
  EXPECT_THAT(last_.text, StartsWith("The backup failed at "));
  EXPECT_THAT(last_.text, HasSubstr("access is denied."));
  unasked_.reset();
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backups are well again"));
}

TEST_F(AlertsTest, AnOrderThatMakesNoSenseIsNoFailure) {
  set(kTeam);
  back_up(false);
  std::ignore = run();
  EXPECT_FALSE(rig_->vault->start_backup({.name = "n1.zip"}).has_value()) << "taken";
  EXPECT_FALSE(rig_->vault->start_backup({.name = "../a.zip"}).has_value());
  unasked_ = Error{Code::kBusy, "another job is at it"};
  EXPECT_FALSE(rig_->vault->start_backup({.name = "a.zip"}).has_value());
  EXPECT_THAT(run(), IsEmpty());
}

TEST_F(AlertsTest, RemindNeverWhereThatIsSet) {
  set(R"({"remindAfterHours":0,"webhooks":[{"name":"Team","url":"https://h.example/x"}]})");
  back_up(true);
  EXPECT_EQ(run().size(), 1U);
  clock_.advance(24h * 300);
  EXPECT_THAT(run(), IsEmpty());
}

TEST_F(AlertsTest, SpeakChineseWhereThatIsSet) {
  set(R"({"language":"zh","remindAfterHours":2,"webhooks":[{"name":"Team","url":"https://h.example/x"}]})");
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] 备份失败"));
  EXPECT_EQ(last_.kind, "failed") << "for programs";
  EXPECT_EQ(last_.title, "备份失败");
  EXPECT_THAT(last_.text,
              MatchesRegex("备份于 20.* UTC 失败：the disk is full。\n没有可靠的备份。\n"
                           "数据目录：/.*（主机 .+）"));
  EXPECT_THAT(said_, HasSubstr("Backup failed: The backup failed at")) << "the log stays English";
  EXPECT_THAT(json::serialize(*alerts_->report()), HasSubstr(R"("title":"Backup failed")"));
  clock_.advance(2h);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] 提醒：备份失败"));
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] 备份已恢复正常"));
  EXPECT_THAT(last_.text, MatchesRegex("以下已恢复正常：\n备份失败，自 20.* UTC 起。\n数据目录.*"));
  sent_.clear();
  EXPECT_TRUE(alerts_->test("Team", {}).has_value());
  EXPECT_THAT(sent_, ElementsAre("webhook:Team [Corner Shop] 测试消息"));
  EXPECT_THAT(last_.text, StartsWith("有关备份的警报会这样送达您。\n数据目录："));
}

TEST_F(AlertsTest, DoNotRepeatThemselvesAfterARestart) {
  set(kTeam);
  back_up(true);
  EXPECT_EQ(run().size(), 1U);
  start();
  EXPECT_THAT(run(), IsEmpty());
  start();
  back_up(false);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("well again")));
}

TEST_F(AlertsTest, FindWhatFailedBeforeTheProcessWasThere) {
  set(kTeam);
  back_up(true);
  start();
  EXPECT_THAT(run(), ElementsAre(HasSubstr("Backup failed")));
}

TEST_F(AlertsTest, TryAgainLaterAndLaterAndAfterARestart) {
  set(R"({"webhooks":[{"name":"Team","url":"https://h.example/x"},
                      {"name":"Other","url":"https://h.example/y"}]})");
  away_ = "webhook:Team";
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Other [Corner Shop] Backup failed"))
      << "one channel does not hold up the other";
  EXPECT_EQ(rest_, 60s);
  EXPECT_THAT(said_, HasSubstr("webhook:Team; the next try is in 60 s: no route to host"));
  clock_.advance(59s);
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_EQ(outcomes(), "failed:sent:1 failed:waiting:1 ");
  clock_.advance(1s);
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_EQ(rest_, 120s);
  EXPECT_EQ(outcomes(), "failed:sent:1 failed:waiting:2 ");
  start();
  away_.clear();
  EXPECT_THAT(run(), IsEmpty()) << "not before its time";
  clock_.advance(120s);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed"));
  EXPECT_EQ(outcomes(), "failed:sent:1 failed:sent:3 ");
}

TEST_F(AlertsTest, NoNoticeOvertakesAnother) {
  set(kTeam);
  away_ = "webhook:Team";
  back_up(true);
  EXPECT_THAT(run(), IsEmpty());
  clock_.advance(30s);
  back_up(false);
  away_.clear();
  EXPECT_THAT(run(), IsEmpty()) << "the recovery waits behind the failure";
  clock_.advance(30s);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("failed"), HasSubstr("well again")));
}

constexpr const char* kSilentAndTeam = R"({"webhooks":[
    {"name":"Silent","url":"https://h.example/s"},{"name":"Team","url":"https://h.example/x"}]})";

TEST_F(AlertsTest, ASilentChannelHoldsUpNoOther) {
  set(kSilentAndTeam);
  silent_ = "webhook:Silent";
  back_up(true);
  run_beside_silent(1);
  clock_.advance(1h);
  back_up(false);
  run_beside_silent(2);
  EXPECT_THAT(sent_, ElementsAre("webhook:Team [Corner Shop] Backup failed",
                                 "webhook:Team [Corner Shop] Backups are well again"));
  sent_.clear();
  answer_again();
  alerts_->wait();
  EXPECT_THAT(sent_, ElementsAre("webhook:Silent [Corner Shop] Backup failed",
                                 "webhook:Silent [Corner Shop] Backups are well again"))
      << "and keeps its order";
}

TEST_F(AlertsTest, AStopEndsWhatHangs) {
  set(kSilentAndTeam);
  silent_ = "webhook:Silent";
  back_up(true);
  run_beside_silent(1);
  alerts_->shut_down();
  alerts_->wait();
  EXPECT_FALSE(hanging_);
  EXPECT_EQ(outcomes(), "failed:sent:1 failed:waiting:0 ");
  start();
  silent_.clear();
  EXPECT_THAT(run(), ElementsAre("webhook:Silent [Corner Shop] Backup failed"));
}

TEST_F(AlertsTest, GiveUpAfterADay) {
  set(R"({"remindAfterHours":0,"webhooks":[{"name":"Team","url":"https://h.example/x"}]})");
  away_ = "webhook:Team";
  back_up(true);
  run();
  clock_.advance(24h);
  run();
  EXPECT_EQ(outcomes(), "failed:waiting:2 ");
  clock_.advance(1h);
  run();
  EXPECT_EQ(outcomes(), "failed:failed:3 ");
  EXPECT_THAT(said_, HasSubstr("webhook:Team, and is given up"));
}

TEST_F(AlertsTest, WhatWasStoppedOnItsWayIsNoAttempt) {
  set(kTeam);
  away_ = "webhook:Team";
  code_ = Code::kCancelled;
  back_up(true);
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_EQ(outcomes(), "failed:waiting:0 ");
}

TEST_F(AlertsTest, DropWhatIsForAChannelThatIsGone) {
  set(kTeam);
  away_ = "webhook:Team";
  back_up(true);
  run();
  set(R"({"webhooks":[]})");
  clock_.advance(1min);
  run();
  EXPECT_EQ(outcomes(), "failed:dropped:1 ");
}

TEST_F(AlertsTest, DropWhatTheChannelDoesNotWantAnyMore) {
  set(kTeam);
  away_ = "webhook:Team";
  back_up(true);
  run();
  set(R"({"webhooks":[{"name":"Team","url":"https://h.example/x","on":["missed","recovered"]}]})");
  away_.clear();
  clock_.advance(1min);
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_EQ(outcomes(), "failed:dropped:1 ");
}

TEST_F(AlertsTest, WhileTheSettingsCanNotBeReadNothingIsDroppedAndNobodyForgotten) {
  set(kTeam);
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed"));
  away_ = "webhook:Team";
  clock_.advance(24h);
  EXPECT_THAT(run(), IsEmpty()) << "the reminder waits";
  const fs::Path file = pb_data_ / ".pocketvault/settings.json";
  const std::string settings = testing::read_file(file);
  testing::write_file(file, "{");
  away_.clear();
  start();
  clock_.advance(1min);
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_EQ(outcomes(), "failed:waiting:1 failed:sent:1 ");
  back_up(false);
  EXPECT_THAT(run(), IsEmpty());
  testing::write_file(file, settings);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Reminder: Backup failed",
                                 "webhook:Team [Corner Shop] Backups are well again"));
}

TEST_F(AlertsTest, AChannelSetWhileAnAlertIsOpenHearsOfItOnce) {
  set(kTeam);
  away_ = "webhook:Team";
  back_up(true);
  EXPECT_THAT(run(), IsEmpty());
  set(R"({"mailTo":["ops@example.org"],"webhooks":[{"name":"New","url":"https://h.example/n"}]})");
  clock_.advance(1h);
  EXPECT_THAT(run(), ElementsAre("mail:ops@example.org [Corner Shop] Backup failed",
                                 "webhook:New [Corner Shop] Backup failed"));
  EXPECT_THAT(last_.text, HasSubstr("the disk is full"));
  EXPECT_FALSE(last_.is_reminder);
  clock_.advance(1h);
  EXPECT_THAT(run(), IsEmpty());
  start();
  EXPECT_THAT(run(), IsEmpty()) << "after a restart as well";
  clock_.advance(22h);
  EXPECT_THAT(run(), IsEmpty()) << "reminders count from when it was told";
  clock_.advance(1h);
  EXPECT_THAT(run(), ElementsAre("mail:ops@example.org [Corner Shop] Reminder: Backup failed",
                                 "webhook:New [Corner Shop] Reminder: Backup failed"));
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("mail:ops@example.org [Corner Shop] Backups are well again",
                                 "webhook:New [Corner Shop] Backups are well again"));
}

TEST_F(AlertsTest, WhoWasToldOfNothingIsNotToldThatItIsOver) {
  set(R"({"webhooks":[{"name":"Team","url":"https://h.example/x"},
      {"name":"Space","url":"https://h.example/y","on":["spaceLow","recovered"]}]})");
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed"));
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backups are well again"));
}

// vault.db is of a newer version: it can be neither read nor written.
TEST_F(AlertsTest, AreSentFromMemoryWhileVaultDbCanNotBeUsed) {
  set(R"({"webhooks":[{"name":"Team","url":"https://h.example/x"},
                      {"name":"Other","url":"https://h.example/y"}]})");
  back_up(false);
  EXPECT_THAT(run(), IsEmpty());
  version(99);
  start();
  away_ = "webhook:Other";
  clock_.advance(1h);
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed"));
  EXPECT_EQ(rest_, 60s);
  const std::string open = json::serialize(alerts_->report()->at("open"));
  EXPECT_THAT(open, HasSubstr("the disk is full"));
  EXPECT_EQ(outcomes(), "failed:waiting:1 failed:sent:1 ");
  EXPECT_THAT(rig_->vault->overview()->health.unwritten_because, HasSubstr("newer pocketvault"));
  EXPECT_EQ(rig_->vault->overview()->health.last->outcome, "failed");
  EXPECT_EQ(rig_->vault->health({}).last->outcome, "failed") << "for metrics";
  EXPECT_EQ(rig_->vault->history(10)->size(), 1U);
  away_.clear();
  clock_.advance(1min);
  EXPECT_THAT(run(), ElementsAre("webhook:Other [Corner Shop] Backup failed"));
  clock_.advance(23h);
  EXPECT_THAT(run(), IsEmpty()) << "told once";
  version(5);
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_THAT(rig_->vault->overview()->health.unwritten_because, IsEmpty());
  EXPECT_THAT(said_, HasSubstr("vault.db can be written to again"));
  start();
  EXPECT_THAT(run(), IsEmpty()) << "all of it is known after a restart";
  EXPECT_EQ(outcomes(), "failed:sent:2 failed:sent:1 ");
  EXPECT_EQ(rig_->vault->history(10)->front().outcome, "failed");
  EXPECT_EQ(rig_->vault->history(10)->size(), 2U);
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Other [Corner Shop] Backups are well again",
                                 "webhook:Team [Corner Shop] Backups are well again"));
}

// No file of the process can grow any more: vault.db can be read, not written.
TEST_F(AlertsTest, AreSentFromMemoryWhileTheDiskIsFull) {
  set(kTeam);
  away_ = "webhook:Team";
  back_up(true);
  EXPECT_THAT(run(), IsEmpty()) << "one waits in the file";
  {
    const FullDisk full;
    clock_.advance(1min);
    away_.clear();
    EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed")) << "and only once";
    clock_.advance(24h);
    back_up(true);
    EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Reminder: Backup failed"));
    EXPECT_EQ(outcomes(), "failed:sent:1 failed:sent:2 ");
    EXPECT_THAT(jobs::risk_of(*rig_->vault->overview()), Not(IsEmpty()));
    EXPECT_THAT(rig_->vault->overview()->health.unwritten_because, Not(IsEmpty()));
  }
  EXPECT_THAT(run(), IsEmpty());
  start();
  EXPECT_EQ(outcomes(), "failed:sent:1 failed:sent:2 ");
  EXPECT_EQ(rig_->vault->history(10)->size(), 2U);
  EXPECT_THAT(run(), IsEmpty());
}

TEST_F(AlertsTest, TellEachChannelWhatItWants) {
  set(R"({"on":{"missed":false},"mailTo":["ops@example.org"],"webhooks":[
      {"name":"Rare","url":"https://h.example/x","on":["spaceLow"]},
      {"name":"Ping","preset":"ping","url":"https://h.example/p"}]})");
  back_up(false);
  EXPECT_THAT(run(), IsEmpty()) << "what was made before is no news";
  clock_.advance(1h);
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Ping [Corner Shop] Backup made"));
  EXPECT_THAT(run(), IsEmpty()) << "one ping a backup";
  clock_.advance(1h);
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("mail:ops@example.org [Corner Shop] Backup failed",
                                 "webhook:Ping [Corner Shop] Backup failed"));
  clock_.advance(1h);
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("mail:ops@example.org [Corner Shop] Backups are well again",
                                 "webhook:Ping [Corner Shop] Backup made"));
}

TEST_F(AlertsTest, MailSuperusersWhereTheAppHasSmtp) {
  const auto smtp = [&](const char* enabled) {
    jobs::LiveSettings live{*rig_->directory, "", clock_, system_random()};
    const auto changed = live.change(
        {json::parse("{\"smtp\":{\"enabled\":" + std::string{enabled} + "}}").get_object()},
        settings::Edition::k039);
    ASSERT_TRUE(changed.has_value() && changed->faults.empty());
  };
  smtp("true");
  back_up(true);
  const std::string email = rig_->ask("SELECT email FROM _superusers");
  EXPECT_THAT(run(), ElementsAre("mail:" + email + " [Corner Shop] Backup failed"));
  clock_.advance(1h);
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("mail:" + email + " [Corner Shop] Backups are well again"));
  set(R"({"mailSuperusers":false})");
  clock_.advance(1h);
  back_up(true);
  EXPECT_THAT(run(), IsEmpty());
  set(R"({"mailSuperusers":true})");
  smtp("false");
  clock_.advance(24h);
  EXPECT_THAT(run(), IsEmpty());
}

TEST_F(AlertsTest, DamageIsToldAndForgottenWithTheBackup) {
  set(kTeam);
  back_up(false);
  EXPECT_THAT(run(), IsEmpty());
  const fs::Path path = pb_data_ / "backups" / "n1.zip";
  const auto modified = std::filesystem::last_write_time(path);
  std::string bytes = testing::read_file(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  testing::write_file(path, bytes);
  std::filesystem::last_write_time(path, modified);
  ASSERT_EQ(rig_->verify("n1.zip").state, State::kFailed);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("Backups are damaged or not verified")));
  ASSERT_TRUE(rig_->vault->remove(store::BackupName::parse("n1.zip").value()).has_value());
  EXPECT_THAT(run(), ElementsAre(HasSubstr("well again")));
}

TEST_F(AlertsTest, TheFirstBackupIsNewsToo) {
  set(R"({"webhooks":[{"name":"Ping","preset":"ping","url":"https://h.example/p"}]})");
  EXPECT_THAT(run(), IsEmpty());
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Ping [Corner Shop] Backup made"));
}

TEST_F(AlertsTest, NotAllIsWellWhileAnotherAlertIsOpen) {
  set(R"({"unverifiedAfterDays":1,"webhooks":[{"name":"Team","url":"https://h.example/x"}]})");
  back_up(false);
  clock_.advance(25h);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("Backups are damaged or not verified")));
  back_up(true);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("Backup failed")));
  ASSERT_EQ(rig_->verify("n1.zip").state, State::kSucceeded);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("One alert is over, but not all is well")));
  EXPECT_FALSE(last_.is_good);
  EXPECT_THAT(last_.text, HasSubstr("This is not:\nBackup failed"));
  back_up(false);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("Backups are well again")));
  EXPECT_TRUE(last_.is_good);
}

TEST_F(AlertsTest, WhatTheSettingsDoNotAskForAnyMoreEndsWithoutAWord) {
  set(R"({"unverifiedAfterDays":1,"webhooks":[{"name":"Team","url":"https://h.example/x"}]})");
  back_up(false);
  clock_.advance(25h);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("Backups are damaged or not verified")));
  set(R"({"unverifiedAfterDays":0})");
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_EQ(json::serialize(alerts_->report()->at("open")), "[]");
  set(R"({"spaceLowBytes":1000000000000000})");
  EXPECT_THAT(run(), ElementsAre(HasSubstr("Space is low")));
  set(R"({"spaceLowBytes":0})");
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_EQ(json::serialize(alerts_->report()->at("open")), "[]");
}

TEST_F(AlertsTest, SayThatTheirSettingsCanNotBeRead) {
  EXPECT_EQ(alerts_->report()->at("settingsError").as_string(), "");
  testing::write_file(rig_->directory->vault_folder() / "settings.json", "{broken");
  start();
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_THAT(said_, HasSubstr("who is to be alerted is not known"));
  EXPECT_THAT(std::string{alerts_->report()->at("settingsError").as_string()},
              HasSubstr("settings.json"));
}

TEST_F(AlertsTest, KnowWhatTheStatusKnowsWasMissed) {
  set(kTeam);
  back_up(false);
  adopt("0 3 * * *");
  clock_.advance(48h);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] A backup was missed"))
      << "no look was taken while the server was here";
}

TEST_F(AlertsTest, AStoreThatCanNotBeLookedAtMakesNothingWell) {
  set(kTeam);
  back_up(true);
  EXPECT_EQ(run().size(), 1U);
  unlisted_ = true;
  EXPECT_THAT(run(), IsEmpty());
  unlisted_ = false;
  EXPECT_THAT(run(), IsEmpty());
  back_up(false);
  EXPECT_EQ(run().size(), 1U);
  unlisted_ = true;
  EXPECT_THAT(run(), IsEmpty());
  clock_.advance(1h);
  EXPECT_THAT(run(), ElementsAre(HasSubstr("A backup was missed")));
  EXPECT_THAT(last_.text, HasSubstr("their store can't be looked at: away"));
  unlisted_ = false;
  EXPECT_THAT(run(), ElementsAre(HasSubstr("well again")));
}

TEST_F(AlertsTest, AnotherTimetableMakesNothingWell) {
  set(kTeam);
  back_up(false);
  adopt("0 3 * * *");
  EXPECT_THAT(run(), IsEmpty());
  clock_.advance(4h);  // 04:54
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] A backup was missed"));
  adopt("0 5 * * *");
  EXPECT_THAT(run(), IsEmpty());
  start();
  EXPECT_THAT(run(), IsEmpty());
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backups are well again"));
  clock_.advance(24h);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] A backup was missed"));
  ASSERT_TRUE(state::forget_served(state::VaultDb{rig_->directory->vault_folder()},
                                   std::string{state::kBackupCron})
                  .has_value());
  EXPECT_THAT(run(), IsEmpty()) << "over, and not well";
  EXPECT_EQ(json::serialize(alerts_->report()->at("open")), "[]");
}

TEST_F(AlertsTest, WhatIsOpenOutlivesALostVaultDb) {
  set(kTeam);
  std::set<std::string> ids;
  const auto lose = [&] { std::filesystem::remove(pb_data_ / ".pocketvault/vault.db"); };
  back_up(true);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backup failed"));
  ids.insert(last_.id);
  lose();
  back_up(true);
  EXPECT_THAT(run(), IsEmpty()) << "told once";
  lose();
  back_up(false);
  EXPECT_THAT(run(), ElementsAre("webhook:Team [Corner Shop] Backups are well again"));
  ids.insert(last_.id);
  lose();
  start();  // nothing is remembered any more
  clock_.advance(1s);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(alerts_->test("Team", {}).has_value());
    ids.insert(last_.id);
  }
  EXPECT_EQ(ids.size(), 4U) << "a receiver tells by it what it has had";
}

TEST_F(AlertsTest, ATestIsSentAtOnceAndNoted) {
  set(R"({"mailTo":["ops@example.org"],"webhooks":[{"name":"Team","url":"https://h.example/x","token":"hush"}]})");
  EXPECT_TRUE(alerts_->test("Team", {}).has_value());
  EXPECT_TRUE(alerts_->test("mail:ops@example.org", {}).has_value());
  EXPECT_THAT(sent_, ElementsAre("webhook:Team [Corner Shop] Test message",
                                 "mail:ops@example.org [Corner Shop] Test message"));
  away_ = "webhook:Team";
  EXPECT_EQ(alerts_->test("webhook:Team", {}).error().what, "no route to host");
  EXPECT_EQ(outcomes(), "test:failed:1 test:sent:1 test:sent:1 ");
  const auto unknown = alerts_->test("Tem", {});
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  EXPECT_THAT(unknown.error().what, HasSubstr("mail:ops@example.org, webhook:Team"));
  const std::string report = json::serialize(*alerts_->report());
  EXPECT_THAT(report, HasSubstr(R"("place":"https://h.example")"));
  EXPECT_THAT(report, Not(HasSubstr("hush")));
  EXPECT_THAT(report, Not(HasSubstr("h.example/x")));
}

TEST(AlertPause, DoublesFromAMinuteToAnHour) {
  const std::pair<std::int64_t, std::chrono::seconds> rows[] = {
      {0, 60s}, {1, 60s}, {2, 120s}, {6, 1920s}, {7, 3600s}, {1000, 3600s}};
  for (const auto& [failures, pause] : rows) { EXPECT_EQ(pause_after(failures), pause); }
}

}  // namespace
}  // namespace pv::alerts
