#include "api/router.h"

#include <gtest/gtest.h>

namespace pv::api {
namespace {

TEST(Router, ALastValueWithDotsTakesAllThatFollows) {
  const auto path_of = [](std::string_view path) -> std::string {
    const Match match = match_route("GET", path, false);
    return match.route == Route::kSendEntry ? match.values.back() : "no match";
  };
  const std::string files = "/api/vault/backups/sub%2Fa.zip/files";
  EXPECT_EQ(path_of(files + "/data.db"), "data.db");
  EXPECT_EQ(path_of(files + "/storage/a%20b/c%2Fd"), "storage/a b/c/d");
  EXPECT_EQ(path_of(files + "/storage/"), "no match");
  EXPECT_EQ(path_of(files + "/"), "no match");
  EXPECT_EQ(path_of(files), "no match");
  EXPECT_EQ(path_of(files + "/a/%zz"), "no match");
}

TEST(Router, MatchesMethodAndExactPath) {
  struct Row {
    std::string_view method;
    std::string_view path;
    Route route;
    std::vector<std::string> values;
  };
  const Row rows[] = {
      {"GET", "/api/health", Route::kHealth, {}},
      {"HEAD", "/api/health", Route::kHealth, {}},
      {"GET", "/api/%68ealth", Route::kHealth, {}},
      {"GET", "/api%2Fhealth", Route::kUnknown, {}},
      {"GET", "/API/health", Route::kUnknown, {}},
      {"GET", "/api/health/", Route::kUnknown, {}},
      {"POST", "/api/health", Route::kUnknown, {}},
      {"get", "/api/health", Route::kUnknown, {}},
      {"GET", "/api/backups", Route::kListBackups, {}},
      {"GET", "/api/backups/", Route::kUnknown, {}},
      {"POST", "/api/backups", Route::kCreateBackup, {}},
      {"POST", "/api/backups/", Route::kUnknown, {}},
      {"POST", "/api/backups/upload", Route::kUploadBackup, {}},
      {"GET", "/api/backups/upload", Route::kDownloadBackup, {"upload"}},
      {"DELETE", "/api/backups/upload", Route::kDeleteBackup, {"upload"}},
      {"POST", "/api/backups/upload/restore", Route::kRestoreBackup, {"upload"}},
      {"GET", "/api/backups/sub%2Fa%20b.zip", Route::kDownloadBackup, {"sub/a b.zip"}},
      {"GET", "/api/backups/a+b.zip", Route::kDownloadBackup, {"a+b.zip"}},
      {"DELETE", "/api/backups/%2E%2E", Route::kDeleteBackup, {".."}},
      {"POST", "/api/backups/a.zip/restore", Route::kRestoreBackup, {"a.zip"}},
      {"POST", "/api/backups/a.zip/restore/", Route::kUnknown, {}},
      {"POST", "/api/backups/a.zip/unknown", Route::kUnknown, {}},
      {"PATCH", "/api/backups/a.zip", Route::kUnknown, {}},
      {"POST", "/api/collections/users/auth-with-password", Route::kAuthWithPassword, {"users"}},
      {"GET", "/api/collections/users/auth-with-password", Route::kUnknown, {}},
      {"GET", "/api/collections/_superusers/auth-methods", Route::kAuthMethods, {"_superusers"}},
      {"POST", "/api/files/token", Route::kFileToken, {}},
      {"GET", "/", Route::kUnknown, {}},
      {"GET", "", Route::kUnknown, {}},
      {"GET", "/a/b/c/d/e/f/g/h/i/j", Route::kUnknown, {}},
  };
  for (const Row& row : rows) {
    for (const bool strict : {true, false}) {
      const Match match = match_route(row.method, row.path, strict);
      EXPECT_EQ(match.route, row.route) << row.method << " " << row.path;
      EXPECT_EQ(match.values, row.values) << row.method << " " << row.path;
    }
  }
}

TEST(Router, KnowsOwnRoutesInTheDefaultMannerAlone) {
  struct Row {
    std::string_view method;
    std::string_view path;
    Route route;
  };
  constexpr Row kRows[] = {
      {"POST", "/api/backups/a.zip/download-token", Route::kDownloadToken},
      {"GET", "/api/vault/jobs", Route::kListJobs},
      {"GET", "/api/vault/jobs/abc", Route::kShowJob},
      {"DELETE", "/api/vault/jobs/abc", Route::kCancelJob},
      {"GET", "/api/vault/backups/a.zip", Route::kShowBackup},
      {"POST", "/api/vault/backups/a.zip/verify", Route::kVerifyBackup},
      {"POST", "/api/vault/undo", Route::kUndo},
      {"GET", "/api/vault/status", Route::kStatus},
      {"GET", "/api/vault/replaced", Route::kListReplaced},
      {"DELETE", "/api/vault/replaced/abc", Route::kDeleteReplaced},
      {"GET", "/api/vault/backups/a.zip/entries", Route::kListEntries},
      {"GET", "/api/vault/backups/a.zip/files/data.db", Route::kSendEntry},
  };
  for (const Row& row : kRows) {
    const Match match = match_route(row.method, row.path, false);
    EXPECT_EQ(match.route, row.route) << row.path;
    EXPECT_EQ(match.access, Access::kSuperuser) << row.path;
    EXPECT_EQ(match_route(row.method, row.path, true).route, Route::kUnknown) << row.path;
  }
}

http::Request request_for(std::string method, std::string path, std::string query = "") {
  http::Request request;
  request.method = std::move(method);
  request.target = path + (query.empty() ? "" : "?" + query);
  request.path = std::move(path);
  request.query = std::move(query);
  request.headers.add("Host", "127.0.0.1:8090");
  return request;
}

TEST(Router, RedirectsToTheCleanedPath) {
  const auto get = redirect(request_for("GET", "/api//backups/../health", "a=1&b=2"), "127.0.0.1");
  ASSERT_TRUE(get);
  EXPECT_EQ(get->status, 307U);
  EXPECT_EQ(get->headers.find("Location"), "/api/health?a=1&b=2");
  EXPECT_EQ(std::get<std::string>(get->body.at(0)),
            "<a href=\"/api/health?a=1&amp;b=2\">Temporary Redirect</a>.\n\n");
  const auto post = redirect(request_for("POST", "//x"), "127.0.0.1");
  ASSERT_TRUE(post);
  EXPECT_TRUE(post->body.empty());
  EXPECT_FALSE(post->headers.find("Content-Type"));
  EXPECT_TRUE(redirect(request_for("GET", "/_"), "127.0.0.1"));
  EXPECT_FALSE(redirect(request_for("POST", "/_"), "127.0.0.1"));
  EXPECT_FALSE(redirect(request_for("GET", "/api/%2E%2E/x"), "127.0.0.1"));
  EXPECT_FALSE(redirect(request_for("CONNECT", "//x"), "127.0.0.1"));
}

TEST(Router, RedirectsAwayFromWww) {
  http::Request request = request_for("GET", "/api/health", "x=1");
  request.headers.set("Host", "www.127.0.0.1");
  const auto away = redirect(request, "127.0.0.1");
  ASSERT_TRUE(away);
  EXPECT_EQ(away->status, 307U);
  EXPECT_EQ(away->headers.find("Location"), "http://127.0.0.1/api/health?x=1");
  request.headers.set("Host", "www.example.com");
  EXPECT_FALSE(redirect(request, "127.0.0.1"));
}

}  // namespace
}  // namespace pv::api
