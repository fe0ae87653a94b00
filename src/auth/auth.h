// Who may do what: superusers and other auth records of a PocketBase database, and their tokens.
//
// Nothing is cached: a password changed by another process counts at once. All functions block (the
// database, bcrypt): worker threads only.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "sqlite/connection.h"

namespace pv::auth {

inline constexpr std::string_view kSuperusers = "_superusers";

// A row of _collections with type 'auth'.
struct Collection {
  std::string id;
  std::string name;
  boost::json::array fields;               // as stored
  boost::json::object options;             // as stored
  std::vector<std::string> hidden_fields;  // never in an answer to anyone but superusers

  [[nodiscard]] bool is_superusers() const { return name == kSuperusers; }
};

// By id, or by name whatever its case. kNotFound: no such collection; kInvalid: not an auth
// collection; kDamaged: its row does not hold what PocketBase writes.
[[nodiscard]] Result<Collection> find_collection(sqlite::Connection& db,
                                                 std::string_view id_or_name);

// A signed-in record.
struct Principal {
  std::string collection_id;
  std::string collection_name;
  std::string record_id;
  bool refreshable = false;  // what the token says
  std::string token;         // as presented, without "Bearer "

  [[nodiscard]] bool is_superuser() const { return collection_name == kSuperusers; }
};

enum class TokenKind { kAuth, kFile };

// Checks a token by the rules of PocketBase (shape, time, type, record, signature, in that order);
// kUnauthenticated whatever is wrong with it; other codes mean that the database failed, and the
// caller is a guest then, too.
[[nodiscard]] Result<Principal> verify_token(sqlite::Connection& db, std::string_view token,
                                             TokenKind kind, const Clock& clock);

// The token in an Authorization header: after "Bearer " in any case, else all of it. A view of
// `authorization`.
[[nodiscard]] std::string_view token_of_header(std::string_view authorization);

// JWT, HS256; claims in alphabetical order. `duration`: nullopt takes the collection's.
// `refreshable` counts for kAuth alone. kNotFound: no such record.
[[nodiscard]] Result<std::string> issue_token(sqlite::Connection& db, const Collection& collection,
                                              std::string_view record_id, TokenKind kind,
                                              const Clock& clock,
                                              std::optional<std::chrono::seconds> duration = {},
                                              bool refreshable = true);

// A token that opens one backup and nothing else: of a type of our own, so that PocketBase does not
// take it for a file token. Good as long as a file token; dies with the account's tokenKey.
// kDenied unless `who` is a superuser.
[[nodiscard]] Result<std::string> issue_download_token(sqlite::Connection& db, const Principal& who,
                                                       std::string_view key, const Clock& clock);
// kUnauthenticated unless it is a superuser's download token for exactly `key`.
[[nodiscard]] Result<Principal> verify_download_token(sqlite::Connection& db,
                                                      std::string_view token, std::string_view key,
                                                      const Clock& clock);

// Field errors in PocketBase's shape: data.<field> = {code, message, params}.
struct FieldError {
  std::string field;
  std::string code;            // "validation_required"
  std::string message;         // "Cannot be blank."
  boost::json::object params;  // empty: none
};

// Each runs what it is given with a connection to data.db, lent for as long as that takes.
struct Access {
  using Work = std::function<Result<void>(sqlite::Connection&)>;
  std::function<Result<void>(const Work&)> read;
  std::function<Result<void>(const Work&)> write;
};

struct SignIn {
  std::string identity;
  std::string password;
  std::string identity_field;  // empty: each of the collection's in turn
  std::string user_agent;
  std::string real_ip;
};

enum class SignInRefusal {
  kFields,         // data has field errors
  kFailed,         // 400 Failed to authenticate.
  kNotConfigured,  // 403 password sign-in is off
  kRule,           // 403 authRule says no
  kUnsupported,    // MFA, OTP or an authRule that this program can't evaluate: 403, says so
};

struct SignInResult {
  std::optional<SignInRefusal> refusal;
  std::vector<FieldError> fields;  // with kFields
  std::string message;             // with kUnsupported, kRule, kNotConfigured
  std::string record_id;           // when signed in
};

// An unknown identity takes as long as a wrong password; one that fits several records is unknown.
// The only authRule evaluated is "verified = true"; others refuse with kUnsupported, but only
// somebody who knows the password is told so. On success the login's origin is recorded
// as PocketBase does (_authOrigins, at most 5 a record); failing to do so fails nothing.
// Takes 60 ms or so of a processor, and holds no connection meanwhile.
[[nodiscard]] Result<SignInResult> sign_in(const Access& access, const Collection& collection,
                                           const SignIn& request, const Clock& clock,
                                           Random& random);

// The record as the auth endpoints answer it to itself: keys alphabetical, without password and
// tokenKey; hidden fields for superusers alone. Numbers without a fraction are integers. kNotFound.
[[nodiscard]] Result<boost::json::object> read_record(sqlite::Connection& db,
                                                      const Collection& collection,
                                                      std::string_view record_id);

// The answer of GET .../auth-methods, key order as PocketBase's. OAuth2 is never among them: this
// program does not do it.
[[nodiscard]] boost::json::object auth_methods(const Collection& collection);

}  // namespace pv::auth
