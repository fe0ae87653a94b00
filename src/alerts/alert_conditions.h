// What is wrong with a directory's backups, by one look at it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jobs/overview.h"
#include "jobs/verdicts.h"
#include "settings/alert_settings.h"

namespace pv::alerts {

// What one look saw.
struct Sight {
  // Since when the store can't be looked at, and why: then of failures the history alone tells, and
  // of the rest nothing is known.
  std::optional<WallTime> unseen_since = std::nullopt;
  std::string unseen_because = {};
  jobs::Overview overview = {};
  std::vector<jobs::ListedBackup> backups = {};
  // Since when the timetable is as it is; nullopt: there is none.
  std::optional<WallTime> timetable_since = std::nullopt;
  // When the backup was due that an open alert says was missed.
  std::optional<WallTime> missed_since = std::nullopt;
  std::chrono::seconds jitter_max{0};
  // Since when backups wait for their store, or the mirror lacks some, without a break; nullopt:
  // all are where they belong.
  std::optional<WallTime> behind_since = std::nullopt;
  std::string behind = {};  // how much
};

struct Condition {
  std::string kind;  // of settings::kAlertKinds
  WallTime since;
  std::string text;  // lines, for a person
  friend bool operator==(const Condition&, const Condition&) = default;
};

// "Backup failed".
[[nodiscard]] std::string title_of(std::string_view kind);

// The same of "recovered" while another alert is open: not all is good then.
[[nodiscard]] std::string title_of_partly_over();

// Whether a good backup is as new as the one that was missed, or none was.
[[nodiscard]] bool is_made_up_for(const Sight& sight);

// Since when `kind` is open already; nullopt: it is not. What is open ends only with proof: a
// failure, and what was missed, with a backup made after it, low space with a tenth more than the
// bound.
using OpenSince = std::function<std::optional<WallTime>(std::string_view kind)>;

// In the order of settings::kAlertKinds, whether or not anybody is to be told.
[[nodiscard]] std::vector<Condition> conditions_of(const Sight& sight,
                                                   const settings::AlertSettings& settings,
                                                   const OpenSince& open_since, WallTime now);

// Whether what depends on bounds, "unverified" or "spaceLow", is so by these: of what ended by a
// change of the settings nothing became well.
[[nodiscard]] bool holds(std::string_view kind, const Sight& sight,
                         const settings::AlertSettings& settings, const OpenSince& open_since,
                         WallTime now);

}  // namespace pv::alerts
