#include "jobs/job.h"

#include <gtest/gtest.h>

#include <thread>

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};

TEST(Job, TellsHowItEnded) {
  struct Ending {
    Result<void> outcome;
    State state;
  };
  for (const Ending& ending :
       {Ending{{}, State::kSucceeded}, Ending{fail(Code::kNoSpace, "full"), State::kFailed},
        Ending{fail(Code::kCancelled, "cancelled"), State::kCancelled}}) {
    Job job{"id", Kind::kBackup, "a.zip", kNow};
    EXPECT_FALSE(job.finished());
    job.finish(ending.outcome, kNow + 1s);
    EXPECT_TRUE(job.finished());
    const Status status = job.status();
    EXPECT_EQ(status.state, ending.state);
    EXPECT_EQ(status.finished, kNow + 1s);
    EXPECT_EQ(status.error.has_value(), !ending.outcome.has_value());
  }
}

TEST(Job, ProgressNeverGoesBackNorPastTheTotal) {
  Job job{"id", Kind::kBackup, "a.zip", kNow};
  job.add_done(10);
  EXPECT_EQ(job.status().bytes_done, 10U) << "the total is not known yet";
  std::uint64_t packed = 40;
  {
    job.set_total(100);
    const Job::Gauge gauge{job, [&] { return packed; }};
    EXPECT_EQ(job.status().bytes_done, 40U);
    packed = 130;  // a file grew
    EXPECT_EQ(job.status().bytes_done, 100U);
    packed = 90;
  }
  EXPECT_EQ(job.status().bytes_done, 90U) << "what the gauge said last";
  job.finish({}, kNow);
  EXPECT_EQ(job.status().bytes_done, 100U) << "done is 100 %";
}

TEST(Job, KeepsTheFirstWarningsAndCountsTheRest) {
  Job job{"id", Kind::kBackup, "a.zip", kNow};
  for (std::size_t i = 0; i < kWarningsMax + 7; ++i) { job.warn({std::to_string(i), "gone"}); }
  const Status status = job.status();
  ASSERT_EQ(status.warnings.size(), kWarningsMax + 1);
  EXPECT_EQ(status.warnings[kWarningsMax - 1].name, std::to_string(kWarningsMax - 1));
  EXPECT_EQ(status.warnings.back(), (Warning{"", "and 7 more warnings"}));
}

TEST(Job, CallsBackOnceWheneverOneAsks) {
  Job job{"id", Kind::kRestore, "a.zip", kNow};
  int early = 0;
  int late = 0;
  job.on_finished([&] {
    ++early;
    EXPECT_TRUE(job.finished()) << "the end is visible before the call";
  });
  EXPECT_FALSE(job.wait_for(1ms));
  std::thread worker{[&] { job.finish({}, kNow); }};
  job.wait();
  worker.join();
  job.on_finished([&] { ++late; });
  EXPECT_EQ(early, 1);
  EXPECT_EQ(late, 1);
}

}  // namespace
}  // namespace pv::jobs
