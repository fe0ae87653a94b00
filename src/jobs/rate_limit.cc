#include "jobs/rate_limit.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "jobs/workers.h"

namespace pv::jobs {
namespace {

constexpr double kBucketSeconds = 0.25;
constexpr std::uint64_t kUnlimited = 1;  // what the bucket of a sink without a limit is made with

}  // namespace

TokenBucket::TokenBucket(std::uint64_t bytes_per_second, Moment now)
    : bytes_per_second_{static_cast<double>(bytes_per_second)},
      filled_{bytes_per_second_ * kBucketSeconds},
      since_{now} {
  PV_ASSERT(bytes_per_second > 0);
}

std::chrono::nanoseconds TokenBucket::take(std::uint64_t bytes, Moment now) {
  const std::chrono::duration<double> span = now - since_;
  since_ = now;
  filled_ =
      std::min(filled_ + span.count() * bytes_per_second_, bytes_per_second_ * kBucketSeconds);
  filled_ -= static_cast<double>(bytes);
  if (filled_ >= 0) { return std::chrono::nanoseconds{0}; }
  constexpr double kSecondsMax = 1e9;  // so that the cast is defined
  const std::chrono::duration<double> debt{std::min(-filled_ / bytes_per_second_, kSecondsMax)};
  return std::chrono::duration_cast<std::chrono::nanoseconds>(debt);
}

RateLimitedSink::RateLimitedSink(Sink& inner, std::uint64_t bytes_per_second, const Job& job)
    : inner_{inner},
      limited_{bytes_per_second > 0},
      bucket_{limited_ ? bytes_per_second : kUnlimited, std::chrono::steady_clock::now()},
      job_{job} {}

Result<void> RateLimitedSink::write(Bytes bytes) {
  if (limited_) { PV_CHECK(wait(bytes.size())); }
  return inner_.write(bytes);
}

Result<bool> RateLimitedSink::clone(Source& source, ByteRange range) {
  if (limited_) { PV_CHECK(wait(0)); }
  return inner_.clone(source, range);
}

Result<void> RateLimitedSink::repeat(Bytes bytes, std::uint64_t at) {
  if (limited_) { PV_CHECK(wait(bytes.size())); }
  return inner_.repeat(bytes, at);
}

Result<void> RateLimitedSink::wait(std::uint64_t written_bytes) {
  written_bytes_ += written_bytes;
  const std::uint64_t charged = std::max({written_bytes_, job_.bytes_done(), charged_bytes_});
  const auto span = bucket_.take(charged - std::exchange(charged_bytes_, charged),
                                 std::chrono::steady_clock::now());
  if (span.count() == 0) { return {}; }
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock{mutex};
  woken.wait_for(lock, job_.stop_token(), span, [] { return false; });
  return go_on(job_);
}

}  // namespace pv::jobs
