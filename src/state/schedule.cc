#include "state/schedule.h"

#include <array>

#include "state/columns.h"

namespace pv::state {

using sqlite::Value;

Result<std::optional<Served>> read_served(const VaultDb& db, const std::string& id) {
  std::optional<Served> served;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("schedule")) { return {}; }
    const std::array<Value, 1> parameters{id};
    PV_TRY(const auto row,
           connection.one("SELECT expression, served_ms FROM schedule WHERE id = ?1", parameters));
    if (row) { served = Served{sqlite::to_text((*row)[0]), time_of_ms(sqlite::to_int((*row)[1]))}; }
    return {};
  }));
  return served;
}

Result<std::map<std::string, Served>> read_schedule(const VaultDb& db) {
  std::map<std::string, Served> schedule;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("schedule")) { return {}; }
    PV_TRY(const auto rows,
           connection.all("SELECT id, expression, served_ms FROM schedule LIMIT 100"));
    for (const sqlite::Row& row : rows) {
      schedule[sqlite::to_text(row[0])] = {sqlite::to_text(row[1]),
                                           time_of_ms(sqlite::to_int(row[2]))};
    }
    return {};
  }));
  return schedule;
}

Result<void> note_served(const VaultDb& db, const std::string& id, const Served& served,
                         const VaultDb::Say& say) {
  return db.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        const std::array<Value, 3> parameters{id, served.expression, ms_of(served.until)};
        PV_TRY(std::ignore,
               connection.run("INSERT OR REPLACE INTO schedule VALUES (?1, ?2, ?3)", parameters));
        return {};
      },
      say);
}

Result<void> forget_served(const VaultDb& db, const std::string& id) {
  return db.change([&](sqlite::Connection& connection) -> Result<void> {
    const std::array<Value, 1> parameters{id};
    PV_TRY(std::ignore, connection.run("DELETE FROM schedule WHERE id = ?1", parameters));
    return {};
  });
}

}  // namespace pv::state
