#include "sqlite/guard.h"

#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <utility>

namespace pv::sqlite {
namespace {

constexpr std::uint64_t kLengthLeast = 1 << 20;
constexpr std::uint64_t kLengthMost = 1'000'000'000;  // SQLite's own
constexpr int kPatternBytesMax = 50;                  // LIKE takes pattern times text

// Whether any table computes columns when it is read. Names each table that has pages of its own:
// views and virtual tables would be expanded.
Result<bool> has_generated_columns(Connection& connection) {
  PV_TRY(
      const auto row,
      connection.one("SELECT 1 FROM sqlite_schema AS s, pragma_table_xinfo(s.name) AS c "
                     "WHERE s.type = 'table' AND s.rootpage > 0 AND c.hidden IN (2, 3) LIMIT 1"));
  return row.has_value();
}

Result<void> check_page_count(Connection& connection, std::uint64_t file_bytes) {
  PV_TRY(const auto count, connection.one("PRAGMA page_count"));
  PV_TRY(const auto size, connection.one("PRAGMA page_size"));
  const auto pages = static_cast<std::uint64_t>(count ? to_int(count->front()) : 0);
  const auto page_bytes = static_cast<std::uint64_t>(size ? to_int(size->front()) : 0);
  if (page_bytes == 0 || pages <= file_bytes / page_bytes) { return {}; }
  return fail(Code::kDamaged, "it claims to have " + std::to_string(pages) + " pages of " +
                                  std::to_string(page_bytes) + " bytes, more than " +
                                  std::to_string(file_bytes) + " bytes of files can hold");
}

}  // namespace

Guard::Guard(Connection& connection, std::uint64_t file_bytes, std::stop_token stop,
             Deadline deadline)
    : connection_{connection},
      file_bytes_{file_bytes},
      stop_{std::move(stop)},
      deadline_{deadline} {}

Result<void> Guard::arm() {
  sqlite3* handle = connection_.handle();
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(kLengthLeast));
  sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, kPatternBytesMax);
  patience_.emplace(connection_, stop_, deadline_);
  PV_CHECK(check_page_count(connection_, file_bytes_));
  PV_CHECK(connection_.exec("PRAGMA ignore_check_constraints=ON"));
  PV_TRY(const bool generated, has_generated_columns(connection_));
  if (!generated) {
    const std::uint64_t bytes = std::clamp(file_bytes_, kLengthLeast, kLengthMost);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(bytes));
  }
  return {};
}

Error Guard::explain(Error error) const {
  if (error.code != Code::kCancelled || stop_.stop_requested() || !deadline_.passed()) {
    return error;
  }
  return Error{Code::kDamaged, "checking it does not come to an end"};
}

}  // namespace pv::sqlite
