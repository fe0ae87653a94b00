#include "settings/settings.h"

#include <gtest/gtest.h>

#include <array>

#include "settings/cipher.h"
#include "testing/fixtures.h"

namespace pv::settings {
namespace {

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";

struct Fixture {
  explicit Fixture(const std::string& version)
      : data{*sqlite::Connection::open(testing::unpack_pb_data(version, folder.path()) / "data.db",
                                       {})} {}
  void store(const sqlite::Value& value) {
    const std::array<sqlite::Value, 1> parameters{value};
    ASSERT_TRUE(data.run("UPDATE _params SET value = ?1 WHERE id = 'settings'", parameters));
  }
  testing::TempFolder folder;
  sqlite::Connection data;
};

TEST(Settings, ReadsWhatPocketBaseWrote) {
  for (const char* version : {"0.36.6", "0.39.11"}) {
    Fixture fixture{version};
    const auto settings = read(fixture.data, "");
    ASSERT_TRUE(settings.has_value()) << settings.error().what;
    EXPECT_EQ(settings->app_name, "Corner Shop");
    EXPECT_TRUE(settings->trusted_proxy_headers.empty());
    EXPECT_FALSE(settings->use_leftmost_ip);
    EXPECT_TRUE(settings->superuser_ips.empty());
  }
}

TEST(Settings, ReadsWhatPocketBaseEncrypted) {
  Fixture fixture{"0.36.6-encrypted-settings"};
  const auto settings = read(fixture.data, kKey);
  ASSERT_TRUE(settings.has_value()) << settings.error().what;
  EXPECT_EQ(settings->app_name, "Corner Shop");
}

TEST(Settings, SaysThatTheKeyIsMissingOrWrong) {
  Fixture fixture{"0.36.6-encrypted-settings"};
  const auto none = read(fixture.data, "");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Code::kUnauthenticated);
  EXPECT_NE(none.error().what.find("--encryptionEnv"), std::string::npos);

  const auto wrong = read(fixture.data, "0123456789abcdef0123456789abcdeX");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, Code::kUnauthenticated);

  const auto short_one = read(fixture.data, "short");
  ASSERT_FALSE(short_one.has_value());
  EXPECT_EQ(short_one.error().code, Code::kUnauthenticated);
  EXPECT_NE(short_one.error().what.find("5 bytes"), std::string::npos);
  EXPECT_EQ(short_one.error().what.find("short"), std::string::npos) << "the key is a secret";
}

TEST(Settings, ReadsPlainOnesEvenWithAKey) {
  Fixture fixture{"0.36.6"};
  EXPECT_TRUE(read(fixture.data, kKey).has_value());
}

TEST(Settings, ReadsTextAndBlobAlike) {
  Fixture fixture{"0.36.6"};
  const std::string document = R"({"meta":{"appName":"Blob or text"}})";
  fixture.store(document);
  EXPECT_EQ(read(fixture.data, "")->app_name, "Blob or text");
  fixture.store(sqlite::Blob{document});
  EXPECT_EQ(read(fixture.data, "")->app_name, "Blob or text");
}

TEST(Settings, TakesWhatItNeeds) {
  Fixture fixture{"0.36.6"};
  fixture.store(std::string{
      R"({"superuserIPs":["10.0.0.0/8","::1"],"meta":{"accentColor":"#1055c9","appName":"N"},)"
      R"("trustedProxy":{"headers":["X-Real-IP","CF-Connecting-IP"],"useLeftmostIP":true},"new":1})"});
  const auto settings = read(fixture.data, "");
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->app_name, "N");
  EXPECT_EQ(settings->trusted_proxy_headers,
            (std::vector<std::string>{"X-Real-IP", "CF-Connecting-IP"}));
  EXPECT_TRUE(settings->use_leftmost_ip);
  EXPECT_EQ(settings->superuser_ips, (std::vector<std::string>{"10.0.0.0/8", "::1"}));
}

TEST(Settings, ReadsBothBuckets) {
  Fixture fixture{"0.36.6"};
  fixture.store(std::string{
      R"({"s3":{"enabled":true,"bucket":"files"},"backups":{"cron":"","s3":{"enabled":true,)"
      R"("bucket":"b","region":"r","endpoint":"e","accessKey":"a","secret":"s","forcePathStyle":true}}})"});
  const auto settings = read(fixture.data, "");
  ASSERT_TRUE(settings.has_value());
  const S3 files{.enabled = true, .bucket = "files"};
  const S3 backups{.enabled = true,
                   .bucket = "b",
                   .region = "r",
                   .endpoint = "e",
                   .access_key = "a",
                   .secret = "s",
                   .force_path_style = true};
  EXPECT_EQ(settings->storage_s3, files);
  EXPECT_EQ(settings->backups_s3, backups);
}

TEST(Settings, HasDefaultsForWhatIsAbsent) {
  Fixture fixture{"0.36.6"};
  for (const char* document :
       {"{}", "null", R"({"meta":null})", R"({"meta":{"appName":null},"backups":{"s3":{}}})"}) {
    fixture.store(std::string{document});
    const auto settings = read(fixture.data, "");
    ASSERT_TRUE(settings.has_value()) << document;
    EXPECT_EQ(settings->app_name, "Acme") << document;
    EXPECT_TRUE(settings->trusted_proxy_headers.empty()) << document;
    EXPECT_FALSE(settings->use_leftmost_ip) << document;
    EXPECT_EQ(settings->storage_s3, S3{}) << document;
    EXPECT_EQ(settings->backups_s3, S3{}) << document;
  }
  ASSERT_TRUE(fixture.data.run("DELETE FROM _params").has_value());
  EXPECT_EQ(read(fixture.data, "")->app_name, "Acme");
}

// What a person's UPDATE leaves: 1 is what SQLite's `true` becomes.
TEST(Settings, SaysWhichMemberOfTheRowIsOfAnotherType) {
  Fixture fixture{"0.36.6"};
  const std::pair<const char*, const char*> rows[] = {
      {"json_set(CAST(value AS TEXT), '$.backups.s3.enabled', true)",
       "settings row of data.db: backups.s3.enabled: Must be true or false"},
      {"'{\"superuserIPs\":\"10.0.0.1\"}'",
       "settings row of data.db: superuserIPs: Must be a list"},
      {"'[]'", "settings row of data.db: Must be an object"},
  };
  for (const auto& [value, why] : rows) {
    ASSERT_TRUE(
        fixture.data
            .run(std::string{"UPDATE _params SET value = "} + value + " WHERE id = 'settings'")
            .has_value());
    EXPECT_EQ(read(fixture.data, "").error(), (Error{Code::kDamaged, why}));
    EXPECT_EQ(read(fixture.data, kKey).error(), (Error{Code::kDamaged, why}))
        << "plain, whatever the key";
  }
  fixture.store(*encrypt(R"({"superuserIPs":"10.0.0.1"})", kKey, system_random()));
  EXPECT_EQ(read(fixture.data, kKey).error(),
            (Error{Code::kDamaged, "settings row of data.db: superuserIPs: Must be a list"}));
}

TEST(Settings, SaysThatTheRowIsNotJson) {
  Fixture fixture{"0.36.6"};
  const sqlite::Value values[] = {std::monostate{}, std::string{}, std::string{"hello"},
                                  std::string{"{\"meta\":"}, std::string(100, '[')};
  for (const sqlite::Value& value : values) {
    fixture.store(value);
    const auto settings = read(fixture.data, "");
    ASSERT_FALSE(settings.has_value()) << sqlite::to_text(value);
    EXPECT_EQ(settings.error().code, Code::kDamaged);
    EXPECT_TRUE(settings.error().what.starts_with("settings row"));
    EXPECT_EQ(read(fixture.data, kKey).error().code, Code::kDamaged);
  }
}

// Made with Python's `cryptography` (AESGCM), as another implementation of the same format.
struct CipherCase {
  std::string_view label, key, sealed;
};
constexpr CipherCase kSealed[] = {
    {"AES-128", "0123456789abcdef",
     "AAECAwQFBgcICQoLhh2peGoVGQyTBGZqsNXRQGX1bdhU1isnEg3IjpJdAdpnj4vnbvJPRjPlIezP"},
    {"AES-192", "0123456789abcdef01234567",
     "AAECAwQFBgcICQoL1DnPVu2TYsVnqnJxycj9ZZfbAzYap9uRxvF8wjRlBr/1gqGK+DOSb3YMglDv"},
    {"AES-256", "0123456789abcdef0123456789abcdef",
     "AAECAwQFBgcICQoLVsfWGa158JbT/hDOAYGwaYMqOaVv2RXnRbiZycUEORFBnoCgHcda8zO3o1jD"},
};
TEST(SettingsCipher, OpensEachKeySize) {
  for (const auto& [label, key, sealed] : kSealed) {
    const auto plain = decrypt(sealed, key);
    ASSERT_TRUE(plain.has_value()) << label;
    EXPECT_EQ(*plain, R"({"meta":{"appName":"Sealed"}})") << label;
  }
}

TEST(SettingsCipher, NoticesEachAlteredByte) {
  const auto& [label, key, sealed] = kSealed[2];
  for (std::size_t i = 0; i + 2 < sealed.size(); ++i) {  // the last two may be padding
    std::string altered{sealed};
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(decrypt(altered, key).has_value()) << i;
  }
  for (std::size_t length = 0; length < sealed.size(); ++length) {
    EXPECT_FALSE(decrypt(sealed.substr(0, length), key).has_value()) << length;
  }
}

struct SnakeCase {
  std::string given, expected;
};
TEST(SnakeCase, FollowsPocketBase) {
  const SnakeCase cases[] = {
      {"Acme", "acme"},
      {"My Äpp Name! v2.0 (TestDB) xyz-abc", "my_pp_name_v2_0_test_db_xyz_abc"},
      {"HTTPServer JSONApi2Go", "httpserver_jsonapi2_go"},
      {"a'b c_d__e  fooBAR", "a_b_c_d_e_foo_bar"},
      {"日本 Tést", "t_st"},
      {"---", ""},
      {"", ""},
      {"日本語", ""},
      {std::string(60, 'A') + "B", std::string(50, 'a')},
      {"Corner Shop", "corner_shop"},
      {"1A", "1_a"},
      {"äA", "a"},
      {std::string(49, 'a') + "Bcd", std::string(49, 'a') + "_"},
      {"../../etc", "etc"},
  };
  for (const auto& [given, expected] : cases) { EXPECT_EQ(snake_case(given), expected) << given; }
}

}  // namespace
}  // namespace pv::settings
