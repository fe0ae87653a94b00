// What a running server tells Prometheus (docs/metrics.md).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "jobs/job.h"
#include "metrics/facts.h"
#include "s3/options.h"

namespace pv::metrics {

// What is true at the moment of a scrape, whenever the store was last looked at.
struct Moment {
  Facts facts;
  std::map<std::string, std::uint64_t> running;  // jobs, by their kinds
  std::optional<WallTime> next_backup;           // by the clock
};

// Labels have few values, and none is a name from outside.
//
// Threads    Any.
class Metrics {
 public:
  Metrics(std::string version, WallTime started);
  ~Metrics();

  void note(const jobs::Status& status);  // counts jobs that have ended
  void note(const s3::Tried& tried);
  // `route`: one of few names.
  void note_request(std::string_view route, unsigned status, std::chrono::nanoseconds took);

  // In Prometheus's text format.
  [[nodiscard]] std::string text(const Moment& moment) const;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pv::metrics
