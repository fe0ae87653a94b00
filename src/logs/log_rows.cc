#include "logs/log_rows.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "logs/filter.h"

namespace pv::logs {
namespace {

using sqlite::Value;

constexpr std::string_view kSelect = "SELECT id, created, level, message, data FROM _logs WHERE ";

LogRow from_row(const sqlite::Row& row) {
  return {.id = sqlite::to_text(row[0]),
          .created = sqlite::to_text(row[1]),
          .level = sqlite::to_int(row[2]),
          .message = sqlite::to_text(row[3]),
          .data = sqlite::to_text(row[4])};
}

}  // namespace

Result<void> insert(sqlite::Connection& auxiliary, const std::vector<LogRow>& rows) {
  PV_TRY(sqlite::Transaction transaction, sqlite::Transaction::begin_immediate(auxiliary));
  for (const LogRow& row : rows) {
    const std::array<Value, 5> parameters{row.id, row.created, row.level, row.message, row.data};
    PV_TRY(std::ignore, auxiliary.run("INSERT INTO _logs (id, created, level, message, data) "
                                      "VALUES (?1, ?2, ?3, ?4, ?5)",
                                      parameters));
  }
  return transaction.commit();
}

Result<void> remove_old(sqlite::Connection& auxiliary, WallTime now, std::int64_t days_max,
                        std::int64_t level_min) {
  constexpr std::int64_t kDaysMax = 36'500;  // more would be before the first clock
  const std::chrono::days days{std::clamp<std::int64_t>(days_max, 0, kDaysMax)};
  const auto now_days = std::chrono::floor<std::chrono::days>(now.time_since_epoch());
  const WallTime oldest = now - std::min(days, now_days);
  const std::array<Value, 2> parameters{format_pocketbase_date(oldest), level_min};
  PV_TRY(std::ignore,
         auxiliary.run("DELETE FROM _logs WHERE created < ?1 OR level < ?2", parameters));
  return {};
}

Result<LogPage> read_page(sqlite::Connection& auxiliary, const LogQuery& query) {
  PV_TRY(const Condition where, parse_filter(query.filter));
  PV_TRY(const std::string order, parse_sort(query.sort));
  LogPage page;
  if (!query.skip_total) {
    PV_TRY(const auto row,
           auxiliary.one("SELECT count(*) FROM _logs WHERE " + where.sql, where.parameters));
    page.total = row ? sqlite::to_int(row->front()) : 0;
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const bool is_beyond = query.page - 1 > kMost / query.per_page;
  const std::int64_t before = is_beyond ? kMost : (query.page - 1) * query.per_page;
  const std::string limits =
      " LIMIT " + std::to_string(query.per_page) + " OFFSET " + std::to_string(before);
  PV_TRY(const auto rows,
         auxiliary.all(std::string{kSelect} + where.sql + " ORDER BY " + order + limits,
                       where.parameters));
  for (const sqlite::Row& row : rows) { page.rows.push_back(from_row(row)); }
  return page;
}

Result<LogRow> read_row(sqlite::Connection& auxiliary, const std::string& id) {
  const std::array<Value, 1> parameters{id};
  PV_TRY(const auto row, auxiliary.one(std::string{kSelect} + "id = ?1", parameters));
  if (!row) { return fail(Code::kNotFound, "no such log"); }
  return from_row(*row);
}

Result<std::vector<LogsOfHour>> read_stats(sqlite::Connection& auxiliary, std::string_view filter) {
  PV_TRY(const Condition where, parse_filter(filter));
  PV_TRY(const auto rows,
         auxiliary.all("SELECT strftime('%Y-%m-%d %H:00:00', created) AS hour, count(*) FROM _logs "
                       "WHERE " +
                           where.sql + " GROUP BY hour ORDER BY hour",
                       where.parameters));
  std::vector<LogsOfHour> stats;
  for (const sqlite::Row& row : rows) {
    stats.push_back({sqlite::to_text(row[0]) + ".000Z", sqlite::to_int(row[1])});
  }
  return stats;
}

}  // namespace pv::logs
