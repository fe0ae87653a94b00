// Restores that can be taken back, over HTTP.
#include <gtest/gtest.h>

#include "api/server_testing.h"

namespace pv::api {
namespace {

// A backup a.zip, then another name for each user.
void prepare(TestServer& server) {
  ASSERT_EQ(server.admin_json("POST", "/api/backups", R"({"name":"a.zip"})").status, 204U);
  server.sql("UPDATE users SET name = 'new'");
}

void run(TestServer& server, const Got& started) {
  ASSERT_EQ(started.status, 202U) << started.body;
  const auto job = server.vault().find_job(TestServer::text(started, "id"));
  ASSERT_NE(job, nullptr);
  job->wait();
  EXPECT_EQ(job->status().state, jobs::State::kSucceeded);
}

TEST(SafetyRoutes, ListAndTakeBackByIdAndDelete) {
  TestServer server;
  prepare(server);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/replaced").body, "[]\n");
  ASSERT_EQ(server.admin_call("POST", "/api/backups/a.zip/restore?keepReplaced=72h").status, 204U);
  ASSERT_EQ(server.admin_call("POST", "/api/backups/a.zip/restore").status, 204U);
  const boost::json::value kept = server.admin_call("GET", "/api/vault/replaced").json();
  ASSERT_EQ(kept.as_array().size(), 2U);
  const std::string first{kept.at(1).at("id").as_string()};
  EXPECT_EQ(kept.at(1).at("from").as_string(), "a.zip");
  EXPECT_GT(kept.at(1).at("size").to_number<std::int64_t>(), 0);
  EXPECT_NE(kept.at(1).at("until"), kept.at(1).at("at"));

  EXPECT_EQ(server.admin_json("POST", "/api/vault/undo", R"({"id":"none"})").status, 404U);
  EXPECT_EQ(server.admin_json("POST", "/api/vault/undo", "{").status, 400U);
  run(server, server.admin_json("POST", "/api/vault/undo", R"({"id":")" + first + R"("})"));
  EXPECT_EQ(server.admin_call("DELETE", "/api/vault/replaced/" + first).status, 404U)
      << "it is in place again";
  const std::string newest{
      server.admin_call("GET", "/api/vault/replaced").json().at(0).at("id").as_string()};
  EXPECT_EQ(server.admin_call("DELETE", "/api/vault/replaced/" + newest).status, 204U);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/replaced").json().as_array().size(), 1U);
  EXPECT_EQ(server.call({.target = "/api/vault/replaced"}).status, 401U);
}

TEST(SafetyRoutes, ABackupIsMadeBeforeWhenAskedForOrNothingIsKept) {
  TestServer server;
  prepare(server);
  const auto backups = [&] {
    return server.admin_call("GET", "/api/backups").json().as_array().size();
  };
  ASSERT_EQ(server.admin_call("POST", "/api/backups/a.zip/restore?backupFirst=true").status, 204U);
  EXPECT_EQ(backups(), 2U);
  ASSERT_EQ(server.admin_call("POST", "/api/backups/a.zip/restore?keepReplaced=0").status, 204U);
  EXPECT_EQ(backups(), 3U);
  ASSERT_EQ(server.admin_call("POST", "/api/backups/a.zip/restore?keepReplaced=0&backupFirst=false")
                .status,
            204U);
  EXPECT_EQ(backups(), 3U);
  const auto list = server.admin_call("GET", "/api/backups").json();
  EXPECT_TRUE(list.at(0).at("key").as_string().starts_with("@pre_restore_"));
  for (const char* wrong : {"keepReplaced=24", "keepReplaced=-1h", "backupFirst=yes"}) {
    const Got got = server.admin_call("POST", std::string{"/api/backups/a.zip/restore?"} + wrong);
    EXPECT_EQ(got.status, 400U) << wrong;
  }
  EXPECT_EQ(backups(), 3U);
}

TEST(SafetyRoutes, StatusSaysHowAllIs) {
  TestServer server;
  EXPECT_TRUE(server.admin_call("GET", "/api/vault/status").json().at("newest").is_null());
  prepare(server);
  boost::json::value status = server.admin_call("GET", "/api/vault/status").json();
  EXPECT_EQ(status.at("newest").at("key").as_string(), "a.zip");
  EXPECT_TRUE(status.at("newest").at("verdict").is_null());
  EXPECT_TRUE(server.admin_call("GET", "/api/backups").json().at(0).at("verdict").is_null());
  EXPECT_EQ(status.at("backups").at("count").to_number<int>(), 1);
  EXPECT_TRUE(status.at("users").as_array().empty()) << "the server itself is none";
  EXPECT_FALSE(status.at("cutOff").as_bool());
  EXPECT_EQ(status.at("features"), (boost::json::array{"only", "filesTo", "retention"}));
  run(server, server.admin_call("POST", "/api/vault/backups/a.zip/verify"));
  status = server.admin_call("GET", "/api/vault/status").json();
  const boost::json::value verdict = status.at("newest").at("verdict");
  EXPECT_TRUE(verdict.at("sound").as_bool());
  EXPECT_EQ(verdict.at("depth").as_string(), "quick");
  EXPECT_EQ(server.admin_call("GET", "/api/backups").json().at(0).at("verdict"), verdict);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/backups/a.zip").json().at("verdict"), verdict);
  EXPECT_EQ(server.call({.target = "/api/vault/status"}).status, 401U);
}

TEST(StrictManner, AnswersCommandsOfItsMachineInTheDefaultManner) {
  Options options;
  options.strict = true;
  options.command_header = "Pocketvault-Command";
  options.command_key = "0123456789abcdef";
  TestServer server{options};
  const HeaderList command{{"Pocketvault-Command", "0123456789abcdef"}};
  EXPECT_EQ(server.admin_call("GET", "/api/vault/status").status, 404U);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/status", command).status, 200U);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/status", {{"Pocketvault-Command", ""}}).status,
            404U);
  EXPECT_EQ(
      server.admin_call("GET", "/api/vault/status", {{"Pocketvault-Command", "0123456789abcdeF"}})
          .status,
      404U);
  EXPECT_EQ(server.call({.target = "/api/vault/status", .headers = command}).status, 401U)
      << "it gives no right";
  EXPECT_EQ(server.admin_call("GET", "/api/vault/status").status, 404U) << "for one request only";
}

TEST(BothManners, TakeCommandsOfTheirMachineFromWhereverSuperusersMayCome) {
  for (const bool strict : {true, false}) {
    Options options;
    options.strict = strict;
    options.command_header = "Pocketvault-Command";
    options.command_key = "0123456789abcdef";
    TestServer server{options};
    ASSERT_EQ(server.admin_call("GET", "/api/backups").status, 200U);
    server.sql(
        R"(UPDATE _params SET value = json_set(value, '$.superuserIPs', json('["10.0.0.0/8"]'))
           WHERE id = 'settings')");
    const HeaderList command{{"Pocketvault-Command", "0123456789abcdef"}};
    EXPECT_EQ(server.admin_call("GET", "/api/backups").status, 403U);
    EXPECT_EQ(server.admin_call("GET", "/api/backups", command).status, 200U);
    EXPECT_EQ(server.call({.target = "/api/backups", .headers = command}).status, 401U);
  }
}

TEST(DefaultManner, TakesNoEmptyKeyForAKey) {
  TestServer server{{.strict = true}};
  EXPECT_EQ(server.admin_call("GET", "/api/vault/status", {{"Pocketvault-Command", ""}}).status,
            404U);
}

}  // namespace
}  // namespace pv::api
