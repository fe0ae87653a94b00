#include "alerts/template_mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "auth/jwt.h"

namespace pv::alerts {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};  // 2026-11-21 00:54:47

auth::Collection users() {
  auth::Collection collection;
  collection.id = "_pb_users_auth_";
  collection.name = "users";
  collection.fields = boost::json::parse(R"([{"name":"id"},{"name":"email"},{"name":"nick"},
      {"name":"tokenKey","hidden":true}])")
                          .as_array();
  collection.hidden_fields = {"tokenKey"};
  collection.options = boost::json::parse(R"({
      "verificationTemplate":{"subject":"V {APP_NAME}","body":"<p>{APP_URL}/{TOKEN}</p>"},
      "resetPasswordTemplate":{"subject":"R","body":"{TOKEN}"},
      "confirmEmailChangeTemplate":{"subject":"C","body":"{TOKEN}"},
      "otp":{"emailTemplate":{"subject":"O","body":"{OTP} {OTP_ID} {TOKEN}"}},
      "authAlert":{"emailTemplate":{"subject":"A",
        "body":"{ALERT_INFO} {RECORD:email} {RECORD:nick} {RECORD:tokenKey} {NO} {"}}})")
                           .as_object();
  return collection;
}

notify::Mail filled(MailTemplate which) {
  settings::Settings settings;
  settings.app_name = "Shop {APP_URL}";
  settings.app_url = "https://shop.example";
  return fill_template(users(), which, "a'b@example.com", settings, kNow, system_random());
}

TEST(TemplateMail, IsTheCollectionsOwn) {
  const notify::Mail mail = filled(MailTemplate::kVerification);
  EXPECT_EQ(mail.to.email, "a'b@example.com");
  EXPECT_EQ(mail.subject, "V Shop {APP_URL}") << "what is filled in is not filled in again";
  EXPECT_THAT(mail.html, HasSubstr("<body>\n<p>https://shop.example/ey"));
  EXPECT_THAT(mail.text, HasSubstr("https://shop.example/ey"));
  EXPECT_THAT(filled(MailTemplate::kOtp).html, HasSubstr("123456 _PB_TEST_OTP_ID_ {TOKEN}"));
  EXPECT_THAT(filled(MailTemplate::kLoginAlert).html,
              HasSubstr("2026-11-21 00:54:47.000Z - 127.0.0.1 TEST_USER_AGENT a&#39;b@example.com "
                        "__pb_test_nick__ {RECORD:tokenKey} {NO} {"));
}

TEST(TemplateMail, ItsTokenIsOfNobody) {
  for (const MailTemplate which : {MailTemplate::kPasswordReset, MailTemplate::kEmailChange}) {
    const std::string text = filled(which).text;
    const auto jwt = auth::parse_jwt(text);
    ASSERT_TRUE(jwt.has_value()) << text;
    EXPECT_EQ(jwt->claims.at("id").as_string(), "__pb_test_id__");
    EXPECT_NE(filled(which).text, text) << "another key each time";
  }
}

TEST(TemplateMail, WithoutATemplateIsEmpty) {
  auth::Collection bare = users();
  bare.options = boost::json::parse(R"({"otp":1,"verificationTemplate":{"body":[]}})").as_object();
  for (const auto which : {MailTemplate::kVerification, MailTemplate::kOtp}) {
    EXPECT_EQ(fill_template(bare, which, "a@b.cd", {}, kNow, system_random()).subject, "");
  }
}

TEST(TemplateMail, HasPocketBasesNames) {
  EXPECT_EQ(mail_template_of("login-alert"), MailTemplate::kLoginAlert);
  EXPECT_EQ(mail_template_of("password-reset"), MailTemplate::kPasswordReset);
  EXPECT_EQ(mail_template_of("Otp"), std::nullopt);
}

}  // namespace
}  // namespace pv::alerts
