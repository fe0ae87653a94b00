// The log of requests, written a while after they were answered.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "jobs/live_settings.h"
#include "logs/log_rows.h"

namespace pv::jobs {

// Threads    add() on any thread, and never waits; the others on one.
// Lifetime   What it is made of outlives it. What was added and not written when it goes is lost.
class RequestLog {
 public:
  RequestLog(datadir::DataDir& directory, LiveSettings& settings, const Clock& clock);

  // Whether anything of this level is kept at all, by the settings.
  [[nodiscard]] bool wants(std::int64_t level) const;
  // Waits to be written, unless 10,000 do already.
  void add(logs::LogRow row);

  // Writes what waits when nothing came for 3 s, when 200 rows wait, or when they have for 10 s;
  // and removes what changed settings no longer keep. Meant to be called every second. Where an app
  // runs on the directory nothing is written: the log is the app's.
  void tick();
  // Writes what waits now.
  void flush();

 private:
  void remove_unwanted();
  [[nodiscard]] bool is_due(WallTime now) const;  // mutex_ is held

  datadir::DataDir& directory_;
  LiveSettings& settings_;
  const Clock& clock_;
  std::optional<settings::Logs> cleaned_for_;
  mutable std::mutex mutex_;
  std::vector<logs::LogRow> waiting_;
  WallTime first_at_{};
  WallTime last_at_{};
};

}  // namespace pv::jobs
