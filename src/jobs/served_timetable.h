#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/cron.h"
#include "fs/file.h"

namespace pv::jobs {

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

  // Another timetable, or none. The moment, `now` at the latest, where this is the one that is
  // known already; nullopt: nothing was due before `now`. Nothing is planned yet.
  [[nodiscard]] std::optional<WallTime> adopt(std::optional<Cron> cron, WallTime now);

  // The next run is the first that is due after `after`, and begins so much later.
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
  mutable std::mutex mutex_;
  std::optional<Cron> cron_;
  std::optional<WallTime> next_;
};

}  // namespace pv::jobs
