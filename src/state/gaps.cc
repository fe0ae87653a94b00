#include "state/gaps.h"

#include <array>
#include <optional>

namespace pv::state {
namespace {

using sqlite::Value;

std::uint64_t count_of(const Value& value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(sqlite::to_int(value), 0));
}

NotedGaps from_row(const sqlite::Row& row) {
  return {
      .key = sqlite::to_text(row[0]),
      .size_bytes = count_of(row[1]),
      .gaps = {
          .unread = count_of(row[2]), .left_out = count_of(row[3]), .missing = count_of(row[4])}};
}

constexpr const char* kSelect = "SELECT key, size_bytes, unread, left_out, missing FROM gaps ";

Result<std::optional<NotedGaps>> find(sqlite::Connection& connection, const std::string& key) {
  const std::array<Value, 1> parameters{key};
  PV_TRY(const auto row, connection.one(std::string{kSelect} + "WHERE key = ?1", parameters));
  return row ? std::optional{from_row(*row)} : std::nullopt;
}

Result<void> put(sqlite::Connection& connection, const NotedGaps& noted) {
  const auto number = [](std::uint64_t count) { return static_cast<std::int64_t>(count); };
  const std::array<Value, 5> parameters{noted.key, number(noted.size_bytes),
                                        number(noted.gaps.unread), number(noted.gaps.left_out),
                                        number(noted.gaps.missing)};
  PV_TRY(std::ignore,
         connection.run("INSERT OR REPLACE INTO gaps VALUES (?1,?2,?3,?4,?5)", parameters));
  return {};
}

}  // namespace

Result<std::vector<NotedGaps>> read_gaps(const VaultDb& db) {
  std::vector<NotedGaps> gaps;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("gaps")) { return {}; }
    PV_TRY(const auto rows, connection.all(std::string{kSelect} +
                                           "WHERE length(key) <= 1024 ORDER BY key LIMIT 10000"));
    for (const sqlite::Row& row : rows) { gaps.push_back(from_row(row)); }
    return {};
  }));
  return gaps;
}

Result<void> note_made(const VaultDb& db, const NotedGaps& noted, const VaultDb::Say& say) {
  if (!noted.gaps.is_empty()) {
    return db.write([&](sqlite::Connection& connection) { return put(connection, noted); }, say);
  }
  PV_TRY(const std::vector<NotedGaps> known, read_gaps(db));
  if (std::ranges::find(known, noted.key, &NotedGaps::key) == known.end()) { return {}; }
  return db.change(
      [&](sqlite::Connection& connection) { return drop_gaps(connection, noted.key); });
}

Result<void> note_missing(const VaultDb& db, const NotedGaps& noted, const VaultDb::Say& say) {
  if (noted.gaps.missing == 0) { return {}; }
  return db.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        PV_TRY(std::optional<NotedGaps> known, find(connection, noted.key));
        if (!known || known->size_bytes != noted.size_bytes) {
          known = NotedGaps{.key = noted.key, .size_bytes = noted.size_bytes, .gaps = {}};
        }
        known->gaps.missing = std::max(known->gaps.missing, noted.gaps.missing);
        return put(connection, *known);
      },
      say);
}

Result<void> drop_gaps(sqlite::Connection& connection, const std::string& key) {
  const std::array<Value, 1> parameters{key};
  PV_TRY(std::ignore, connection.run("DELETE FROM gaps WHERE key = ?1", parameters));
  return {};
}

}  // namespace pv::state
