#include "auth/jwt.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "base/text.h"

namespace pv::auth {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

std::string token_of(std::string_view header, std::string_view claims,
                     std::string_view signature = "sig") {
  return to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims)) + "." +
         to_base64url(as_bytes(signature));
}

constexpr std::string_view kGoodHeader = R"({"alg":"HS256","typ":"JWT"})";

// RFC 7515, appendix A.1: its key, its claims, its signature.
TEST(Jwt, ReadsTheExampleOfTheStandard) {
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const auto key = from_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  ASSERT_TRUE(key.has_value());
  const std::string secret = key.value_or("");
  const auto jwt = parse_jwt(token);
  ASSERT_TRUE(jwt.has_value()) << jwt.error().what;
  EXPECT_EQ(jwt->claims.at("iss").as_string(), "joe");
  EXPECT_TRUE(is_signed_with(*jwt, secret));
  EXPECT_FALSE(is_signed_with(*jwt, secret + "x"));
  EXPECT_FALSE(is_signed_with(*jwt, ""));
}

TEST(Jwt, WritesCompactlyWithPocketBasesHeader) {
  json::object claims;
  claims["exp"] = 1300819380;
  claims["id"] = "abc";
  const std::string token = sign_jwt(claims, "key");
  // python3: hmac.new(b"key", header + b"." + claims, "sha256")
  EXPECT_EQ(token,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjEzMDA4MTkzODAsImlkIjoiYWJjIn0."
            "E6LUN_Hkg3k1b5YOfRarmMBdKN4H98RKWtew-sOKQYY");
  const auto jwt = parse_jwt(token);
  ASSERT_TRUE(jwt.has_value());
  EXPECT_TRUE(is_signed_with(*jwt, "key"));
}

TEST(Jwt, RefusesEveryAlteredLetter) {
  json::object claims;
  claims["id"] = "abc";
  const std::string token = sign_jwt(claims, "key");
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const char letter : {'A', 'z', '.', '='}) {
      std::string altered = token;
      if (altered[i] == letter) { continue; }
      altered[i] = letter;
      const auto jwt = parse_jwt(altered);
      EXPECT_FALSE(jwt.has_value() && is_signed_with(*jwt, "key")) << altered;
    }
  }
}

struct ShapeCase {
  std::string_view label;
  std::string token;
};
TEST(Jwt, RefusesOtherShapes) {
  const std::string good = token_of(kGoodHeader, "{}");
  ASSERT_TRUE(parse_jwt(good).has_value());
  const ShapeCase cases[] = {
      {"empty", ""},
      {"one part", "abc"},
      {"two parts", good.substr(0, good.rfind('.'))},
      {"four parts", good + ".x"},
      {"five parts, as in JWE", good + ".x.y"},
      {"padded", good + "="},
      {"blank before", " " + good},
      {"blank after", good + " "},
      {"newline", good + "\n"},
      {"standard alphabet", token_of(kGoodHeader, "{}", "\xff\xff\xff").replace(39, 4, "////")},
      {"claims are a list", token_of(kGoodHeader, "[]")},
      {"claims are null", token_of(kGoodHeader, "null")},
      {"claims are broken", token_of(kGoodHeader, "{\"a\":")},
      {"more after the claims", token_of(kGoodHeader, "{} {}")},
      {"header is a list", token_of("[]", "{}")},
      {"no alg", token_of(R"({"typ":"JWT"})", "{}")},
      {"alg is a number", token_of(R"({"alg":256})", "{}")},
      {"none", token_of(R"({"alg":"none"})", "{}", "")},
      {"lower case", token_of(R"({"alg":"hs256"})", "{}")},
      {"HS384", token_of(R"({"alg":"HS384"})", "{}")},
      {"HS512", token_of(R"({"alg":"HS512"})", "{}")},
      {"RS256", token_of(R"({"alg":"RS256"})", "{}")},
      {"deep", token_of(kGoodHeader, "{\"a\":" + std::string(10'000, '['))},
      {"long", token_of(kGoodHeader, "{\"a\":\"" + std::string(1 << 20, 'a') + "\"}")},
      {"binary", std::string("\0.\0.\0", 5)},
  };
  for (const auto& [label, token] : cases) {
    const auto jwt = parse_jwt(token);
    ASSERT_FALSE(jwt.has_value()) << label;
    EXPECT_EQ(jwt.error().code, Code::kUnauthenticated) << label;
  }
}

TEST(Jwt, NeedsNoTypeAndIgnoresWhatElseTheHeaderSays) {
  EXPECT_TRUE(parse_jwt(token_of(R"({"alg":"HS256"})", "{}")).has_value());
  EXPECT_TRUE(parse_jwt(token_of(R"({"kid":"x","alg":"HS256","typ":"at"})", "{}")).has_value());
}

struct TimeCase {
  std::string_view claims;
  bool valid;
};
TEST(Jwt, JudgesTimesAsPocketBaseDoes) {
  constexpr TimeCase kCases[] = {
      {R"({})", true},
      {R"({"exp":0})", true},
      {R"({"exp":0.0})", true},
      {R"({"exp":1001})", true},
      {R"({"exp":1000})", false},  // expired at that second
      {R"({"exp":999})", false},
      {R"({"exp":1000.9})", false},  // fractions are cut off
      {R"({"exp":1001.1})", true},
      {R"({"exp":1.001e3})", true},
      {R"({"exp":-5})", false},
      {R"({"exp":18446744073709551615})", true},
      {R"({"exp":1e300})", true},
      {R"({"exp":"1001"})", false},
      {R"({"exp":null})", false},
      {R"({"exp":true})", false},
      {R"({"exp":[1001]})", false},
      {R"({"nbf":1000})", true},
      {R"({"nbf":1001})", false},
      {R"({"nbf":1000.9})", true},
      {R"({"nbf":0})", true},
      {R"({"nbf":"1"})", false},
      {R"({"iat":1000})", true},
      {R"({"iat":1001})", false},
      {R"({"iat":null})", false},
      {R"({"exp":1001,"nbf":999,"iat":999})", true},
      {R"({"exp":999,"nbf":999,"iat":999})", false},
  };
  for (const auto& [claims, valid] : kCases) {
    // Half a second into second 1000.
    const auto outcome = check_times(json::parse(claims).as_object(), WallTime{1000s + 500ms});
    EXPECT_EQ(outcome.has_value(), valid) << claims;
  }
}

}  // namespace
}  // namespace pv::auth
