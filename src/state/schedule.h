// How far what is to be done by itself has been done.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "state/vault_db.h"

namespace pv::state {

struct Served {
  std::string expression;  // the timetable that this is about
  WallTime until;          // all that was due until then is done
  friend bool operator==(const Served&, const Served&) = default;
};

// Errors of all: as VaultDb. `id` is that of a cron job.
[[nodiscard]] Result<std::optional<Served>> read_served(const VaultDb& db, const std::string& id);
// All of them, by their ids.
[[nodiscard]] Result<std::map<std::string, Served>> read_schedule(const VaultDb& db);
[[nodiscard]] Result<void> note_served(const VaultDb& db, const std::string& id,
                                       const Served& served, const VaultDb::Say& say);
[[nodiscard]] Result<void> forget_served(const VaultDb& db, const std::string& id);

}  // namespace pv::state
