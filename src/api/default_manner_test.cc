// Where the default manner differs from PocketBase, and what is better in both.
#include <gtest/gtest.h>

#include <future>

#include "api/server_testing.h"

namespace pv::api {
namespace {

std::vector<std::string> keys(TestServer& server) {
  std::vector<std::string> found;
  const Got got = server.admin_call("GET", "/api/backups");
  const boost::json::value list = got.json();
  for (const auto& backup : list.as_array()) { found.emplace_back(backup.at("key").as_string()); }
  return found;
}

Got upload(TestServer& server, const std::string& name, const std::string& content) {
  const std::string disposition = "name=\"file\"; filename=\"" + name + "\"";
  return server.admin_call("POST", "/api/backups/upload", {kMultipart},
                           multipart({{disposition, content}}));
}

// A wait that a store's hook can be held in, on another thread.
class Gate {
 public:
  void open() { opened_.set_value(); }
  void pass() { future_.wait(); }

 private:
  std::promise<void> opened_;
  std::shared_future<void> future_{opened_.get_future()};
};

constexpr std::string_view kNotFoundText = "The requested resource wasn't found.";

TEST(DefaultManner, MissingBackupsAreNotFound) {
  TestServer server;
  for (const char* key : {"nope.zip", "%2E", "%2E%2E", "..%2Fdata.db", "a.zip.attrs", "%ff.zip",
                          "a%2F", "a%2F%2Fb"}) {
    const Got removed = server.admin_call("DELETE", std::string{"/api/backups/"} + key);
    EXPECT_EQ(removed.status, 404U) << key;
    EXPECT_EQ(removed.message(), kNotFoundText) << key;
    const Got restored = server.admin_call("POST", std::string{"/api/backups/"} + key + "/restore");
    EXPECT_EQ(restored.status, 404U) << key;
    EXPECT_EQ(restored.message(), kNotFoundText) << key;
  }
  EXPECT_TRUE(std::filesystem::exists(server.path() / "data.db"));
}

TEST(DefaultManner, DownloadsAskForATokenOrASuperuser) {
  TestServer server;
  ASSERT_EQ(upload(server, "a.zip", tiny_zip()).status, 204U);
  const auto get = [&](const std::string& query, HeaderList headers) {
    return server.call({.target = "/api/backups/a.zip" + query, .headers = std::move(headers)});
  };
  const std::string file_token = server.file_token(server.admin());
  struct Row {
    std::string_view label;
    std::string query;
    std::string authorization;
    unsigned status;
  };
  const Row rows[] = {
      {"nobody", "", "", 401},
      {"empty token", "?token=", "", 401},
      {"superuser", "", server.admin(), 200},
      {"superuser, Bearer", "", "Bearer " + server.admin(), 200},
      {"superuser and empty token", "?token=", server.admin(), 200},
      {"record", "", server.user(), 403},
      {"file token", "?token=" + file_token, "", 200},
      {"file token as header", "", file_token, 401},
      {"auth token in the query", "?token=" + server.admin(), "", 403},
      {"a bad token beside a good header", "?token=x", server.admin(), 403},
      {"a record's file token", "?token=" + server.file_token(server.user()), "", 403},
  };
  for (const Row& row : rows) {
    HeaderList headers;
    if (!row.authorization.empty()) { headers.emplace_back("Authorization", row.authorization); }
    const Got got = get(row.query, headers);
    EXPECT_EQ(got.status, row.status) << row.label;
    if (row.status == 200) { EXPECT_EQ(got.body, tiny_zip()) << row.label; }
  }
  EXPECT_EQ(get("", {}).message(), "The request requires valid record authorization token.");
  EXPECT_EQ(server.admin_call("GET", "/api/backups/none.zip").status, 404U);
}

TEST(DefaultManner, ADownloadTokenOpensOneBackup) {
  TestServer server;
  for (const char* name : {"a.zip", "b.zip"}) {
    ASSERT_EQ(upload(server, name, tiny_zip()).status, 204U);
  }
  const Got got = server.admin_call("POST", "/api/backups/a.zip/download-token");
  ASSERT_EQ(got.status, 200U);
  const std::string token = TestServer::text(got, "token");
  EXPECT_EQ(server.call({.target = "/api/backups/a.zip?token=" + token}).status, 200U);
  EXPECT_EQ(server.call({.target = "/api/backups/%2E%2Fa.zip?token=" + token}).status, 200U);
  EXPECT_EQ(server.call({.target = "/api/backups/b.zip?token=" + token}).status, 403U);
  EXPECT_EQ(server.admin_call("POST", "/api/backups/none.zip/download-token").status, 404U);
  EXPECT_EQ(server.call({.method = "POST", .target = "/api/backups/a.zip/download-token"}).status,
            401U);
  HeaderList as_user{{"Authorization", server.user()}};
  EXPECT_EQ(
      server
          .call(
              {.method = "POST", .target = "/api/backups/a.zip/download-token", .headers = as_user})
          .status,
      403U);
  server.start({.strict = true});
  EXPECT_EQ(server.call({.target = "/api/backups/a.zip?token=" + token}).status, 403U);
  EXPECT_EQ(server.admin_call("POST", "/api/backups/a.zip/download-token").status, 404U);
}

TEST(DefaultManner, CompletesNamesThatLackTheirEnding) {
  TestServer server;
  EXPECT_EQ(server.admin_json("POST", "/api/backups", R"({"name":"manual_backup"})").status, 204U);
  EXPECT_EQ(keys(server), std::vector<std::string>{"manual_backup.zip"});
  const Got again = server.admin_json("POST", "/api/backups", R"({"name":"manual_backup"})");
  EXPECT_EQ(again.json().at_pointer("/data/name/code").as_string(),
            "validation_backup_name_exists");
  for (const char* name : {"A", "a.b", "a b", ".zip", "a.ZIP", "..", "a/b"}) {
    const Got got =
        server.admin_json("POST", "/api/backups", std::string{R"({"name":")"} + name + "\"}");
    EXPECT_EQ(got.status, 400U) << name;
    EXPECT_EQ(got.json().at_pointer("/data/name/code").as_string(), "validation_match_invalid")
        << name;
  }
  const std::string long_name(147, 'a');
  EXPECT_EQ(server.admin_json("POST", "/api/backups", "{\"name\":\"" + long_name + "\"}").status,
            400U);
}

TEST(DefaultManner, ABackupHoldsWhatTheRequestSays) {
  TestServer server;
  testing::write_file(server.path() / "storage" / "tmp" / "x", "x");
  const auto databases = [&](const std::string& key) {
    const Got got = server.admin_call("GET", "/api/vault/backups/" + key);
    return got.json().at("databases").as_array().size();
  };
  const Got made = server.admin_json(
      "POST", "/api/backups", R"({"name":"a","withoutLogs":true,"exclude":["storage/tmp"]})");
  ASSERT_EQ(made.status, 204U) << made.body;
  EXPECT_EQ(databases("a.zip"), 1U);
  const boost::json::value job = server.admin_call("GET", "/api/vault/jobs").json().at(0);
  EXPECT_EQ(job.at_pointer("/report/leftOut/files").to_number<int>(), 2);
  EXPECT_EQ(job.at_pointer("/report/leftOut/names/1").as_string(), "storage/tmp/x");

  const Got refused = server.admin_json("POST", "/api/backups", R"({"exclude":["*.db"]})");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_NE(refused.message().find("data.db"), std::string::npos) << refused.message();
  EXPECT_EQ(server.admin_json("POST", "/api/backups", R"({"withoutLogs":"yes"})").status, 400U);

  Options strict;
  strict.strict = true;
  TestServer other{strict};
  ASSERT_EQ(other.admin_json("POST", "/api/backups", R"({"name":"a.zip","withoutLogs":5})").status,
            204U)
      << "as PocketBase, which knows no such member";
}

TEST(DefaultManner, HeedsPreferences) {
  TestServer server;
  const Got made = server.admin_json("POST", "/api/backups", R"({"name":"a.zip"})",
                                     {{"Prefer", "return=representation"}});
  EXPECT_EQ(made.status, 200U);
  EXPECT_EQ(made.body, "{\"key\":\"a.zip\"}\n");
  EXPECT_EQ(made.header("Preference-Applied"), "return=representation");
  const Got automatic =
      server.admin_call("POST", "/api/backups", {{"Prefer", "return=representation"}});
  EXPECT_TRUE(TestServer::text(automatic, "key").starts_with("pb_backup_acme_"));
  const Got restored = server.admin_call("POST", "/api/backups/a.zip/restore",
                                         {{"Prefer", "return=representation"}});
  EXPECT_EQ(restored.status, 200U);
  EXPECT_EQ(restored.body, "{\"message\":\"Backup restored successfully.\"}\n");
  const Got started = server.admin_json("POST", "/api/backups", R"({"name":"async.zip"})",
                                        {{"Prefer", "respond-async"}});
  EXPECT_EQ(started.status, 202U);
  const std::string location = started.header("Location");
  ASSERT_TRUE(location.starts_with("/api/vault/jobs/"));
  EXPECT_EQ(location.substr(16), TestServer::text(started, "id"));
  server.vault().find_job(location.substr(16))->wait();
  const boost::json::value job = server.admin_call("GET", location).json();
  EXPECT_EQ(job.at("kind").as_string(), "backup");
  EXPECT_EQ(job.at("name").as_string(), "async.zip");
  EXPECT_EQ(job.at("state").as_string(), "succeeded");
  EXPECT_TRUE(job.at("error").is_null());
  EXPECT_TRUE(job.at("finished").is_string());
  EXPECT_GT(job.at_pointer("/report/entries").to_number<int>(), 1);
  EXPECT_EQ(job.at("bytesDone"), job.at("bytesTotal"));
  server.start({.strict = true});
  const Got strict = server.admin_json("POST", "/api/backups", R"({"name":"s.zip"})",
                                       {{"Prefer", "return=representation, respond-async"}});
  EXPECT_EQ(strict.status, 204U);
}

TEST(DefaultManner, SpeaksChineseToThoseWhoPreferIt) {
  TestServer server;
  const HeaderList chinese{{"Accept-Language", "zh-CN,zh;q=0.9,en;q=0.5"}};
  const Got guest = server.call({.target = "/api/vault/status", .headers = chinese});
  EXPECT_EQ(guest.status, 401U);
  EXPECT_EQ(guest.message(), "请求需要有效的记录授权令牌。");
  EXPECT_EQ(guest.header("Content-Language"), "zh-Hans");
  EXPECT_EQ(guest.header("Vary"), "Accept-Language, Origin");
  const Got changed = server.admin_json("PATCH", "/api/vault/settings",
                                        R"({"alerts":{"remindAfterHours":-1}})", chinese);
  EXPECT_EQ(changed.message(), "保存新设置时出错。");
  const boost::json::value data = changed.json();
  const boost::json::value& fault = data.at_pointer("/data/alerts/remindAfterHours");
  EXPECT_EQ(fault.at("message").as_string(), "不能小于 0。");
  EXPECT_EQ(fault.at("code").as_string(), "validation_min_greater_equal_than_required");
  const Got english = server.call({.target = "/api/vault/status"});
  EXPECT_EQ(english.message(), "The request requires valid record authorization token.");
  EXPECT_EQ(english.header("Content-Language"), "en");
}

TEST(DefaultManner, WhatAnotherRoomSaysIsToldInChineseToo) {
  TestServer server;
  const HeaderList chinese{{"Accept-Language", "zh"}};
  const Got failed =
      server.admin_json("POST", "/api/vault/alerts/test", R"({"channel":"Team"})", chinese);
  EXPECT_EQ(failed.status, 404U);
  EXPECT_EQ(failed.message(), "无法发送测试消息：没有渠道 Team；目前没有任何渠道");
  const Got english = server.admin_json("POST", "/api/vault/alerts/test", R"({"channel":"Team"})");
  EXPECT_EQ(english.message(),
            "The test message could not be sent: no channel Team; there is none.");
}

TEST(DefaultManner, TheStatusIsToldInTheLanguageThatIsAskedFor) {
  TestServer server;
  testing::write_file(server.path() / ".pocketvault/settings.json", "no JSON");
  const auto risk = [&](const HeaderList& headers) {
    const Got got = server.admin_call("GET", "/api/vault/status", headers);
    EXPECT_EQ(got.status, 200U);
    EXPECT_EQ(got.header("Vary"), "Accept-Language, Origin");
    return std::string{got.json().at("risk").as_string()} + "|" + got.header("Content-Language");
  };
  EXPECT_EQ(risk({{"Accept-Language", "zh-Hans"}}),
            "我们自己的设置未知，因此可能不会有人收到警报：settings.json 不是 JSON；"
            "请修复 .pocketvault/settings.json，或删除它|zh-Hans");
  EXPECT_EQ(risk({}),
            "settings of our own are not known, so nobody may be alerted: settings.json is not "
            "JSON; repair .pocketvault/settings.json, or remove it|en");
}

TEST(DefaultManner, PocketBasesRoutesSpeakChineseTooButCodesStay) {
  TestServer server;
  const HeaderList chinese{{"Accept-Language", "zh-CN,zh;q=0.9,en;q=0.5"}};
  const Got guest = server.call({.target = "/api/backups", .headers = chinese});
  EXPECT_EQ(guest.status, 401U);
  EXPECT_EQ(guest.message(), "请求需要有效的记录授权令牌。");
  EXPECT_EQ(guest.header("Content-Language"), "zh-Hans");
  const Got named = server.admin_json("POST", "/api/backups", R"({"name":"A.zip"})", chinese);
  EXPECT_EQ(named.message(), "验证提交的数据时出错。");
  EXPECT_EQ(named.json().at_pointer("/data/name/message").as_string(), "格式无效。");
  EXPECT_EQ(named.json().at_pointer("/data/name/code").as_string(), "validation_match_invalid");
  HeaderList headers = chinese;
  headers.emplace_back("Content-Type", "application/json");
  const Got blank = server.call({.method = "POST",
                                 .target = "/api/collections/_superusers/auth-with-password",
                                 .headers = headers,
                                 .body = "{}"});
  EXPECT_EQ(blank.json().at_pointer("/data/identity/message").as_string(), "不能为空。");
  EXPECT_EQ(blank.json().at_pointer("/data/identity/code").as_string(), "validation_required");
  server.start({.strict = true});
  const Got strict = server.call({.target = "/api/backups", .headers = chinese});
  EXPECT_EQ(strict.message(), "The request requires valid record authorization token.");
  EXPECT_EQ(strict.header("Content-Language"), "");
}

TEST(DefaultManner, ARestoreKeepsUnchangedFilesUnlessTheQuerySaysNo) {
  TestServer server;
  testing::write_file(server.path() / "storage/c/r/a.txt", "hello");
  ASSERT_EQ(server.admin_json("POST", "/api/backups", R"({"name":"a.zip"})").status, 204U);
  for (const bool delta : {false, true}) {
    const std::string target =
        delta ? "/api/backups/a.zip/restore" : "/api/backups/a.zip/restore?delta=false";
    ASSERT_EQ(server.admin_call("POST", target).status, 204U);
    const Got jobs = server.admin_call("GET", "/api/vault/jobs");
    const boost::json::value listed = jobs.json();
    const boost::json::value& report = listed.at(0).at("report");
    EXPECT_EQ(report.at("unchangedFiles").to_number<std::uint64_t>() > 0, delta) << jobs.body;
    EXPECT_EQ(report.at("unchangedBytes").to_number<std::uint64_t>() > 0, delta);
  }
}

TEST(BothManners, ARestoreIsCheckedFirstAndAnswersTruthfully) {
  for (const bool strict : {true, false}) {
    TestServer server{{.strict = strict}};
    ASSERT_EQ(upload(server, "empty.zip", tiny_zip()).status, 204U);
    const Got got = server.admin_call("POST", "/api/backups/empty.zip/restore");
    EXPECT_EQ(got.status, 400U);
    EXPECT_TRUE(got.message().starts_with("Failed to restore backup. Raw error: \n")) << got.body;
    EXPECT_NE(got.message().find("data.db"), std::string::npos) << got.body;

    ASSERT_EQ(server.admin_json("POST", "/api/backups", R"({"name":"good.zip"})").status, 204U);
    server.sql("UPDATE users SET name = 'after the backup'");
    EXPECT_EQ(server.admin_call("POST", "/api/backups/good.zip/restore").status, 204U);
    const auto name = server.directory().read<std::optional<sqlite::Row>>(
        [](sqlite::Connection& db) { return db.one("SELECT name FROM users"); });
    ASSERT_TRUE(name.has_value() && name->has_value());
    EXPECT_EQ(sqlite::to_text((*name)->at(0)), "");
    EXPECT_EQ(server.admin_call("GET", "/api/backups").status, 200U) << "the session goes on";
  }
}

TEST(BothManners, ABackupGoesOnWithoutItsClientAndMakesOthersWait) {
  TestServer server;
  Gate gate;
  server.store().hook = [&](std::string_view method) {
    if (method == "commit") { gate.pass(); }
    return Result<void>{};
  };
  const std::string token = server.admin();
  const Ask create{.method = "POST",
                   .target = "/api/backups",
                   .headers = {{"Authorization", token}, {"Content-Type", "application/json"}},
                   .body = R"({"name":"slow.zip"})"};
  PiecesBody body{create.body};
  std::vector<TestServer::Running> slow(1);
  server.begin(create, body, slow[0]);
  while (server.vault().busy_name() != "slow.zip") { server.play(std::chrono::milliseconds{5}); }

  constexpr std::string_view kBusy =
      "Try again later - another backup/restore process has already been started.";
  const Got second = server.admin_json("POST", "/api/backups", "{broken");
  EXPECT_EQ(second.status, 400U);
  EXPECT_EQ(second.message(), kBusy) << "busy is told before the body is looked at";
  EXPECT_EQ(server.admin_call("POST", "/api/backups/none.zip/restore").message(), kBusy);
  EXPECT_EQ(server.admin_call("DELETE", "/api/backups/slow.zip").message(),
            "The backup is currently being used and cannot be deleted.");
  EXPECT_EQ(server.admin_call("GET", "/api/health").json().at_pointer("/data/canBackup"), false);
  EXPECT_EQ(keys(server), std::vector<std::string>{}) << "nothing half made is listed";
  const Got taken = upload(server, "slow.zip", tiny_zip());
  EXPECT_EQ(taken.json().at_pointer("/data/file/code").as_string(),
            "validation_backup_name_exists");
  EXPECT_FALSE(slow[0].done);

  gate.open();
  server.finish(slow);
  EXPECT_EQ(slow[0].got.status, 204U);
  EXPECT_EQ(keys(server), std::vector<std::string>{"slow.zip"});
  EXPECT_EQ(server.admin_call("GET", "/api/health").json().at_pointer("/data/canBackup"), true);
}

TEST(BothManners, AFailedBackupLeavesNothing) {
  for (const bool strict : {true, false}) {
    TestServer server{{.strict = strict}};
    server.store().hook = [](std::string_view method) -> Result<void> {
      if (method == "commit") { return fail(Code::kNoSpace, "no space left: 5 MB are missing"); }
      return {};
    };
    const Got got = server.admin_json("POST", "/api/backups", R"({"name":"a.zip"})");
    EXPECT_EQ(got.status, 400U);
    const bool explains = got.message().find("5 MB are missing") != std::string::npos;
    EXPECT_TRUE(got.message().starts_with("Failed to create backup."));
    EXPECT_EQ(explains, !strict) << got.body;
    EXPECT_TRUE(keys(server).empty());
  }
}

TEST(DefaultManner, ANamedBackupThatCannotBeginIsToldAndNotedForWhatItIs) {
  for (const Code code : {Code::kDenied, Code::kUnavailable, Code::kNoSpace}) {
    for (const char* order : {R"({"name":"nightly.zip"})", "{}"}) {
      TestServer server;
      server.store().hook = [code](std::string_view) -> Result<void> {
        return fail(code, "the folder is away");
      };
      const Got got = server.admin_json("POST", "/api/backups", order);
      EXPECT_EQ(got.status, 400U) << order;
      EXPECT_EQ(got.message(), "Failed to create backup. Raw error: \nthe folder is away.")
          << order;
      EXPECT_TRUE(got.json().at("data").as_object().empty()) << got.body;
      const auto noted = server.vault().health({}).last;
      ASSERT_TRUE(noted.has_value()) << order;
      EXPECT_EQ(noted->outcome, "failed");
      EXPECT_EQ(noted->error, "the folder is away");
    }
  }
}

TEST(BothManners, TwoAutomaticNamesInOneSecondDoNotCollide) {
  TestServer server{{.strict = true}};
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(server.admin_call("POST", "/api/backups").status, 204U); }
  EXPECT_EQ(keys(server).size(), 3U);
}

TEST(BothManners, StoreFailuresAreToldAsPocketBaseTellsThem) {
  TestServer server{{.strict = true}};
  ASSERT_EQ(upload(server, "a.zip", tiny_zip()).status, 204U);
  const std::string file_token = server.file_token(server.admin());
  struct Row {
    Code code;
    unsigned download;
    std::string_view list;
  };
  constexpr Row kRows[] = {
      {Code::kDenied, 500, "Failed to load backups filesystem."},
      {Code::kUnavailable, 500, "Failed to retrieve backup items. Raw error: \nout of order."},
  };
  for (const Row& row : kRows) {
    server.store().hook = [&](std::string_view) -> Result<void> {
      return fail(row.code, "out of order");
    };
    const Got listed = server.admin_call("GET", "/api/backups");
    EXPECT_EQ(listed.status, 400U);
    EXPECT_EQ(listed.message(), row.list);
    EXPECT_EQ(server.call({.target = "/api/backups/a.zip?token=" + file_token}).status,
              row.download);
    const Got made = server.admin_json("POST", "/api/backups", R"({"name":"b.zip"})");
    EXPECT_EQ(made.json().at_pointer("/data/name/code").as_string(), "validation_invalid_value");
    EXPECT_EQ(upload(server, "c.zip", tiny_zip()).message(), "Failed to upload backup.");
  }
}

TEST(StrictManner, OfABucketAMissingKeyIsAnsweredAsPocketBaseDoes) {
  for (const bool strict : {true, false}) {
    TestServer server{{.strict = strict}};
    ASSERT_EQ(upload(server, "a.zip", tiny_zip()).status, 204U);
    const std::string query = "?token=" + server.file_token(server.admin());
    server.store().remote = true;
    EXPECT_EQ(server.admin_call("DELETE", "/api/backups/none.zip").status, strict ? 204U : 404U);
    const Got got = server.call({.target = "/api/backups/none.zip" + query});
    EXPECT_EQ(got.status, strict ? 400U : 404U);
    if (strict) { EXPECT_EQ(got.message(), "Something went wrong while processing your request."); }
    EXPECT_EQ(server.call({.target = "/api/backups/a.zip" + query}).status, 200U);
    EXPECT_EQ(server.admin_call("DELETE", "/api/backups/a.zip").status, 204U);
  }
}

TEST(BothManners, SuperusersComeFromAllowedAddressesAlone) {
  TestServer server;
  const std::string file_token = server.file_token(server.admin());
  const std::string user = server.user();
  server.sql(R"(UPDATE _params SET value = json_set(value, '$.superuserIPs', json('["10.0.0.0/8"]'))
                WHERE id = 'settings')");
  for (const char* target : {"/api/backups", "/api/health", "/api/nosuch"}) {
    const Got got = server.admin_call("GET", target);
    EXPECT_EQ(got.status, 403U) << target;
    EXPECT_EQ(got.message(), "You are not allowed to perform this request.");
    EXPECT_EQ(got.header("X-Frame-Options"), "");
    EXPECT_EQ(got.header("Vary"), "Accept-Language, Origin");
  }
  EXPECT_EQ(server.call({.target = "/api/backups/a.zip?token=" + file_token}).status, 403U);
  EXPECT_EQ(server.call({.target = "/api/backups", .headers = {{"Authorization", user}}}).message(),
            "The authorized record is not allowed to perform this action.");
  const auto sign_in = [&](const std::string& password) {
    return server.call(
        {.method = "POST",
         .target = "/api/collections/_superusers/auth-with-password",
         .headers = {{"Content-Type", "application/json"}},
         .body = R"({"identity":"superuser@example.com","password":")" + password + "\"}"});
  };
  EXPECT_EQ(sign_in(std::string{kPassword}).status, 403U);
  EXPECT_EQ(sign_in("wrong").status, 400U);
  server.sql(R"(UPDATE _params SET value = json_set(value, '$.superuserIPs', json('["127.0.0.1"]'))
                WHERE id = 'settings')");
  EXPECT_EQ(server.admin_call("GET", "/api/backups").status, 200U);
}

// A text where the list of addresses belongs is not an empty list, and 1 is not false.
TEST(BothManners, NobodyIsLetInByARowOfAnotherType) {
  for (const char* change : {"'$.superuserIPs', '10.0.0.1'", "'$.backups.s3.enabled', 1"}) {
    TestServer server;
    ASSERT_NE(server.admin(), "") << "signed in before";
    server.sql("UPDATE _params SET value = json_set(CAST(value AS TEXT), " + std::string{change} +
               ") WHERE id = 'settings'");
    const std::string before = server.settings_row();
    EXPECT_EQ(server.admin_call("GET", "/api/settings").status, 400U) << change;
    EXPECT_EQ(server.admin_json("PATCH", "/api/settings", "{}").status, 400U) << change;
    EXPECT_EQ(server.admin_json("POST", "/api/backups", "{}").status, 400U) << change;
    EXPECT_EQ(server.settings_row(), before);
    EXPECT_EQ(server.call({.target = "/api/health"}).status, 200U) << "who has no token is none";
  }
}

TEST(OwnRoutes, ShowVerifyAndUndo) {
  TestServer server;
  ASSERT_EQ(server.admin_json("POST", "/api/backups", R"({"name":"a.zip"})").status, 204U);
  const boost::json::value shown = server.admin_call("GET", "/api/vault/backups/a.zip").json();
  EXPECT_EQ(shown.at("key").as_string(), "a.zip");
  EXPECT_TRUE(shown.at("hasDataDb").as_bool());
  EXPECT_EQ(shown.at("databases").as_array().size(), 2U);
  EXPECT_EQ(server.admin_call("GET", "/api/vault/backups/none.zip").status, 404U);
  EXPECT_EQ(server.admin_call("POST", "/api/vault/undo").status, 404U) << "nothing was replaced";

  const auto run = [&](const std::string& target) {
    const Got started = server.admin_call("POST", target);
    EXPECT_EQ(started.status, 202U) << started.body;
    const std::string id = TestServer::text(started, "id");
    EXPECT_EQ(started.header("Location"), "/api/vault/jobs/" + id);
    server.vault().find_job(id)->wait();
    const boost::json::value job = server.admin_call("GET", "/api/vault/jobs/" + id).json();
    return std::string{job.at("state").as_string()};
  };
  EXPECT_EQ(run("/api/vault/backups/a.zip/verify"), "succeeded");
  ASSERT_EQ(upload(server, "bad.zip", tiny_zip()).status, 204U);
  server.sql("UPDATE users SET name = 'new'");
  ASSERT_EQ(server.admin_call("POST", "/api/backups/a.zip/restore").status, 204U);
  EXPECT_EQ(run("/api/vault/undo"), "succeeded");
  const Got jobs = server.admin_call("GET", "/api/vault/jobs");
  EXPECT_EQ(jobs.json().as_array().size(), 4U);
  EXPECT_EQ(jobs.json().at(0).at("kind").as_string(), "undo") << "newest first";
  EXPECT_EQ(server.admin_call("GET", "/api/vault/jobs/nope").status, 404U);
  EXPECT_EQ(server.admin_call("DELETE", "/api/vault/jobs/nope").status, 404U);
  EXPECT_EQ(server.call({.target = "/api/vault/jobs"}).status, 401U);
}

TEST(OwnRoutes, ACancelledBackupFailsAndLeavesNothing) {
  TestServer server;
  Gate gate;
  server.store().hook = [&](std::string_view method) {
    if (method == "write") { gate.pass(); }
    return Result<void>{};
  };
  const Got started = server.admin_json("POST", "/api/backups", R"({"name":"a.zip"})",
                                        {{"Prefer", "respond-async"}});
  const std::string location = started.header("Location");
  EXPECT_EQ(server.admin_call("DELETE", location).status, 204U);
  gate.open();
  server.vault().find_job(TestServer::text(started, "id"))->wait();
  EXPECT_EQ(server.admin_call("GET", location).json().at("state").as_string(), "cancelled");
  EXPECT_TRUE(keys(server).empty());
}

}  // namespace
}  // namespace pv::api
