#include "auth/records.h"

#include <array>
#include <boost/json/parse.hpp>

#include "auth/password.h"
#include "base/text.h"

namespace pv::auth {
namespace {

namespace json = boost::json;

const json::value* member(const json::object& object, std::string_view key) {
  return object.if_contains(key);
}

Result<json::value> parse_column(const sqlite::Value& stored, const std::string& what) {
  boost::system::error_code error;
  json::value value = json::parse(sqlite::to_text(stored), error);
  if (error) { return fail(Code::kDamaged, what + " is not JSON: " + error.message()); }
  return value;
}

bool is_secret_type(const json::object& one) {
  return text_of(one, "type") == "password" || text_of(one, "name") == "tokenKey";
}

// Whether a unique index on this column alone compares without regard to case. The index of the
// table counts, not the text that _collections keeps of it: they agree, and this one is parsed.
Result<bool> ignores_case(sqlite::Connection& db, const Collection& collection,
                          std::string_view column) {
  const std::array<sqlite::Value, 2> parameters{collection.name, std::string{column}};
  PV_TRY(const auto row,
         db.one("SELECT 1 FROM pragma_index_list(?1) AS i WHERE i.\"unique\" = 1 AND"
                " (SELECT count(*) FROM pragma_index_xinfo(i.name) AS c WHERE c.key = 1) = 1 AND"
                " EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name) AS c WHERE c.key = 1"
                " AND c.name = ?2 AND c.coll = 'NOCASE' COLLATE NOCASE)",
                parameters));
  return row.has_value();
}

bool has_column(sqlite::Connection& db, const Collection& collection, std::string_view column) {
  for (const std::string& name : db.columns_of(collection.name)) {
    if (name == column) { return true; }
  }
  return false;
}

}  // namespace

std::string_view text_of(const json::object& object, std::string_view key) {
  const json::value* value = member(object, key);
  if (value == nullptr || !value->is_string()) { return {}; }
  return value->get_string();
}

bool is_true(const json::object& object, std::string_view key) {
  const json::value* value = member(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::int64_t number_of(const json::object& object, std::string_view key) {
  const json::value* value = member(object, key);
  if (value == nullptr || !value->is_number()) { return 0; }
  boost::system::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  return error ? 0 : number;
}

const json::value* option(const Collection& collection, std::string_view section,
                          std::string_view key) {
  const json::value* object = member(collection.options, section);
  return object != nullptr && object->is_object() ? member(object->get_object(), key) : nullptr;
}

bool option_is_true(const Collection& collection, std::string_view section, std::string_view key) {
  const json::value* object = member(collection.options, section);
  return object != nullptr && object->is_object() && is_true(object->get_object(), key);
}

std::int64_t option_number(const Collection& collection, std::string_view section,
                           std::string_view key) {
  const json::value* object = member(collection.options, section);
  return object != nullptr && object->is_object() ? number_of(object->get_object(), key) : 0;
}

std::vector<std::string> identity_fields(const Collection& collection) {
  std::vector<std::string> names;
  const json::value* list = option(collection, "passwordAuth", "identityFields");
  if (list == nullptr || !list->is_array()) { return names; }
  for (const json::value& name : list->get_array()) {
    if (name.is_string()) { names.emplace_back(name.get_string()); }
  }
  return names;
}

const json::object* field(const Collection& collection, std::string_view name) {
  for (const json::value& one : collection.fields) {
    if (one.is_object() && text_of(one.get_object(), "name") == name) { return &one.get_object(); }
  }
  return nullptr;
}

int password_cost(const Collection& collection) {
  const json::object* password = field(collection, "password");
  const std::int64_t cost = password == nullptr ? 0 : number_of(*password, "cost");
  return cost < 4 || cost > kCostMax ? kDefaultCost : static_cast<int>(cost);
}

Result<Collection> find_collection(sqlite::Connection& db, std::string_view id_or_name) {
  const std::array<sqlite::Value, 1> parameters{std::string{id_or_name}};
  PV_TRY(const auto row,
         db.one("SELECT id, name, type, fields, options FROM _collections"
                " WHERE id = ?1 OR name = ?1 COLLATE NOCASE ORDER BY id = ?1 DESC LIMIT 1",
                parameters));
  if (!row) { return fail(Code::kNotFound, "no collection \"" + printable(id_or_name) + "\""); }
  Collection collection;
  collection.id = sqlite::to_text((*row)[0]);
  collection.name = sqlite::to_text((*row)[1]);
  const std::string label = "collection \"" + printable(collection.name) + "\"";
  if (sqlite::to_text((*row)[2]) != "auth") {
    return fail(Code::kInvalid, label + " is not an auth collection");
  }
  PV_TRY(json::value fields, parse_column((*row)[3], label + ": fields"));
  PV_TRY(json::value options, parse_column((*row)[4], label + ": options"));
  if (!fields.is_array() || !options.is_object()) {
    return fail(Code::kDamaged, label + ": fields or options have another shape than expected");
  }
  collection.fields = std::move(fields.get_array());
  collection.options = std::move(options.get_object());
  for (const json::value& one : collection.fields) {
    if (!one.is_object()) { continue; }
    const json::object& object = one.get_object();
    if (is_true(object, "hidden") || is_secret_type(object)) {
      collection.hidden_fields.emplace_back(text_of(object, "name"));
    }
  }
  return collection;
}

Result<std::string> token_key(sqlite::Connection& db, const Collection& collection,
                              std::string_view record_id, std::string_view section) {
  const std::array<sqlite::Value, 1> parameters{std::string{record_id}};
  PV_TRY(
      const auto row,
      db.one("SELECT tokenKey FROM " + backquoted(collection.name) + " WHERE id = ?1", parameters));
  if (!row) { return fail(Code::kNotFound, "no such record in " + printable(collection.name)); }
  const std::string own = sqlite::to_text((*row)[0]);
  const json::value* secret = option(collection, section, "secret");
  // PocketBase makes neither of them shorter than 30. With an empty one, the other alone would be
  // the key, which is not what anybody decided.
  if (own.empty() || secret == nullptr || !secret->is_string() || secret->get_string().empty()) {
    return fail(Code::kDamaged, "collection \"" + printable(collection.name) +
                                    "\" has no secret for " + std::string{section});
  }
  return own + std::string{secret->get_string()};
}

Result<std::optional<Account>> find_account(sqlite::Connection& db, const Collection& collection,
                                            std::string_view column, std::string_view value) {
  if (!has_column(db, collection, column)) { return std::optional<Account>{}; }
  PV_TRY(const bool any_case, ignores_case(db, collection, column));
  const std::array<sqlite::Value, 1> parameters{std::string{value}};
  PV_TRY(const auto rows,
         db.all("SELECT id, password, verified FROM " + backquoted(collection.name) + " WHERE " +
                    backquoted(column) + " = ?1" + (any_case ? " COLLATE NOCASE" : "") + " LIMIT 2",
                parameters));
  if (rows.size() != 1) { return std::optional<Account>{}; }
  return std::optional<Account>{Account{.id = sqlite::to_text(rows[0][0]),
                                        .password_hash = sqlite::to_text(rows[0][1]),
                                        .verified = sqlite::to_int(rows[0][2]) != 0}};
}

}  // namespace pv::auth
