#include "jobs/rate_meter.h"

#include <algorithm>

namespace pv::jobs {

void RateMeter::add(Moment now, std::uint64_t count) {
  const bool crowded = samples_.size() >= 2 && now - samples_[samples_.size() - 2].at < kApart;
  if (crowded) { samples_.pop_back(); }
  samples_.push_back({now, count});
  while (samples_.size() > kSamplesMax || (samples_.size() > 2 && now - samples_[1].at >= kOver)) {
    samples_.pop_front();
  }
}

std::uint64_t RateMeter::per_second() const {
  if (samples_.size() < 2) { return 0; }
  const std::chrono::duration<double> span = samples_.back().at - samples_.front().at;
  if (span < kApart) { return 0; }
  const auto grown = static_cast<double>(samples_.back().count -
                                         std::min(samples_.back().count, samples_.front().count));
  return static_cast<std::uint64_t>(grown / span.count());
}

}  // namespace pv::jobs
