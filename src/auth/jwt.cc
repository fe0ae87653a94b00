#include "auth/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace pv::auth {
namespace {

namespace json = boost::json;

// {"alg":"HS256","typ":"JWT"}
constexpr std::string_view kHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

// PocketBase's own have about 200; the rest is room for claims that others add.
constexpr std::size_t kTokenBytesMax = 16 * 1024;

tl::unexpected<Error> refused(std::string why) {
  return fail(Code::kUnauthenticated, "token: " + std::move(why));
}

std::optional<json::object> decode_object(std::string_view part) {
  const std::optional<std::string> text = from_base64url(part);
  if (!text) { return std::nullopt; }
  boost::system::error_code error;
  json::value value = json::parse(*text, error);
  if (error || !value.is_object()) { return std::nullopt; }
  return std::move(value.get_object());
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const unsigned char* done = ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size(), digest.data(), &size);
  PV_ASSERT(done != nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

// A moment in whole seconds since 1970; nullopt where the claim is absent or 0, which both mean
// that it says nothing.
Result<std::optional<double>> moment(const json::object& claims, std::string_view name) {
  const json::value* value = claims.if_contains(name);
  if (value == nullptr) { return std::optional<double>{}; }
  if (!value->is_number()) { return refused(std::string{name} + " is not a number"); }
  const auto seconds = value->to_number<double>();
  if (!std::isfinite(seconds)) { return refused(std::string{name} + " is out of range"); }
  if (seconds == 0) { return std::optional<double>{}; }
  return std::optional<double>{std::trunc(seconds)};
}

}  // namespace

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.empty()) { return refused("empty"); }
  if (token.size() > kTokenBytesMax) { return refused("too long"); }
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) {
    return refused("not three parts");
  }
  const auto header = decode_object(token.substr(0, first));
  if (!header) { return refused("unreadable header"); }
  auto claims = decode_object(token.substr(first + 1, second - first - 1));
  if (!claims) { return refused("unreadable claims"); }
  auto signature = from_base64url(token.substr(second + 1));
  if (!signature) { return refused("unreadable signature"); }
  const json::value* algorithm = header->if_contains("alg");
  if (algorithm == nullptr || !algorithm->is_string() || algorithm->get_string() != "HS256") {
    return refused("not signed with HS256");
  }
  return Jwt{.claims = std::move(*claims),
             .signed_part = std::string{token.substr(0, second)},
             .signature = std::move(*signature)};
}

Result<void> check_times(const json::object& claims, WallTime now) {
  const auto since_1970 = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  const auto seconds = static_cast<double>(since_1970.count());
  PV_TRY(const auto expires, moment(claims, "exp"));
  PV_TRY(const auto not_before, moment(claims, "nbf"));
  PV_TRY(const auto issued, moment(claims, "iat"));
  if (expires && seconds >= *expires) { return refused("expired"); }
  if (not_before && seconds < *not_before) { return refused("not valid yet"); }
  if (issued && seconds < *issued) { return refused("issued in the future"); }
  return {};
}

bool is_signed_with(const Jwt& jwt, std::string_view key) {
  return equals_constant_time(jwt.signature, hmac_sha256(key, jwt.signed_part));
}

std::string sign_jwt(const json::object& claims, std::string_view key) {
  std::string token{kHeader};
  token += '.';
  token += to_base64url(as_bytes(json::serialize(claims)));
  const std::string signature = hmac_sha256(key, token);
  token += '.';
  token += to_base64url(as_bytes(signature));
  return token;
}

}  // namespace pv::auth
