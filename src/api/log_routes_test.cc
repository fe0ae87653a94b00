#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/server_testing.h"

namespace pv::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LogRoutes, TellOfRequests) {
  TestServer server;
  server.call(
      {.target = "/api/health", .headers = {{"User-Agent", "tester"}, {"Referer", "http://r"}}});
  server.call({.method = "POST", .target = "/api/backups/a%20b.zip/restore?x=1"});
  server.admin_call("GET", "/api/logs/none");
  server.log().flush();
  const Got got = server.admin_call("GET", "/api/logs?sort=@rowid&filter=data.auth=''");
  ASSERT_EQ(got.status, 200U) << got.body;
  const auto page = got.json();
  EXPECT_EQ(page.at("totalItems"), page.at("items").as_array().size());
  const auto& health = page.at("items").at(0);
  EXPECT_EQ(health.at("message"), "GET /api/health");
  EXPECT_EQ(health.at("level"), 0);
  const auto& data = health.at("data");
  EXPECT_EQ(data.at("userAgent"), "tester");
  EXPECT_EQ(data.at("referer"), "http://r");
  EXPECT_EQ(data.at("status"), 200);
  EXPECT_EQ(data.at("type"), "request");
  EXPECT_EQ(data.at("userIP"), "127.0.0.1");
  EXPECT_FALSE(data.as_object().contains("authId"));
  const auto& restore = page.at("items").at(1);
  EXPECT_EQ(restore.at("message"), "POST /api/backups/a b.zip/restore?x=1");
  EXPECT_EQ(restore.at("level"), 8);
  EXPECT_EQ(restore.at("data").at("url"), "/api/backups/a%20b.zip/restore?x=1");
  EXPECT_EQ(restore.at("data").at("error"),
            "The request requires valid record authorization token.");
  EXPECT_TRUE(restore.at("data").at("details").is_null());
  const std::string id{health.at("id").as_string()};
  EXPECT_EQ(server.admin_call("GET", "/api/logs/" + id).json().at("id"), id.c_str());
  EXPECT_EQ(server.admin_call("GET", "/api/logs/nope").status, 404U);
}

TEST(LogRoutes, LeaveOutWhatReadsTheLogAndEverySecret) {
  TestServer server;
  const std::string file_token = server.file_token(server.admin());
  server.call({.target = "/api/backups/a.zip?token=" + file_token + "&x=1&to%6ben=" + file_token});
  server.call({.target = "/api/nope?a=1;token=" + file_token + ";b=%zz" + file_token});
  server.call({.target = "/api/nope?from=%2Fx%3FTOKEN%3D" + file_token});
  for (const char* spelling :
       {"/api/backups/x.zip%3Ftoken=", "/api/nope/%3ftoken%3d", "/api/nope/token%253D",
        "/api/backups/x.zip?token%5B%5D=", "/api/nope?x[token]=", "/api/nope?access_token=",
        "/api/nope?a=1&newPassword=", "/api/nope?x=http%253A%252F%252Fr%253Ftoken%253D",
        "/api/nope?x=%2525252525252525", "/api/nope?client_secret="}) {
    server.call({.target = spelling + file_token});
  }
  for (const char* before : {"?a=1&token=", "?a=1;token=", "#token=", "?to%6Ben="}) {
    server.call({.target = "/api/health",
                 .headers = {{"Referer", std::string{"http://r/b.zip"} + before + file_token}}});
  }
  server.admin_call("GET", "/api/logs");
  server.admin_call("GET", "/api/logs/stats");
  server.log().flush();
  const std::string body = server.admin_call("GET", "/api/logs?perPage=1000").body;
  EXPECT_THAT(body, Not(HasSubstr("/api/logs")));
  EXPECT_THAT(body, HasSubstr("/api/backups/a.zip?token=***\\u0026x=1\\u0026token=***"));
  EXPECT_THAT(body, HasSubstr("/api/nope?a=1;token=***;token=***"));
  EXPECT_THAT(body, HasSubstr("http://r/b.zip?a=1\\u0026token=***"));
  EXPECT_THAT(body, HasSubstr("GET /api/backups/token=***"));
  EXPECT_THAT(body, Not(HasSubstr(file_token)));
  EXPECT_THAT(body, Not(HasSubstr(server.admin())));
  EXPECT_THAT(body, Not(HasSubstr(std::string{kPassword})));
}

TEST(LogRoutes, MaskByNameAndByShape) {
  TestServer server;
  const std::string token = server.file_token(server.admin());
  for (const char* name : {"apiKey",
                           "api_key",
                           "authorization",
                           "jwt",
                           "otp",
                           "code",
                           "auth_code",
                           "pwd",
                           "sig",
                           "X-Amz-Signature",
                           "X-Amz-Credential",
                           "form[code]",
                           "pass",
                           "db_pass",
                           "passphrase",
                           "access_key",
                           "accesskey",
                           "AWSAccessKeyId",
                           "private_key",
                           "private-key"}) {
    server.call({.target = std::string{"/api/nope?a=1&"} + name + "=hidden"});
  }
  for (const char* query : {"?key=1hiddenhiddenhidden", "?app-key=hidden_hidden-0000=",
                            "?x=Bearer+hidden", "?x=%42earer%20hidden", "?x=Basic%20hidden"}) {
    server.call({.target = std::string{"/api/nope"} + query});
  }
  for (const std::string& target :
       {"/api/nope?x=" + token, "/" + token, "/api/nope/a." + token, "/api/nope?x=%22" + token,
        "/api/nope?x=" + token.substr(0, 20) + "%2D" + token.substr(21)}) {
    server.call({.target = target});
  }
  for (const char* referer : {"https://user:hidden@r/a", "https://user%3Ahidden%40r/a"}) {
    server.call({.target = "/api/health", .headers = {{"Referer", referer}}});
  }
  server.call({.target = "/api/health", .headers = {{"User-Agent", "curl/8 token=hidden"}}});
  server.call({.target = "/api/health", .headers = {{"User-Agent", "x " + token}}});
  for (const char* agent : {"Bearer hidden", "x/1.0 bearer  a/hidden", "x (Basic aGkx/hidden)"}) {
    server.call({.target = "/api/health", .headers = {{"User-Agent", agent}}});
  }
  // What is no secret stays.
  const std::string harmless =
      "/api/nope/50%25.zip?to=a@b.c&country=de&withCode=true&v=1.2.3&x=%zz&j=eyJ.a"
      "&key=pb_backup_20261121000000.zip&key=settings&key=12345678901234567890"
      "&passenger=1&keyboard=0123456789abcdefgh&bearer=x";
  server.call({.target = harmless,
               .headers = {{"User-Agent", "Mozilla/5.0 (X11; rv:1.2) visualbasic 1.2345"}}});
  server.log().flush();
  const std::string body = server.admin_call("GET", "/api/logs?perPage=1000").body;
  EXPECT_THAT(body, Not(HasSubstr("hidden")));
  EXPECT_THAT(body, Not(HasSubstr(token.substr(21))));
  EXPECT_THAT(body, HasSubstr("/api/nope?a=1\\u0026token=***"));
  EXPECT_THAT(body, HasSubstr("https://token=***/a"));
  EXPECT_THAT(body, HasSubstr("/api/nope/50%25.zip?to=a@b.c\\u0026country=de\\u0026withCode=true"
                              "\\u0026v=1.2.3\\u0026x=%zz\\u0026j=eyJ.a"
                              "\\u0026key=pb_backup_20261121000000.zip\\u0026key=settings"
                              "\\u0026key=12345678901234567890\\u0026passenger=1"
                              "\\u0026keyboard=0123456789abcdefgh\\u0026bearer=x"));
  EXPECT_THAT(body, HasSubstr("Mozilla/5.0 (X11; rv:1.2) visualbasic 1.2345"));
}

// Of which each may take six bytes in JSON.
TEST(LogRoutes, KeepLittleOfWhatIsLong) {
  TestServer server;
  const std::string hostile(500'000, '<');
  server.call({.method = "M" + std::string(50'000, 'M'),
               .target = "/api/nope?" + hostile,
               .headers = {{"User-Agent", hostile}, {"Referer", hostile}}});
  server.log().flush();
  const Got got = server.admin_call("GET", "/api/logs?filter=message~'nope'");
  ASSERT_EQ(got.json().at("totalItems"), 1) << got.body.substr(0, 1000);
  EXPECT_LT(got.body.size(), 16'000U);
  EXPECT_THAT(got.body, HasSubstr("/api/nope?\\u003c"));
}

TEST(LogRoutes, HeedTheSettings) {
  TestServer server;
  ASSERT_EQ(server
                .admin_json("PATCH", "/api/settings",
                            R"({"logs":{"logIP":false,"logAuthId":true,"minLevel":4}})")
                .status,
            200U);
  server.call({.target = "/api/health"});
  server.call({.target = "/api/nope"});
  server.log().flush();
  const auto items =
      server.admin_call("GET", "/api/logs?filter=message~'health'||message~'nope'").json();
  ASSERT_EQ(items.at("totalItems"), 1);
  const auto& data = items.at("items").at(0).at("data").as_object();
  EXPECT_FALSE(data.contains("userIP") || data.contains("remoteIP"));
  EXPECT_EQ(data.at("authId"), "");
}

TEST(LogRoutes, TakePagesFieldsAndFilters) {
  TestServer server;
  for (int i = 0; i < 5; ++i) { server.call({.target = "/api/health"}); }
  server.log().flush();
  const std::string filter = "filter=message='GET%20/api/health'";
  EXPECT_EQ(
      server.admin_call("GET", "/api/logs?perPage=2&page=3&fields=level&" + filter).body,
      "{\"items\":[{\"level\":0}],\"page\":3,\"perPage\":2,\"totalItems\":5,\"totalPages\":3}\n");
  EXPECT_EQ(
      server.admin_call("GET", "/api/logs?skipTotal=1&perPage=1&fields=level&" + filter).body,
      "{\"items\":[{\"level\":0}],\"page\":1,\"perPage\":1,\"totalItems\":-1,\"totalPages\":-1}\n");
  EXPECT_EQ(
      server.admin_call("GET", "/api/logs?page=9223372036854775807&perPage=1000&" + filter).body,
      "{\"items\":[],\"page\":9223372036854775807,\"perPage\":1000,\"totalItems\":5,"
      "\"totalPages\":1}\n");
  const auto stats = server.admin_call("GET", "/api/logs/stats?" + filter).json();
  std::int64_t total = 0;
  for (const auto& hour : stats.as_array()) { total += hour.at("total").as_int64(); }
  EXPECT_EQ(total, 5);
  EXPECT_EQ(server.call({.target = "/api/logs"}).status, 401U);
  server.start({.strict = true});
  for (const char* query : {"filter=x", "sort=x", "page=x", "perPage=x"}) {
    EXPECT_EQ(server.admin_call("GET", std::string{"/api/logs?"} + query).body,
              "{\"data\":{},\"message\":\"Something went wrong while processing your "
              "request.\",\"status\":400}\n")
        << query;
  }
  EXPECT_EQ(server.admin_call("GET", "/api/logs/stats?filter=x").body,
            "{\"data\":{},\"message\":\"Invalid filter format.\",\"status\":400}\n");
}

TEST(LogRoutes, EndWhatTakesTooLong) {
  TestServer server;
  const auto filled = server.directory().with_auxiliary<void>([](sqlite::Connection& db) {
    return db.exec(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "INSERT INTO _logs (id, created, message) SELECT 'slow' || i, '2026-11-21 00:00:00.000Z', "
        "replace(hex(zeroblob(5000)), '0', 'a') FROM n");
  });
  ASSERT_TRUE(filled.has_value()) << filled.error().what;
  const std::string filter = "filter=message~'" + std::string(2500, 'a') + "b'";
  for (const char* route : {"/api/logs?", "/api/logs/stats?"}) {
    const auto began = std::chrono::steady_clock::now();
    const Got got = server.admin_call("GET", route + filter);
    EXPECT_EQ(got.status, 400U) << got.body;
    EXPECT_THAT(got.body, HasSubstr("it takes longer than 5 s: ask for less of the log"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{10});
  }
  EXPECT_EQ(server.admin_call("GET", "/api/logs").status, 200U);
}

}  // namespace
}  // namespace pv::api
