#include "state/alerts.h"

#include <algorithm>
#include <array>

#include "state/columns.h"

namespace pv::state {
namespace {

using sqlite::Value;

// No more of a text than was put in, whatever lies in the file.
constexpr const char* kSelect =
    "SELECT number, channel, kind, is_reminder, substr(title, 1, 500), substr(text, 1, 4000), "
    "created_ms, attempts, next_ms, ended_ms, outcome, substr(error, 1, 500) FROM deliveries ";
constexpr std::size_t kErrorMax = 500;
constexpr std::size_t kTextMax = 4000;
constexpr const char* kRowsMax = "100";  // of alerts and marks, which are a handful

std::string cut(const std::string& text, std::size_t bytes_max) {
  return text.substr(0, whole_characters(text, bytes_max));
}

Value time_or_null(const std::optional<WallTime>& time) {
  return time ? Value{ms_of(*time)} : Value{};
}

bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value); }

Delivery from_row(const sqlite::Row& row) {
  Delivery delivery{.number = sqlite::to_int(row[0]),
                    .channel = sqlite::to_text(row[1]),
                    .kind = sqlite::to_text(row[2]),
                    .is_reminder = sqlite::to_int(row[3]) != 0,
                    .title = sqlite::to_text(row[4]),
                    .text = sqlite::to_text(row[5]),
                    .created = time_of_ms(sqlite::to_int(row[6])),
                    .attempts = sqlite::to_int(row[7]),
                    .next = time_of_ms(sqlite::to_int(row[8])),
                    .ended = std::nullopt,
                    .outcome = sqlite::to_text(row[10]),
                    .error = sqlite::to_text(row[11])};
  if (!is_null(row[9])) { delivery.ended = time_of_ms(sqlite::to_int(row[9])); }
  return delivery;
}

Result<std::vector<Delivery>> select(const VaultDb& db, const std::string& rest) {
  std::vector<Delivery> deliveries;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("deliveries")) { return {}; }
    PV_TRY(const auto rows, connection.all(kSelect + rest));
    for (const sqlite::Row& row : rows) { deliveries.push_back(from_row(row)); }
    return {};
  }));
  return deliveries;
}

Result<void> add(sqlite::Connection& connection, const Delivery& delivery) {
  const std::array<Value, 11> parameters{delivery.channel,
                                         delivery.kind,
                                         std::int64_t{delivery.is_reminder ? 1 : 0},
                                         first_line(delivery.title, kErrorMax),
                                         cut(delivery.text, kTextMax),
                                         ms_of(delivery.created),
                                         delivery.attempts,
                                         ms_of(delivery.next),
                                         time_or_null(delivery.ended),
                                         delivery.outcome,
                                         first_line(delivery.error, kErrorMax)};
  PV_TRY(std::ignore, connection.run("INSERT INTO deliveries VALUES "
                                     "(NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
                                     parameters));
  return {};
}

// A channel that takes nothing for long keeps the last notices alone.
Result<void> drop_oldest(sqlite::Connection& connection, const std::string& channel, WallTime now) {
  const std::array<Value, 3> parameters{channel, ms_of(now), kWaitingMax};
  PV_TRY(std::ignore,
         connection.run("UPDATE deliveries SET ended_ms = ?2, outcome = 'dropped' "
                        "WHERE channel = ?1 AND ended_ms IS NULL AND number <= "
                        "(SELECT number FROM deliveries WHERE channel = ?1 AND ended_ms IS NULL "
                        "ORDER BY number DESC LIMIT 1 OFFSET ?3)",
                        parameters));
  return {};
}

Result<void> forget_old(sqlite::Connection& connection) {
  const std::array<Value, 1> parameters{kDeliveriesKept};
  PV_TRY(std::ignore,
         connection.run("DELETE FROM deliveries WHERE ended_ms IS NOT NULL AND number <= "
                        "(SELECT number FROM deliveries WHERE ended_ms IS NOT NULL "
                        "ORDER BY number DESC LIMIT 1 OFFSET ?1)",
                        parameters));
  return {};
}

Result<void> apply(sqlite::Connection& connection, const AlertChange& change, WallTime now) {
  for (const OpenAlert& alert : change.open) {
    const std::array<Value, 4> parameters{alert.kind, ms_of(alert.since), ms_of(alert.told),
                                          cut(alert.text, kTextMax)};
    PV_TRY(std::ignore,
           connection.run("INSERT OR REPLACE INTO alerts VALUES (?1,?2,?3,?4)", parameters));
  }
  for (const std::string& kind : change.closed) {
    const std::array<Value, 1> parameters{kind};
    PV_TRY(std::ignore, connection.run("DELETE FROM alerts WHERE kind = ?1", parameters));
  }
  for (const Mark& mark : change.marks) {
    const std::array<Value, 3> parameters{mark.name, mark.text, ms_of(mark.at)};
    PV_TRY(std::ignore,
           connection.run("INSERT OR REPLACE INTO alert_marks VALUES (?1,?2,?3)", parameters));
  }
  for (const Delivery& delivery : change.deliveries) {
    PV_CHECK(add(connection, delivery));
    PV_CHECK(drop_oldest(connection, delivery.channel, now));
  }
  return change.deliveries.empty() ? Result<void>{} : forget_old(connection);
}

}  // namespace

Result<AlertState> read_alerts(const VaultDb& db) {
  AlertState state;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("alerts")) { return {}; }
    PV_TRY(const auto alerts,
           connection.all(std::string{"SELECT kind, since_ms, told_ms, substr(text, 1, 4000) "
                                      "FROM alerts ORDER BY since_ms, kind LIMIT "} +
                          kRowsMax));
    for (const sqlite::Row& row : alerts) {
      state.open.push_back({sqlite::to_text(row[0]), time_of_ms(sqlite::to_int(row[1])),
                            time_of_ms(sqlite::to_int(row[2])), sqlite::to_text(row[3])});
    }
    PV_TRY(const auto marks, connection.all(std::string{"SELECT name, substr(text, 1, 500), at_ms "
                                                        "FROM alert_marks LIMIT "} +
                                            kRowsMax));
    for (const sqlite::Row& row : marks) {
      state.marks.push_back(
          {sqlite::to_text(row[0]), sqlite::to_text(row[1]), time_of_ms(sqlite::to_int(row[2]))});
    }
    return {};
  }));
  return state;
}

Result<void> change_alerts(const VaultDb& db, const AlertChange& change, WallTime now,
                           const VaultDb::Say& say) {
  return db.write([&](sqlite::Connection& connection) { return apply(connection, change, now); },
                  say);
}

Result<std::vector<Delivery>> read_deliveries(const VaultDb& db, std::size_t count) {
  return select(db, "ORDER BY number DESC LIMIT " + std::to_string(count));
}

Result<std::vector<Delivery>> read_waiting(const VaultDb& db) {
  return select(db,
                "WHERE number IN (SELECT min(number) FROM deliveries WHERE ended_ms IS NULL "
                "GROUP BY channel) ORDER BY number LIMIT 1000");
}

Result<void> note_attempt(const VaultDb& db, const Delivery& delivery, const VaultDb::Say& say) {
  return db.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        const std::array<Value, 6> parameters{
            delivery.number,      delivery.attempts,
            ms_of(delivery.next), time_or_null(delivery.ended),
            delivery.outcome,     first_line(delivery.error, kErrorMax)};
        PV_TRY(std::ignore,
               connection.run("UPDATE deliveries SET attempts = ?2, next_ms = ?3, ended_ms = ?4, "
                              "outcome = ?5, error = ?6 WHERE number = ?1",
                              parameters));
        return {};
      },
      say);
}

}  // namespace pv::state
