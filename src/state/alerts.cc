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
constexpr const char* kRowsMax = "100";   // of alerts and marks, which are a handful
constexpr const char* kToldMax = "1000";  // a row a kind and channel

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

Result<std::vector<Delivery>> select(sqlite::Connection& connection, const std::string& rest) {
  std::vector<Delivery> deliveries;
  if (!connection.has_table("deliveries")) { return deliveries; }
  PV_TRY(const auto rows, connection.all(kSelect + rest));
  for (const sqlite::Row& row : rows) { deliveries.push_back(from_row(row)); }
  return deliveries;
}

Result<std::vector<Delivery>> select(const VaultDb& db, const std::string& rest) {
  std::vector<Delivery> deliveries;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(deliveries, select(connection, rest));
    return {};
  }));
  return deliveries;
}

Result<AlertState> read_state(sqlite::Connection& connection) {
  AlertState state;
  if (!connection.has_table("alerts")) { return state; }
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
  PV_TRY(const auto told,
         connection.all((connection.has_table("told") ? "SELECT kind, channel, told_ms FROM told"
                                                      : std::string{kToldByDeliveries}) +
                        " LIMIT " + kToldMax));
  for (const sqlite::Row& row : told) {
    state.told.push_back(
        {sqlite::to_text(row[0]), sqlite::to_text(row[1]), time_of_ms(sqlite::to_int(row[2]))});
  }
  return state;
}

Result<void> add(sqlite::Connection& connection, const Delivery& delivery) {
  const std::array<Value, 12> parameters{delivery.channel,
                                         delivery.kind,
                                         std::int64_t{delivery.is_reminder ? 1 : 0},
                                         first_line(delivery.title, kErrorMax),
                                         cut(delivery.text, kTextMax),
                                         ms_of(delivery.created),
                                         delivery.attempts,
                                         ms_of(delivery.next),
                                         time_or_null(delivery.ended),
                                         delivery.outcome,
                                         first_line(delivery.error, kErrorMax),
                                         delivery.number};
  // A number that another process has taken meanwhile is not insisted on.
  PV_TRY(std::ignore, connection.run("INSERT INTO deliveries VALUES (iif(?12 = 0 OR EXISTS "
                                     "(SELECT 1 FROM deliveries WHERE number = ?12), NULL, ?12),"
                                     "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
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

Result<void> note_attempt(sqlite::Connection& connection, const Delivery& delivery) {
  const std::array<Value, 6> parameters{
      delivery.number,      delivery.attempts,
      ms_of(delivery.next), time_or_null(delivery.ended),
      delivery.outcome,     first_line(delivery.error, kErrorMax)};
  PV_TRY(std::ignore,
         connection.run("UPDATE deliveries SET attempts = ?2, next_ms = ?3, ended_ms = ?4, "
                        "outcome = ?5, error = ?6 WHERE number = ?1",
                        parameters));
  return {};
}

Result<void> forget_told(sqlite::Connection& connection, const char* column,
                         const std::string& value) {
  const std::array<Value, 1> parameters{value};
  PV_TRY(std::ignore,
         connection.run("DELETE FROM told WHERE " + std::string{column} + " = ?1", parameters));
  return {};
}

Result<void> put_state(sqlite::Connection& connection, const AlertChange& change) {
  for (const std::string& kind : change.closed) {
    const std::array<Value, 1> parameters{kind};
    PV_TRY(std::ignore, connection.run("DELETE FROM alerts WHERE kind = ?1", parameters));
    PV_CHECK(forget_told(connection, "kind", kind));
  }
  for (const std::string& channel : change.gone) {
    PV_CHECK(forget_told(connection, "channel", channel));
  }
  for (const OpenAlert& alert : change.open) {
    const std::array<Value, 4> parameters{alert.kind, ms_of(alert.since), ms_of(alert.told),
                                          cut(alert.text, kTextMax)};
    PV_TRY(std::ignore,
           connection.run("INSERT OR REPLACE INTO alerts VALUES (?1,?2,?3,?4)", parameters));
  }
  for (const Told& told : change.told) {
    const std::array<Value, 3> parameters{told.kind, told.channel, ms_of(told.at)};
    PV_TRY(std::ignore,
           connection.run("INSERT OR REPLACE INTO told VALUES (?1,?2,?3)", parameters));
  }
  for (const Mark& mark : change.marks) {
    const std::array<Value, 3> parameters{mark.name, mark.text, ms_of(mark.at)};
    PV_TRY(std::ignore,
           connection.run("INSERT OR REPLACE INTO alert_marks VALUES (?1,?2,?3)", parameters));
  }
  return {};
}

// In the place of the one that is of the same.
template <class One, class IsSame>
void replace(std::vector<One>& list, const One& one, const IsSame& is_same) {
  const auto found =
      std::ranges::find_if(list, [&](const One& other) { return is_same(one, other); });
  if (found == list.end()) {
    list.push_back(one);
  } else {
    *found = one;
  }
}

void replace_open(std::vector<OpenAlert>& list, const OpenAlert& alert) {
  replace(list, alert, [](const auto& a, const auto& b) { return a.kind == b.kind; });
}

void replace_told(std::vector<Told>& list, const Told& told) {
  replace(list, told,
          [](const auto& a, const auto& b) { return a.kind == b.kind && a.channel == b.channel; });
}

void replace_mark(std::vector<Mark>& list, const Mark& mark) {
  replace(list, mark, [](const auto& a, const auto& b) { return a.name == b.name; });
}

void add_once(std::vector<std::string>& list, const std::string& one) {
  replace(list, one, [](const auto& a, const auto& b) { return a == b; });
}

void forget(const AlertChange& change, std::vector<OpenAlert>& open, std::vector<Told>& told) {
  for (const std::string& kind : change.closed) {
    std::erase_if(open, [&](const OpenAlert& one) { return one.kind == kind; });
    std::erase_if(told, [&](const Told& one) { return one.kind == kind; });
  }
  for (const std::string& channel : change.gone) {
    std::erase_if(told, [&](const Told& one) { return one.channel == channel; });
  }
}

}  // namespace

void apply(const AlertChange& change, AlertState& state) {
  forget(change, state.open, state.told);
  for (const OpenAlert& alert : change.open) { replace_open(state.open, alert); }
  for (const Told& told : change.told) { replace_told(state.told, told); }
  for (const Mark& mark : change.marks) { replace_mark(state.marks, mark); }
}

void append(AlertChange next, AlertChange& change) {
  forget(next, change.open, change.told);
  for (const std::string& kind : next.closed) { add_once(change.closed, kind); }
  for (const std::string& channel : next.gone) { add_once(change.gone, channel); }
  for (const OpenAlert& alert : next.open) { replace_open(change.open, alert); }
  for (const Told& told : next.told) { replace_told(change.told, told); }
  for (const Mark& mark : next.marks) { replace_mark(change.marks, mark); }
  for (Delivery& delivery : next.deliveries) { change.deliveries.push_back(std::move(delivery)); }
  for (const Delivery& attempt : next.attempts) {
    const auto is_it = [&](const Delivery& one) { return one.number == attempt.number; };
    const auto unwritten = std::ranges::find_if(change.deliveries, is_it);
    if (unwritten != change.deliveries.end()) {
      *unwritten = attempt;
    } else {
      replace(change.attempts, attempt,
              [](const auto& a, const auto& b) { return a.number == b.number; });
    }
  }
}

Result<void> put(sqlite::Connection& connection, const AlertChange& change, WallTime now) {
  PV_CHECK(put_state(connection, change));
  for (const Delivery& delivery : change.deliveries) {
    PV_CHECK(add(connection, delivery));
    PV_CHECK(drop_oldest(connection, delivery.channel, now));
  }
  for (const Delivery& attempt : change.attempts) { PV_CHECK(note_attempt(connection, attempt)); }
  return change.deliveries.empty() ? Result<void>{} : forget_old(connection);
}

Result<AlertMemory> read_alert_memory(const VaultDb& db) {
  AlertMemory memory;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(memory.state, read_state(connection));
    PV_TRY(memory.waiting, select(connection, "WHERE ended_ms IS NULL ORDER BY number LIMIT " +
                                                  std::to_string(kWaitingReadMax)));
    return {};
  }));
  return memory;
}

Result<void> change_alerts(const VaultDb& db, const AlertChange& change, WallTime now,
                           const VaultDb::Say& say) {
  return db.write([&](sqlite::Connection& connection) { return put(connection, change, now); },
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

}  // namespace pv::state
