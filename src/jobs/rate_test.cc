// Measuring a rate, and keeping to one.
#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "jobs/rate_limit.h"
#include "jobs/rate_meter.h"
#include "testing/fake_clock.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;

constexpr RateMeter::Moment kStart{1h};

TEST(RateMeter, SaysWhatTheLastSecondsWereLike) {
  RateMeter meter;
  EXPECT_EQ(meter.per_second(), 0U);
  meter.add(kStart, 0);
  meter.add(kStart + 1ms, 1'000'000);
  EXPECT_EQ(meter.per_second(), 0U) << "a moment says nothing";
  for (int tick = 1; tick <= 100; ++tick) {  // 10 s at 1000 a second, then 10 s at 5000
    meter.add(kStart + tick * 100ms, 1'000'000U + static_cast<std::uint64_t>(tick) * 100U);
  }
  EXPECT_NEAR(static_cast<double>(meter.per_second()), 1000, 30);
  for (int tick = 1; tick <= 100; ++tick) {
    meter.add(kStart + 10s + tick * 100ms, 1'010'000U + static_cast<std::uint64_t>(tick) * 500U);
  }
  EXPECT_NEAR(static_cast<double>(meter.per_second()), 5000, 150) << "the slow start is forgotten";
  meter.add(kStart + 60s, 1'060'000);
  EXPECT_LT(meter.per_second(), 5000U);
}

TEST(Job, TellsItsRateWhileItRunsAndItsAverageAfterwards) {
  testing::FakeClock clock;
  Job job{"id", Kind::kBackup, "a.zip", clock.now(), clock};
  job.set_total(10'000);
  EXPECT_EQ(job.status().bytes_per_second, 0U);
  clock.advance(1s);
  job.add_done(3000);
  EXPECT_EQ(job.status().bytes_per_second, 3000U);
  clock.advance(3s);
  job.add_done(7000);
  job.finish({}, clock.now());
  EXPECT_EQ(job.status().bytes_per_second, 2500U);
}

TEST(TokenBucket, LetsNoMoreThroughThanItIsGiven) {
  constexpr std::uint64_t kRate = 1000;
  TokenBucket bucket{kRate, kStart};
  RateMeter::Moment now = kStart;
  std::uint64_t through = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint64_t bytes = 1 + i * 7 % 300;
    now += bucket.take(bytes, now);
    through += bytes;
    if (i % 100 == 99) { now += 10s; }  // idle: only a quarter of a second is saved up
    const std::chrono::duration<double> span = now - kStart;
    ASSERT_LE(static_cast<double>(through), kRate * (span.count() + 0.25) + 1) << i;
  }
  EXPECT_EQ(bucket.take(250, now + 10s), 0ns) << "what was saved up";
  EXPECT_EQ(bucket.take(1000, now + 10s), 1s);
}

class CountingSink final : public Sink {
 public:
  Result<void> write(Bytes bytes) override {
    count += bytes.size();
    return {};
  }
  std::uint64_t count = 0;
};

TEST(RateLimitedSink, StopsAtOnceHoweverLongItWouldWait) {
  Job job{"id", Kind::kBackup, "a.zip", {}};
  CountingSink inner;
  RateLimitedSink sink{inner, 1, job};  // a day for 100 kB
  std::jthread canceller{[&] { job.cancel(); }};
  const std::vector<std::byte> block(100'000);
  const auto written = sink.write(block);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, Code::kCancelled);
  EXPECT_EQ(inner.count, 0U);
}

TEST(RateLimitedSink, CountsWhatIsPackedToo) {
  Job job{"id", Kind::kBackup, "a.zip", {}};
  CountingSink inner;
  RateLimitedSink sink{inner, 1'000'000, job};
  const std::vector<std::byte> block(10);
  ASSERT_TRUE(sink.write(block).has_value());
  job.add_done(1'000'000'000'000);  // shrinks to next to nothing: reading it is work all the same
  std::jthread canceller{[&] { job.cancel(); }};
  EXPECT_FALSE(sink.write(block).has_value());
  RateLimitedSink unlimited{inner, 0, job};
  EXPECT_TRUE(unlimited.write(block).has_value());
}

TEST(RateLimitedSink, ChargesWhatIsPackedAndThenWrittenOnce) {
  Job job{"id", Kind::kBackup, "a.zip", {}};
  CountingSink inner;
  RateLimitedSink sink{inner, 1000, job};  // 250 at once
  ASSERT_TRUE(sink.write(std::vector<std::byte>(120)).has_value());
  job.add_done(120);  // the same bytes, told later
  job.cancel();       // so that a wait would fail
  EXPECT_TRUE(sink.write(std::vector<std::byte>(10)).has_value());
  EXPECT_TRUE(sink.write(std::vector<std::byte>(110)).has_value());
}

}  // namespace
}  // namespace pv::jobs
