#include "settings/document.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "settings/cipher.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"

namespace pv::settings {
namespace {

namespace json = boost::json;

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";

json::object object_of(std::string_view text) { return json::parse(text).get_object(); }

std::string shown(const Document& document, std::string_view section) {
  return json::serialize(document.shown(Edition::k039).at(section));
}

// "field=code", in the order found.
std::string codes(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) {
    text += (text.empty() ? "" : " ") + fault.field + "=" + fault.code;
  }
  return text;
}

std::string codes_after(std::string_view change) {
  Document document;
  const auto unreadable = document.apply(object_of(change), Edition::k039);
  return unreadable.empty() ? codes(document.validate()) : "unreadable: " + codes(unreadable);
}

TEST(SettingsDocument, HasTheDefaultsOfEachEdition) {
  EXPECT_EQ(
      json::serialize(Document{}.shown(Edition::k036)),
      R"({"smtp":{"enabled":false,"port":587,"host":"smtp.example.com","username":"","authMethod":"","tls":false,"localName":""},)"
      R"("backups":{"cron":"","cronMaxKeep":3,"s3":{"enabled":false,"bucket":"","region":"","endpoint":"","accessKey":"","forcePathStyle":false}},)"
      R"("s3":{"enabled":false,"bucket":"","region":"","endpoint":"","accessKey":"","forcePathStyle":false},)"
      R"("meta":{"appName":"Acme","appURL":"http://localhost:8090","senderName":"Support","senderAddress":"support@example.com","hideControls":false},)"
      R"("rateLimits":{"rules":[{"label":"*:auth","audience":"","duration":3,"maxRequests":2},{"label":"*:create","audience":"","duration":5,"maxRequests":20},{"label":"/api/batch","audience":"","duration":1,"maxRequests":3},{"label":"/api/","audience":"","duration":10,"maxRequests":300}],"enabled":false},)"
      R"("trustedProxy":{"headers":[],"useLeftmostIP":false},)"
      R"("batch":{"enabled":false,"maxRequests":50,"timeout":3,"maxBodySize":0},)"
      R"("logs":{"maxDays":5,"minLevel":0,"logIP":true,"logAuthId":false}})");
  const json::object newer = Document{}.shown(Edition::k039);
  EXPECT_EQ(newer.begin()->key(), "superuserIPs");
  EXPECT_EQ(newer.at("meta").at("accentColor"), "#1055c9");
  EXPECT_EQ(json::serialize(newer.at("rateLimits").at("excludedIPs")), "[]");
  EXPECT_EQ(codes(Document{}.validate()), "");
}

TEST(SettingsDocument, MergesMemberByMember) {
  Document document;
  const auto apply = [&](std::string_view change) {
    EXPECT_EQ(codes(document.apply(object_of(change), Edition::k039)), "") << change;
  };
  apply(R"({"backups":{"cron":"0 3 * * *"},"unknown":{"x":1},"META":{"appname":"Shop"}})");
  EXPECT_EQ(document.settings().backups_cron, "0 3 * * *");
  EXPECT_EQ(document.settings().backups_kept_max, 3);
  EXPECT_EQ(document.settings().app_name, "Shop");
  apply(R"({"backups":{"cron":null,"cronMaxKeep":7},"backups":null})");
  EXPECT_EQ(document.settings().backups_cron, "0 3 * * *");
  apply(R"({"backups":{"cronMaxKeep":7},"trustedProxy":{"headers":["X-A","X-B"]}})");
  EXPECT_EQ(document.settings().backups_kept_max, 7);
  EXPECT_EQ(document.settings().trusted_proxy_headers, (std::vector<std::string>{"X-A", "X-B"}));
  apply(R"({"trustedProxy":{"headers":["X-C"]}})");
  EXPECT_EQ(document.settings().trusted_proxy_headers, (std::vector<std::string>{"X-C"}));
  apply(R"({"trustedProxy":{"headers":null}})");
  EXPECT_TRUE(document.settings().trusted_proxy_headers.empty());
}

TEST(SettingsDocument, KeepsWhatARuleLeavesOut) {
  Document document;
  ASSERT_TRUE(
      document.apply(object_of(R"({"rateLimits":{"rules":[{"label":"/api/x/"}]}})"), Edition::k039)
          .empty());
  EXPECT_EQ(shown(document, "rateLimits"),
            R"({"rules":[{"label":"/api/x/","audience":"","duration":3,"maxRequests":2}],)"
            R"("excludedIPs":[],"enabled":false})");
}

TEST(SettingsDocument, RefusesOtherTypesAndChangesNothingThen) {
  const char* rows[] = {
      R"({"backups":{"cronMaxKeep":"3"}})",
      R"({"backups":{"cronMaxKeep":1.5}})",
      R"({"backups":{"cronMaxKeep":1e3}})",
      R"({"backups":{"cron":5}})",
      R"({"backups":[]})",
      R"({"smtp":{"enabled":"true"}})",
      R"({"superuserIPs":"1.2.3.4"})",
      R"({"superuserIPs":[1]})",
      R"({"rateLimits":{"rules":["x"]}})",
      R"({"backups":{"cronMaxKeep":18446744073709551615}})",
  };
  for (const char* row : rows) {
    Document document;
    const auto faults = document.apply(object_of(row), Edition::k039);
    ASSERT_EQ(faults.size(), 1U) << row;
    EXPECT_EQ(faults.front().code, "validation_invalid_type");
    EXPECT_EQ(document.stored(), Document{}.stored());
  }
}

TEST(SettingsDocument, DoesNotKnowNewerMembersInTheOlderEdition) {
  Document document;
  const auto change = object_of(
      R"({"superuserIPs":["x"],"meta":{"accentColor":1},"rateLimits":{"excludedIPs":["x"]}})");
  EXPECT_TRUE(document.apply(change, Edition::k036).empty());
  EXPECT_EQ(document.stored(), Document{}.stored());
}

TEST(SettingsDocument, ChecksByPocketBasesRules) {
  struct Row {
    const char* change;
    const char* codes;
  };
  const Row rows[] = {
      {R"({"backups":{"cron":"61 * * * *"}})", "backups.cron=validation_invalid_cron"},
      {R"({"backups":{"cron":"0 0 * * *","cronMaxKeep":0}})",
       "backups.cronMaxKeep=validation_required"},
      {R"({"backups":{"cron":"@daily"}})", ""},
      {R"({"backups":{"cronMaxKeep":0}})", ""},
      {R"({"backups":{"cronMaxKeep":-1}})",
       "backups.cronMaxKeep=validation_min_greater_equal_than_required"},
      {R"({"backups":{"s3":{"enabled":true}}})",
       "backups.s3.endpoint=validation_required backups.s3.bucket=validation_required "
       "backups.s3.region=validation_required backups.s3.accessKey=validation_required "
       "backups.s3.secret=validation_required"},
      {R"({"s3":{"endpoint":"not a url"}})", "s3.endpoint=validation_is_url"},
      {R"({"smtp":{"enabled":true,"host":"","port":0}})",
       "smtp.host=validation_required smtp.port=validation_required"},
      {R"({"smtp":{"host":"a b","port":-1,"authMethod":"X","localName":"-"}})",
       "smtp.host=validation_is_host smtp.port=validation_min_greater_equal_than_required "
       "smtp.authMethod=validation_in_invalid smtp.localName=validation_is_host"},
      {R"({"smtp":{"authMethod":"LOGIN","localName":"[::1]"}})",
       "smtp.localName=validation_is_host"},
      {R"({"smtp":{"authMethod":"PLAIN","localName":"::1","host":"1.2.3.4"}})", ""},
      {R"({"meta":{"appName":"","senderName":"","appURL":"","senderAddress":""}})",
       "meta.appName=validation_required meta.senderName=validation_required "
       "meta.appURL=validation_required meta.senderAddress=validation_required"},
      {R"({"meta":{"appName":" ","appURL":"x","senderAddress":"a@b","accentColor":"red"}})",
       "meta.appURL=validation_is_url meta.senderAddress=validation_is_email "
       "meta.accentColor=validation_is_hex_color"},
      {R"({"meta":{"accentColor":""}})", ""},
      {R"({"logs":{"maxDays":-1,"minLevel":-8}})",
       "logs.maxDays=validation_min_greater_equal_than_required"},
      {R"({"batch":{"enabled":true,"maxRequests":0,"timeout":0,"maxBodySize":-1}})",
       "batch.maxRequests=validation_required batch.timeout=validation_required "
       "batch.maxBodySize=validation_min_greater_equal_than_required"},
      {R"({"rateLimits":{"enabled":true,"rules":[]}})", "rateLimits.rules=validation_required"},
      {R"({"rateLimits":{"rules":[]}})", ""},
      {R"({"rateLimits":{"rules":[{"label":"a b","audience":"x","duration":0,"maxRequests":-1}]}})",
       "rateLimits.rules.0.label=validation_match_invalid "
       "rateLimits.rules.0.maxRequests=validation_min_greater_equal_than_required "
       "rateLimits.rules.0.duration=validation_required "
       "rateLimits.rules.0.audience=validation_in_invalid"},
      {R"({"rateLimits":{"rules":[{"label":"/a","audience":"@guest"},{"label":"/a","audience":"@auth"}]}})",
       ""},
      {R"({"rateLimits":{"rules":[{"label":"/a"},{"label":"/a","audience":"@guest"}]}})",
       "rateLimits.rules.1.label=validation_conflicting_rate_limit_rule"},
      {R"({"rateLimits":{"rules":[{"label":"/b"},{"label":"/a","audience":"@guest"},{"label":"/a"}]}})",
       "rateLimits.rules.2.label=validation_conflicting_rate_limit_rule"},
      {R"({"superuserIPs":["1.2.3.4","10.0.0.0/8","x",""]})",
       "superuserIPs.2=validation_invlaid_ip_or_subnet superuserIPs.3=validation_required"},
      {R"({"rateLimits":{"excludedIPs":["1.2.3.4/40"]}})",
       "rateLimits.excludedIPs.0=validation_invlaid_ip_or_subnet"},
  };
  for (const Row& row : rows) { EXPECT_EQ(codes_after(row.change), row.codes) << row.change; }
  EXPECT_EQ(codes_after(R"({"meta":{"appName":")" + std::string(256, 'x') + "\"}}"),
            "meta.appName=validation_length_out_of_range");
}

// As many as fit into a request. The database is locked meanwhile.
TEST(SettingsDocument, ChecksManyRulesAtOnceAndTellsAHundredFaults) {
  constexpr int kRules = 50'000;
  json::array rules;
  for (int i = 0; i < kRules; ++i) {
    rules.push_back(json::object{{"label", "/" + std::to_string(i)}});
  }
  Document document;
  ASSERT_TRUE(document.apply({{"rateLimits", {{"rules", rules}}}}, Edition::k039).empty());
  const auto start = std::chrono::steady_clock::now();
  const auto faults = document.validate();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{2});
  ASSERT_EQ(faults.size(), 100U);
  EXPECT_EQ(faults.front().field,
            "rateLimits.rules.4.maxRequests");  // the defaults before are good
  rules.push_back(json::object{{"label", "/7"}});
  ASSERT_TRUE(document.apply({{"rateLimits", {{"rules", rules}}}}, Edition::k039).empty());
  EXPECT_EQ(codes(document.validate()),
            "rateLimits.rules.50000.label=validation_conflicting_rate_limit_rule");
}

TEST(SettingsDocument, NeverShowsSecretsAndForgetsClearedOnes) {
  Document document;
  ASSERT_TRUE(document
                  .apply(object_of(R"({"smtp":{"password":"pw-1"},"s3":{"secret":"pw-2"},)"
                                   R"("backups":{"s3":{"secret":"pw-3"}}})"),
                         Edition::k039)
                  .empty());
  for (const Edition edition : {Edition::k036, Edition::k039}) {
    const std::string text = json::serialize(document.shown(edition));
    EXPECT_EQ(text.find("pw-"), std::string::npos);
    EXPECT_EQ(text.find("password"), std::string::npos);
    EXPECT_EQ(text.find("secret"), std::string::npos);
  }
  EXPECT_EQ(document.settings().backups_s3.secret, "pw-3");
  ASSERT_TRUE(
      document.apply(object_of(R"({"backups":{"s3":{"bucket":"b"}}})"), Edition::k039).empty());
  EXPECT_EQ(document.settings().backups_s3.secret, "pw-3") << "what is not sent stays";
  ASSERT_TRUE(
      document.apply(object_of(R"({"backups":{"s3":{"secret":""}}})"), Edition::k039).empty());
  EXPECT_EQ(Document::parse(document.stored())->settings().backups_s3.secret, "");
  Document cleared =
      Document::parse(R"({"smtp":{"password":"pw-1"},"s3":{"secret":"pw-2"}})").value();
  ASSERT_TRUE(
      cleared.apply(object_of(R"({"smtp":{"password":""},"s3":{"secret":""}})"), Edition::k039)
          .empty());
  EXPECT_NE(cleared.stored().find(R"("password":"")"), std::string::npos) << "for PocketBase 0.39";
  EXPECT_EQ(cleared.stored().find("secret"), std::string::npos);
  EXPECT_EQ(Document::parse(document.stored())->settings().storage_s3.secret, "pw-2");
}

TEST(SettingsDocument, KeepsWhatItDoesNotKnow) {
  const auto document =
      Document::parse(R"({"future":{"a":[1,{"b":2}]},"meta":{"appName":"X","newer":true}})");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->settings().app_name, "X");
  const json::object stored = object_of(document->stored());
  EXPECT_EQ(json::serialize(stored.at("future")), R"({"a":[1,{"b":2}]})");
  EXPECT_EQ(stored.at("meta").at("newer"), true);
  EXPECT_FALSE(document->shown(Edition::k039).contains("future"));
}

// As Go's encoding/json has it, with which PocketBase reads the row and refuses to start.
TEST(SettingsDocument, RefusesAStoredMemberOfAnotherType) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"backups":{"s3":{"enabled":1,"bucket":"b"}}})",
       "backups.s3.enabled: Must be true or false"},
      {R"({"superuserIPs":"10.0.0.1"})", "superuserIPs: Must be a list"},
      {R"({"SuperUserIPs":"10.0.0.1"})", "superuserIPs: Must be a list"},
      {R"({"superuserIPs":["10.0.0.1",7]})", "superuserIPs.1: Must be a text"},
      {R"({"rateLimits":{"rules":[{"label":"/a/"},"x"]}})",
       "rateLimits.rules.1: Must be an object"},
      {R"({"rateLimits":{"rules":[{"duration":"1"}]}})",
       "rateLimits.rules.0.duration: Must be a whole number"},
      {R"({"logs":{"maxDays":1.5}})", "logs.maxDays: Must be a whole number"},
      {R"({"logs":{"maxDays":1e1}})", "logs.maxDays: Must be a whole number"},
      {R"({"logs":{"maxDays":9223372036854775808}})", "logs.maxDays: Must be a whole number"},
      {R"({"smtp":7,"logs":true})", "smtp: Must be an object"},
      {R"({"meta":{"appName":false}})", "meta.appName: Must be a text"},
      {"[]", "Must be an object"},
      {"7", "Must be an object"},
      {R"("text")", "Must be an object"},
  };
  for (const auto& [row, why] : rows) {
    const auto document = Document::parse(row);
    ASSERT_FALSE(document.has_value()) << row;
    EXPECT_EQ(document.error(), (Error{Code::kDamaged, why})) << row;
  }
}

TEST(SettingsDocument, TakesWhatPocketBaseTakesFromTheRow) {
  const char* rows[] = {
      "{}",
      "null",
      R"({"meta":null,"backups":{"s3":null,"cron":null,"cronMaxKeep":null},"superuserIPs":null})",
      R"({"superuserIPs":[null],"rateLimits":{"rules":[null,{"label":null,"other":1}]}})",
      R"({"META":{"APPNAME":"Acme"},"Smtp":{"Tls":false}})",
      R"({"logs":{"maxDays":-0,"minLevel":-9223372036854775808}})",
      R"({"future":7,"meta":{"future":[]},"backups":{"s3":{"future":{}}}})",
  };
  for (const char* row : rows) {
    const auto document = Document::parse(row);
    ASSERT_TRUE(document.has_value()) << row << ": " << document.error().what;
    EXPECT_EQ(document->settings().app_name, "Acme") << row;
  }
}

TEST(SettingsDocument, IsSavedAsPocketBaseSavesIt) {
  const testing::TempFolder folder;
  auto data =
      *sqlite::Connection::open(testing::unpack_pb_data("0.36.6", folder.path()) / "data.db", {});
  const testing::FakeClock clock;
  const auto ask = [&](const char* what) {
    return sqlite::to_text(
        (**data.one(std::string{"SELECT "} + what + " FROM _params WHERE id = 'settings'"))[0]);
  };
  const std::string created = ask("created");
  Document document = *read_document(data, "");
  ASSERT_TRUE(document.apply(object_of(R"({"meta":{"appName":"New"}})"), Edition::k036).empty());
  ASSERT_TRUE(save_document(data, document, "", clock, system_random()).has_value());
  EXPECT_EQ(ask("typeof(value)"), "blob");
  EXPECT_EQ(ask("created"), created);
  EXPECT_EQ(ask("updated"), "2026-11-21 00:54:47.000Z");
  EXPECT_EQ(read(data, "")->app_name, "New");

  ASSERT_TRUE(save_document(data, document, kKey, clock, system_random()).has_value());
  EXPECT_EQ(ask("typeof(value)"), "text");
  EXPECT_EQ(read(data, kKey)->app_name, "New");
  EXPECT_EQ(read(data, "").error().code, Code::kUnauthenticated);
  EXPECT_EQ(save_document(data, document, "short", clock, system_random()).error().code,
            Code::kUnauthenticated);

  ASSERT_TRUE(data.run("DELETE FROM _params WHERE id = 'settings'").has_value());
  ASSERT_TRUE(save_document(data, document, "", clock, system_random()).has_value());
  EXPECT_EQ(read(data, "")->app_name, "New");
}

TEST(Cipher, GivesBackWhatItEncrypted) {
  for (const std::size_t bytes : {16U, 24U, 32U}) {
    const std::string_view key = kKey.substr(0, bytes);
    for (const std::string& plain : {std::string{}, std::string{"x"}, std::string(100'000, 'y')}) {
      const auto sealed = encrypt(plain, key, system_random());
      ASSERT_TRUE(sealed.has_value());
      EXPECT_EQ(decrypt(*sealed, key).value(), plain);
      EXPECT_NE(*encrypt(plain, key, system_random()), *sealed) << "a nonce of its own each time";
    }
  }
}

}  // namespace
}  // namespace pv::settings
