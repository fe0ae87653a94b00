#include <boost/json/object.hpp>
#include <chrono>

#include "auth/auth.h"
#include "auth/jwt.h"
#include "auth/records.h"
#include "base/text.h"

namespace pv::auth {
namespace {

namespace json = boost::json;

constexpr std::string_view kDownloadType = "backupDownload";

std::string_view type_of(TokenKind kind) { return kind == TokenKind::kAuth ? "auth" : "file"; }

// The member of a collection's options that holds secret and duration.
std::string_view section_of(TokenKind kind) {
  return kind == TokenKind::kAuth ? "authToken" : "fileToken";
}

tl::unexpected<Error> refused(std::string why) {
  return fail(Code::kUnauthenticated, "token: " + std::move(why));
}

// What a token says about a record, an account or a collection that is not there, or not usable,
// is wrong; trouble with the database is not the token's fault and keeps its code.
Error as_refusal(Error error) {
  switch (error.code) {
    case Code::kNotFound:
    case Code::kInvalid:
    case Code::kDamaged: return {Code::kUnauthenticated, "token: " + error.what};
    default: return error;
  }
}

// As PocketBase reads the claim: true, 1, "true", "1".
bool is_truthy(const json::value* value) {
  if (value == nullptr) { return false; }
  if (value->is_bool()) { return value->get_bool(); }
  if (value->is_number()) { return value->to_number<double>() != 0; }
  return value->is_string() && (value->get_string() == "true" || value->get_string() == "1");
}

struct Verified {
  Principal who;
  json::object claims;
};

Result<Verified> verify(sqlite::Connection& db, std::string_view token, std::string_view type,
                        std::string_view section, const Clock& clock) {
  PV_TRY(Jwt jwt, parse_jwt(token));
  PV_CHECK(check_times(jwt.claims, clock.now()));
  const std::string id{text_of(jwt.claims, "id")};
  const std::string_view collection_id = text_of(jwt.claims, "collectionId");
  const std::string_view given_type = text_of(jwt.claims, "type");
  if (id.empty() || collection_id.empty() || given_type.empty()) {
    return refused("id, collectionId or type is missing");
  }
  if (given_type != type) { return refused("of another type"); }
  const auto collection = find_collection(db, collection_id);
  if (!collection) { return fail(as_refusal(collection.error())); }
  const auto key = token_key(db, *collection, id, section);
  if (!key) { return fail(as_refusal(key.error())); }
  if (!is_signed_with(jwt, *key)) { return refused("wrong signature"); }
  Principal who{.collection_id = collection->id,
                .collection_name = collection->name,
                .record_id = id,
                .refreshable = is_truthy(jwt.claims.if_contains("refreshable")),
                .token = std::string{token}};
  return Verified{.who = std::move(who), .claims = std::move(jwt.claims)};
}

std::int64_t seconds_since_1970(const Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.now().time_since_epoch()).count();
}

Result<std::chrono::seconds> duration_of(const Collection& collection, std::string_view section) {
  const std::int64_t seconds = option_number(collection, section, "duration");
  // PocketBase allows 10 s to 3 years.
  if (seconds < 1 || seconds > 94'670'856) {
    return fail(Code::kDamaged, "collection \"" + printable(collection.name) +
                                    "\" has no usable duration for " + std::string{section});
  }
  return std::chrono::seconds{seconds};
}

}  // namespace

std::string_view token_of_header(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  const bool has_scheme = authorization.size() > kScheme.size() &&
                          equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme);
  return has_scheme ? authorization.substr(kScheme.size()) : authorization;
}

Result<Principal> verify_token(sqlite::Connection& db, std::string_view token, TokenKind kind,
                               const Clock& clock) {
  PV_TRY(Verified verified, verify(db, token, type_of(kind), section_of(kind), clock));
  return std::move(verified.who);
}

Result<std::string> issue_token(sqlite::Connection& db, const Collection& collection,
                                std::string_view record_id, TokenKind kind, const Clock& clock,
                                std::optional<std::chrono::seconds> duration, bool refreshable) {
  const std::string_view section = section_of(kind);
  PV_TRY(const std::string key, token_key(db, collection, record_id, section));
  if (!duration) {
    PV_TRY(const auto usual, duration_of(collection, section));
    duration = usual;
  }
  json::object claims;  // in alphabetical order
  claims["collectionId"] = collection.id;
  claims["exp"] = seconds_since_1970(clock) + duration->count();
  claims["id"] = record_id;
  if (kind == TokenKind::kAuth) { claims["refreshable"] = refreshable; }
  claims["type"] = type_of(kind);
  return sign_jwt(claims, key);
}

Result<std::string> issue_download_token(sqlite::Connection& db, const Principal& who,
                                         std::string_view key, const Clock& clock) {
  if (!who.is_superuser()) {
    return fail(Code::kDenied, "only superusers may have download tokens");
  }
  PV_TRY(const Collection collection, find_collection(db, who.collection_id));
  const std::string_view section = section_of(TokenKind::kFile);
  PV_TRY(const std::string signing_key, token_key(db, collection, who.record_id, section));
  PV_TRY(const auto duration, duration_of(collection, section));
  json::object claims;  // in alphabetical order
  claims["collectionId"] = collection.id;
  claims["exp"] = seconds_since_1970(clock) + duration.count();
  claims["id"] = who.record_id;
  claims["key"] = key;
  claims["type"] = kDownloadType;
  return sign_jwt(claims, signing_key);
}

Result<Principal> verify_download_token(sqlite::Connection& db, std::string_view token,
                                        std::string_view key, const Clock& clock) {
  PV_TRY(Verified verified, verify(db, token, kDownloadType, section_of(TokenKind::kFile), clock));
  if (!verified.who.is_superuser()) { return refused("not a superuser's"); }
  if (key.empty() || text_of(verified.claims, "key") != key) {
    return refused("for another backup");
  }
  return std::move(verified.who);
}

}  // namespace pv::auth
