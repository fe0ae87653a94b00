#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/cron.h"
#include "fs/file.h"
#include "state/schedule.h"

namespace pv::schedule {

// A timetable, and up to which moment all that it asks for is done. That is kept in vault.db, so
// that what was missed, late or cut off is known after a restart as well.
//
// Threads    has_cron() and next() on any; the others on one.
class ServedTimetable {
 public:
  // Told of what can't be kept.
  using Say = std::function<void(const std::string&)>;

  // `id`: of the row in vault.db. `what`: that is done, for messages: "which backups are made".
  ServedTimetable(const fs::Path& vault_folder, std::string id, std::string what, Say say);

  // Another timetable, or none. Nothing is planned yet.
  void adopt(std::optional<Cron> cron);

  struct Progress {
    // All up to this moment, `now` at the latest, is done; nullopt: this timetable was not known.
    std::optional<WallTime> until = {};
    // Then it is in force since this moment, and nothing was due before.
    WallTime since{};
    // What was due by the timetable before and is not done: its first.
    std::optional<state::Served> missed = {};
  };
  // How far the adopted one is. nullopt: that can't be read now. Then it has to be asked for again,
  // and until then nothing may be noted that was not done.
  [[nodiscard]] std::optional<Progress> take_up(WallTime now);
  [[nodiscard]] bool is_known() const { return !unknown_since_; }
  // The clock was set back: what is noted as done in a time to come is done until `now`; what was
  // not done before stays so.
  void was_set_back(WallTime now);
  // All up to this moment is done, as far as that is known and kept.
  [[nodiscard]] std::optional<WallTime> until() const { return until_; }
  // Whether it is time to ask again.
  [[nodiscard]] bool is_to_be_taken_up(WallTime now) const;

  // The next run is the first that is due after `after`, and begins so much later; half of the time
  // to the one after it at the most.
  void plan(WallTime after, std::chrono::seconds later = {});
  // Not when the timetable says.
  void plan_at(WallTime time);
  // All up to `until` is done. Where that can't be kept, a run too many is made after a restart.
  void note_served(WallTime until);

  [[nodiscard]] bool has_cron() const;
  [[nodiscard]] std::optional<WallTime> next() const;  // nullopt: none will be

 private:
  const fs::Path vault_folder_;
  const std::string id_;
  const std::string what_;
  const Say say_;
  // Of the one thread: since when it is asked in vain.
  std::optional<WallTime> unknown_since_;
  WallTime asked_{};
  std::optional<WallTime> until_;
  mutable std::mutex mutex_;
  std::optional<Cron> cron_;
  std::optional<WallTime> next_;
};

}  // namespace pv::schedule
