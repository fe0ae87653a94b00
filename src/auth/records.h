// What the files of this room share: rows of auth collections.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/auth.h"
#include "sqlite/names.h"

namespace pv::auth {

using sqlite::backquoted;

// options.<section>.<key>; null when it, or the section, is not there.
[[nodiscard]] const boost::json::value* option(const Collection& collection,
                                               std::string_view section, std::string_view key);
[[nodiscard]] bool option_is_true(const Collection& collection, std::string_view section,
                                  std::string_view key);
// Of a number; 0 when it is none.
[[nodiscard]] std::int64_t option_number(const Collection& collection, std::string_view section,
                                         std::string_view key);
[[nodiscard]] std::vector<std::string> identity_fields(const Collection& collection);

// A member of an object with a default for an absent one or another type.
[[nodiscard]] std::string_view text_of(const boost::json::object& object, std::string_view key);
[[nodiscard]] bool is_true(const boost::json::object& object, std::string_view key);
[[nodiscard]] std::int64_t number_of(const boost::json::object& object, std::string_view key);

// The row of `fields` with this name, or null.
[[nodiscard]] const boost::json::object* field(const Collection& collection, std::string_view name);

// The bcrypt cost that the collection's password field asks for.
[[nodiscard]] int password_cost(const Collection& collection);

// Key of a token: the record's tokenKey, then the collection's secret for this kind. kNotFound: no
// such record; kDamaged: either of the two is empty.
[[nodiscard]] Result<std::string> token_key(sqlite::Connection& db, const Collection& collection,
                                            std::string_view record_id, std::string_view section);

struct Account {
  std::string id;
  std::string password_hash;
  bool verified = false;
};
// The one record whose `column` has this value: byte for byte, or without regard to case where the
// column's unique index says NOCASE. nullopt: none, or several.
[[nodiscard]] Result<std::optional<Account>> find_account(sqlite::Connection& db,
                                                          const Collection& collection,
                                                          std::string_view column,
                                                          std::string_view value);

}  // namespace pv::auth
