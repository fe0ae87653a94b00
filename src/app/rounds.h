#pragma once

#include "app/ticker.h"
#include "jobs/live_settings.h"
#include "jobs/reopening.h"
#include "jobs/request_log.h"
#include "schedule/scheduler.h"

namespace pv::app {

// What a server does by itself, each second: sees what others did to the data and to the settings,
// writes down requests, and serves the timetables. The timetables wait for stores, minutes where a
// bucket is slow, so they have a thread of their own, and hold up nothing of the rest.
//
// Lifetime   What it is made of outlives it.
class Rounds {
 public:
  struct Parts {
    jobs::Reopening& reopening;
    jobs::LiveSettings& settings;
    jobs::RequestLog& log;
    schedule::Scheduler& scheduler;
  };
  explicit Rounds(const Parts& parts);
  // Begins no more; the destructor waits for what runs.
  void stop();

 private:
  unsigned count_ = 0;  // of quick_'s thread
  Ticker quick_;
  Ticker timetables_;
};

}  // namespace pv::app
