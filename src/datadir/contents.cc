#include "datadir/contents.h"

#include <array>

#include "sqlite/names.h"

namespace pv::datadir {
namespace {

// Longer ones are none that PocketBase made.
constexpr const char* kCollections =
    "SELECT substr(id, 1, 200), substr(name, 1, 300), substr(type, 1, 20),"
    " iif(json_valid(fields), fields, '[]') FROM _collections ORDER BY name LIMIT ?1";
constexpr const char* kFileFields =
    "SELECT substr(value->>'name', 1, 300) FROM json_each(?1)"
    " WHERE CASE type WHEN 'object' THEN value->>'type' END = 'file'";
constexpr const char* kMigrations =
    "SELECT substr(file, 1, 300) FROM _migrations ORDER BY file LIMIT 100000";

// A view could be anything; a virtual table is none of PocketBase's.
Result<bool> is_plain_table(sqlite::Connection& data, const std::string& name) {
  const std::array<sqlite::Value, 1> parameters{name};
  PV_TRY(const auto row, data.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1"
                                  " COLLATE NOCASE AND sql NOT LIKE 'CREATE VIRTUAL%'",
                                  parameters));
  return row.has_value();
}

Result<Collection> read_collection(sqlite::Connection& data, const sqlite::Row& row) {
  Collection collection{.id = sqlite::to_text(row[0]),
                        .name = sqlite::to_text(row[1]),
                        .type = sqlite::to_text(row[2]),
                        .records = std::nullopt};
  if (collection.type == "view") { return collection; }
  PV_TRY(const bool is_there, is_plain_table(data, collection.name));
  if (!is_there) { return collection; }
  PV_TRY(const auto count, data.one("SELECT count(*) FROM " + sqlite::backquoted(collection.name)));
  if (count) { collection.records = static_cast<std::uint64_t>(sqlite::to_int(count->front())); }
  const std::array<sqlite::Value, 1> fields{sqlite::to_text(row[3])};
  PV_TRY(const auto names, data.all(kFileFields, fields));
  for (const sqlite::Row& name : names) {
    collection.file_fields.push_back(sqlite::to_text(name.front()));
  }
  return collection;
}

bool has_column(const std::vector<std::string>& columns, const std::string& name) {
  for (const std::string& column : columns) {
    if (column == name) { return true; }
  }
  return false;
}

}  // namespace

Result<Contents> contents_of(sqlite::Connection& data) {
  Contents contents;
  const std::array<sqlite::Value, 1> limit{static_cast<std::int64_t>(kCollectionsMax)};
  PV_TRY(const auto rows, data.all(kCollections, limit));
  for (const sqlite::Row& row : rows) {
    PV_TRY(Collection collection, read_collection(data, row));
    contents.collections.push_back(std::move(collection));
  }
  PV_TRY(const auto migrations, data.all(kMigrations));
  for (const sqlite::Row& row : migrations) {
    contents.migrations.push_back(sqlite::to_text(row.front()));
  }
  return contents;
}

Result<void> for_each_stored_file(
    sqlite::Connection& data, const Collection& collection,
    const std::function<Result<void>(const std::string& name)>& visit) {
  if (!collection.records) { return {}; }
  const std::vector<std::string> columns = data.columns_of(collection.name);
  for (const std::string& field : collection.file_fields) {
    if (!has_column(columns, field) || !has_column(columns, "id")) { continue; }
    const std::string column = "CAST(r." + sqlite::backquoted(field) + " AS TEXT)";
    // One name, or a list of them as JSON: that depends on the field's options.
    PV_TRY(sqlite::Statement statement,
           data.prepare("SELECT r.id, f.value FROM " + sqlite::backquoted(collection.name) +
                        " r, json_each(iif(" + column + " LIKE '[%' AND json_valid(" + column +
                        "), " + column + ", json_array(" + column +
                        "))) f"
                        " WHERE f.type = 'text' AND f.value <> ''"));
    for (;;) {
      PV_TRY(const bool found, statement.step());
      if (!found) { break; }
      PV_CHECK(visit("storage/" + collection.id + "/" + sqlite::to_text(statement.column(0)) + "/" +
                     sqlite::to_text(statement.column(1))));
    }
  }
  return {};
}

}  // namespace pv::datadir
