#include "s3/credentials.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "base/wall_time.h"
#include "s3/date.h"
#include "s3/s3_testing.h"
#include "testing/scripted_server.h"

namespace pv::s3 {
namespace {

using namespace std::chrono_literals;
using pv::testing::http_answer;
using pv::testing::ScriptedServer;
using pv::testing::TempFolder;
using pv::testing::write_file;
using Values = std::map<std::string, std::string>;

Result<Credentials> fetch(Values values) {
  values.emplace("AWS_EC2_METADATA_DISABLED", "true");
  return environment_credentials(environment_of(std::move(values)))->fetch({});
}

TEST(Credentials, OfVariablesComeFirst) {
  const TempFolder home;
  std::filesystem::create_directory(home / ".aws");
  write_file(home / ".aws/credentials",
             "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
  const Values both{{"HOME", home.path()},
                    {"AWS_ACCESS_KEY_ID", "A"},
                    {"AWS_SECRET_ACCESS_KEY", "s"},
                    {"AWS_SESSION_TOKEN", "t"}};
  EXPECT_EQ(fetch(both).value(), (Credentials{"A", "s", "t", std::nullopt}));
  EXPECT_EQ(fetch({{"HOME", home.path()}}).value().access_key, "F");
  EXPECT_EQ(fetch({{"HOME", home.path()}, {"AWS_ACCESS_KEY_ID", "A"}}).value().access_key, "F")
      << "half a pair is none";
}

TEST(Credentials, OfFilesAreThoseOfTheProfile) {
  const TempFolder home;
  std::filesystem::create_directory(home / ".aws");
  write_file(home / ".aws/credentials",
             "# mine\r\n[default]\r\naws_access_key_id = D\r\naws_secret_access_key = d+/=\r\n"
             "[work]\naws_access_key_id=W\naws_secret_access_key=w\naws_session_token=tok\n"
             "[half]\naws_access_key_id=H\n");
  write_file(home / ".aws/config",
             "[profile other]\nregion = x\ns3 =\n  aws_access_key_id = NESTED\n"
             "aws_access_key_id = O\naws_secret_access_key = o\n");
  const auto with = [&](const std::string& profile) {
    return fetch({{"HOME", home.path()}, {"AWS_PROFILE", profile}});
  };
  EXPECT_EQ(fetch({{"HOME", home.path()}}).value(), (Credentials{"D", "d+/=", "", std::nullopt}));
  EXPECT_EQ(with("work").value(), (Credentials{"W", "w", "tok", std::nullopt}));
  EXPECT_EQ(with("other").value(), (Credentials{"O", "o", "", std::nullopt}));
  EXPECT_EQ(with("half").error().code, Code::kInvalid);
  EXPECT_EQ(with("nobody").error().code, Code::kNotFound);
  EXPECT_EQ(fetch({}).error().code, Code::kNotFound) << "no home, nothing";
}

constexpr const char* kAnswer =
    R"({"AccessKeyId":"C","SecretAccessKey":"very-secret","Token":"tok","Expiration":"2026-11-26T10:00:00Z"})";

TEST(Credentials, OfAContainerNeedItsToken) {
  ScriptedServer server{[](const std::string& request) {
    const bool knows = request.find("\r\nAuthorization: of-the-file\r\n") != std::string::npos;
    return knows ? http_answer(200, kAnswer) : http_answer(401, "no");
  }};
  const TempFolder folder;
  write_file(folder / "token", "of-the-file\n");
  const Credentials found = fetch({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/v1"},
                                   {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", folder / "token"}})
                                .value();
  EXPECT_EQ(found,
            (Credentials{"C", "very-secret", "tok", parse_iso_date("2026-11-26T10:00:00Z")}));
  EXPECT_EQ(fetch({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()}}).error().code,
            Code::kDenied);
  for (const char* url :
       {"http://169.254.170.2.evil.example/", "http://evil.example/", "ftp://x"}) {
    EXPECT_EQ(fetch({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}}).error().code, Code::kInvalid)
        << url;
  }
}

TEST(Credentials, OfAnInstanceAreAskedForWithASessionToken) {
  ScriptedServer server{[](const std::string& request) {
    if (request.starts_with("PUT /latest/api/token ")) { return http_answer(200, "session"); }
    if (request.find("X-aws-ec2-metadata-token: session") == std::string::npos) {
      return http_answer(401, "");
    }
    const std::string folder = "GET /latest/meta-data/iam/security-credentials/";
    if (request.starts_with(folder + " ")) { return http_answer(200, "my role\n"); }
    return http_answer(request.starts_with(folder + "my%20role ") ? 200 : 404, kAnswer);
  }};
  const auto source = environment_credentials(
      environment_of({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url() + "/"}}));
  EXPECT_EQ(source->fetch({}).value().access_key, "C");
}

TEST(Credentials, AnAnswerThatMakesNoSenseIsNotRepeated) {
  for (const char* answer : {"", "[]", "{\"AccessKeyId\":\"very-secret\"}", "very-secret"}) {
    ScriptedServer server{[&](const auto&) { return http_answer(200, answer); }};
    const Error error = fetch({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()}}).error();
    EXPECT_EQ(error.code, Code::kInvalid);
    EXPECT_EQ(error.what.find("very-secret"), std::string::npos) << error.what;
  }
}

class Counting final : public CredentialSource {
 public:
  explicit Counting(const Clock& clock) : clock_{clock} {}
  [[nodiscard]] Result<Credentials> fetch(std::stop_token /*stop*/) override {
    ++calls;
    if (fails) { return fail(Code::kUnavailable, "away"); }
    return Credentials{std::to_string(calls), "s", "t", clock_.now() + 1h};
  }
  int calls = 0;
  bool fails = false;

 private:
  const Clock& clock_;
};

TEST(CredentialCache, AsksAgainBeforeTheyExpire) {
  pv::testing::FakeClock clock;
  const auto source = std::make_shared<Counting>(clock);
  CredentialCache cache{source, clock};
  EXPECT_EQ(cache.get({}).value().access_key, "1");
  clock.advance(54min);
  EXPECT_EQ(cache.get({}).value().access_key, "1");
  clock.advance(2min);
  source->fails = true;
  EXPECT_EQ(cache.get({}).value().access_key, "1") << "still good";
  source->fails = false;
  EXPECT_EQ(cache.get({}).value().access_key, "3");
  source->fails = true;
  clock.advance(61min);
  EXPECT_EQ(cache.get({}).error().code, Code::kUnavailable);
}

TEST(CredentialCache, ForgetsWhatAServerRefusedOnce) {
  pv::testing::FakeClock clock;
  const auto source = std::make_shared<Counting>(clock);
  CredentialCache cache{source, clock};
  const Credentials first = cache.get({}).value();
  cache.forget(first);
  EXPECT_EQ(cache.get({}).value().access_key, "2");
  cache.forget(first);
  EXPECT_EQ(cache.get({}).value().access_key, "2") << "another thread has renewed them";
}

TEST(IsoDate, IsStrict) {
  EXPECT_EQ(parse_iso_date("2015-08-30T12:36:00.123Z"), WallTime{1440938160s});
  EXPECT_EQ(parse_iso_date("2015-08-30T12:36:00Z"), WallTime{1440938160s});
  EXPECT_EQ(parse_iso_date("9999-08-30T12:36:00Z"), kLatestTime) << "some say so of what lasts";
  for (const char* text :
       {"", "Z", "2015-08-30T12:36:00", "2015-02-30T12:36:00Z", "2015-08-30 12:36:00Z",
        "2015-08-30T24:36:00Z", "20x5-08-30T12:36:00Z", "2015-08-30T12:36:00.Z",
        "2015-08-30T12:36:00+01:00Z", "0001-01-01T00:00:00Z"}) {
    EXPECT_EQ(parse_iso_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pv::s3
