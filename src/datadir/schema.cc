#include <algorithm>
#include <array>
#include <vector>

#include "datadir/data_dir.h"

namespace pv::datadir {
namespace {

struct Needed {
  std::string_view table;
  std::vector<std::string_view> columns;
};

const std::array<Needed, 4>& needed() {
  static const std::array<Needed, 4> list{{
      {"_collections", {"id", "name", "type", "fields", "options"}},
      {"_migrations", {"file", "applied"}},
      {"_params", {"id", "value"}},
      {"_superusers",
       {"id", "email", "password", "tokenKey", "verified", "emailVisibility", "created",
        "updated"}},
  }};
  return list;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Result<std::vector<std::string>> tables_of(sqlite::Connection& data) {
  // With pages of their own: a virtual table computes what it likes.
  PV_TRY(const auto rows, data.all("SELECT name FROM sqlite_master "
                                   "WHERE type = 'table' AND rootpage > 0"));
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const sqlite::Row& row : rows) { names.push_back(sqlite::to_text(row[0])); }
  return names;
}

std::vector<std::string> missing_from(sqlite::Connection& data,
                                      const std::vector<std::string>& tables) {
  std::vector<std::string> missing;
  for (const Needed& one : needed()) {
    if (!contains(tables, one.table)) {
      missing.push_back("table " + std::string{one.table});
      continue;
    }
    const std::vector<std::string> columns = data.columns_of(one.table);
    for (const std::string_view column : one.columns) {
      if (!contains(columns, column)) {
        missing.push_back("column " + std::string{one.table} + "." + std::string{column});
      }
    }
  }
  return missing;
}

tl::unexpected<Error> unsupported(const std::vector<std::string>& missing) {
  std::string list;
  for (const std::string& name : missing) { list += (list.empty() ? "" : ", ") + name; }
  return fail(Code::kUnsupported,
              "data.db is not of PocketBase v0.23 or later, or of one too new: it lacks " + list);
}

}  // namespace

Result<void> check_schema(sqlite::Connection& data) {
  PV_TRY(const auto tables, tables_of(data));
  if (contains(tables, "_admins") && !contains(tables, "_superusers")) {
    return fail(Code::kUnsupported,
                "data.db is from before PocketBase v0.23 (its accounts are in the table _admins): "
                "start a newer PocketBase on it once, which upgrades it");
  }
  if (const auto missing = missing_from(data, tables); !missing.empty()) {
    return unsupported(missing);
  }
  PV_TRY(const auto row,
         data.one("SELECT 1 FROM _collections WHERE name = '_superusers' AND type = 'auth'"));
  if (!row) { return unsupported({"the row of _superusers in _collections"}); }
  return {};
}

}  // namespace pv::datadir
