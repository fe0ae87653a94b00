#include "auth/superusers.h"

#include <gtest/gtest.h>

#include "auth/auth.h"
#include "auth/data_testing.h"
#include "auth/password.h"

namespace pv::auth {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kNew = "new@example.com";
constexpr std::string_view kLong = "a long enough one";

Result<void> create(TestData& data, std::string_view email, std::string_view password = kLong) {
  return create_superuser(data.db, email, password, data.clock, system_random());
}

// code and text in one, so that a table can hold both.
std::string said(const Result<void>& result) {
  return result ? "fine" : std::string{code_name(result.error().code)} + ": " + result.error().what;
}

std::string token_of(TestData& data, const std::string& id) {
  const auto token =
      issue_token(data.db, data.collection("_superusers"), id, TokenKind::kAuth, data.clock);
  EXPECT_TRUE(token.has_value());
  return token.value_or("");
}

bool is_accepted(TestData& data, const std::string& token) {
  return verify_token(data.db, token, TokenKind::kAuth, data.clock).has_value();
}

void add_dependents(TestData& data, const std::string& collection, const std::string& record) {
  const std::string refs = "'" + collection + "','" + record + "'";
  data.exec("INSERT INTO _authOrigins (collectionRef, recordRef, fingerprint) VALUES (" + refs +
            ",'f'); INSERT INTO _mfas (collectionRef, recordRef, method) VALUES (" + refs +
            ",'m'); INSERT INTO _otps (collectionRef, recordRef, password) VALUES (" + refs +
            ",'p'); INSERT INTO _externalAuths (collectionRef, recordRef, provider, providerId) "
            "VALUES (" +
            refs + ",'p','i')");
}

std::string dependents_of(TestData& data, const std::string& record) {
  std::string list;
  for (const char* table : {"_authOrigins", "_mfas", "_otps", "_externalAuths"}) {
    list += data.text("SELECT count(*) FROM " + std::string{table} + " WHERE recordRef = '" +
                      record + "'");
  }
  return list;
}

TEST(Superusers, CreatedOnesAreAsPocketBaseMakesThem) {
  for (const char* version : kTestVersions) {
    TestData data{version};
    ASSERT_EQ(said(create(data, kNew)), "fine");
    const std::string row = "SELECT %1 FROM _superusers WHERE email = 'new@example.com'";
    const auto column = [&](const std::string& expression) {
      return data.text(std::string{row}.replace(row.find("%1"), 2, expression));
    };
    EXPECT_EQ(column("length(id) || (id GLOB '*[^a-z0-9]*')"), "150");
    EXPECT_EQ(column("length(tokenKey) || (tokenKey GLOB '*[^A-Za-z0-9]*')"), "500");
    EXPECT_EQ(column("substr(password, 1, 7) || length(password)"), "$2a$10$60");
    EXPECT_EQ(column("created"), "2026-11-21 00:54:47.000Z");
    EXPECT_EQ(column("updated"), "2026-11-21 00:54:47.000Z");
    EXPECT_EQ(column("verified || emailVisibility || typeof(verified)"), "10integer");
    EXPECT_TRUE(verify_password(kLong, column("password")));
  }
}

struct Refused {
  std::string email, password, expected;
};
TEST(Superusers, CreateRefusesWithPocketBasesWords) {
  TestData data;
  const std::string blank_mail = "invalid: missing or invalid email address";
  const Refused cases[] = {
      {"", std::string{kLong}, blank_mail},
      {"no mail", std::string{kLong}, blank_mail},
      {"no mail", "", blank_mail},
      {"a@example.com", "", "invalid: password: cannot be blank."},
      {"a@example.com", "1234567", "invalid: password: Must be at least 8 character(s)."},
      {"a@example.com", "äöüäöüä", "invalid: password: Must be at least 8 character(s)."},
      {"a@example.com", std::string(72, 'x'),
       "invalid: password: Must be less than 71 character(s)."},
      {"a@example.com", std::string(73, 'x'),
       "invalid: password: bcrypt: password length exceeds 72 bytes."},
      {"a@example.com", "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüä",
       "invalid: password: bcrypt: password length exceeds 72 bytes."},
      {"a@example.com", std::string("12345678\0x", 10),
       "invalid: password: Must not contain a NUL character."},
      {"admin@example.com", std::string{kLong}, "exists: email: Value must be unique."},
      {"admin@example.com", "short", "invalid: password: Must be at least 8 character(s)."},
  };
  for (const auto& [email, password, expected] : cases) {
    EXPECT_EQ(said(create(data, email, password)), expected) << email;
  }
  EXPECT_EQ(data.text("SELECT count(*) FROM _superusers"), "1");
  EXPECT_EQ(said(create(data, "b@example.com", std::string(71, 'x'))), "fine");
  EXPECT_EQ(said(create(data, "c@example.com", "äöüäöüäö")), "fine") << "eight characters";
  EXPECT_EQ(said(create(data, "Admin@example.com")), "fine") << "another case, another account";
}

TEST(Superusers, LimitsAreThoseOfTheCollection) {
  TestData data;
  data.exec(
      "UPDATE _collections SET fields = replace(CAST(fields AS TEXT), '\"max\":0,\"min\":8', "
      "'\"max\":20,\"min\":12') WHERE name = '_superusers'");
  EXPECT_EQ(said(create(data, kNew, "12345678901")),
            "invalid: password: Must be at least 12 character(s).");
  EXPECT_EQ(said(create(data, kNew, "123456789012345678901")),
            "invalid: password: Must be less than 20 character(s).");
  EXPECT_EQ(said(create(data, kNew, "123456789012")), "fine");
}

TEST(Superusers, CreatingOneRemovesTheInstallersAccount) {
  TestData data;
  ASSERT_EQ(said(create(data, kInstallerEmail)), "fine");
  const std::string id =
      data.text("SELECT id FROM _superusers WHERE email = '__pbinstaller@example.com'");
  const std::string token = token_of(data, id);
  add_dependents(data, "pbc_3142635823", id);
  EXPECT_EQ(list_superusers(data.db)->size(), 1U) << "it does not count";
  ASSERT_EQ(said(create(data, kNew)), "fine");
  EXPECT_EQ(data.text("SELECT count(*) FROM _superusers WHERE id = '" + id + "'"), "0");
  EXPECT_EQ(dependents_of(data, id), "0000");
  EXPECT_FALSE(is_accepted(data, token));
}

TEST(Superusers, ANewPasswordEndsEverySession) {
  TestData data;
  const std::string id = data.id_of("_superusers");
  const std::string token = token_of(data, id);
  data.exec("DELETE FROM _authOrigins");
  add_dependents(data, "pbc_3142635823", id);
  add_dependents(data, "_pb_users_auth_", "someone");
  data.clock.advance(1s);
  // Even the same one.
  ASSERT_EQ(
      said(update_superuser(data.db, kAdminEmail, kAdminPassword, data.clock, system_random())),
      "fine");
  EXPECT_FALSE(is_accepted(data, token));
  EXPECT_EQ(dependents_of(data, id), "0001") << "links to other providers stay";
  EXPECT_EQ(dependents_of(data, "someone"), "1111");
  EXPECT_TRUE(verify_password(kAdminPassword, data.text("SELECT password FROM _superusers")));
  EXPECT_EQ(data.text("SELECT updated FROM _superusers"), "2026-11-21 00:54:48.000Z");
  EXPECT_EQ(data.text("SELECT id FROM _superusers"), id);
}

TEST(Superusers, UpdateLooksForTheAccountBeforeThePassword) {
  TestData data;
  const auto update = [&](std::string_view email, std::string_view password) {
    return said(update_superuser(data.db, email, password, data.clock, system_random()));
  };
  EXPECT_EQ(update("nothing", "short"), "invalid: missing or invalid email address");
  EXPECT_EQ(update("a@example.com", "short"),
            "not_found: superuser with email \"a@example.com\" doesn't exist");
  EXPECT_EQ(update("ADMIN@example.com", std::string{kLong}),
            "not_found: superuser with email \"ADMIN@example.com\" doesn't exist");
  EXPECT_EQ(update(kAdminEmail, "short"), "invalid: password: Must be at least 8 character(s).");
  EXPECT_TRUE(verify_password(kAdminPassword, data.text("SELECT password FROM _superusers")));
}

TEST(Superusers, UpsertCreatesOrChanges) {
  TestData data;
  const auto upsert = [&](std::string_view email, std::string_view password) {
    return said(upsert_superuser(data.db, email, password, data.clock, system_random()));
  };
  EXPECT_EQ(upsert("x", kLong), "invalid: missing or invalid email address");
  EXPECT_EQ(upsert(kNew, "short"), "invalid: password: Must be at least 8 character(s).");
  EXPECT_EQ(upsert(kNew, kLong), "fine");
  EXPECT_EQ(upsert(kNew, "another long one"), "fine");
  EXPECT_EQ(data.text("SELECT count(*) FROM _superusers"), "2");
  EXPECT_TRUE(verify_password(
      "another long one",
      data.text("SELECT password FROM _superusers WHERE email = 'new@example.com'")));
}

TEST(Superusers, DeleteRemovesWhatBelongsToOne) {
  TestData data;
  ASSERT_EQ(said(create(data, kNew)), "fine");
  const std::string id = data.text("SELECT id FROM _superusers WHERE email = 'new@example.com'");
  add_dependents(data, "pbc_3142635823", id);
  EXPECT_EQ(said(delete_superuser(data.db, "nothing")),
            "invalid: invalid or missing email address");
  EXPECT_EQ(said(delete_superuser(data.db, "a@example.com")),
            "not_found: superuser \"a@example.com\" is missing or already deleted");
  EXPECT_EQ(said(delete_superuser(data.db, kNew)), "fine");
  EXPECT_EQ(dependents_of(data, id), "0000");
  EXPECT_EQ(said(delete_superuser(data.db, kAdminEmail)),
            "denied: You can't delete the only existing superuser.");
  EXPECT_EQ(data.text("SELECT email FROM _superusers"), kAdminEmail);
  // The installer's account counts here.
  ASSERT_EQ(said(create(data, kInstallerEmail)), "fine");
  EXPECT_EQ(said(delete_superuser(data.db, kAdminEmail)), "fine");
}

// Gives the same bytes again and again, up to a point.
class Repeating final : public Random {
 public:
  void fill(MutableBytes bytes) override {
    for (std::byte& byte : bytes) { byte = static_cast<std::byte>(count_ < 2 ? 0 : 1); }
    ++count_;
  }

 private:
  int count_ = 0;
};

TEST(Superusers, IdsAreUniqueAmongAllAuthCollections) {
  TestData data;
  const std::string first_id(15, kLowerAlphanumeric[0]);  // what Repeating makes first
  data.exec("UPDATE users SET id = '" + first_id + "'");
  Repeating random;
  ASSERT_EQ(said(create_superuser(data.db, kNew, kLong, data.clock, random)), "fine");
  EXPECT_EQ(data.text("SELECT id FROM _superusers WHERE email = 'new@example.com'"),
            std::string(15, kLowerAlphanumeric[1]));
}

TEST(Superusers, KeepsColumnsOfOthersAndDoesWithoutTablesOfOthers) {
  TestData data;
  data.exec(
      "ALTER TABLE _superusers ADD COLUMN nick TEXT DEFAULT 'none' NOT NULL;"
      "UPDATE _superusers SET nick = 'boss'; DROP TABLE _otps; DROP TABLE _mfas");
  ASSERT_EQ(said(create(data, kNew)), "fine");
  ASSERT_EQ(said(upsert_superuser(data.db, kAdminEmail, kLong, data.clock, system_random())),
            "fine");
  EXPECT_EQ(data.text("SELECT group_concat(nick, ' ') FROM (SELECT nick FROM _superusers "
                      "ORDER BY email)"),
            "boss none");
}

TEST(Superusers, ChangeAllOrNothing) {
  TestData data;
  data.exec(
      "CREATE TRIGGER refuse BEFORE DELETE ON _authOrigins BEGIN SELECT RAISE(ABORT, 'no'); END");
  const std::string before = data.text("SELECT password || tokenKey FROM _superusers");
  EXPECT_NE(said(update_superuser(data.db, kAdminEmail, kLong, data.clock, system_random())),
            "fine");
  EXPECT_EQ(data.text("SELECT password || tokenKey FROM _superusers"), before);
}

TEST(Superusers, AreListedOldestFirst) {
  TestData data;
  data.clock.advance(1h);
  ASSERT_EQ(said(create(data, "z@example.com")), "fine");
  data.clock.advance(1h);
  ASSERT_EQ(said(create(data, "a@example.com")), "fine");
  const auto list = list_superusers(data.db);
  ASSERT_TRUE(list.has_value());
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[0].email, kAdminEmail);
  EXPECT_EQ((*list)[1].email, "z@example.com");
  EXPECT_EQ((*list)[2].email, "a@example.com");
}

}  // namespace
}  // namespace pv::auth
