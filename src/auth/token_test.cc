#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "auth/auth.h"
#include "auth/data_testing.h"
#include "auth/jwt.h"
#include "base/text.h"

namespace pv::auth {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

// Signs claims with what the database holds, written apart from the code under test: another
// program, another implementation of everything.
constexpr const char* kForeign = R"py(
import base64, hashlib, hmac, json, sqlite3, sys
path, table, section, mode, text = sys.argv[1:6]
db = sqlite3.connect("file:" + path + "?mode=ro", uri=True)
key = db.execute("SELECT tokenKey FROM " + table).fetchone()[0]
options = db.execute("SELECT options FROM _collections WHERE name = ?", (table,)).fetchone()[0]
key += json.loads(options)[section]["secret"]
b64 = lambda b: base64.urlsafe_b64encode(b).decode().rstrip("=")
if mode == "sign":
    head = b64(b'{"alg":"HS256","typ":"JWT"}') + "." + b64(text.encode())
    print(head + "." + b64(hmac.new(key.encode(), head.encode(), hashlib.sha256).digest()), end="")
else:
    head, signature = text.rsplit(".", 1)
    good = hmac.new(key.encode(), head.encode(), hashlib.sha256).digest()
    assert b64(good) == signature
    print(base64.urlsafe_b64decode(head.split(".")[1] + "==").decode(), end="")
)py";

struct Foreign {
  std::string table = "_superusers";
  std::string section = "authToken";
};

std::string foreign(const TestData& data, const Foreign& who, const std::string& mode,
                    const std::string& text) {
  const auto quote = [](const std::string& word) { return " '" + word + "'"; };
  const testing::RunResult result =
      testing::run("python3 - " + quote(data.path.string()) + quote(who.table) +
                   quote(who.section) + quote(mode) + quote(text) + " <<'END'" + kForeign + "END");
  EXPECT_EQ(result.status, 0) << result.output;
  return result.output;
}

// The same, here: for the many cases.
std::string own(TestData& data, const Foreign& who, const std::string& claims) {
  const std::string key = data.text("SELECT tokenKey FROM " + who.table) +
                          data.text("SELECT json_extract(CAST(options AS TEXT), '$." + who.section +
                                    ".secret') FROM _collections WHERE name = '" + who.table + "'");
  return sign_jwt(json::parse(claims).as_object(), key);
}

std::int64_t now_of(const TestData& data) {
  return std::chrono::floor<std::chrono::seconds>(data.clock.now().time_since_epoch()).count();
}

std::string superuser_claims(TestData& data, const std::string& type = "auth") {
  return R"({"collectionId":"pbc_3142635823","exp":)" + std::to_string(now_of(data) + 60) +
         R"(,"id":")" + data.id_of("_superusers") +
         (type == "auth" ? R"(","refreshable":true,"type":"auth"})"
                         : R"(","type":")" + type + "\"}");
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Token, FromPocketBaseIsAccepted) {
  for (const char* version : kTestVersions) {
    TestData data{version};
    const std::string token = foreign(data, {}, "sign", superuser_claims(data));
    const auto who = verify_token(data.db, token, TokenKind::kAuth, data.clock);
    ASSERT_TRUE(who.has_value()) << who.error().what;
    EXPECT_TRUE(who->is_superuser());
    EXPECT_TRUE(who->refreshable);
    EXPECT_EQ(who->collection_id, "pbc_3142635823");
    EXPECT_EQ(who->record_id, data.id_of("_superusers"));
    EXPECT_EQ(who->token, token);

    const std::string file =
        foreign(data, {.section = "fileToken"}, "sign", superuser_claims(data, "file"));
    EXPECT_TRUE(verify_token(data.db, file, TokenKind::kFile, data.clock).has_value());
    EXPECT_FALSE(verify_token(data.db, file, TokenKind::kAuth, data.clock).has_value());
    EXPECT_FALSE(verify_token(data.db, token, TokenKind::kFile, data.clock).has_value());
  }
}

TEST(Token, OfOursIsWhatPocketBaseWouldIssue) {
  struct Case {
    std::string table;
    TokenKind kind;
    std::string section;
    std::int64_t seconds_0366, seconds_03911;
    std::string rest;
  };
  const Case cases[] = {
      {"_superusers", TokenKind::kAuth, "authToken", 86400, 86400,
       R"(,"refreshable":true,"type":"auth"})"},
      {"_superusers", TokenKind::kFile, "fileToken", 180, 180, R"(,"type":"file"})"},
      {"users", TokenKind::kAuth, "authToken", 604800, 432000,
       R"(,"refreshable":true,"type":"auth"})"},
      {"users", TokenKind::kFile, "fileToken", 180, 180, R"(,"type":"file"})"},
  };
  for (const char* version : kTestVersions) {
    TestData data{version};
    const bool old = std::string_view{version} == "0.36.6";
    for (const Case& one : cases) {
      const Collection collection = data.collection(one.table);
      const std::string id = data.id_of(one.table);
      const auto token = issue_token(data.db, collection, id, one.kind, data.clock);
      ASSERT_TRUE(token.has_value()) << token.error().what;
      EXPECT_TRUE(token->starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
      const std::int64_t expires = now_of(data) + (old ? one.seconds_0366 : one.seconds_03911);
      EXPECT_EQ(foreign(data, {one.table, one.section}, "check", *token),
                R"({"collectionId":")" + collection.id + R"(","exp":)" + std::to_string(expires) +
                    R"(,"id":")" + id + "\"" + one.rest);
      const auto who = verify_token(data.db, *token, one.kind, data.clock);
      ASSERT_TRUE(who.has_value()) << who.error().what;
      EXPECT_EQ(who->is_superuser(), one.table == "_superusers");
      EXPECT_EQ(who->collection_name, one.table);
    }
  }
}

TEST(Token, LastsUntilItsLastSecond) {
  TestData data;
  const auto token = issue_token(data.db, data.collection("_superusers"), data.id_of("_superusers"),
                                 TokenKind::kAuth, data.clock, 30s,
                                 /*refreshable=*/false);
  ASSERT_TRUE(token.has_value());
  data.clock.advance(29s + 999ms);
  const auto who = verify_token(data.db, *token, TokenKind::kAuth, data.clock);
  ASSERT_TRUE(who.has_value()) << who.error().what;
  EXPECT_FALSE(who->refreshable);
  data.clock.advance(1ms);
  EXPECT_FALSE(verify_token(data.db, *token, TokenKind::kAuth, data.clock).has_value());
}

struct ClaimCase {
  std::string label, from, to;
  bool valid;
};
TEST(Token, ClaimsDecide) {
  TestData data;
  const std::string claims = superuser_claims(data);
  const std::string id = "\"" + data.id_of("_superusers") + "\"";
  const std::string exp = "\"exp\":" + std::to_string(now_of(data) + 60);
  const ClaimCase cases[] = {
      {"as they are", "{", "{", true},
      {"collection by name", "pbc_3142635823", "_superusers", true},
      {"collection by name in another case", "pbc_3142635823", "_SUPERUSERS", true},
      {"another auth collection", "pbc_3142635823", "_pb_users_auth_", false},
      {"no auth collection", "pbc_3142635823", "pbc_4275539003", false},
      {"unknown collection", "pbc_3142635823", "nothing", false},
      {"no expiry", exp + ",", "", true},
      {"expiry 0", exp, "\"exp\":0", true},
      {"expiry as text", exp, "\"exp\":\"99999999999\"", false},
      {"expiry null", exp, "\"exp\":null", false},
      {"expired", exp, "\"exp\":" + std::to_string(now_of(data)), false},
      {"not yet", "{", R"({"nbf":)" + std::to_string(now_of(data) + 1) + ",", false},
      {"issued in the future", "{", R"({"iat":)" + std::to_string(now_of(data) + 1) + ",", false},
      {"more claims", "{", R"({"aud":"x","zebra":[1],"name":null,)", true},
      {"unknown record", id, "\"nobody\"", false},
      {"numeric id", id, "5", false},
      {"empty id", id, "\"\"", false},
      {"empty collection", "pbc_3142635823", "", false},
      {"upper-case type", "\"auth\"", "\"AUTH\"", false},
      {"no type", ",\"type\":\"auth\"", "", false},
      {"file type", "\"auth\"", "\"file\"", false},
      {"verification type", "\"auth\"", "\"verification\"", false},
  };
  for (const auto& [label, from, to, valid] : cases) {
    const std::string token = own(data, {}, replaced(claims, from, to));
    const auto who = verify_token(data.db, token, TokenKind::kAuth, data.clock);
    EXPECT_EQ(who.has_value(), valid) << label;
    if (!who) { EXPECT_EQ(who.error().code, Code::kUnauthenticated) << label; }
  }
}

TEST(Token, RefreshableIsReadAsPocketBaseReadsIt) {
  TestData data;
  const std::string claims = superuser_claims(data);
  for (const auto& [value, refreshable] : {std::pair{"true", true},
                                           {"1", true},
                                           {"\"true\"", true},
                                           {"\"1\"", true},
                                           {"false", false},
                                           {"0", false},
                                           {"\"yes\"", false},
                                           {"null", false},
                                           {"[]", false}}) {
    const std::string token =
        own(data, {},
            replaced(claims, "\"refreshable\":true", "\"refreshable\":" + std::string{value}));
    const auto who = verify_token(data.db, token, TokenKind::kAuth, data.clock);
    ASSERT_TRUE(who.has_value()) << value;
    EXPECT_EQ(who->refreshable, refreshable) << value;
  }
}

TEST(Token, WrongKeysDoNotVerify) {
  TestData data;
  const std::string claims = superuser_claims(data);
  for (const Foreign& who : {Foreign{.section = "fileToken"},
                             Foreign{.section = "verificationToken"}, Foreign{.table = "users"}}) {
    const std::string token = own(data, who, claims);
    EXPECT_FALSE(verify_token(data.db, token, TokenKind::kAuth, data.clock).has_value())
        << who.table << " " << who.section;
  }
  EXPECT_FALSE(verify_token(data.db, sign_jwt(json::parse(claims).as_object(), ""),
                            TokenKind::kAuth, data.clock)
                   .has_value());
}

TEST(Token, DiesWithTheKeyTheSecretOrTheRecord) {
  for (const char* change :
       {"UPDATE _superusers SET tokenKey = 'another-key-of-thirty-characters'",
        "DELETE FROM _superusers",
        "UPDATE _collections SET options = json_set(CAST(options AS TEXT), '$.authToken.secret', "
        "'another-secret-of-thirty-characters') WHERE name = '_superusers'",
        "UPDATE _collections SET type = 'base' WHERE name = '_superusers'"}) {
    TestData data;
    const auto token = issue_token(data.db, data.collection("_superusers"),
                                   data.id_of("_superusers"), TokenKind::kAuth, data.clock);
    ASSERT_TRUE(token.has_value());
    EXPECT_TRUE(verify_token(data.db, *token, TokenKind::kAuth, data.clock).has_value());
    data.exec(change);
    const auto who = verify_token(data.db, *token, TokenKind::kAuth, data.clock);
    ASSERT_FALSE(who.has_value()) << change;
    EXPECT_EQ(who.error().code, Code::kUnauthenticated) << change;
  }
}

TEST(Token, NoHalfOfTheKeyIsEnough) {
  for (const char* change :
       {"UPDATE _superusers SET tokenKey = ''",
        "UPDATE _collections SET options = json_set(CAST(options AS TEXT), '$.authToken.secret', "
        "'') WHERE name = '_superusers'",
        "UPDATE _collections SET options = '{}' WHERE name = '_superusers'"}) {
    TestData data;
    data.exec(change);
    const auto key = data.text("SELECT tokenKey FROM _superusers") +
                     data.text(
                         "SELECT coalesce(json_extract(CAST(options AS TEXT), "
                         "'$.authToken.secret'), '') FROM _collections "
                         "WHERE name = '_superusers'");
    const std::string token = sign_jwt(json::parse(superuser_claims(data)).as_object(), key);
    EXPECT_FALSE(verify_token(data.db, token, TokenKind::kAuth, data.clock).has_value()) << change;
    EXPECT_FALSE(issue_token(data.db, data.collection("_superusers"), data.id_of("_superusers"),
                             TokenKind::kAuth, data.clock)
                     .has_value())
        << change;
  }
}

TEST(Token, TableNamesAreNoSql) {
  TestData data;
  data.exec(
      R"(UPDATE _collections SET name = 'x` WHERE 1; DROP TABLE users; --' WHERE name = 'users')");
  const std::string token =
      own(data, {}, replaced(superuser_claims(data), "pbc_3142635823", "_pb_users_auth_"));
  EXPECT_FALSE(verify_token(data.db, token, TokenKind::kAuth, data.clock).has_value());
  EXPECT_TRUE(data.db.has_table("users"));
}

TEST(Token, ErrorsTellNoSecret) {
  TestData data;
  const std::string key = data.text("SELECT tokenKey FROM _superusers");
  const std::string token = own(data, {.table = "users"}, superuser_claims(data));
  const auto who = verify_token(data.db, token, TokenKind::kAuth, data.clock);
  ASSERT_FALSE(who.has_value());
  EXPECT_EQ(who.error().what.find(key), std::string::npos);
  EXPECT_EQ(who.error().what.find(token.substr(token.rfind('.'))), std::string::npos);
}

TEST(Token, IsFoundInTheHeader) {
  struct Case {
    std::string_view header, token;
  };
  for (const auto& [header, token] :
       {Case{"abc", "abc"}, Case{"Bearer abc", "abc"}, Case{"bearer abc", "abc"},
        Case{"BEARER abc", "abc"}, Case{"BeArEr abc", "abc"}, Case{"Bearer  abc", " abc"},
        Case{"Bearer\tabc", "Bearer\tabc"}, Case{"Token abc", "Token abc"},
        Case{"Bearer", "Bearer"}, Case{"Bearer ", "Bearer "}, Case{"", ""},
        Case{"Basic YTpi", "Basic YTpi"}}) {
    EXPECT_EQ(token_of_header(header), token) << header;
  }
}

Principal superuser(TestData& data) {
  return {.collection_id = "pbc_3142635823",
          .collection_name = "_superusers",
          .record_id = data.id_of("_superusers"),
          .refreshable = true,
          .token = ""};
}

TEST(DownloadToken, OpensOneBackupAndNothingElse) {
  TestData data;
  const auto token = issue_download_token(data.db, superuser(data), "a.zip", data.clock);
  ASSERT_TRUE(token.has_value()) << token.error().what;
  const auto who = verify_download_token(data.db, *token, "a.zip", data.clock);
  ASSERT_TRUE(who.has_value()) << who.error().what;
  EXPECT_TRUE(who->is_superuser());
  for (const char* key : {"b.zip", "", "a.zi", "a.zip2", "A.zip"}) {
    EXPECT_FALSE(verify_download_token(data.db, *token, key, data.clock).has_value()) << key;
  }
  EXPECT_FALSE(verify_token(data.db, *token, TokenKind::kFile, data.clock).has_value());
  EXPECT_FALSE(verify_token(data.db, *token, TokenKind::kAuth, data.clock).has_value());
  data.clock.advance(180s);
  EXPECT_FALSE(verify_download_token(data.db, *token, "a.zip", data.clock).has_value());
}

TEST(DownloadToken, IsNotAFileTokenNorAnAuthToken) {
  TestData data;
  const Collection collection = data.collection("_superusers");
  for (const TokenKind kind : {TokenKind::kAuth, TokenKind::kFile}) {
    const auto token =
        issue_token(data.db, collection, data.id_of("_superusers"), kind, data.clock);
    ASSERT_TRUE(token.has_value());
    EXPECT_FALSE(verify_download_token(data.db, *token, "a.zip", data.clock).has_value());
    EXPECT_FALSE(verify_download_token(data.db, *token, "", data.clock).has_value());
  }
}

TEST(DownloadToken, IsForSuperusersAlone) {
  TestData data;
  const Principal user{.collection_id = "_pb_users_auth_",
                       .collection_name = "users",
                       .record_id = data.id_of("users"),
                       .refreshable = true,
                       .token = ""};
  const auto token = issue_download_token(data.db, user, "a.zip", data.clock);
  ASSERT_FALSE(token.has_value());
  EXPECT_EQ(token.error().code, Code::kDenied);

  const std::string forged = own(data, {"users", "fileToken"},
                                 R"({"collectionId":"users","id":")" + data.id_of("users") +
                                     R"(","key":"a.zip","type":"backupDownload"})");
  EXPECT_FALSE(verify_download_token(data.db, forged, "a.zip", data.clock).has_value());
}

TEST(DownloadToken, DiesWithThePassword) {
  TestData data;
  const auto token = issue_download_token(data.db, superuser(data), "a.zip", data.clock);
  ASSERT_TRUE(token.has_value());
  data.exec("UPDATE _superusers SET tokenKey = 'another-key-of-thirty-characters'");
  EXPECT_FALSE(verify_download_token(data.db, *token, "a.zip", data.clock).has_value());
}

TEST(Collection, IsFoundByIdOrName) {
  TestData data;
  for (const char* name : {"_superusers", "_SUPERUSERS", "pbc_3142635823"}) {
    EXPECT_EQ(data.collection(name).name, "_superusers") << name;
  }
  EXPECT_EQ(data.collection("Users").id, "_pb_users_auth_");
  EXPECT_EQ(find_collection(data.db, "nothing").error().code, Code::kNotFound);
  EXPECT_EQ(find_collection(data.db, "").error().code, Code::kNotFound);
  EXPECT_EQ(find_collection(data.db, "' OR 1=1 --").error().code, Code::kNotFound);
  EXPECT_EQ(find_collection(data.db, "products").error().code, Code::kInvalid);
  EXPECT_EQ(data.collection("users").hidden_fields,
            (std::vector<std::string>{"password", "tokenKey"}));
  data.exec("UPDATE _collections SET options = 'no json' WHERE name = 'users'");
  EXPECT_EQ(find_collection(data.db, "users").error().code, Code::kDamaged);
}

}  // namespace
}  // namespace pv::auth
