#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "auth/auth.h"
#include "auth/password.h"
#include "auth/records.h"
#include "base/email.h"
#include "base/text.h"

namespace pv::auth {
namespace {

namespace json = boost::json;

constexpr std::size_t kFieldBytesMax = 255;

SignInResult refused(SignInRefusal refusal, std::string message = {}) {
  return {.refusal = refusal, .fields = {}, .message = std::move(message), .record_id = {}};
}

void check_length(std::vector<FieldError>& errors, std::string_view name, std::string_view value) {
  if (value.size() <= kFieldBytesMax) { return; }
  json::object params;
  params["max"] = kFieldBytesMax;
  params["min"] = 1;
  errors.push_back({.field = std::string{name},
                    .code = "validation_length_out_of_range",
                    .message = "The length must be between 1 and 255.",
                    .params = std::move(params)});
}

std::vector<FieldError> validate(const SignIn& request, const std::vector<std::string>& allowed) {
  std::vector<FieldError> errors;
  const auto require = [&](std::string_view name, std::string_view value) {
    if (value.empty()) {
      errors.push_back({std::string{name}, "validation_required", "Cannot be blank.", {}});
    }
  };
  require("identity", request.identity);
  check_length(errors, "identity", request.identity);
  const std::string& field_name = request.identity_field;
  if (field_name.size() > kFieldBytesMax) {
    check_length(errors, "identityField", field_name);
  } else if (!field_name.empty() && std::ranges::find(allowed, field_name) == allowed.end()) {
    errors.push_back({"identityField", "validation_in_invalid", "Must be a valid value.", {}});
  }
  require("password", request.password);
  check_length(errors, "password", request.password);
  return errors;
}

// Where to look, in PocketBase's order: "email" first, and only for what looks like one.
std::vector<std::string> columns_to_try(const SignIn& request,
                                        const std::vector<std::string>& allowed) {
  if (!request.identity_field.empty()) { return {request.identity_field}; }
  std::vector<std::string> columns;
  const bool has_email = std::ranges::find(allowed, "email") != allowed.end();
  if (has_email && is_email(request.identity)) { columns.emplace_back("email"); }
  for (const std::string& name : allowed) {
    if (name != "email") { columns.push_back(name); }
  }
  return columns;
}

Result<std::optional<Account>> look_up(sqlite::Connection& db, const Collection& collection,
                                       const SignIn& request,
                                       const std::vector<std::string>& allowed) {
  for (const std::string& column : columns_to_try(request, allowed)) {
    PV_TRY(auto account, find_account(db, collection, column, request.identity));
    if (account) { return account; }
  }
  return std::optional<Account>{};
}

std::string without_blanks(std::string_view rule) {
  std::string result{rule};
  std::erase_if(result, [](char letter) { return letter == ' ' || letter == '\t'; });
  return result;
}

// nullopt: may come in. Whoever gets here knew the password.
std::optional<SignInResult> check_rules(const Collection& collection, const Account& account) {
  const json::value* rule = collection.options.if_contains("authRule");
  const SignInResult no =
      refused(SignInRefusal::kRule,
              "The request doesn't satisfy the collection requirements to authenticate.");
  if (rule == nullptr || !rule->is_string()) { return no; }
  if (without_blanks(rule->get_string()) == "verified=true") {
    if (!account.verified) { return no; }
  } else if (!rule->get_string().empty()) {
    return refused(SignInRefusal::kUnsupported,
                   "The collection has an authRule that this server can't evaluate.");
  }
  // With a rule of its own MFA may not concern this record; who can't tell must assume it does.
  if (option_is_true(collection, "mfa", "enabled")) {
    return refused(SignInRefusal::kUnsupported,
                   "The collection asks for multi-factor authentication, which this server does "
                   "not support.");
  }
  return std::nullopt;
}

// MD5 of address and program, not as a secret but as the name that PocketBase gives the origin.
std::string fingerprint(const SignIn& request) {
  constexpr std::size_t kUserAgentBytesMax = 200;
  std::string text = request.real_ip + request.user_agent.substr(0, kUserAgentBytesMax);
  if (request.user_agent.size() > kUserAgentBytesMax) { text += "..."; }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_md5(), nullptr) != 1) {
    return {};  // an OpenSSL that is not allowed to
  }
  return to_hex(std::as_bytes(std::span{digest.data(), size}));
}

struct Origin {
  std::string collection_id;
  std::string record_id;
  std::string fingerprint;
};

// A known origin gets the date; the first one of a record is added. A further new one is not: to
// add it, PocketBase must first have warned the account's owner by a mail made of the collection's
// template, which this program does not send: it leaves it out, so that the warning comes from the
// program that does. So a record never gets more rows from here than the 5 that are allowed.
Result<void> record_origin(sqlite::Connection& db, const Origin& origin, const Clock& clock,
                           Random& random) {
  const std::string now = format_pocketbase_date(clock.now());
  PV_TRY(auto transaction, sqlite::Transaction::begin_immediate(db));
  const std::array<sqlite::Value, 4> known{origin.collection_id, origin.record_id,
                                           origin.fingerprint, now};
  PV_TRY(const std::int64_t updated,
         db.run("UPDATE _authOrigins SET updated = ?4"
                " WHERE collectionRef = ?1 AND recordRef = ?2 AND fingerprint = ?3",
                known));
  if (updated == 0) {
    const std::array<sqlite::Value, 5> added{origin.collection_id, origin.record_id,
                                             origin.fingerprint, now,
                                             random_text(random, kLowerAlphanumeric, 15)};
    PV_CHECK(
        db.run("INSERT INTO _authOrigins"
               " (id, collectionRef, recordRef, fingerprint, created, updated)"
               " SELECT ?5, ?1, ?2, ?3, ?4, ?4 WHERE NOT EXISTS (SELECT 1 FROM _authOrigins"
               " WHERE collectionRef = ?1 AND recordRef = ?2)",
               added));
  }
  return transaction.commit();
}

}  // namespace

Result<SignInResult> sign_in(const Access& access, const Collection& collection,
                             const SignIn& request, const Clock& clock, Random& random) {
  if (!collection.is_superusers() && !option_is_true(collection, "passwordAuth", "enabled")) {
    return refused(SignInRefusal::kNotConfigured,
                   "The collection is not configured to allow password authentication.");
  }
  const std::vector<std::string> allowed = identity_fields(collection);
  if (auto errors = validate(request, allowed); !errors.empty()) {
    SignInResult result = refused(SignInRefusal::kFields);
    result.fields = std::move(errors);
    return result;
  }

  std::optional<Account> account;
  PV_CHECK(access.read([&](sqlite::Connection& data) -> Result<void> {
    PV_TRY(account, look_up(data, collection, request, allowed));
    return {};
  }));
  if (!account) { verify_nothing(request.password, password_cost(collection)); }
  if (!account || !verify_password(request.password, account->password_hash)) {
    return refused(SignInRefusal::kFailed);
  }
  if (auto no = check_rules(collection, *account)) { return std::move(*no); }

  if (option_is_true(collection, "authAlert", "enabled")) {
    const Origin origin{collection.id, account->id, fingerprint(request)};
    const auto recorded = access.write(
        [&](sqlite::Connection& data) { return record_origin(data, origin, clock, random); });
    static_cast<void>(recorded);  // a busy database must not keep anybody out
  }
  SignInResult result;
  result.record_id = account->id;
  return result;
}

json::object auth_methods(const Collection& collection) {
  json::array identity;
  const bool by_password =
      collection.is_superusers() || option_is_true(collection, "passwordAuth", "enabled");
  bool by_email = false;
  bool by_username = false;
  if (by_password) {
    for (const std::string& name : identity_fields(collection)) {
      identity.emplace_back(name);
      by_email = by_email || name == "email";
      by_username = by_username || name == "username";
    }
  }
  const auto method = [&](std::string_view section) {
    const bool enabled = option_is_true(collection, section, "enabled");
    json::object result;
    result["enabled"] = enabled;
    result["duration"] = enabled ? option_number(collection, section, "duration") : 0;
    return result;
  };
  json::object password;
  password["identityFields"] = std::move(identity);
  password["enabled"] = by_password;
  json::object oauth2;
  oauth2["providers"] = json::array{};
  oauth2["enabled"] = false;

  json::object result;  // in PocketBase's order
  result["password"] = std::move(password);
  result["oauth2"] = std::move(oauth2);
  result["mfa"] = method("mfa");
  result["otp"] = method("otp");
  result["authProviders"] = nullptr;
  result["usernamePassword"] = by_username;
  result["emailPassword"] = by_email;
  return result;
}

}  // namespace pv::auth
