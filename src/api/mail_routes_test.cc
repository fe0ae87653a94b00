#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "api/server_testing.h"

namespace pv::api {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRoute = "/api/settings/test/email";

std::string refused(const std::string& data) {
  return "{\"data\":" + data + ",\"message\":\"Failed to send the test email.\",\"status\":400}\n";
}

// A sendmail that keeps what it gets.
void put_sendmail(const TestServer& server) {
  testing::write_file(server.sendmail(), "#!/bin/sh\n{ echo \"$@\"; cat; } > \"$0.got\"\n");
  std::filesystem::permissions(server.sendmail(), std::filesystem::perms::owner_all);
}
std::string mail_of(const TestServer& server) {
  return testing::read_file(server.sendmail().string() + ".got");
}

struct RefusedCase {
  const char* body;
  const char* data;
};
constexpr RefusedCase kRefused[] = {
    {R"({})",
     R"({"email":{"code":"validation_required","message":"Cannot be blank."},"template":{"code":"validation_required","message":"Cannot be blank."}})"},
    {R"({"email":"a","template":"otp"})",
     R"({"email":{"code":"validation_is_email","message":"Must be a valid email address."}})"},
    {R"({"email":"a@b.cd","template":"OTP"})",
     R"({"template":{"code":"validation_in_invalid","message":"Must be a valid value."}})"},
    {R"({"email":"a@b.cd","template":"otp","collection":"nope"})",
     R"({"collection":{"code":"validation_invalid_auth_collection","message":"Must be a valid auth collection id or name."}})"},
    {R"({"email":"a@b.cd","template":"otp","collection":"_mfas"})",
     R"({"collection":{"code":"validation_invalid_auth_collection","message":"Must be a valid auth collection id or name."}})"},
};
TEST(TestMail, IsRefusedByPocketBasesRules) {
  TestServer server;
  for (const RefusedCase& row : kRefused) {
    EXPECT_EQ(server.admin_json("POST", kRoute, row.body).body, refused(row.data)) << row.body;
  }
  const std::string long_one(256, 'a');
  EXPECT_EQ(
      server.admin_json("POST", kRoute, R"({"template":"otp","email":")" + long_one + "\"}").body,
      refused(
          R"({"email":{"code":"validation_length_out_of_range","message":"The length must be between 1 and 255.","params":{"max":255,"min":1}}})"));
  EXPECT_EQ(server.admin_json("POST", kRoute, R"({"email":)").message(),
            "An error occurred while loading the submitted data.");
}

TEST(TestMail, IsForSuperusers) {
  TestServer server;
  EXPECT_EQ(server.call({.method = "POST", .target = kRoute}).status, 401U);
  EXPECT_EQ(
      server
          .call({.method = "POST", .target = kRoute, .headers = {{"Authorization", server.user()}}})
          .status,
      403U);
}

TEST(TestMail, GoesThroughSendmailWhereSmtpIsOff) {
  Options strict;
  strict.strict = true;
  for (const Options& options : {Options{}, strict}) {
    TestServer server{options};
    constexpr const char* kBody = R"({"email":"ops@example.org","template":"verification"})";
    EXPECT_EQ(server.admin_json("POST", kRoute, kBody).body,
              "{\"data\":{},\"message\":\"Failed to send the test email. Raw error: \\nfailed to "
              "locate a sendmail executable path.\",\"status\":400}\n");
    put_sendmail(server);
    const Got sent = server.admin_json("POST", kRoute, kBody);
    EXPECT_EQ(sent.status, 204U);
    EXPECT_EQ(sent.body, "");
    EXPECT_THAT(mail_of(server), HasSubstr("-i -- ops@example.org\nFrom: \"Support\" "
                                           "<support@example.com>\nTo: <ops@example.org>\n"));
  }
}

TEST(TestMail, IsOfTheCollectionThatIsNamed) {
  TestServer server;
  put_sendmail(server);
  server.sql(
      "UPDATE _collections SET options = json_set(options, '$.verificationTemplate', "
      "json('{\"subject\":\"Hello {RECORD:email}\",\"body\":\"{APP_NAME}\"}')) WHERE name = "
      "'users'");
  for (const char* collection : {"users", "_pb_users_auth_"}) {
    EXPECT_EQ(server
                  .admin_call("POST", kRoute, {kMultipart},
                              multipart({{"name=\"email\"", "ops@example.org"},
                                         {"name=\"template\"", "verification"},
                                         {"name=\"collection\"", collection}}))
                  .status,
              204U);
    EXPECT_THAT(mail_of(server), HasSubstr("\nSubject: Hello ops@example.org\n"));
    std::filesystem::remove(server.sendmail().string() + ".got");
  }
}

TEST(AlertRoutes, ListAndTry) {
  TestServer server;
  EXPECT_EQ(server.admin_call("GET", "/api/vault/alerts").body,
            "{\"open\":[],\"channels\":[],\"deliveries\":[],\"settingsError\":\"\"}\n");
  EXPECT_EQ(server.call({.target = "/api/vault/alerts"}).status, 401U);
  EXPECT_EQ(server.admin_json("POST", "/api/vault/alerts/test", "{}").status, 400U);
  EXPECT_EQ(server.admin_json("POST", "/api/vault/alerts/test", R"({"channel":"x"})").message(),
            "The test message could not be sent: no channel x; there is none.");
  ASSERT_EQ(server
                .admin_json("PATCH", "/api/vault/settings",
                            R"({"alerts":{"mailTo":["ops@example.org"]}})")
                .status,
            200U);
  constexpr const char* kTest = R"({"channel":"mail:ops@example.org"})";
  const Got failed = server.admin_json("POST", "/api/vault/alerts/test", kTest);
  EXPECT_EQ(failed.status, 502U);
  EXPECT_THAT(failed.message(), HasSubstr("failed to locate a sendmail"));
  put_sendmail(server);
  EXPECT_EQ(server.admin_json("POST", "/api/vault/alerts/test", kTest).status, 204U);
  EXPECT_THAT(mail_of(server), HasSubstr("\nSubject: [Acme] Test message\n"));
  const boost::json::value report = server.admin_call("GET", "/api/vault/alerts").json();
  EXPECT_EQ(report.at("deliveries").at(0).at("state").as_string(), "sent");
  EXPECT_EQ(report.at("deliveries").at(1).at("state").as_string(), "failed");
}

TEST(AlertRoutes, AreNotOfAStrictServer) {
  Options strict;
  strict.strict = true;
  TestServer server{strict};
  EXPECT_EQ(server.admin_call("GET", "/api/vault/alerts").status, 404U);
}

}  // namespace
}  // namespace pv::api
