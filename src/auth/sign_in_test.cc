#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>

#include "auth/auth.h"
#include "auth/data_testing.h"
#include "auth/password.h"

namespace pv::auth {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

SignIn admin() {
  return {.identity = std::string{kAdminEmail},
          .password = std::string{kAdminPassword},
          .identity_field = "",
          .user_agent = "curl/7.88.1",
          .real_ip = "127.0.0.1"};
}
SignIn user() {
  SignIn request = admin();
  request.identity = kUserEmail;
  request.password = kUserPassword;
  return request;
}

SignInResult attempt(TestData& data, std::string_view collection, const SignIn& request) {
  const auto lend = [&](const Access::Work& work) { return work(data.db); };
  auto result =
      sign_in({lend, lend}, data.collection(collection), request, data.clock, system_random());
  EXPECT_TRUE(result.has_value()) << result.error().what;
  return *result;
}

TEST(SignIn, LetsInWhomPocketBaseMade) {
  for (const char* version : kTestVersions) {
    TestData data{version};
    const SignInResult superuser = attempt(data, "_superusers", admin());
    EXPECT_FALSE(superuser.refusal.has_value()) << superuser.message;
    EXPECT_EQ(superuser.record_id, data.id_of("_superusers"));
    const SignInResult record = attempt(data, "users", user());
    EXPECT_FALSE(record.refusal.has_value()) << record.message;
    EXPECT_EQ(record.record_id, data.id_of("users"));
  }
}

TEST(SignIn, FailsAlikeWhateverIsWrong) {
  TestData data;
  for (const auto& [identity, password] :
       {std::pair{kAdminEmail, std::string_view{"wrong password"}},
        {std::string_view{"nobody@example.com"}, kAdminPassword},
        {std::string_view{"Admin@example.com"}, kAdminPassword},
        {std::string_view{" admin@example.com"}, kAdminPassword},
        {std::string_view{"admin@example.com "}, kAdminPassword},
        {std::string_view{"no e-mail"}, kAdminPassword},
        {std::string_view{"' OR 1=1 --"}, kAdminPassword},
        {std::string_view{"%"}, kAdminPassword},
        {kUserEmail, kUserPassword},
        {kAdminEmail, std::string_view{"correct horse battery\0x", 23}}}) {
    SignIn request = admin();
    request.identity = identity;
    request.password = password;
    const SignInResult result = attempt(data, "_superusers", request);
    EXPECT_EQ(result.refusal, SignInRefusal::kFailed) << identity;
    EXPECT_TRUE(result.message.empty() && result.fields.empty() && result.record_id.empty());
  }
}

double processor_seconds_of(TestData& data, const SignIn& request) {
  timespec start{};
  timespec end{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
  EXPECT_EQ(attempt(data, "_superusers", request).refusal, SignInRefusal::kFailed);
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  return static_cast<double>(end.tv_sec - start.tv_sec) +
         static_cast<double>(end.tv_nsec - start.tv_nsec) * 1e-9;
}

TEST(SignIn, TakesAsLongForNobody) {
  TestData data;
  SignIn wrong = admin();
  wrong.password = "wrong";
  const double usual = processor_seconds_of(data, wrong);
  for (const char* identity : {"nobody@example.com", "no e-mail"}) {
    SignIn nobody = wrong;
    nobody.identity = identity;
    EXPECT_GT(processor_seconds_of(data, nobody), usual / 4) << identity;
  }
  data.exec("UPDATE _superusers SET password = ''");
  EXPECT_GT(processor_seconds_of(data, wrong), usual / 4) << "a record without a password";
}

std::string described(const std::vector<FieldError>& errors) {
  std::string text;
  for (const FieldError& error : errors) {
    text += error.field + " " + error.code + " " + error.message + " " +
            json::serialize(error.params) + "\n";
  }
  return text;
}

TEST(SignIn, NamesTheFieldsThatWillNotDo) {
  TestData data;
  const std::string required = "validation_required Cannot be blank. {}\n";
  const std::string length =
      "validation_length_out_of_range The length must be between 1 and 255. "
      "{\"max\":255,\"min\":1}\n";
  const std::string other = "validation_in_invalid Must be a valid value. {}\n";
  struct Case {
    SignIn request;
    std::string expected;
  };
  const std::string longest(255, 'x');
  const Case cases[] = {
      {{"", "", "", "", ""}, "identity " + required + "password " + required},
      {{"a", "", "", "", ""}, "password " + required},
      {{longest + "x", longest + "x", "", "", ""}, "identity " + length + "password " + length},
      {{"a", "b", "username", "", ""}, "identityField " + other},
      {{"a", "b", longest + "x", "", ""}, "identityField " + length},
  };
  for (const auto& [request, expected] : cases) {
    const SignInResult result = attempt(data, "_superusers", request);
    EXPECT_EQ(result.refusal, SignInRefusal::kFields);
    EXPECT_EQ(described(result.fields), expected);
  }
  EXPECT_EQ(attempt(data, "_superusers", {longest, longest, "email", "", ""}).refusal,
            SignInRefusal::kFailed)
      << "255 bytes and a field of the list are fine";
}

TEST(SignIn, IgnoresCaseOnlyWhereTheIndexSaysSo) {
  TestData data;
  SignIn request = user();
  request.identity = "User@Example.com";
  EXPECT_EQ(attempt(data, "users", request).refusal, SignInRefusal::kFailed);
  data.exec(
      "DROP INDEX idx_email__pb_users_auth_; CREATE UNIQUE INDEX idx_email__pb_users_auth_ "
      "ON users (email COLLATE NOCASE) WHERE email != ''");
  EXPECT_FALSE(attempt(data, "users", request).refusal.has_value());
  data.exec(
      "DROP INDEX idx_email__pb_users_auth_; CREATE INDEX idx_email__pb_users_auth_ "
      "ON users (email COLLATE NOCASE)");
  EXPECT_EQ(attempt(data, "users", request).refusal, SignInRefusal::kFailed) << "not unique";
  data.exec(
      "DROP INDEX idx_email__pb_users_auth_; CREATE UNIQUE INDEX idx_email__pb_users_auth_ "
      "ON users (email COLLATE NOCASE, name)");
  EXPECT_EQ(attempt(data, "users", request).refusal, SignInRefusal::kFailed) << "two columns";
}

TEST(SignIn, WorksWithoutTheIndexOfTheEmail) {
  TestData data;
  data.exec("DROP INDEX idx_email_pbc_3142635823");
  EXPECT_FALSE(attempt(data, "_superusers", admin()).refusal.has_value());
  // Two records of one address are nobody's.
  data.exec(
      "INSERT INTO _superusers (id, email, password, tokenKey) SELECT 'second', email, password, "
      "'another-key-of-thirty-characters' FROM _superusers");
  EXPECT_EQ(attempt(data, "_superusers", admin()).refusal, SignInRefusal::kFailed);
}

TEST(SignIn, TriesEachIdentityFieldInTurn) {
  TestData data;
  data.exec(
      "CREATE UNIQUE INDEX idx_name ON users (name COLLATE NOCASE);"
      "UPDATE users SET name = 'wob'");
  data.set_option("users", "$.passwordAuth.identityFields", R"(["name","email"])");
  SignIn by_name = user();
  by_name.identity = "WOB";
  EXPECT_FALSE(attempt(data, "users", by_name).refusal.has_value());
  EXPECT_FALSE(attempt(data, "users", user()).refusal.has_value());
  by_name.identity_field = "name";
  EXPECT_FALSE(attempt(data, "users", by_name).refusal.has_value());
  by_name.identity_field = "email";
  EXPECT_EQ(attempt(data, "users", by_name).refusal, SignInRefusal::kFailed);

  // A name shaped like an address is found after the address; an address comes first.
  data.exec(
      "INSERT INTO users (id, email, name, password, tokenKey) SELECT 'second', 'x@example.com', "
      "'user@example.com', '', 'another-key-of-thirty-characters'");
  EXPECT_EQ(attempt(data, "users", user()).record_id,
            data.text("SELECT id FROM users "
                      "WHERE email = 'user@example.com'"));
  data.exec(
      "UPDATE users SET email = '' WHERE name = 'wob'; UPDATE users SET password = "
      "(SELECT password FROM users WHERE name = 'wob') WHERE id = 'second'");
  EXPECT_EQ(attempt(data, "users", user()).record_id, "second");

  // A column that is not there is no identity, and no string either.
  data.set_option("users", "$.passwordAuth.identityFields", R"(["ghost"])");
  SignIn ghost = user();
  ghost.identity = "ghost";
  EXPECT_EQ(attempt(data, "users", ghost).refusal, SignInRefusal::kFailed);
}

TEST(SignIn, ObeysWhatTheCollectionAsksFor) {
  struct Case {
    std::string_view collection;
    const char* path;
    const char* value;
    std::optional<SignInRefusal> refusal;
  };
  constexpr const char* kRule = "$.authRule";
  const Case cases[] = {
      {"users", "$.passwordAuth.enabled", "false", SignInRefusal::kNotConfigured},
      {"users", "$.passwordAuth", "null", SignInRefusal::kNotConfigured},
      {"_superusers", "$.passwordAuth.enabled", "false", {}},  // always on for them
      {"users", kRule, "null", SignInRefusal::kRule},
      {"_superusers", kRule, "null", SignInRefusal::kRule},
      {"users", kRule, "\"\"", {}},
      {"users", kRule, "\"verified = true\"", SignInRefusal::kRule},
      {"users", kRule, "\"verified=true\"", SignInRefusal::kRule},
      {"_superusers", kRule, "\"verified = true\"", {}},
      {"users", kRule, "\"name != 1\"", SignInRefusal::kUnsupported},
      {"users", kRule, "\"verified = true || 1 = 1\"", SignInRefusal::kUnsupported},
      {"users", kRule, "\" \"", SignInRefusal::kUnsupported},
      {"users", kRule, "7", SignInRefusal::kRule},
      {"users", "$.mfa.enabled", "true", SignInRefusal::kUnsupported},
      {"_superusers", "$.mfa", R"({"enabled":true,"rule":"1=2","duration":60})",
       SignInRefusal::kUnsupported},
      {"users", "$.otp.enabled", "true", {}},
  };
  for (const Case& one : cases) {
    TestData data;
    data.set_option(std::string{one.collection}, one.path, one.value);
    SignIn request = one.collection == "users" ? user() : admin();
    const SignInResult result = attempt(data, one.collection, request);
    EXPECT_EQ(result.refusal, one.refusal) << one.path << " " << one.value;
    EXPECT_EQ(result.record_id.empty(), one.refusal.has_value()) << one.path << " " << one.value;
    EXPECT_EQ(result.message.empty(), !one.refusal.has_value()) << one.path << " " << one.value;
    if (one.refusal && *one.refusal != SignInRefusal::kNotConfigured) {
      request.password = "wrong password";
      EXPECT_EQ(attempt(data, one.collection, request).refusal, SignInRefusal::kFailed)
          << "only who knows the password learns of " << one.path;
      EXPECT_EQ(data.text("SELECT count(*) FROM _authOrigins WHERE recordRef = '" +
                          data.id_of("users") + "'"),
                "0");
    }
  }
}

TEST(SignIn, LetsInTheVerifiedWhereTheRuleAsksForThat) {
  TestData data;
  data.set_option("users", "$.authRule", "\"verified = true\"");
  data.exec("UPDATE users SET verified = 1");
  EXPECT_FALSE(attempt(data, "users", user()).refusal.has_value());
}

std::vector<std::string> origins_of(TestData& data, const std::string& table) {
  const std::array<sqlite::Value, 1> parameters{data.id_of(table)};
  const auto rows = data.db.all(
      "SELECT collectionRef || ' ' || fingerprint || ' ' || created || ' ' || updated"
      " FROM _authOrigins WHERE recordRef = ?1 ORDER BY rowid",
      parameters);
  std::vector<std::string> list;
  for (const sqlite::Row& row : *rows) { list.push_back(sqlite::to_text(row[0])); }
  return list;
}

TEST(SignIn, RecordsTheFirstOriginAndWhenItWasSeenLast) {
  TestData data;
  data.exec("DELETE FROM _authOrigins");
  // md5("127.0.0.1curl/7.88.1")
  const std::string print = "31c54d6751a716e42db5807665d4a6b3";
  ASSERT_FALSE(attempt(data, "users", user()).refusal.has_value());
  EXPECT_EQ(origins_of(data, "users"),
            (std::vector<std::string>{"_pb_users_auth_ " + print +
                                      " 2026-11-21 00:54:47.000Z 2026-11-21 00:54:47.000Z"}));
  data.clock.advance(90s);
  ASSERT_FALSE(attempt(data, "users", user()).refusal.has_value());
  EXPECT_EQ(origins_of(data, "users"),
            (std::vector<std::string>{"_pb_users_auth_ " + print +
                                      " 2026-11-21 00:54:47.000Z 2026-11-21 00:56:17.000Z"}));
  EXPECT_EQ(data.text("SELECT length(id) FROM _authOrigins"), "15");

  SignIn elsewhere = user();
  elsewhere.real_ip = "10.0.0.1";
  ASSERT_FALSE(attempt(data, "users", elsewhere).refusal.has_value());
  EXPECT_EQ(origins_of(data, "users").size(), 1U) << "no mail, no second origin";
}

TEST(SignIn, CutsALongUserAgentAsPocketBaseDoes) {
  TestData data;
  data.exec("DELETE FROM _authOrigins");
  SignIn request = user();
  request.user_agent = std::string(201, 'u');
  ASSERT_FALSE(attempt(data, "users", request).refusal.has_value());
  // md5("127.0.0.1" + 200 * "u" + "...")
  EXPECT_EQ(data.text("SELECT fingerprint FROM _authOrigins"), "922e001799e32c6da88eab579c3614eb");
}

TEST(SignIn, RecordsNoOriginWhereAlertsAreOff) {
  TestData data;
  data.exec("DELETE FROM _authOrigins");
  data.set_option("users", "$.authAlert.enabled", "false");
  ASSERT_FALSE(attempt(data, "users", user()).refusal.has_value());
  EXPECT_TRUE(origins_of(data, "users").empty());
}

TEST(SignIn, SucceedsWhenTheOriginCannotBeRecorded) {
  TestData data;
  const auto lend = [&](const Access::Work& work) { return work(data.db); };
  const auto busy = [](const Access::Work&) -> Result<void> { return fail(Code::kBusy, "busy"); };
  const auto result =
      sign_in({lend, busy}, data.collection("_superusers"), admin(), data.clock, system_random());
  ASSERT_TRUE(result.has_value());
  EXPECT_FALSE(result->refusal.has_value());
  data.exec("DROP TABLE _authOrigins");
  EXPECT_FALSE(attempt(data, "_superusers", admin()).refusal.has_value());
}

TEST(AuthMethods, AreWhatPocketBaseAnswers) {
  constexpr std::string_view kDefault =
      R"({"password":{"identityFields":["email"],"enabled":true},"oauth2":{"providers":[],)"
      R"("enabled":false},"mfa":{"enabled":false,"duration":0},"otp":{"enabled":false,)"
      R"("duration":0},"authProviders":null,"usernamePassword":false,"emailPassword":true})";
  for (const char* version : kTestVersions) {
    TestData data{version};
    for (const char* name : {"_superusers", "users"}) {
      EXPECT_EQ(json::serialize(auth_methods(data.collection(name))), kDefault) << version;
    }
  }
}

TEST(AuthMethods, ShowDurationsOfWhatIsOn) {
  TestData data;
  data.set_option("users", "$.mfa", R"({"enabled":true,"duration":600,"rule":""})");
  data.set_option("users", "$.otp.enabled", "true");
  data.set_option("users", "$.passwordAuth.identityFields", R"(["username","name"])");
  EXPECT_EQ(json::serialize(auth_methods(data.collection("users"))),
            R"({"password":{"identityFields":["username","name"],"enabled":true},"oauth2":)"
            R"({"providers":[],"enabled":false},"mfa":{"enabled":true,"duration":600},"otp":)"
            R"({"enabled":true,"duration":180},"authProviders":null,"usernamePassword":true,)"
            R"("emailPassword":false})");
  data.set_option("users", "$.passwordAuth.enabled", "false");
  EXPECT_EQ(json::serialize(auth_methods(data.collection("users")).at("password")),
            R"({"identityFields":[],"enabled":false})");
}

}  // namespace
}  // namespace pv::auth
