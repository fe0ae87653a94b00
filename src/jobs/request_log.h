// The log of requests, written a while after they were answered.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "jobs/job.h"
#include "jobs/live_settings.h"
#include "logs/log_rows.h"

namespace pv::jobs {

// Threads    add() on any thread, and never waits; the others on one.
// Lifetime   What it is made of outlives it. What was added and not written when it goes is lost.
class RequestLog {
 public:
  // `warn` is told how many rows were lost, once rows can be written again; on the thread of
  // tick().
  RequestLog(
      datadir::DataDir& directory, LiveSettings& settings, const Clock& clock,
      std::function<void(const std::string&)> warn = [](const std::string&) {});

  // Whether anything of this level is kept at all, by the settings.
  [[nodiscard]] bool wants(std::int64_t level) const;
  // Waits to be written; is lost when it has more than 16 KiB, or 4 MiB of rows wait already.
  void add(logs::LogRow row);

  // Writes what waits when nothing came for 3 s, when 200 rows wait, or when they have for 10 s;
  // and removes what changed settings no longer keep. Meant to be called every second. Where an app
  // runs on the directory nothing is written: the log is the app's.
  void tick();
  // Writes what waits now.
  void flush();
  // The same at the end: what can't be written is given up, with a warning.
  void finish();

 private:
  void remove_unwanted();
  [[nodiscard]] bool is_due(WallTime now) const;  // mutex_ is held
  void put_back(std::vector<logs::LogRow> rows);
  void tell_of_lost();

  datadir::DataDir& directory_;
  LiveSettings& settings_;
  const Clock& clock_;
  const std::function<void(const std::string&)> warn_;
  std::optional<settings::Logs> cleaned_for_;
  std::optional<std::chrono::steady_clock::time_point> looked_at_;  // for more to clean
  mutable std::mutex mutex_;
  std::vector<logs::LogRow> waiting_;
  std::size_t bytes_ = 0;  // of what waits, and of what is being written
  std::size_t lost_ = 0;   // rows that nobody was told of
  WallTime first_at_{};
  WallTime last_at_{};
};

// What PocketBase writes there of a backup by the clock and of a restore that failed: "[Backup
// cron] Failed to create backup", with {"error","name"}; "Failed to restore backup", with
// {"error","key"} (spec: http-api.md, 1.13). nullopt: nothing, of any other.
[[nodiscard]] std::optional<logs::LogRow> row_of_failure(const Status& status, const Clock& clock,
                                                         Random& random);

}  // namespace pv::jobs
