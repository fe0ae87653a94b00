#include "cli/remote_backups.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "jobs/json_reader.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/scripted_server.h"

namespace pv::cli {
namespace {

using namespace std::chrono_literals;
using testing::http_answer;
using testing::ScriptedServer;

constexpr const char* kBusyAnswer =
    R"({"data":{},"message":"Try again later - another backup/restore process has already been started.","status":400})";
constexpr const char* kNotFoundAnswer =
    R"({"data":{},"message":"The requested resource wasn't found.","status":404})";
constexpr const char* kGuestAnswer =
    R"({"data":{},"message":"The request requires valid record authorization token.","status":401})";
constexpr const char* kListAnswer =
    R"([{"modified":"2026-11-21 00:54:47.907Z","key":"a.zip","size":7},)"
    R"({"modified":"2026-11-21 01:54:47.907Z","key":"b c.zip","size":8},)"
    R"({"modified":"2026-11-21 01:54:47.907Z","key":"../bad","size":8}])";

std::string job_answer(const std::string& state, const std::string& error = "null") {
  return R"({"id":"abcdefghijklmno","kind":"backup","name":"a.zip","state":")" + state +
         R"(","phase":"pack","bytesTotal":10,"bytesDone":5,"started":"2026-11-21 00:54:47.907Z",)"
         R"("finished":null,"error":)" +
         error + R"(,"warnings":[],"report":{}})";
}

bool asks_for(const std::string& request, const std::string& start) {
  return request.starts_with(start + " ");
}

class RemoteBackups : public ::testing::Test {
 protected:
  void serve(ScriptedServer::Script script) {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    RemoteOptions options;
    options.url = server_->url();
    options.token = [this]() -> Result<std::string> { return tokens_.at(tokens_asked_++); };
    options.say = [this](const std::string& line) { said_ += line + "\n"; };
    options.poll_every = 1ms;
    backups_ = make_remote_backups(client_, clock_, std::move(options));
  }

  static store::BackupName name(std::string_view key) {
    return store::BackupName::parse(key).value();
  }

  testing::FakeClock clock_;
  curl::Client client_;
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<Backups> backups_;
  std::vector<std::string> tokens_{"token one", "token two", "token two", "token two"};
  std::size_t tokens_asked_ = 0;
  std::string said_;
};

TEST_F(RemoteBackups, ListsWithItsToken) {
  serve([](const auto&) { return http_answer(200, kListAnswer); });
  const auto backups = backups_->list().value().backups;
  ASSERT_EQ(backups.size(), 2U) << "a key that leads outside is left out";
  EXPECT_EQ(backups[0].backup.name.text(), "a.zip");
  EXPECT_EQ(backups[0].backup.size_bytes, 7U);
  EXPECT_EQ(backups[0].verdict, std::nullopt) << "a plain PocketBase has none";
  EXPECT_EQ(backups[1].backup.name.text(), "b c.zip");
  EXPECT_NE(server_->requests()[0].find("Authorization: token one\r\n"), std::string::npos);
  EXPECT_EQ(backups_->find(name("none.zip")).error().code, Code::kNotFound);
}

TEST_F(RemoteBackups, AsksForAnotherTokenOnceWhenRefused) {
  serve([](const std::string& request) {
    return request.find("token two") != std::string::npos ? http_answer(200, "[]")
                                                          : http_answer(401, kGuestAnswer);
  });
  EXPECT_TRUE(backups_->list().has_value());
  EXPECT_EQ(server_->requests().size(), 2U);
  EXPECT_TRUE(backups_->list().has_value());
  EXPECT_EQ(server_->requests().size(), 3U) << "the good one is kept";
}

TEST_F(RemoteBackups, GivesUpWhenNoTokenHelps) {
  serve([](const auto&) { return http_answer(401, kGuestAnswer); });
  const Error error = backups_->list().error();
  EXPECT_EQ(error.code, Code::kUnauthenticated);
  EXPECT_EQ(error.what.find("token one"), std::string::npos) << error.what;
  EXPECT_EQ(server_->requests().size(), 2U);
}

TEST_F(RemoteBackups, FollowsAJobToItsEnd) {
  int looks = 0;
  serve([&](const std::string& request) {
    if (asks_for(request, "POST /api/backups")) {
      return http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n");
    }
    if (++looks == 2) { return std::string{}; }  // one connection breaks: no reason to give up
    return http_answer(200, job_answer(looks < 4 ? "running" : "succeeded"));
  });
  std::vector<std::uint64_t> seen;
  const Watch watch{[&](const jobs::Status& status) { seen.push_back(status.bytes_done); }, {}};
  const jobs::Status status = backups_->backup({.name = "a.zip"}, watch).value();
  EXPECT_EQ(status.state, jobs::State::kSucceeded);
  EXPECT_EQ(status.name, "a.zip");
  EXPECT_GE(seen.size(), 3U);
  const std::string sent = server_->requests()[0];
  EXPECT_NE(sent.find("Prefer: respond-async\r\n"), std::string::npos);
  EXPECT_TRUE(sent.ends_with(R"({"name":"a.zip"})")) << sent;
  EXPECT_NE(server_->requests()[1].find("GET /api/vault/jobs/abcdefghijklmno "), std::string::npos);
  EXPECT_EQ(said_, "");
}

TEST_F(RemoteBackups, AFailedJobIsAStatus) {
  serve([&](const std::string& request) {
    if (asks_for(request, "POST /api/backups")) {
      return http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n");
    }
    return http_answer(200, job_answer("failed", R"({"code":"no_space","message":"full"})"));
  });
  const jobs::Status status = backups_->backup({.name = "a.zip"}, {}).value();
  EXPECT_EQ(status.state, jobs::State::kFailed);
  EXPECT_EQ(status.error, (Error{Code::kNoSpace, "full"}));
}

TEST_F(RemoteBackups, AJobThatTheServerForgotIsAnError) {
  serve([&](const std::string& request) {
    return asks_for(request, "POST /api/backups")
               ? http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n")
               : http_answer(404, kNotFoundAnswer);
  });
  EXPECT_EQ(backups_->backup({.name = "a.zip"}, {}).error().code, Code::kNotFound);
}

TEST_F(RemoteBackups, PassesAWishToStopOnToTheServer) {
  std::atomic<bool> cancelled = false;
  std::stop_source stop;
  serve([&](const std::string& request) {
    if (asks_for(request, "POST /api/backups")) {
      return http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n");
    }
    if (asks_for(request, "DELETE /api/vault/jobs/abcdefghijklmno")) {
      cancelled = true;
      return http_answer(204, "");
    }
    stop.request_stop();
    return http_answer(200, job_answer(cancelled ? "cancelled" : "running"));
  });
  const Watch watch{{}, stop.get_token()};
  EXPECT_EQ(backups_->backup({.name = "a.zip"}, watch).value().state, jobs::State::kCancelled);
  EXPECT_TRUE(cancelled);
}

TEST_F(RemoteBackups, APlainPocketBaseAnswersWhenItIsDone) {
  serve([](const std::string& request) {
    if (asks_for(request, "POST /api/backups")) {
      return std::string{"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"};
    }
    if (asks_for(request, "GET /api/backups")) { return http_answer(200, kListAnswer); }
    return http_answer(404, kNotFoundAnswer);
  });
  const jobs::Status status = backups_->backup({.name = ""}, {}).value();
  EXPECT_EQ(status.state, jobs::State::kSucceeded);
  EXPECT_EQ(status.name, "b c.zip") << "the newest";
  EXPECT_NE(said_.find("no jobs"), std::string::npos);
  EXPECT_TRUE(server_->requests()[0].ends_with("\r\n\r\n{}"));
  EXPECT_EQ(backups_->verify(name("a.zip"), jobs::VerifyDepth::kPlain, {}).error().code,
            Code::kUnsupported);
  EXPECT_EQ(backups_->undo("", {}).error().code, Code::kUnsupported);
  EXPECT_EQ(backups_->show(name("a.zip")).value().contents.has_value(), false);
}

TEST_F(RemoteBackups, NeverDropsAWishAboutWhatARestoreReplaces) {
  serve([&](const std::string& request) {
    if (asks_for(request, "GET /api/vault/jobs")) { return http_answer(404, kNotFoundAnswer); }
    return http_answer(204, "");
  });
  for (const jobs::RestoreOptions& options :
       {jobs::RestoreOptions{.keep_replaced = 1h}, jobs::RestoreOptions{.backup_first = true}}) {
    EXPECT_EQ(backups_->restore({.name = name("a.zip"), .options = options}, {}).error().code,
              Code::kUnsupported);
  }
  EXPECT_EQ(server_->requests().size(), 1U) << "a plain PocketBase would restore without it";
}

TEST_F(RemoteBackups, TellsAVaultWhatBecomesOfTheReplacedData) {
  serve([&](const std::string& request) {
    if (asks_for(request, "GET /api/vault/jobs")) { return http_answer(200, "[]"); }
    if (request.starts_with("POST")) {
      return http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n");
    }
    return http_answer(200, job_answer("succeeded"));
  });
  const jobs::RestoreOptions options{.keep_replaced = 1h, .backup_first = false};
  ASSERT_TRUE(backups_->restore({.name = name("a.zip"), .options = options}, {}).has_value());
  EXPECT_TRUE(asks_for(server_->requests()[1],
                       "POST /api/backups/a.zip/restore?keepReplaced=3600s&backupFirst=false"))
      << server_->requests()[1];
  ASSERT_TRUE(backups_->undo("someid", {}).has_value());
  EXPECT_TRUE(server_->requests()[3].ends_with(R"({"id":"someid"})")) << server_->requests()[3];
}

TEST_F(RemoteBackups, ReadsAStatusAndBearsNonsense) {
  std::string answer;
  serve([&](const std::string& request) {
    if (asks_for(request, "GET /api/vault/jobs")) { return http_answer(200, "[]"); }
    return http_answer(200, answer);
  });
  answer =
      R"({"newest":{"key":"a.zip","size":7,"modified":"2026-11-21 00:54:47.907Z",)"
      R"("verdict":{"sound":false,"depth":"deep","at":"2026-11-21 01:00:00.000Z","reason":"why",)"
      R"("records":3,"tookMs":12}},"verdictsUnknownBecause":"nothing",)"
      R"("discounted":[{"key":"../x.zip"},{"key":"cut.zip","size":5,"why":"damaged"},7],)"
      R"("backups":{"count":3,"size":12,"free":100},"data":{"free":null},"replaced":[)"
      R"({"id":"x","from":"b.zip","at":"2026-11-21 00:54:47.907Z",)"
      R"("until":"2026-11-22 00:54:47.907Z","size":5}],"cutOff":true,)"
      R"("job":{"kind":"backup","name":"c.zip","pid":7,"since":"2026-11-21 00:54:47.907Z"},)"
      R"("users":[{"pid":12,"program":"pocketbase"}]})";
  const jobs::Overview overview = backups_->overview().value();
  EXPECT_EQ(overview.newest->name.text(), "a.zip");
  const state::Verdict verdict{.is_sound = false,
                               .depth = state::Depth::kDeep,
                               .at = jobs::parse_date("2026-11-21 01:00:00.000Z").value(),
                               .reason = "why",
                               .records = 3,
                               .took = 12ms};
  EXPECT_EQ(overview.newest_verdict, verdict);
  EXPECT_EQ(overview.unknown_because, "nothing");
  ASSERT_EQ(overview.discounted.size(), 1U);
  EXPECT_EQ(overview.discounted[0].backup.name.text(), "cut.zip");
  EXPECT_EQ(overview.discounted[0].why, "damaged");
  EXPECT_EQ(overview.backups, 3U);
  EXPECT_EQ(overview.backups_free_bytes, 100U);
  EXPECT_EQ(overview.data_free_bytes, std::nullopt);
  ASSERT_EQ(overview.kept.size(), 1U);
  EXPECT_EQ(overview.kept[0].until - overview.kept[0].at, 24h);
  EXPECT_TRUE(overview.is_cut_off);
  EXPECT_EQ(overview.job->pid, 7);
  EXPECT_EQ(overview.users[0].program, "pocketbase");
  for (const char* nonsense : {"{}", R"({"newest":1,"backups":[],"replaced":[1,null],"users":{}})",
                               R"({"users":[{"pid":1e300}],"job":{}})",
                               R"({"newest":{"key":"a.zip","verdict":{"sound":1,"depth":"x"}}})"}) {
    answer = nonsense;
    EXPECT_TRUE(backups_->overview().has_value()) << nonsense;
  }
  answer = "[]";
  EXPECT_EQ(backups_->overview().error().code, Code::kInvalid);
}

TEST_F(RemoteBackups, SaysWhatGoesInWhereTheServerUnderstandsIt) {
  serve([&](const std::string& request) {
    if (asks_for(request, "POST /api/backups")) {
      return http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n");
    }
    return http_answer(200,
                       asks_for(request, "GET /api/vault/jobs") ? "[]" : job_answer("succeeded"));
  });
  const jobs::BackupOrder order{
      .name = "a.zip", .without_logs = true, .with_code = true, .exclude = {"storage/a/*"}};
  EXPECT_EQ(backups_->backup(order, {}).value().state, jobs::State::kSucceeded);
  EXPECT_TRUE(server_->requests()[1].ends_with(
      R"({"withoutLogs":true,"withCode":true,"exclude":["storage/a/*"],"name":"a.zip"})"))
      << server_->requests()[1];
}

TEST_F(RemoteBackups, APlainPocketBaseIsNotAskedToLeaveThingsOut) {
  serve([](const std::string&) { return http_answer(404, kNotFoundAnswer); });
  const jobs::BackupOrder order{.without_logs = true};
  EXPECT_EQ(backups_->backup(order, {}).error().code, Code::kUnsupported);
  for (const std::string& request : server_->requests()) {
    EXPECT_TRUE(request.starts_with("GET ")) << request;
  }
}

TEST_F(RemoteBackups, AsksWhetherTheServerKnowsAPartBeforeItSendsOne) {
  std::string status = R"({"newest":null,"features":["other","only"]})";
  serve([&](const std::string& request) {
    if (request.starts_with("POST ")) {
      return http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n");
    }
    if (asks_for(request, "GET /api/vault/jobs")) { return http_answer(200, "[]"); }
    return http_answer(
        200, asks_for(request, "GET /api/vault/status") ? status : job_answer("succeeded"));
  });
  const std::vector<std::string> only{"databases"};
  const jobs::RestoreOrder order{.name = name("a.zip"), .options = {.only = only}};
  ASSERT_TRUE(backups_->restore(order, {}).has_value());
  ASSERT_TRUE(backups_->preflight(name("a.zip"), {.only = only}, {}).has_value());

  const testing::TempFolder dir;
  const fs::Path file = dir.path() / "b.zip";
  testing::write_file(file, "not looked into");
  const std::size_t before = server_->requests().size();
  for (const char* older : {R"({"newest":null})", R"({"features":["onl"]})", R"({"features":{}})",
                            R"({"features":"only"})", R"(["only"])"}) {
    status = older;
    const Error error = backups_->restore(order, {}).error();
    EXPECT_EQ(error.code, Code::kUnsupported) << older;
    EXPECT_NE(error.what.find("--only"), std::string::npos) << error.what;
    EXPECT_EQ(backups_->restore_file(file, order.options, {}).error(), error);
    EXPECT_EQ(backups_->preflight(name("a.zip"), {.only = only}, {}).error(), error);
    EXPECT_EQ(backups_->preflight_file(file, {.only = only}, {}).error(), error);
  }
  const std::vector<std::string> requests = server_->requests();
  for (std::size_t i = before; i < requests.size(); ++i) {
    EXPECT_TRUE(requests[i].starts_with("GET ")) << requests[i];
  }
  ASSERT_TRUE(backups_->restore({.name = name("a.zip"), .options = {}}, {}).has_value())
      << "everything can be asked of any";
}

TEST_F(RemoteBackups, DownloadsWithAFileTokenForEachTry) {
  int tokens = 0;
  serve([&](const std::string& request) {
    if (asks_for(request, "GET /api/backups")) { return http_answer(200, kListAnswer); }
    if (asks_for(request, "POST /api/files/token")) {
      return http_answer(200, R"({"token":"file)" + std::to_string(++tokens) + "\"}");
    }
    if (request.find("Range: bytes=4-") != std::string::npos) {
      return http_answer(206, "456", "Content-Range: bytes 4-6/7\r\n");
    }
    return http_answer(200, "0123456").substr(0, http_answer(200, "0123456").size() - 3);
  });
  struct TextSink final : Sink {
    [[nodiscard]] Result<void> write(Bytes bytes) override {
      text += as_text(bytes);
      return {};
    }
    std::string text;
  } sink;
  EXPECT_EQ(backups_->download(name("a.zip"), sink, {}).value(), 7U);
  EXPECT_EQ(sink.text, "0123456");
  const auto requests = server_->requests();
  EXPECT_NE(requests[2].find("GET /api/backups/a.zip?token=file1 "), std::string::npos);
  EXPECT_NE(requests.back().find("GET /api/backups/a.zip?token=file2 "), std::string::npos);
  EXPECT_EQ(requests.back().find("Authorization"), std::string::npos);
}

TEST_F(RemoteBackups, RestoresAFileByWayOfTheStore) {
  const testing::TempFolder temp;
  testing::write_file(temp / "x.zip", "PK\x03\x04 content");
  serve([](const std::string& request) {
    if (request.starts_with("POST /api/backups/pocketvault_restore_20261121005447.zip/restore")) {
      return http_answer(202, "{}", "Location: /api/vault/jobs/abcdefghijklmno\r\n");
    }
    if (asks_for(request, "GET /api/vault/jobs/abcdefghijklmno")) {
      return http_answer(200, job_answer("succeeded"));
    }
    return http_answer(204, "");
  });
  EXPECT_EQ(backups_->restore_file(temp / "x.zip", {.delta = false}, {}).value().name, "x.zip");
  const auto requests = server_->requests();
  EXPECT_NE(requests[1].find("/restore?delta=false HTTP/1.1"), std::string::npos) << requests[1];
  EXPECT_TRUE(requests.front().starts_with("POST /api/backups/upload ")) << requests.front();
  EXPECT_NE(requests.front().find("filename=\"pocketvault_restore_20261121005447.zip\""),
            std::string::npos);
  EXPECT_TRUE(
      requests.back().starts_with("DELETE /api/backups/pocketvault_restore_20261121005447.zip "));
}

TEST_F(RemoteBackups, EscapesKeysInAddresses) {
  serve([](const auto&) { return http_answer(204, ""); });
  EXPECT_TRUE(backups_->remove(name("sub/日 @.zip")).has_value());
  EXPECT_TRUE(server_->requests()[0].starts_with(
      "DELETE /api/backups/sub%2F%E6%97%A5%20%40.zip HTTP/1.1\r\n"));
}

TEST(ErrorOf, TellsApartWhatPocketBaseCalls400) {
  struct Answer {
    int status;
    const char* body;
    Code code;
  };
  const Answer kAnswers[] = {
      {400, kBusyAnswer, Code::kBusy},
      {400,
       R"({"data":{},"message":"The backup is currently being used and cannot be deleted.","status":400})",
       Code::kBusy},
      {400, R"({"data":{},"message":"Missing or invalid backup file.","status":400})",
       Code::kNotFound},
      {400,
       R"({"data":{},"message":"Invalid or already deleted backup file. Raw error: \n[key: nope.zip] remove x: no such file or directory\nresource not found.","status":400})",
       Code::kNotFound},
      {400,
       R"({"data":{"name":{"code":"validation_backup_name_exists","message":"The backup file name is invalid or already exists."}},"message":"An error occurred while validating the submitted data.","status":400})",
       Code::kExists},
      {400,
       R"({"data":{"name":{"code":"validation_match_invalid","message":"Must be in a valid format."}},"message":"x","status":400})",
       Code::kInvalid},
      {400, R"({"data":{},"message":"Failed to create backup.","status":400})", Code::kInvalid},
      {400,
       R"({"data":{},"message":"Failed to load backups filesystem. Raw error: x","status":400})",
       Code::kUnavailable},
      {401, kGuestAnswer, Code::kUnauthenticated},
      {403, R"({"data":{},"message":"Only superusers.","status":403})", Code::kUnauthenticated},
      {404, kNotFoundAnswer, Code::kNotFound},
      {422, R"({"data":{},"message":"Damaged.","status":422})", Code::kDamaged},
      {429, R"({"data":{},"message":"Too Many Requests.","status":429})", Code::kBusy},
      {500, R"({"data":{},"message":"Oops.","status":500})", Code::kUnavailable},
      {507, R"({"data":{},"message":"Full.","status":507})", Code::kNoSpace},
      {502, "<html>Bad gateway</html>", Code::kUnavailable},
      {307, "", Code::kInvalid},
      {404, "[]", Code::kNotFound},
  };
  for (const Answer& answer : kAnswers) {
    curl::Reply reply;
    reply.status = answer.status;
    reply.body = answer.body;
    const Error error = error_of(reply);
    EXPECT_EQ(code_name(error.code), code_name(answer.code)) << answer.status << answer.body;
    EXPECT_FALSE(error.what.empty());
    EXPECT_EQ(error.what.find('<'), std::string::npos) << "no page of HTML on a terminal";
  }
}

TEST(Health, IsPocketBasesAnswer) {
  std::string body = R"({"message":"API is healthy.","code":200,"data":{}})";
  ScriptedServer server{[&](const auto&) { return http_answer(200, body); }};
  curl::Client client;
  EXPECT_TRUE(answers_health(client, server.url()));
  body = "hello";
  EXPECT_FALSE(answers_health(client, server.url()));
  EXPECT_FALSE(answers_health(client, "http://127.0.0.1:1"));
}

}  // namespace
}  // namespace pv::cli
