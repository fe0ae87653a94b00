// JSON Web Tokens as PocketBase writes them: HS256, compact, unpadded. No database here.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace pv::auth {

struct Jwt {
  boost::json::object claims;
  std::string signed_part;  // header.claims, as presented
  std::string signature;    // decoded
};

// Shape, header and claims; the signature is not checked. kUnauthenticated.
[[nodiscard]] Result<Jwt> parse_jwt(std::string_view token);

// exp, nbf, iat: each absent, 0, or a number; whole seconds count, fractions are cut off.
// kUnauthenticated.
[[nodiscard]] Result<void> check_times(const boost::json::object& claims, WallTime now);

[[nodiscard]] bool is_signed_with(const Jwt& jwt, std::string_view key);

// The caller puts the claims in alphabetical order.
[[nodiscard]] std::string sign_jwt(const boost::json::object& claims, std::string_view key);

}  // namespace pv::auth
