#include "settings/alert_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "settings/vault_settings.h"
#include "testing/fixtures.h"

namespace pv::settings {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
namespace json = boost::json;

struct Fixture {
  testing::TempFolder folder;
  VaultSettingsFile file{folder.path()};

  // The faults; without any what is shown of the webhooks.
  std::string change(const std::string& alerts) {
    const auto changed = file.change({json::parse("{\"alerts\":" + alerts + "}").get_object()});
    if (!changed.has_value()) { return changed.error().what; }
    std::string faults;
    for (const Fault& fault : changed->faults) {
      faults += fault.field + fault.unknown + "=" + fault.code + " ";
    }
    if (!faults.empty()) { return faults; }
    return json::serialize(changed->shown.at("alerts").at("webhooks"));
  }
  AlertSettings now() { return file.now().alerts; }
};

TEST(AlertSettings, TellNobodyByDefault) {
  Fixture fixture;
  EXPECT_EQ(fixture.now(), AlertSettings{});
  EXPECT_TRUE(fixture.file.change({json::object{}})->faults.empty());
  EXPECT_EQ(VaultSettingsFile{fixture.folder.path()}.now().alerts, AlertSettings{})
      << "the defaults of the document are those of the struct";
}

TEST(AlertSettings, AreChanged) {
  Fixture fixture;
  EXPECT_EQ(
      fixture.change(R"({"mailTo":["a@example.com"],"mailSuperusers":false,
      "on":{"missed":false,"behind":false},"remindAfterHours":0,"missedGraceMinutes":5,
      "unverifiedAfterDays":7,"spaceLowPercent":0,"spaceLowBytes":1000,"language":"zh",
      "webhooks":[{"name":"Team","preset":"slack","url":"https://h.example/x","on":["failed"]}]})"),
      R"([{"name":"Team","preset":"slack","url":"******","secret":"","token":"","chatId":"","on":["failed"]}])");
  const AlertSettings now = fixture.now();
  EXPECT_THAT(now.mail_to, ElementsAre("a@example.com"));
  EXPECT_FALSE(now.mail_superusers);
  EXPECT_THAT(now.on, ElementsAre("failed", "recovered", "unverified", "spaceLow"));
  EXPECT_EQ(now.remind_after, 0h);
  EXPECT_EQ(now.language, Language::kChinese);
  EXPECT_EQ(now.missed_grace, 5min);
  EXPECT_EQ(now.unverified_after, std::chrono::days{7});
  EXPECT_EQ(now.space_low_percent, 0);
  EXPECT_EQ(now.space_low_bytes, 1000);
  EXPECT_EQ(now.webhooks.front().url, "https://h.example/x");
}

TEST(AlertSettings, KeepSecretsThatAreMaskedOrLeftOut) {
  Fixture fixture;
  std::ignore = fixture.change(R"({"webhooks":[
      {"name":"a","url":"https://a.example/a","secret":"sa","token":"ta"},
      {"name":"b","url":"https://b.example/b","secret":"sb"}]})");
  const std::vector<AlertSettings::Webhook> before = fixture.now().webhooks;
  std::string shown = fixture.change("{}");
  EXPECT_THAT(shown, Not(HasSubstr("example")));
  EXPECT_THAT(fixture.change("{\"webhooks\":" + shown + "}"), HasSubstr("******"));
  EXPECT_EQ(fixture.now().webhooks, before) << "what was shown, sent back";
  std::ignore = fixture.change(R"({"webhooks":[{"name":"a"},{"NAME":"b"}]})");
  EXPECT_EQ(fixture.now().webhooks, before);
  std::ignore = fixture.change(
      R"({"webhooks":[{"name":"a","secret":"","token":"******"},{"name":"b","secret":"new"}]})");
  EXPECT_EQ(fixture.now().webhooks[0].secret, "") << "cleared";
  EXPECT_EQ(fixture.now().webhooks[0].token, "ta");
  EXPECT_EQ(fixture.now().webhooks[1].secret, "new");
}

TEST(AlertSettings, GiveNoHookTheSecretsOfAnother) {
  Fixture fixture;
  std::ignore = fixture.change(R"({"webhooks":[
      {"name":"a","url":"https://a.example/a","secret":"sa"},
      {"name":"b","url":"https://b.example/b","secret":"sb"}]})");
  std::ignore = fixture.change(R"({"webhooks":[{"name":"b","url":"******"}]})");
  ASSERT_EQ(fixture.now().webhooks.size(), 1U);
  EXPECT_EQ(fixture.now().webhooks[0].url, "https://b.example/b");
  EXPECT_EQ(fixture.now().webhooks[0].secret, "sb");
  EXPECT_EQ(fixture.change(R"({"webhooks":[{"name":"c","url":"******"}]})"),
            "alerts.webhooks.0.url=validation_required ");
  EXPECT_EQ(
      fixture.change(R"({"webhooks":[{"name":"c","url":"https://c.example"}]})"),
      R"([{"name":"c","preset":"","url":"******","secret":"","token":"","chatId":"","on":[]}])");
}

// Who may change settings is shown no secret, and so must not have one sent to an address of
// theirs.
TEST(AlertSettings, SendNoSecretElsewhereThatWasNotGivenForIt) {
  const std::string token = "alerts.webhooks.0.token=validation_required ";
  const std::string both = "alerts.webhooks.0.secret=validation_required " + token;
  const std::pair<const char*, std::string> rows[] = {
      {R"({"name":"G","url":"https://evil.example","token":"******","secret":"******"})", both},
      {R"({"name":"G","url":"https://evil.example"})", both},
      {R"({"name":"G","url":"https://evil.example","token":null,"secret":null})", both},
      {R"({"name":"G","url":"https://evil.example","secret":"new"})", token},
      {R"({"name":"G","url":"https://evil.example","secret":"","TOKEN":"******"})", token},
      {R"({"NAME":"G","URL":"https://evil.example","secret":""})", token},
      {R"({"name":"G","url":"https://g.example","URL":"https://evil.example","secret":""})", token},
      {R"({"name":"G","url":"http://g.example/m","secret":""})", token},
      {R"({"name":"G","url":"https://g.example:8443/m","secret":""})", token},
      {R"({"name":"G","url":"https://g.example.evil.example/m","secret":""})", token},
      {R"({"name":"G","url":"https://g.example@evil.example/m","secret":""})", token},
      {R"({"name":"G","url":"https://g.example:443@evil.example","secret":""})", token},
      {R"({"name":"G","preset":"ntfy","secret":""})", token},
      {R"({"name":"G","preset":"telegram","url":"","chatId":"1","secret":""})", token},
  };
  Fixture fixture;
  std::ignore = fixture.change(R"({"webhooks":[{"name":"G","preset":"gotify",
      "url":"https://g.example/m","token":"tk","secret":"key"}]})");
  const std::vector<AlertSettings::Webhook> before = fixture.now().webhooks;
  ASSERT_EQ(before.size(), 1U);
  for (const auto& [hook, faults] : rows) {
    EXPECT_EQ(fixture.change(R"({"webhooks":[)" + std::string{hook} + "]}"), faults) << hook;
    EXPECT_EQ(fixture.now().webhooks, before) << hook;
  }
}

TEST(AlertSettings, KeepSecretsAtTheSameReceiverAndTakeThemAnewForAnother) {
  Fixture fixture;
  std::ignore = fixture.change(R"({"webhooks":[
      {"name":"G","url":"https://g.example/m","token":"tk","secret":"key"}]})");
  for (const char* hook : {R"({"name":"G","url":"https://G.example:443/other?x=1#y"})",
                           R"({"name":"G","url":"https://user:pw@g.example/","preset":"json"})",
                           R"({"name":"G","url":"******","token":"******"})"}) {
    std::ignore = fixture.change(R"({"webhooks":[)" + std::string{hook} + "]}");
    EXPECT_EQ(fixture.now().webhooks.at(0).token, "tk") << hook;
    EXPECT_EQ(fixture.now().webhooks.at(0).secret, "key") << hook;
  }
  std::ignore = fixture.change(
      R"({"webhooks":[{"name":"G","url":"https://new.example","token":"new","secret":""}]})");
  EXPECT_EQ(fixture.now().webhooks.at(0).url, "https://new.example");
  EXPECT_EQ(fixture.now().webhooks.at(0).token, "new");
  EXPECT_EQ(fixture.now().webhooks.at(0).secret, "");
}

// One list was put in order by its names, and the other merged by its places.
TEST(AlertSettings, TakeOneListOfHooksOutOfTwo) {
  Fixture fixture;
  std::ignore = fixture.change(R"({"webhooks":[
      {"name":"G","url":"https://g.example"},
      {"name":"H","url":"https://h.example","token":"th"}]})");
  std::ignore = fixture.change(R"({"webhooks":[{"name":"G","url":"https://evil.example"},
      {"name":"H"}],"WebHooks":[{"name":"H"}]})");
  ASSERT_EQ(fixture.now().webhooks.size(), 1U);
  EXPECT_EQ(fixture.now().webhooks[0].url, "https://h.example");
  EXPECT_EQ(fixture.now().webhooks[0].token, "th");
}

TEST(AlertSettings, RefuseWhatCannotBe) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"mailTo":["a"]})", "alerts.mailTo.0=validation_is_email "},
      {R"({"mailTo":["a@b.cd\r\nBcc: x@y.zz"]})", "alerts.mailTo.0=validation_is_email "},
      {R"({"mailTo":[1]})", "alerts.mailTo.0=validation_invalid_type "},
      {R"({"on":{"filed":true}})", "alerts.on.filed=validation_unknown_field "},
      {R"({"remindAfterHours":-1})",
       "alerts.remindAfterHours=validation_min_greater_equal_than_required "},
      {R"({"missedGraceMinutes":0})",
       "alerts.missedGraceMinutes=validation_min_greater_equal_than_required "},
      {R"({"spaceLowPercent":10001})",
       "alerts.spaceLowPercent=validation_max_less_equal_than_required "},
      {R"({"language":"fr"})", "alerts.language=validation_in_invalid "},
      {R"({"language":""})", "alerts.language=validation_in_invalid "},
      {R"({"webhooks":[{}]})",
       "alerts.webhooks.0.name=validation_required alerts.webhooks.0.url=validation_required "},
      {R"({"webhooks":[null]})",
       "alerts.webhooks.0.name=validation_required alerts.webhooks.0.url=validation_required "},
      {R"({"webhooks":[1]})", "alerts.webhooks.0=validation_invalid_type "},
      {R"({"webhooks":[{"name":"a/b","url":"https://h.example"}]})",
       "alerts.webhooks.0.name=validation_match_invalid "},
      {R"({"webhooks":[{"name":"a","url":"https://h.example"},{"name":"a","url":"https://h.example"}]})",
       "alerts.webhooks.1.name=validation_not_unique "},
      {R"({"webhooks":[{"name":"a","url":"ftp://h.example"}]})",
       "alerts.webhooks.0.url=validation_is_url "},
      {R"({"webhooks":[{"name":"a","url":"h.example"}]})",
       "alerts.webhooks.0.url=validation_is_url "},
      {R"({"webhooks":[{"name":"a","url":"https://h.example","preset":"irc"}]})",
       "alerts.webhooks.0.preset=validation_in_invalid "},
      {R"({"webhooks":[{"name":"a","preset":"telegram"}]})",
       "alerts.webhooks.0.token=validation_required alerts.webhooks.0.chatId=validation_required "},
      {R"({"webhooks":[{"name":"a","preset":"telegram","token":"x/../y","chatId":"1"}]})",
       "alerts.webhooks.0.token=validation_match_invalid "},
      {R"({"webhooks":[{"name":"a","url":"https://h.example","token":"a\nb"}]})",
       "alerts.webhooks.0.token=validation_match_invalid "},
      {R"({"webhooks":[{"name":"a","url":"https://h.example","on":["never"]}]})",
       "alerts.webhooks.0.on=validation_in_invalid "},
  };
  Fixture fixture;
  for (const auto& [change, faults] : rows) { EXPECT_EQ(fixture.change(change), faults); }
  std::string many = R"({"webhooks":[)";
  for (int i = 0; i < 21; ++i) { many += std::string{i > 0 ? "," : ""} + "{}"; }
  EXPECT_EQ(fixture.change(many + "]}"), "alerts.webhooks=validation_length_out_of_range ");
  EXPECT_EQ(fixture.now(), AlertSettings{}) << "nothing was saved";
}

}  // namespace
}  // namespace pv::settings
