#include "jobs/request_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <thread>

#include "jobs/vault_rig_testing.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

TEST(RowOfFailure, IsPocketBasesOfABackupByTheClockAndOfARestore) {
  testing::FakeClock clock;
  Status status;
  status.kind = Kind::kBackup;
  status.name = "@auto_pb_backup_shop_20261121.zip";
  const auto row = [&] { return row_of_failure(status, clock, system_random()); };
  EXPECT_FALSE(row()) << "at work";
  status.finished = clock.now();
  status.state = State::kSucceeded;
  EXPECT_FALSE(row());
  status.state = State::kFailed;
  status.error = Error{Code::kUnavailable, "no space\tleft"};
  ASSERT_TRUE(row());
  EXPECT_EQ(row()->level, 8);
  EXPECT_EQ(row()->message, "[Backup cron] Failed to create backup");
  EXPECT_EQ(row()->data, R"({"error":"no space left","name":"@auto_pb_backup_shop_20261121.zip"})");
  EXPECT_THAT(row()->id, MatchesRegex("[a-z0-9]{15}"));
  EXPECT_EQ(row()->created, "2026-11-21 00:54:47.000Z");
  status.name = "by_hand.zip";
  EXPECT_FALSE(row()) << "whoever asked for it was told";
  status.kind = Kind::kRestore;
  ASSERT_TRUE(row());
  EXPECT_EQ(row()->message, "Failed to restore backup");
  EXPECT_EQ(row()->data, R"({"error":"no space left","key":"by_hand.zip"})");
}

class RequestLogTest : public ::testing::Test {
 protected:
  RequestLogTest() { ask("DELETE FROM _logs"); }

  std::string ask(const std::string& sql) {
    return rig.directory
        ->with_auxiliary<std::string>([&](sqlite::Connection& db) -> Result<std::string> {
          PV_TRY(const auto row, db.one(sql));
          return row ? sqlite::to_text(row->front()) : "";
        })
        .value();
  }
  std::string count() { return ask("SELECT count(*) FROM _logs"); }
  void add(const std::string& id, std::int64_t level = 0) {
    log.add({id, "2026-11-21 00:54:47.000Z", level, "GET /", "{}"});
  }
  void add_large(int count) {
    for (int i = 0; i < count; ++i) {
      log.add({std::to_string(i), "2026-11-21 00:54:47.000Z", 0, "GET /", std::string(8000, 'x')});
    }
  }
  void set(const std::string& logs) {
    ASSERT_TRUE(
        settings
            .change({json::parse("{\"logs\":" + logs + "}").get_object()}, settings::Edition::k039)
            .has_value());
  }

  testing::TempFolder folder;
  testing::FakeClock clock;
  fs::Path pb_data = testing::unpack_pb_data("0.36.6", folder.path());
  VaultRig rig{{.pb_data = pb_data, .clock = clock}};
  LiveSettings settings{*rig.directory, "", clock, system_random()};
  std::vector<std::string> warnings;
  RequestLog log{*rig.directory, settings, clock,
                 [this](const std::string& what) { warnings.push_back(what); }};
};

TEST_F(RequestLogTest, WritesWhenItHasBeenQuietForAWhile) {
  add("a");
  log.tick();
  clock.advance(2s);
  add("b");
  clock.advance(2s);
  log.tick();
  EXPECT_EQ(count(), "0") << "something came 2 s ago";
  clock.advance(1s);
  log.tick();
  EXPECT_EQ(ask("SELECT group_concat(id) FROM (SELECT id FROM _logs ORDER BY rowid)"), "a,b");
}

TEST_F(RequestLogTest, WritesWhenManyWaitOrLong) {
  for (int i = 0; i < 200; ++i) { add(std::to_string(i)); }
  log.tick();
  EXPECT_EQ(count(), "200");
  for (int i = 0; i < 10; ++i) {
    add("x" + std::to_string(i));
    clock.advance(1s);
    log.tick();
  }
  EXPECT_EQ(count(), "210") << "though it was never quiet";
}

TEST_F(RequestLogTest, KeepsNoMoreThanItMay) {
  add_large(1000);
  log.flush();
  EXPECT_EQ(ask("SELECT sum(length(data)) BETWEEN 3900000 AND 4194304 FROM _logs"), "1");
  EXPECT_THAT(warnings,
              ElementsAre(MatchesRegex("the log of requests lacks [4-6][0-9][0-9] requests")));
  add("small");
  log.flush();
  EXPECT_EQ(warnings.size(), 1U) << "told once";
}

TEST_F(RequestLogTest, KeepsNoMoreThanItMayWhileOthersWrite) {
  auto other = sqlite::Connection::open(pb_data / "auxiliary.db", {});
  ASSERT_TRUE(other->exec("BEGIN IMMEDIATE").has_value());
  add_large(1000);
  const auto began = std::chrono::steady_clock::now();
  log.flush();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << "nobody can wait for it at the end";
  add_large(1000);
  EXPECT_TRUE(warnings.empty()) << "nothing could be written";
  ASSERT_TRUE(other->exec("ROLLBACK").has_value());
  log.flush();
  EXPECT_EQ(ask("SELECT sum(length(data)) BETWEEN 3900000 AND 4194304 FROM _logs"), "1");
  EXPECT_EQ(warnings.size(), 1U);
  ask("DELETE FROM _logs");
  add_large(100);
  log.flush();
  EXPECT_EQ(count(), "100") << "there is room again";
}

TEST_F(RequestLogTest, GivesUpAtTheEndWhatOthersKeepFromBeingWritten) {
  auto other = sqlite::Connection::open(pb_data / "auxiliary.db", {});
  ASSERT_TRUE(other->exec("BEGIN IMMEDIATE").has_value());
  add("a");
  add("b");
  log.finish();
  EXPECT_THAT(warnings, ElementsAre("the log of requests lacks 2 requests"));
  ASSERT_TRUE(other->exec("ROLLBACK").has_value());
  log.flush();
  EXPECT_EQ(count(), "0");
}

TEST_F(RequestLogTest, KeepsNoHugeRow) {
  log.add({"a", "2026-11-21 00:54:47.000Z", 0, "GET /", std::string(20'000, 'x')});
  add("b");
  log.flush();
  EXPECT_EQ(ask("SELECT group_concat(id) FROM _logs"), "b");
  EXPECT_THAT(warnings, ElementsAre("the log of requests lacks 1 requests"));
}

TEST_F(RequestLogTest, HeedsTheSettings) {
  EXPECT_TRUE(log.wants(0));
  log.tick();
  add("low");
  add("high", 8);
  log.flush();
  set(R"({"minLevel":4})");
  EXPECT_FALSE(log.wants(0));
  EXPECT_TRUE(log.wants(8));
  log.tick();
  EXPECT_EQ(ask("SELECT group_concat(id) FROM _logs"), "high");
  set(R"({"maxDays":0})");
  EXPECT_FALSE(log.wants(8));
}

// Whoever keeps a reference into settings that are exchanged meanwhile is found by the sanitizers.
TEST_F(RequestLogTest, AnswersWhileTheSettingsChange) {
  std::atomic<std::uint64_t> asked = 0;
  std::atomic<std::uint64_t> refused = 0;
  const std::jthread asking{[&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (!log.wants(8)) { ++refused; }
      ++asked;
    }
  }};
  for (int days = 1; days <= 20; ++days) {
    const std::uint64_t before = asked;
    set("{\"maxDays\":" + std::to_string(days) + "}");
    while (asked < before + 2) { std::this_thread::yield(); }
  }
  EXPECT_EQ(refused, 0U) << "all of them want it";
}

TEST_F(RequestLogTest, RemovesLaterWhatOthersKeepFromBeingRemoved) {
  log.tick();
  add("low");
  log.flush();
  set(R"({"minLevel":4})");
  auto other = sqlite::Connection::open(pb_data / "auxiliary.db", {});
  ASSERT_TRUE(other->exec("BEGIN IMMEDIATE").has_value());
  log.tick();
  ASSERT_TRUE(other->exec("ROLLBACK").has_value());
  log.tick();
  EXPECT_EQ(count(), "1") << "each look for an app costs";
  clock.advance(30s);
  log.tick();
  EXPECT_EQ(count(), "0");
}

TEST_F(RequestLogTest, WritesLaterWhileTheDataIsExchanged) {
  add("a");
  ASSERT_TRUE(rig.directory->suspend(1s).has_value());
  std::thread later{[&] { ASSERT_TRUE(rig.directory->resume().has_value()); }};
  log.flush();
  later.join();
  clock.advance(3s);
  log.tick();
  EXPECT_EQ(count(), "1");
}

TEST_F(RequestLogTest, WritesNothingWhereAnAppRuns) {
  testing::OtherProcess app{
      "import sqlite3\na = sqlite3.connect('" + (pb_data / "data.db").string() +
      "')\na.execute('SELECT * FROM sqlite_master').fetchall()\nb = sqlite3.connect('" +
      (pb_data / "auxiliary.db").string() +
      "')\nb.execute('SELECT * FROM sqlite_master').fetchall()\nprint('ready', flush=True)\n"
      "input()\n"};
  ASSERT_EQ(app.hear(), "ready");
  add("a");
  log.flush();
  app.say("");
  app.finish();
  EXPECT_EQ(count(), "0");
}

}  // namespace
}  // namespace pv::jobs
