// What a data.db holds, for people to recognise it by.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite/connection.h"

namespace pv::datadir {

struct Collection {
  std::string id;
  std::string name;
  std::string type;                        // "base", "auth", "view"
  std::optional<std::uint64_t> records;    // nullopt: a view, or its table is not there
  std::vector<std::string> file_fields{};  // columns that name uploaded files
};

struct Contents {
  std::vector<Collection> collections;  // in byte order of their names, at most kCollectionsMax
  std::vector<std::string> migrations;  // names in _migrations, in byte order
};

inline constexpr std::size_t kCollectionsMax = 10'000;

// `data` has passed check_schema(). It may be hostile for all that, so give the connection a
// sqlite::Patience; no view is asked.
[[nodiscard]] Result<Contents> contents_of(sqlite::Connection& data);

// Each uploaded file that the records of `collection` name, where PocketBase keeps it:
// "storage/COLLECTION/RECORD/FILE". An error of `visit` ends it.
[[nodiscard]] Result<void> for_each_stored_file(
    sqlite::Connection& data, const Collection& collection,
    const std::function<Result<void>(const std::string& name)>& visit);

}  // namespace pv::datadir
