// Keeps a backup from taking more of the disk than it is given.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include "base/io.h"
#include "jobs/job.h"

namespace pv::jobs {

// A bucket that fills with so many bytes a second and holds a quarter of that.
class TokenBucket {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  // `bytes_per_second` is not 0.
  TokenBucket(std::uint64_t bytes_per_second, Moment now);

  // Takes `bytes` out, more than there are if need be, and says how long to wait until the bucket
  // is no longer in debt.
  [[nodiscard]] std::chrono::nanoseconds take(std::uint64_t bytes, Moment now);

 private:
  double bytes_per_second_;
  double filled_;  // bytes; below 0: debt
  Moment since_;
};

// Hands on to another sink, and waits so that neither what is written nor what is packed (as the
// job tells it) passes the limit: the packing waits for the writing with a few MiB in hand, so the
// reading keeps to the limit as well.
class RateLimitedSink final : public Sink {
 public:
  // `bytes_per_second` 0: no limit. Sink and job outlive it.
  RateLimitedSink(Sink& inner, std::uint64_t bytes_per_second, const Job& job);

  // kCancelled when the job is to stop: at once, however long the wait would be.
  [[nodiscard]] Result<void> write(Bytes bytes) override;
  [[nodiscard]] bool can_patch() const override { return inner_.can_patch(); }
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes bytes) override {
    return inner_.patch(offset, bytes);
  }
  [[nodiscard]] std::uint64_t clone_block_bytes() const override {
    return inner_.clone_block_bytes();
  }
  // Writes nothing, but what is cloned was read before.
  [[nodiscard]] Result<bool> clone(Source& source, ByteRange range) override;
  [[nodiscard]] bool can_repeat() const override { return inner_.can_repeat(); }
  // Counts as written, for it may have to be sent after all.
  [[nodiscard]] Result<void> repeat(Bytes bytes, std::uint64_t at) override;

 private:
  [[nodiscard]] Result<void> wait(std::uint64_t written_bytes);

  Sink& inner_;
  const bool limited_;
  TokenBucket bucket_;
  const Job& job_;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t charged_bytes_ =
      0;  // written or packed, whichever is more, when it was last looked
};

}  // namespace pv::jobs
