// What routes say to people, in the language that they ask for.
#include "api/sentences.h"

#include <gtest/gtest.h>

#include <regex>

#include "api/events.h"
#include "api/server_testing.h"
#include "base/clock.h"
#include "jobs/hostile_databases_testing.h"
#include "state/alerts.h"

namespace pv::api {
namespace {

namespace json = boost::json;

const HeaderList kInChinese{{"Accept-Language", "zh-CN"}};

// Two English words side by side, but for commands, options and names in quotes.
bool has_english(const std::string& text) {
  static const std::regex kNamed{
      R"(`[^`]*`|pocketvault [a-z]+|"[^"]*"|near \S+ syntax error|invalid rootpage|“[^”]*”|--[a-z-]+ [a-z]+)"};
  static const std::regex kSentence{R"([A-Za-z']{2,},? [a-z]{2,})"};
  return std::regex_search(std::regex_replace(text, kNamed, ""), kSentence);
}

// Every text of an answer.
void expect_no_english(const json::value& value, const std::string& where) {
  if (const json::string* text = value.if_string()) {
    EXPECT_FALSE(has_english(std::string{*text})) << where << ": " << *text;
  } else if (const json::object* object = value.if_object()) {
    for (const auto& [key, inner] : *object) {
      expect_no_english(inner, where + "." + std::string{key});
    }
  } else if (const json::array* list = value.if_array()) {
    for (const json::value& one : *list) { expect_no_english(one, where); }
  }
}

void make(TestServer& server, const std::string& name, const std::string& more = "") {
  const Got made =
      server.admin_json("POST", "/api/backups", R"({"name":")" + name + R"(")" + more + "}");
  ASSERT_EQ(made.status, 204U) << made.body;
}

// Starts a job and waits for its end.
void run(TestServer& server, const std::string& target) {
  const Got started = server.admin_call("POST", target, {{"Prefer", "respond-async"}});
  ASSERT_EQ(started.status, 202U) << target << started.body;
  server.vault().find_job(TestServer::text(started, "id"))->wait();
}

json::value told(TestServer& server, const std::string& target, const HeaderList& headers) {
  const Got got = server.admin_call("GET", target, headers);
  EXPECT_EQ(got.status, 200U) << target << got.body;
  EXPECT_EQ(got.header("Content-Language"), headers.empty() ? "en" : "zh-Hans") << target;
  EXPECT_EQ(got.header("Vary"), "Accept-Language, Origin") << target;
  return got.json();
}

void open_alerts(TestServer& server) {
  const WallTime now = system_clock().now();
  state::AlertChange change;
  change.open.push_back({"missed", now, now,
                         "The backup that was due at 2026-11-21 03:00 (0 3 * * *) has not been "
                         "made.\nThere is no good backup."});
  change.deliveries.push_back({.channel = "webhook:Team",
                               .kind = "missed",
                               .title = "A backup was missed",
                               .text = "",
                               .created = now,
                               .attempts = 1,
                               .next = now,
                               .ended = std::nullopt,
                               .outcome = "waiting",
                               .error = "https://hooks.example.com answered with status 503"});
  const state::VaultDb db{server.directory().vault_folder()};
  ASSERT_TRUE(state::change_alerts(db, change, now, [](const std::string&) {}).has_value());
}

// Backups with warnings, one that is damaged, refused restores, an alert.
void fill(TestServer& server) {
  const fs::Path storage = server.path() / "storage";
  std::filesystem::create_directories(storage / "c/r");
  std::filesystem::create_symlink("/nowhere", storage / "c/r/dangling");
  make(server, "a.zip", R"(,"exclude":["nothing/fits"])");
  make(server, "b.zip");
  testing::write_file(server.path() / "backups/bad.zip", tiny_zip());
  ASSERT_EQ(server.admin_call("POST", "/api/vault/backups/a.zip/pin").status, 204U);
  run(server, "/api/vault/backups/a.zip/verify?deep=true");
  run(server, "/api/vault/backups/bad.zip/verify");
  run(server, "/api/vault/backups/bad.zip/preflight");
  run(server, "/api/vault/backups/a.zip/preflight");
  run(server, "/api/vault/backups/a.zip/preflight?only=data.db");
  run(server, "/api/backups/bad.zip/restore");
  run(server, "/api/backups/a.zip/restore?only=data.db");
  server.store().hook = [](std::string_view call) {
    return call == "write" ? Result<void>{fail(Code::kNoSpace, "write x: No space left on device")}
                           : Result<void>{};
  };
  run(server, "/api/backups");
  server.store().hook = [](std::string_view) { return Result<void>{}; };
  open_alerts(server);
}

TEST(Sentences, NoRouteOfOursSaysEnglishToWhoAsksForChinese) {
  TestServer server;
  fill(server);
  for (const char* target :
       {"/api/backups", "/api/vault/jobs", "/api/vault/history", "/api/vault/status",
        "/api/vault/alerts", "/api/vault/replaced?fields=*", "/api/vault/backups/bad.zip",
        "/api/vault/backups/a.zip/entries?recursive=true",
        "/api/vault/retention/preview?keepDaily=1&keepLast=1&minAgeHours=1&governs=all"}) {
    if (std::string_view{target}.find("replaced") != std::string_view::npos) {
      expect_no_english(server.admin_call("GET", target, kInChinese).json(), target);
      continue;
    }
    const json::value chinese = told(server, target, kInChinese);
    expect_no_english(chinese, target);
    const json::value english = told(server, target, {});
    if (std::string_view{target}.find("entries") == std::string_view::npos) {
      EXPECT_NE(json::serialize(chinese), json::serialize(english)) << target;
    }
  }
}

TEST(Sentences, WhyVaultDbCannotBeReadIsToldInChinese) {
  TestServer server;
  testing::write_file(server.path() / ".pocketvault/vault.db", "no database at all");
  const json::value status = told(server, "/api/vault/status", kInChinese);
  EXPECT_NE(status.at("memoryError").as_string(), "");
  expect_no_english(status, "/api/vault/status");
}

TEST(Sentences, OfAJobCodesStayAndPeopleReadTheRest) {
  TestServer server;
  make(server, "a.zip");
  testing::write_file(server.path() / "backups/bad.zip", tiny_zip());
  run(server, "/api/vault/backups/bad.zip/preflight");
  run(server, "/api/backups/bad.zip/restore");
  const json::value jobs = told(server, "/api/vault/jobs", kInChinese);
  const json::value& restore = jobs.at(0);
  EXPECT_EQ(restore.at("kind").as_string(), "restore");
  EXPECT_EQ(restore.at("state").as_string(), "failed");
  EXPECT_EQ(restore.at("phase").as_string(), "check");
  EXPECT_EQ(restore.at_pointer("/error/code").as_string(), "damaged");
  EXPECT_EQ(restore.at_pointer("/error/message").as_string(),
            "压缩包不是 PocketBase 的备份：data.db 文件缺失或无效：顶层没有 data.db");
  EXPECT_EQ(jobs.at(1).at_pointer("/preflight/reasons/0/message"),
            restore.at_pointer("/error/message"));
  const json::value& backup = jobs.at(2);
  EXPECT_EQ(backup.at_pointer("/report/structure").as_string(), "sound");
  EXPECT_EQ(backup.at_pointer("/report/way").as_string(), "pinned");
  EXPECT_EQ(backup.at_pointer("/report/fullBecause").as_string(), "没有更早的备份");
  const std::string id{restore.at("id").as_string()};
  EXPECT_EQ(told(server, "/api/vault/jobs/" + id, kInChinese), restore);
  EXPECT_EQ(told(server, "/api/vault/jobs/" + id, {}).at_pointer("/error/message").as_string(),
            "the archive is no backup of PocketBase: data.db file is missing or invalid: there is "
            "no data.db at its top");
}

TEST(Sentences, WhatAHostileArchiveIsRefusedForIsToldInChinese) {
  TestServer server;
  const fs::Path folder = server.path() / "backups";
  std::filesystem::create_directories(folder);
  for (const jobs::HostileArchive& hostile : jobs::all_hostile(jobs::crafted::good_data_db())) {
    testing::write_file(folder / "hostile.zip", hostile.bytes);
    const Got got = server.admin_call("POST", "/api/backups/hostile.zip/restore", kInChinese);
    EXPECT_EQ(got.status, 400U) << got.body;
    const std::string message = got.message();
    // What SQLite's check finds is SQLite's own.
    if (message.find("*** in database") != std::string::npos) { continue; }
    expect_no_english(got.json().at("message"), hostile.label + message);
  }
}

TEST(Sentences, RefusalsOfParametersAreToldInChinese) {
  TestServer server;
  make(server, "a.zip");
  for (const char* target :
       {"/api/vault/retention/prune?keepDaily=x", "/api/vault/retention/prune?keep=1",
        "/api/vault/retention/prune?governs=some", "/api/vault/retention/prune?keepDaily=%zz",
        "/api/backups/a.zip/restore?keepReplaced=24", "/api/backups/a.zip/restore?backupFirst=yes",
        "/api/backups/a.zip/restore?filesTo=moon", "/api/backups/a.zip/restore?Only=data.db",
        "/api/backups/a.zip/restore?only=../x", "/api/backups/a.zip/restore?only=data.db-wal",
        "/api/backups/a.zip/restore?only=%zz", "/api/vault/backups/a.zip/preflight?only=backups"}) {
    const Got got = server.admin_call("POST", target, kInChinese);
    EXPECT_EQ(got.status, 400U) << target << got.body;
    expect_no_english(got.json(), target);
  }
  const Got cron =
      server.admin_json("PATCH", "/api/settings", R"({"backups":{"cron":"* * * *"}})", kInChinese);
  EXPECT_EQ(cron.status, 400U);
  expect_no_english(cron.json(), "cron");
}

TEST(Sentences, APinsNoteIsItsOwnersAndWhatIsTooLongStaysEnglish) {
  TestServer server;
  make(server, "a.zip");
  ASSERT_EQ(
      server.admin_json("POST", "/api/vault/backups/a.zip/pin", R"({"note":"pinned"})").status,
      204U);
  EXPECT_EQ(
      told(server, "/api/vault/backups/a.zip", kInChinese).at_pointer("/pin/note").as_string(),
      "pinned");
  json::value many = json::array{};
  for (int i = 0; i < 2000; ++i) {
    many.as_array().push_back(json::object{{"reason", "open " + std::string(200, 'a')}});
  }
  tell(Language::kChinese, kOfVerdicts, many);
  EXPECT_TRUE(many.at(0).at("reason").as_string().starts_with("打开 "));
  EXPECT_TRUE(many.at(1999).at("reason").as_string().starts_with("open "));
}

TEST(Sentences, ARestoreThatIsRepresentedSaysSoInChinese) {
  TestServer server;
  make(server, "a.zip");
  HeaderList headers = kInChinese;
  headers.emplace_back("Prefer", "return=representation");
  EXPECT_EQ(server.admin_call("POST", "/api/backups/a.zip/restore", headers).message(),
            "备份已成功恢复。");
  server.start({.strict = true});
  const Got strict = server.admin_call("GET", "/api/backups", kInChinese);
  EXPECT_EQ(strict.header("Content-Language"), "");
}

}  // namespace
}  // namespace pv::api
