#include "auth/superusers.h"

#include <array>

#include "auth/auth.h"
#include "auth/password.h"
#include "auth/records.h"
#include "base/email.h"
#include "base/text.h"

namespace pv::auth {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 4> kDependents{"_authOrigins", "_mfas", "_otps",
                                                      "_externalAuths"};
// A new password ends what was begun with the old one, but not links to other providers.
constexpr std::array<std::string_view, 3> kEndedByPassword{"_authOrigins", "_mfas", "_otps"};

template <std::size_t N>
Result<void> remove_dependents(sqlite::Connection& db, const Collection& collection,
                               std::string_view record_id,
                               const std::array<std::string_view, N>& tables) {
  const std::array<sqlite::Value, 2> parameters{collection.id, std::string{record_id}};
  for (const std::string_view table : tables) {
    if (!db.has_table(table)) { continue; }
    PV_CHECK(
        db.run("DELETE FROM " + backquoted(table) + " WHERE collectionRef = ?1 AND recordRef = ?2",
               parameters));
  }
  return {};
}

tl::unexpected<Error> bad_password(const std::string& why) {
  return fail(Code::kInvalid, "password: " + why);
}

// In PocketBase's order. Limits stand in the collection's password field; characters are code
// points there, and bcrypt's limit is in bytes.
Result<std::string> checked_hash(const Collection& collection, std::string_view password,
                                 Random& random) {
  if (password.size() > 72) { return bad_password("bcrypt: password length exceeds 72 bytes."); }
  if (password.empty()) { return bad_password("cannot be blank."); }
  const json::object* rules = field(collection, "password");
  const std::int64_t fewest = rules == nullptr ? 8 : number_of(*rules, "min");
  const std::int64_t asked = rules == nullptr ? 0 : number_of(*rules, "max");
  const std::int64_t most = asked > 0 ? asked : 71;
  const auto count = static_cast<std::int64_t>(count_code_points(password));
  if (count < fewest) {
    return bad_password("Must be at least " + std::to_string(fewest) + " character(s).");
  }
  if (count > most) {
    return bad_password("Must be less than " + std::to_string(most) + " character(s).");
  }
  auto hash = hash_password(password, random, password_cost(collection));
  if (!hash && hash.error().code == Code::kInvalid) { return bad_password(hash.error().what); }
  return hash;
}

Result<void> check_email(std::string_view email) {
  if (!is_email(email)) { return fail(Code::kInvalid, "missing or invalid email address"); }
  return {};
}

tl::unexpected<Error> email_is_taken() {
  return fail(Code::kExists, "email: Value must be unique.");
}

// PocketBase wants a record's id to be unique across all auth collections.
Result<bool> id_is_taken(sqlite::Connection& db, const std::string& id) {
  PV_TRY(const auto names, db.all("SELECT name FROM _collections WHERE type = 'auth'"));
  const std::array<sqlite::Value, 1> parameters{id};
  for (const sqlite::Row& row : names) {
    const std::string name = sqlite::to_text(row[0]);
    if (!db.has_table(name)) { continue; }
    PV_TRY(const auto found,
           db.one("SELECT 1 FROM " + backquoted(name) + " WHERE id = ?1", parameters));
    if (found) { return true; }
  }
  return false;
}

Result<std::string> new_id(sqlite::Connection& db, Random& random) {
  constexpr int kTries = 10;  // one in 36^15 fails; this many in a row means a broken Random
  for (int i = 0; i < kTries; ++i) {
    std::string id = random_text(random, kLowerAlphanumeric, 15);
    PV_TRY(const bool taken, id_is_taken(db, id));
    if (!taken) { return id; }
  }
  return fail(Code::kInternal, "no free record id found");
}

std::string new_token_key(Random& random) { return random_text(random, kAlphanumeric, 50); }

// The account that PocketBase's installer page signs in with, whose token lives 30 minutes.
Result<void> remove_installer(sqlite::Connection& db, const Collection& collection) {
  PV_TRY(const auto installer, find_account(db, collection, "email", kInstallerEmail));
  if (!installer) { return {}; }
  PV_CHECK(remove_dependents(db, collection, installer->id, kDependents));
  const std::array<sqlite::Value, 1> parameters{installer->id};
  PV_CHECK(db.run("DELETE FROM _superusers WHERE id = ?1", parameters));
  return {};
}

Result<void> insert(sqlite::Connection& db, const Collection& collection, std::string_view email,
                    const std::string& hash, const Clock& clock, Random& random) {
  PV_TRY(const std::string id, new_id(db, random));
  const std::array<sqlite::Value, 5> parameters{id, std::string{email}, hash, new_token_key(random),
                                                format_pocketbase_date(clock.now())};
  PV_CHECK(
      db.run("INSERT INTO _superusers"
             " (id, email, password, tokenKey, created, updated, verified, emailVisibility)"
             " VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, 0)",
             parameters));
  return email == kInstallerEmail ? Result<void>{} : remove_installer(db, collection);
}

Result<void> change_password(sqlite::Connection& db, const Collection& collection,
                             const std::string& id, const std::string& hash, const Clock& clock,
                             Random& random) {
  const std::array<sqlite::Value, 4> parameters{id, hash, new_token_key(random),
                                                format_pocketbase_date(clock.now())};
  PV_CHECK(
      db.run("UPDATE _superusers SET password = ?2, tokenKey = ?3, updated = ?4, verified = 1"
             " WHERE id = ?1",
             parameters));
  return remove_dependents(db, collection, id, kEndedByPassword);
}

tl::unexpected<Error> does_not_exist(std::string_view email) {
  return fail(Code::kNotFound, "superuser with email \"" + std::string{email} + "\" doesn't exist");
}

}  // namespace

// In each of these bcrypt runs before the transaction begins: 60 ms is long to keep an app from
// writing. What was looked up before is looked up again inside.

Result<void> create_superuser(sqlite::Connection& db, std::string_view email,
                              std::string_view password, const Clock& clock, Random& random) {
  PV_CHECK(check_email(email));
  PV_TRY(const Collection collection, find_collection(db, kSuperusers));
  PV_TRY(const std::string hash, checked_hash(collection, password, random));
  PV_TRY(auto transaction, sqlite::Transaction::begin_immediate(db));
  PV_TRY(const auto existing, find_account(db, collection, "email", email));
  if (existing) { return email_is_taken(); }
  PV_CHECK(insert(db, collection, email, hash, clock, random));
  return transaction.commit();
}

Result<void> update_superuser(sqlite::Connection& db, std::string_view email,
                              std::string_view password, const Clock& clock, Random& random) {
  PV_CHECK(check_email(email));
  PV_TRY(const Collection collection, find_collection(db, kSuperusers));
  PV_TRY(const auto before, find_account(db, collection, "email", email));
  if (!before) { return does_not_exist(email); }
  PV_TRY(const std::string hash, checked_hash(collection, password, random));
  PV_TRY(auto transaction, sqlite::Transaction::begin_immediate(db));
  PV_TRY(const auto account, find_account(db, collection, "email", email));
  if (!account) { return does_not_exist(email); }
  PV_CHECK(change_password(db, collection, account->id, hash, clock, random));
  return transaction.commit();
}

Result<void> upsert_superuser(sqlite::Connection& db, std::string_view email,
                              std::string_view password, const Clock& clock, Random& random) {
  PV_CHECK(check_email(email));
  PV_TRY(const Collection collection, find_collection(db, kSuperusers));
  PV_TRY(const std::string hash, checked_hash(collection, password, random));
  PV_TRY(auto transaction, sqlite::Transaction::begin_immediate(db));
  PV_TRY(const auto account, find_account(db, collection, "email", email));
  if (account) {
    PV_CHECK(change_password(db, collection, account->id, hash, clock, random));
  } else {
    PV_CHECK(insert(db, collection, email, hash, clock, random));
  }
  return transaction.commit();
}

Result<void> delete_superuser(sqlite::Connection& db, std::string_view email) {
  if (!is_email(email)) { return fail(Code::kInvalid, "invalid or missing email address"); }
  PV_TRY(const Collection collection, find_collection(db, kSuperusers));
  PV_TRY(auto transaction, sqlite::Transaction::begin_immediate(db));
  PV_TRY(const auto account, find_account(db, collection, "email", email));
  if (!account) {
    return fail(Code::kNotFound,
                "superuser \"" + std::string{email} + "\" is missing or already deleted");
  }
  const std::array<sqlite::Value, 1> parameters{account->id};
  PV_TRY(const auto other, db.one("SELECT 1 FROM _superusers WHERE id <> ?1 LIMIT 1", parameters));
  if (!other) { return fail(Code::kDenied, "You can't delete the only existing superuser."); }
  PV_CHECK(remove_dependents(db, collection, account->id, kDependents));
  PV_CHECK(db.run("DELETE FROM _superusers WHERE id = ?1", parameters));
  return transaction.commit();
}

Result<std::vector<Superuser>> list_superusers(sqlite::Connection& db) {
  const std::array<sqlite::Value, 1> parameters{std::string{kInstallerEmail}};
  PV_TRY(const auto rows, db.all("SELECT id, email, password LIKE '$2_$%' FROM _superusers"
                                 " WHERE email <> ?1 ORDER BY created, id",
                                 parameters));
  std::vector<Superuser> superusers;
  superusers.reserve(rows.size());
  for (const sqlite::Row& row : rows) {
    superusers.push_back({.id = sqlite::to_text(row[0]),
                          .email = sqlite::to_text(row[1]),
                          .has_password = sqlite::to_int(row[2]) != 0});
  }
  return superusers;
}

}  // namespace pv::auth
