#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <cmath>
#include <map>

#include "auth/auth.h"
#include "auth/records.h"
#include "base/text.h"

namespace pv::auth {
namespace {

namespace json = boost::json;

// Without a fraction it is written without one, as PocketBase does.
json::value number(const sqlite::Value& stored) {
  if (const auto* integer = std::get_if<std::int64_t>(&stored)) { return *integer; }
  const double* real = std::get_if<double>(&stored);
  if (real == nullptr || !std::isfinite(*real)) { return 0; }
  constexpr double kExactMax = 9007199254740992.0;  // 2^53
  if (std::trunc(*real) == *real && std::abs(*real) <= kExactMax) {
    return static_cast<std::int64_t>(*real);
  }
  return *real;
}

json::value parsed(const sqlite::Value& stored) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 128;
  json::value value = json::parse(sqlite::to_text(stored), error, {}, options);
  if (error) { return nullptr; }
  return value;
}

// Of select, file and relation: one text, or a list where the field takes several.
json::value choice(const json::object& field, const sqlite::Value& stored) {
  if (number_of(field, "maxSelect") <= 1) { return json::value(sqlite::to_text(stored)); }
  json::value value = parsed(stored);
  if (value.is_array()) { return value; }
  const std::string text = sqlite::to_text(stored);
  return text.empty() ? json::array{} : json::array{json::value(text)};
}

json::value value_of(const json::object& field, const sqlite::Value& stored) {
  const std::string_view type = text_of(field, "type");
  if (type == "bool") { return sqlite::to_int(stored) != 0; }
  if (type == "number") { return number(stored); }
  if (type == "json" || type == "geoPoint") { return parsed(stored); }
  if (type == "select" || type == "file" || type == "relation") { return choice(field, stored); }
  return json::value(sqlite::to_text(stored));
}

bool is_answered(const json::object& field, bool to_superuser) {
  const std::string_view name = text_of(field, "name");
  if (name.empty() || name == "tokenKey" || text_of(field, "type") == "password") { return false; }
  return to_superuser || !is_true(field, "hidden");
}

}  // namespace

Result<json::object> read_record(sqlite::Connection& db, const Collection& collection,
                                 std::string_view record_id) {
  const std::vector<std::string> columns = db.columns_of(collection.name);
  std::vector<const json::object*> wanted;
  std::string list;
  for (const json::value& one : collection.fields) {
    if (!one.is_object() || !is_answered(one.get_object(), collection.is_superusers())) {
      continue;
    }
    const std::string name{text_of(one.get_object(), "name")};
    if (std::ranges::find(columns, name) == columns.end()) { continue; }
    wanted.push_back(&one.get_object());
    list += ", " + backquoted(name);
  }
  const std::array<sqlite::Value, 1> parameters{std::string{record_id}};
  PV_TRY(const auto row,
         db.one("SELECT id" + list + " FROM " + backquoted(collection.name) + " WHERE id = ?1",
                parameters));
  if (!row) { return fail(Code::kNotFound, "no such record in " + printable(collection.name)); }

  std::map<std::string, json::value, std::less<>> sorted;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    sorted[std::string{text_of(*wanted[i], "name")}] = value_of(*wanted[i], (*row)[i + 1]);
  }
  sorted["collectionId"] = json::value(collection.id);
  sorted["collectionName"] = json::value(collection.name);
  json::object result;
  for (auto& [name, value] : sorted) { result[name] = std::move(value); }
  return result;
}

}  // namespace pv::auth
