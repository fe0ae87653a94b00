// Whether backups come as they should: what the history and the schedule tell of it.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fs/file.h"
#include "state/history.h"

namespace pv::jobs {

// How the size of archives changes, by the backups of the last 30 days.
struct Trend {
  std::int64_t bytes_per_day = 0;
  std::chrono::seconds span{0};  // between the first and the last of them
  friend bool operator==(const Trend&, const Trend&) = default;
};
// nullopt: they span less than a day.
[[nodiscard]] std::optional<Trend> trend_of(const std::vector<state::PastJob>& backups);
// "The archives grow by 1.2 MB a day."
[[nodiscard]] std::string sentence_of(const Trend& trend);

// What is made by the clock, as a server last noted it; or as the server that is asked has it.
struct Timetable {
  std::string expression = {};  // empty: no server makes any
  std::optional<WallTime> next;
  std::optional<WallTime> missed;  // due then, and not made since
  std::string off_because = {};    // an app has the timetable; empty: nothing is known of one
  friend bool operator==(const Timetable&, const Timetable&) = default;
};

// Of verifications by the clock, where backups are in a bucket.
inline constexpr const char* kBucketsAreNotVerified =
    "each would read whole backups out of the bucket: the setting verification.buckets allows that";

struct Health {
  std::optional<state::PastJob> last;  // backup that this directory made, however it ended
  std::optional<state::PastJob>
      last_decided;  // the last that was not cancelled, which tells nothing
  std::optional<state::PastJob> last_succeeded;  // the last that did
  std::optional<Trend> trend;
  Timetable timetable;  // of backups
  // What it follows from: until when it was served, and how late is still in time.
  std::optional<WallTime> served_until = {};
  std::optional<WallTime> missed_before = {};  // due then by an earlier timetable
  std::chrono::seconds late_max{0};
  Timetable verification;  // of verifications; whether one was missed is not told
  std::string unwritten_because =
      {};  // why vault.db can't be written to; empty: it can, or nobody tried
  std::string settings_trouble = {};  // why the settings of our own are not known; empty: they are
  std::string memory_trouble = {};    // why vault.db can't be read; empty: it can, or is not there
};

// By the clock alone: whether a run was made up for is not looked at. Where vault.db can't be read,
// nothing is known.
[[nodiscard]] Health look_at_health(const fs::Path& vault_folder, WallTime now);
// What was due was not missed where a backup that counts was made since, by whomever. `newest`:
// when the newest of them was.
void account_for(std::optional<WallTime> newest, WallTime now, Health& health);
// Both.
[[nodiscard]] Health look_at_health(const fs::Path& vault_folder, std::optional<WallTime> newest,
                                    WallTime now);

// Whether the server that last took up the timetable makes its backups beside an app, too.
[[nodiscard]] bool is_made_beside_apps(const fs::Path& vault_folder);

// Counts jobs that could not be written to the history yet, newest first.
void count_in(const std::vector<state::PastJob>& unwritten, Health& health);

// docs/api.md, "History". Strings are valid UTF-8.
[[nodiscard]] boost::json::object to_json(const state::PastJob& job);

// docs/api.md, "Status": the members that are about this. Strings are valid UTF-8.
void add_to_json(const Health& health, boost::json::object& status);
[[nodiscard]] Health health_from_json(const boost::json::object& status);

}  // namespace pv::jobs
