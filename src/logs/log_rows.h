// The log of requests that PocketBase keeps in auxiliary.db, table _logs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "sqlite/connection.h"

namespace pv::logs {

struct LogRow {
  std::string id;          // 15 characters of [a-z0-9]
  std::string created;     // in PocketBase's form
  std::int64_t level = 0;  // -4 debug, 0 info, 4 warning, 8 error
  std::string message;
  std::string data;  // a JSON object
  friend bool operator==(const LogRow&, const LogRow&) = default;
};

// All or none.
[[nodiscard]] Result<void> insert(sqlite::Connection& auxiliary, const std::vector<LogRow>& rows);

// What is older than so many days, or of a lower level, goes.
[[nodiscard]] Result<void> remove_old(sqlite::Connection& auxiliary, WallTime now,
                                      std::int64_t days_max, std::int64_t level_min);

struct LogQuery {
  std::string filter = {};  // filter.h
  std::string sort = {};
  std::int64_t page = 1;
  std::int64_t per_page = 30;
  bool skip_total = false;
};
struct LogPage {
  std::vector<LogRow> rows;
  std::int64_t total = -1;  // of all pages; -1: not counted
};
// kInvalid: the filter or the sort.
[[nodiscard]] Result<LogPage> read_page(sqlite::Connection& auxiliary, const LogQuery& query);
[[nodiscard]] Result<LogRow> read_row(sqlite::Connection& auxiliary,
                                      const std::string& id);  // kNotFound

struct LogsOfHour {
  std::string date;  // "2026-11-21 01:00:00.000Z"
  std::int64_t total = 0;
};
// Oldest first. kInvalid: the filter.
[[nodiscard]] Result<std::vector<LogsOfHour>> read_stats(sqlite::Connection& auxiliary,
                                                         std::string_view filter);

}  // namespace pv::logs
