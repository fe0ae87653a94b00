// Pins and pruning, over HTTP.
#include <gtest/gtest.h>

#include "api/server_testing.h"

namespace pv::api {
namespace {

namespace json = boost::json;

void make(TestServer& server, const std::string& names) {
  for (const char letter : names) {
    const Got made = server.admin_json("POST", "/api/backups",
                                       std::string{R"({"name":")"} + letter + R"(.zip"})");
    ASSERT_EQ(made.status, 204U) << made.body;
  }
}

std::size_t count(TestServer& server) {
  return server.admin_call("GET", "/api/backups").json().as_array().size();
}

TEST(PinRoutes, PinShowUnpinAndRefuseToDelete) {
  TestServer server;
  make(server, "a");
  const std::string pin = "/api/vault/backups/a.zip/pin";
  EXPECT_TRUE(server.admin_call("GET", "/api/backups").json().at(0).at("pin").is_null());
  EXPECT_EQ(server.admin_call("DELETE", pin).status, 404U);
  EXPECT_EQ(server.admin_json("POST", pin, R"({"note":"before the move"})").status, 204U);
  EXPECT_EQ(server.admin_call("POST", pin).status, 204U) << "once more, and the note stays";
  const json::value shown = server.admin_call("GET", "/api/backups").json().at(0).at("pin");
  EXPECT_EQ(shown.at("note").as_string(), "before the move");
  EXPECT_EQ(server.admin_call("GET", "/api/vault/backups/a.zip").json().at("pin"), shown);
  const Got refused = server.admin_call("DELETE", "/api/backups/a.zip");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_EQ(TestServer::text(refused, "message"),
            "The backup is pinned and cannot be deleted: unpin it first.");
  EXPECT_EQ(server.admin_call("POST", "/api/vault/backups/none.zip/pin").status, 404U);
  EXPECT_EQ(server.admin_json("POST", pin, "{").status, 400U);
  EXPECT_EQ(server.call({.method = "POST", .target = pin}).status, 401U);
  EXPECT_EQ(server.admin_call("DELETE", pin).status, 204U);
  EXPECT_EQ(server.admin_call("DELETE", "/api/backups/a.zip").status, 204U);
}

TEST(PinRoutes, ProtectInTheStrictMannerAsWell) {
  TestServer server{{.strict = true}};
  make(server, "a");
  EXPECT_EQ(server.admin_call("POST", "/api/vault/backups/a.zip/pin").status, 404U);
  ASSERT_TRUE(server.vault().pin(store::BackupName::parse("a.zip").value(), "").has_value());
  EXPECT_EQ(server.admin_call("GET", "/api/backups").body.find("pin"), std::string::npos);
  const Got refused = server.admin_call("DELETE", "/api/backups/a.zip");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_EQ(TestServer::text(refused, "message"),
            "Invalid or already deleted backup file. Raw error: \n[key: a.zip] a.zip is pinned: "
            "unpin it first.");
  EXPECT_EQ(count(server), 1U);
}

TEST(RetentionRoutes, PreviewAndPruneByTheSettingsOrTheQuery) {
  TestServer server;
  make(server, "abc");
  const std::string preview = "/api/vault/retention/preview";
  const std::string prune = "/api/vault/retention/prune";
  json::value got = server.admin_call("GET", preview).json();
  EXPECT_EQ(got.at("summary").as_string(), "");
  EXPECT_EQ(got.at("backups").as_array().size(), 3U);
  EXPECT_EQ(server.admin_call("POST", prune).json().at("removed").as_array().size(), 0U);

  got = server.admin_call("GET", preview + "?keepLast=1&governs=all&fields=summary,bytes").json();
  EXPECT_EQ(got.at("summary").as_string(), "keeps the last 1 of all backups");
  EXPECT_GT(got.at("bytes").to_number<int>(), 0);
  EXPECT_EQ(count(server), 3U);
  for (const char* wrong :
       {"?keepLast=x", "?keeplast=1", "?keepLast=1&dry=1", "?keepLast=1%", "?governs=none"}) {
    const Got refused = server.admin_call("POST", prune + wrong);
    EXPECT_EQ(refused.status, 400U) << wrong << refused.body;
  }
  EXPECT_EQ(server.admin_json("POST", prune, R"({"keepLast":1})").status, 400U);
  EXPECT_EQ(count(server), 3U);

  ASSERT_EQ(server
                .admin_json("PATCH", "/api/vault/settings",
                            R"({"retention":{"keepDaily":9,"keepLast":2,"governs":"all"}})")
                .status,
            200U);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/status")
                .json()
                .at("retention")
                .at("summary")
                .as_string(),
            "keeps the last 2, 9 daily of all backups");
  ASSERT_EQ(server.admin_call("POST", "/api/vault/backups/a.zip/pin").status, 204U);
  got = server.admin_call("POST", prune + "?keepLast=1").json();
  EXPECT_EQ(got.at("removed"), (json::array{"b.zip"}));
  EXPECT_EQ(got.at("failed"), json::array{});
  EXPECT_EQ(got.at("backups").at(2).at("reasons"), (json::array{"pinned"}));
  EXPECT_EQ(count(server), 2U);
  EXPECT_EQ(server.call({.method = "POST", .target = prune}).status, 401U);
}

TEST(RetentionRoutes, StatusTellsOfVerificationsByTheClock) {
  TestServer server;
  server.scheduler().tick();
  const json::value status = server.admin_call("GET", "/api/vault/status").json();
  EXPECT_EQ(status.at("verification").at("cron").as_string(), "30 4 * * 0");
  EXPECT_TRUE(status.at("verification").at("next").is_string());
  EXPECT_EQ(status.at("verification").at("offBecause").as_string(), "");
}

}  // namespace
}  // namespace pv::api
