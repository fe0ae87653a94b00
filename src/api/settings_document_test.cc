#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>

#include "api/limiters.h"
#include "api/server_testing.h"
#include "auth/password.h"

namespace pv::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::pair<std::string, std::string> kJson{"Content-Type", "application/json"};
const std::pair<std::string, std::string> kUrlencoded{"Content-Type",
                                                      "application/x-www-form-urlencoded"};

std::string saving(std::string_view data) {
  return "{\"data\":" + std::string{data} +
         ",\"message\":\"An error occurred while saving the new settings.\",\"status\":400}\n";
}
constexpr std::string_view kLoading =
    "{\"data\":{},\"message\":\"An error occurred while loading the submitted "
    "data.\",\"status\":400}\n";

TEST(SettingsRoutes, AreForSuperusers) {
  TestServer server;
  for (const char* method : {"GET", "PATCH"}) {
    for (const char* path : {"/api/settings", "/api/vault/settings"}) {
      EXPECT_EQ(server.call({.method = method, .target = path}).status, 401U) << method << path;
      EXPECT_EQ(
          server
              .call(
                  {.method = method, .target = path, .headers = {{"Authorization", server.user()}}})
              .status,
          403U);
    }
  }
}

TEST(SettingsRoutes, ShowTheDocumentOfEachEdition) {
  TestServer server{{.strict = true}};
  const Got strict = server.admin_call("GET", "/api/settings");
  EXPECT_EQ(strict.status, 200U);
  EXPECT_THAT(strict.body, ::testing::StartsWith("{\"smtp\":{\"enabled\":false,\"port\":587,"));
  EXPECT_THAT(strict.body, Not(HasSubstr("superuserIPs")));
  server.start({});
  EXPECT_THAT(server.admin_call("GET", "/api/settings").body,
              ::testing::StartsWith("{\"superuserIPs\":[],\"smtp\":"));
}

TEST(SettingsRoutes, ChangeAndAnswerAll) {
  TestServer server;
  const Got got = server.admin_json("PATCH", "/api/settings?fields=backups.cron",
                                    R"({"backups":{"cron":"@daily"}} trailing)");
  EXPECT_EQ(got.status, 200U);
  EXPECT_EQ(got.body, "{\"backups\":{\"cron\":\"@daily\"}}\n");
  EXPECT_EQ(server.settings().now()->backups_cron, "@daily");
  EXPECT_EQ(server.admin_json("PATCH", "/api/settings", "{}").status, 200U);
  EXPECT_EQ(server.admin_call("PATCH", "/api/settings").status, 200U);
  EXPECT_EQ(server.settings().now()->backups_cron, "@daily");
}

TEST(SettingsRoutes, TakeHalfAPairOfSurrogatesAsGoDoes) {
  const std::pair<const char*, const char*> rows[] = {
      {R"(\ud800)", "\uFFFD"},
      {R"(a\uDC00b)", "a\uFFFDb"},
      {R"(\ud800\ud83d\ude00)", "\uFFFD\U0001F600"},
      {R"(\ud800\n\\ud800)", "\uFFFD\n\\ud800"},
  };
  TestServer server;
  for (const bool is_strict : {false, true}) {
    server.start({.strict = is_strict});
    for (const auto& [sent, kept] : rows) {
      const std::string body = R"({"meta":{"appName":")" + std::string{sent} + "\"}}";
      EXPECT_EQ(server.admin_json("PATCH", "/api/settings", body).status, 200U) << sent;
      EXPECT_EQ(server.settings().now()->app_name, kept) << sent;
    }
    EXPECT_EQ(server.admin_json("PATCH", "/api/settings", R"({"meta":{"appName":"\ud80)").status,
              400U);
  }
}

TEST(SettingsRoutes, TellEveryFieldThatIsWrong) {
  TestServer server;
  const auto patch = [&](const std::string& body) {
    return server.admin_json("PATCH", "/api/settings", body).body;
  };
  EXPECT_EQ(
      patch(R"({"backups":{"cron":"a * * * *","cronMaxKeep":0},"meta":{"appName":""}})"),
      saving(
          R"({"backups":{"cron":{"code":"validation_invalid_cron","message":"Strconv.Atoi: parsing \"a\": invalid syntax."},)"
          R"("cronMaxKeep":{"code":"validation_required","message":"Cannot be blank."}},)"
          R"("meta":{"appName":{"code":"validation_required","message":"Cannot be blank."}}})"));
  EXPECT_EQ(
      patch(R"({"backups":{"cronMaxKeep":-1}})"),
      saving(
          R"({"backups":{"cronMaxKeep":{"code":"validation_min_greater_equal_than_required","message":"Must be no less than 1.","params":{"threshold":1}}}})"));
  EXPECT_EQ(
      patch(R"({"superuserIPs":["x"]})"),
      saving(
          R"({"superuserIPs":{"0":{"code":"validation_invlaid_ip_or_subnet","message":"Invalid IP or CIDR subnet."}}})"));
  EXPECT_EQ(
      patch(R"({"rateLimits":{"rules":[{"label":"/a"},{"label":"/a"}]}})"),
      saving(
          R"({"rateLimits":{"rules":{"1":{"label":{"code":"validation_conflicting_rate_limit_rule","message":"Rate limit rule configuration with label /a already exists or conflicts with another rule.","params":{"label":"/a"}}}}}})"));
}

TEST(SettingsRoutes, RefuseWhatCannotBeRead) {
  TestServer server{{.strict = true}};
  const auto patch = [&](const std::string& body, const HeaderList& headers) {
    return server.admin_call("PATCH", "/api/settings", headers, body).body;
  };
  for (const char* body :
       {"", " ", "[]", "\"x\"", "5", "{", "{\"backups\":{\"cronMaxKeep\":\"3\"}}",
        "{\"backups\":[]}", "\xEF\xBB\xBF{}"}) {
    if (*body == '\0') { continue; }
    EXPECT_EQ(patch(body, {kJson}), kLoading) << body;
  }
  EXPECT_EQ(patch("{}", {{"Content-Type", "text/plain"}}), kLoading);
  EXPECT_EQ(patch("backups.cronMaxKeep=x", {kUrlencoded}), kLoading);
  EXPECT_EQ(patch("smtp.enabled=maybe", {kUrlencoded}), kLoading);
  EXPECT_EQ(patch("@jsonPayload=%5B%5D", {kUrlencoded}), kLoading);
  EXPECT_EQ(server.admin_call("PATCH", "/api/settings", {kJson}, "null").status, 500U);
  EXPECT_EQ(server
                .admin_call("PATCH", "/api/settings", {kJson},
                            "{\"x\":\"" + std::string(2 << 20, 'x') + "\"}")
                .status,
            413U);
  server.start({});
  EXPECT_EQ(server.admin_call("PATCH", "/api/settings", {kJson}, "null").status, 200U);
  EXPECT_THAT(patch(R"({"backups":{"cronMaxKeep":"3"}})", {kJson}),
              HasSubstr(R"("cronMaxKeep":{"code":"validation_invalid_type")"));
}

TEST(SettingsRoutes, TakeForms) {
  TestServer server;
  const Got got = server.admin_call(
      "PATCH", "/api/settings?logs.maxDays=0x0A", {kUrlencoded},
      "backups.cron=%40weekly&backups.cronMaxKeep=5&trustedProxy.headers=X-A&trustedProxy.headers="
      "X-B&smtp.tls=t&backups.s3.bucket=b&@jsonPayload=%7B%22meta%22%3A%7B%22appName%22%3A%22P%22%"
      "7D%7D");
  ASSERT_EQ(got.status, 200U) << got.body;
  const auto now = server.settings().now();
  EXPECT_EQ(now->backups_cron, "@weekly");
  EXPECT_EQ(now->backups_kept_max, 5);
  EXPECT_EQ(now->trusted_proxy_headers, (std::vector<std::string>{"X-A", "X-B"}));
  EXPECT_EQ(now->logs.days_max, 10);
  EXPECT_EQ(now->app_name, "P");
  EXPECT_EQ(now->backups_s3.bucket, "b");
  EXPECT_EQ(now->storage_s3.bucket, "");
}

// PocketBase passes over the first and takes the second for both.
TEST(SettingsRoutes, StrictFormsNameTheLastObjectAlone) {
  TestServer server{{.strict = true}};
  const auto patch = [&](const std::string& body) {
    EXPECT_EQ(server.admin_call("PATCH", "/api/settings", {kUrlencoded}, body).status, 200U);
  };
  patch("backups.s3.bucket=one");
  EXPECT_EQ(server.settings().now()->backups_s3.bucket, "");
  patch("s3.bucket=two");
  EXPECT_EQ(server.settings().now()->backups_s3.bucket, "two");
  EXPECT_EQ(server.settings().now()->storage_s3.bucket, "two");
}

TEST(SettingsRoutes, CountAtOnce) {
  TestServer server;
  ASSERT_EQ(server
                .admin_json("PATCH", "/api/settings",
                            R"({"trustedProxy":{"headers":["X-Real"]},"superuserIPs":["9.9.9.9"]})")
                .status,
            200U);
  EXPECT_EQ(server.admin_call("GET", "/api/backups").status, 403U);
  EXPECT_EQ(server.admin_call("GET", "/api/backups", {{"X-Real", "9.9.9.9"}}).status, 200U);
}

TEST(RateLimitRoutes, AreLimitedForAllButSuperusers) {
  TestServer server;
  server.admin();
  ASSERT_EQ(
      server
          .admin_json(
              "PATCH", "/api/settings",
              R"({"rateLimits":{"enabled":true,"rules":[{"label":"/api/health","audience":"","duration":60,"maxRequests":2},)"
              R"({"label":"_superusers:auth","audience":"","duration":60,"maxRequests":1},)"
              R"({"label":"POST /api/backups","audience":"@guest","duration":60,"maxRequests":1}]}})")
          .status,
      200U);
  const auto get = [&](const char* path) { return server.call({.target = path}).status; };
  EXPECT_EQ(get("/api/health"), 200U);
  EXPECT_EQ(get("/%61pi/h%65alth"), 200U);
  const Got third = server.call({.target = "/api/health"});
  EXPECT_EQ(third.status, 429U);
  EXPECT_EQ(get("/%61pi/health"), 429U);
  EXPECT_EQ(third.body, "{\"data\":{},\"message\":\"Too Many Requests.\",\"status\":429}\n");
  EXPECT_EQ(server.admin_call("GET", "/api/health").status, 200U);
  const auto guest = [&] {
    return server.call({.method = "POST", .target = "/api/backups"}).status;
  };
  EXPECT_EQ(guest(), 401U);
  EXPECT_EQ(guest(), 429U) << "before it is asked who that is";
  const auto sign_in = [&](const char* collection) {
    return server
        .call({.method = "POST",
               .target = std::string{"/api/collections/"} + collection + "/auth-with-password",
               .headers = {kJson},
               .body = "{}"})
        .status;
  };
  EXPECT_EQ(sign_in("_superusers"), 400U);
  EXPECT_EQ(sign_in("pbc_3142635823"), 429U) << "the same collection, by its id";
  EXPECT_EQ(sign_in("users"), 400U);
}

TEST(SignInLimit, StopsWhoTriesTooManyPasswords) {
  TestServer server;
  const auto sign_in = [&](std::string_view password) {
    return server
        .call({.method = "POST",
               .target = "/api/collections/users/auth-with-password",
               .headers = {kJson},
               .body = R"({"identity":"user@example.com","password":")" + std::string{password} +
                       "\"}"})
        .status;
  };
  for (int i = 0; i < SignInGuard::kFailuresMax; ++i) { ASSERT_EQ(sign_in("wrong"), 400U); }
  EXPECT_EQ(sign_in("wrong"), 429U);
  EXPECT_EQ(sign_in(kPassword), 429U) << "or the answer would tell the right one";
}

// More of them wait than there are threads for what blocks; each takes half a second.
TEST(SignInGuard, LetsOtherRequestsGoOnBesideAFloodOfPasswords) {
  TestServer server;
  const std::string token = server.admin();
  auto slow = auth::hash_password(kPassword, system_random(), 13);
  ASSERT_TRUE(slow.has_value());
  server.sql("UPDATE _superusers SET password = '" + *slow + "'");
  const Ask sign_in{.method = "POST",
                    .target = "/api/collections/_superusers/auth-with-password",
                    .headers = {{"Content-Type", "application/json"}},
                    .body = R"({"identity":"superuser@example.com","password":")" +
                            std::string{kPassword} + "\"}"};
  constexpr std::size_t kFlood = 8;
  std::vector<std::unique_ptr<PiecesBody>> bodies;
  std::vector<TestServer::Running> flood(kFlood);
  for (std::size_t i = 0; i < kFlood; ++i) {
    bodies.push_back(std::make_unique<PiecesBody>(sign_in.body, 64 << 10, false));
    server.begin(sign_in, *bodies.back(), flood[i]);
  }
  server.play(std::chrono::milliseconds{100});  // all of them wait for a thread, or have one
  EXPECT_EQ(server.call({.target = "/api/backups", .headers = {{"Authorization", token}}}).status,
            200U);
  const auto still_open =
      std::count_if(flood.begin(), flood.end(), [](const auto& one) { return !one.done; });
  EXPECT_GE(still_open, 5) << "it waited for the passwords of others";
  server.finish(flood);
  for (const TestServer::Running& one : flood) { EXPECT_EQ(one.got.status, 200U); }
}

// More calls of a silent store than there are threads for it.
TEST(Pools, ASilentStoreHoldsUpNothingElse) {
  TestServer server;
  const std::string token = server.admin();
  std::mutex mutex;
  std::condition_variable answers;
  bool is_silent = true;
  server.store().hook = [&](std::string_view) -> Result<void> {
    std::unique_lock lock{mutex};
    answers.wait(lock, [&] { return !is_silent; });
    return {};
  };
  const HeaderList signed_in{{"Authorization", token}};
  const Ask list{.target = "/api/backups", .headers = signed_in};
  constexpr std::size_t kLists = 40;
  std::vector<std::unique_ptr<PiecesBody>> bodies;
  std::vector<TestServer::Running> lists(kLists);
  for (TestServer::Running& one : lists) {
    bodies.push_back(std::make_unique<PiecesBody>("", 64 << 10, false));
    server.begin(list, *bodies.back(), one);
  }
  server.play(std::chrono::milliseconds{100});
  for (const char* target : {"/api/settings", "/api/health", "/readyz", "/api/logs",
                             "/api/vault/jobs", "/api/collections/_superusers/auth-methods"}) {
    EXPECT_EQ(server.call({.target = target, .headers = signed_in}).status, 200U) << target;
  }
  EXPECT_FALSE(server.sign_in("_superusers", kAdmin).empty());
  EXPECT_TRUE(std::none_of(lists.begin(), lists.end(), [](const auto& one) { return one.done; }));
  {
    const std::lock_guard lock{mutex};
    is_silent = false;
  }
  answers.notify_all();
  server.finish(lists);
  for (const TestServer::Running& one : lists) { EXPECT_EQ(one.got.status, 200U); }
}

TEST(CronRoutes, ListAndBegin) {
  TestServer server{{.strict = true}};
  EXPECT_EQ(server.call({.target = "/api/crons"}).status, 401U);
  const std::string chores =
      R"([{"id":"__pbDBOptimize__","expression":"0 0 * * *"},{"id":"__pbMFACleanup__","expression":"0 * * * *"},)"
      R"({"id":"__pbOTPCleanup__","expression":"0 * * * *"},{"id":"__pbLogsCleanup__","expression":"0 */6 * * *"})";
  EXPECT_EQ(server.admin_call("GET", "/api/crons").body, chores + "]\n");
  EXPECT_EQ(server.admin_call("POST", "/api/crons/__pbAutoBackup__").body,
            "{\"data\":{},\"message\":\"Missing or invalid cron job.\",\"status\":404}\n");
  EXPECT_EQ(server.admin_call("POST", "/api/crons/__pbMFACleanup__").status, 204U);
  ASSERT_EQ(server.admin_json("PATCH", "/api/settings", R"({"backups":{"cron":"@weekly"}})").status,
            200U);
  EXPECT_EQ(server.admin_call("GET", "/api/crons").body,
            chores + R"(,{"id":"__pbAutoBackup__","expression":"0 0 * * 0"}])" + "\n");
  EXPECT_EQ(server.admin_call("POST", "/api/crons/__pbAutoBackup__").status, 204U);
}

TEST(CronRoutes, HaveAJobForTheLimitsOnceARequestWasCounted) {
  TestServer server{{.strict = true}};
  constexpr std::string_view kJob =
      R"(,{"id":"__pbRateLimitersCleanup__","expression":"2 * * * *"}])"
      "\n";
  const auto crons = [&] { return server.admin_call("GET", "/api/crons").body; };
  ASSERT_EQ(server
                .admin_json("PATCH", "/api/settings",
                            R"({"rateLimits":{"enabled":true,"rules":[{"label":"/api/health",)"
                            R"("audience":"","duration":60,"maxRequests":2}]}})")
                .status,
            200U);
  EXPECT_FALSE(crons().ends_with(kJob));
  EXPECT_EQ(server.admin_call("POST", "/api/crons/__pbRateLimitersCleanup__").status, 404U);
  EXPECT_EQ(server.call({.target = "/api/health"}).status, 200U);
  EXPECT_TRUE(crons().ends_with(kJob)) << crons();
  EXPECT_EQ(server.admin_call("POST", "/api/crons/__pbRateLimitersCleanup__").status, 204U);
}

TEST(VaultSettingsRoutes, ShowChangeAndRefuse) {
  TestServer server;
  const auto schedule_in = [](const Got& got) {
    return boost::json::serialize(got.json().at("schedule"));
  };
  EXPECT_EQ(schedule_in(server.admin_call("GET", "/api/vault/settings")),
            R"({"jitterSeconds":0,"catchUp":true})");
  EXPECT_EQ(schedule_in(server.admin_json("PATCH", "/api/vault/settings",
                                          R"({"schedule":{"jitterSeconds":5}})")),
            R"({"jitterSeconds":5,"catchUp":true})");
  EXPECT_EQ(
      server.admin_json("PATCH", "/api/vault/settings", R"({"x":1})").body,
      saving(R"({"x":{"code":"validation_unknown_field","message":"There is no such setting."}})"));
  std::string dotted = "a";
  for (int i = 0; i < 20'000; ++i) { dotted += ".a"; }
  EXPECT_EQ(
      server.admin_json("PATCH", "/api/vault/settings", "{\"" + dotted + "\":1}").body,
      saving("{\"" + dotted +
             R"(":{"code":"validation_unknown_field","message":"There is no such setting."}})"));
  server.start({.strict = true});
  EXPECT_EQ(server.admin_call("GET", "/api/vault/settings").status, 404U);
}

TEST(VaultSettingsRoutes, DoNotTellWhereTheirFileIs) {
  TestServer server;
  server.admin();
  std::filesystem::create_directories(server.directory().vault_folder().native());
  std::ofstream{(server.directory().vault_folder() / "settings.json").native()} << "{ broken";
  for (const char* method : {"GET", "PATCH"}) {
    const Got got = server.admin_json(method, "/api/vault/settings", "{}");
    EXPECT_EQ(got.status, 400U);
    EXPECT_EQ(got.body,
              "{\"data\":{},\"message\":\"The request failed. Raw error: \\nsettings.json is not "
              "JSON.\",\"status\":400}\n");
  }
}

}  // namespace
}  // namespace pv::api
