#include "cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "testing/fake_clock.h"

namespace pv::cli {
namespace {

const Words kWords{Language::kEnglish};

using namespace std::chrono_literals;
using testing::FakeClock;

constexpr std::uint64_t kMega = 1'000'000;

TEST(Progress, BarShowsShareRateAndTimeLeft) {
  FakeClock clock;
  std::ostringstream out;
  {
    Progress progress{out, ProgressStyle::kBar, clock, "backup a.zip", kWords};
    progress.update("pack", 0, 400 * kMega);
    clock.advance(1s);
    progress.update("pack", 100 * kMega, 400 * kMega);
    EXPECT_TRUE(
        out.str().ends_with("\r\x1b[Kbackup a.zip  pack  [======                  ] 25%  "
                            "100.0 MB of 400.0 MB  100.0 MB/s  ETA 0:03"))
        << out.str();
  }
  EXPECT_TRUE(out.str().ends_with("\r\x1b[K")) << "the bar goes when the work is done";
  EXPECT_EQ(out.str().find('\n'), std::string::npos);
}

TEST(Progress, BarIsRedrawnAtMostTenTimesASecond) {
  FakeClock clock;
  std::ostringstream out;
  Progress progress{out, ProgressStyle::kBar, clock, "x", kWords};
  progress.update("pack", 0, 100);
  const std::string first = out.str();
  EXPECT_FALSE(first.empty());
  clock.advance(99ms);
  progress.update("pack", 50, 100);
  EXPECT_EQ(out.str(), first);
  clock.advance(1ms);
  progress.update("pack", 50, 100);
  EXPECT_NE(out.str(), first);
}

TEST(Progress, RateIsThatOfTheLastSeconds) {
  FakeClock clock;
  std::ostringstream out;
  Progress progress{out, ProgressStyle::kBar, clock, "x", kWords};
  std::uint64_t done = 0;
  for (int i = 0; i < 100; ++i) {  // 10 s at 10 MB/s
    progress.update("pack", done, 1000 * kMega);
    clock.advance(100ms);
    done += kMega;
  }
  for (int i = 0; i < 100; ++i) {  // 10 s at 20 MB/s
    progress.update("pack", done, 1000 * kMega);
    clock.advance(100ms);
    done += 2 * kMega;
  }
  EXPECT_NE(out.str().rfind("20.0 MB/s  ETA 0:35"), std::string::npos)
      << out.str().substr(out.str().size() - 120);
}

TEST(Progress, LinesComeEachTenSecondsWhereThereIsNoTerminal) {
  FakeClock clock;
  std::ostringstream out;
  {
    Progress progress{out, ProgressStyle::kLines, clock, "backup a.zip", kWords};
    for (int second = 0; second <= 20; ++second) {
      progress.update("pack", static_cast<std::uint64_t>(second) * kMega, 40 * kMega);
      clock.advance(1s);
    }
  }
  EXPECT_EQ(out.str(),
            "backup a.zip: pack, 25% (10.0 MB of 40.0 MB), 1.0 MB/s, 0:30 left\n"
            "backup a.zip: pack, 50% (20.0 MB of 40.0 MB), 1.0 MB/s, 0:20 left\n");
}

TEST(Progress, ShortWorkWritesNoLine) {
  FakeClock clock;
  std::ostringstream out;
  Progress progress{out, ProgressStyle::kLines, clock, "x", kWords};
  progress.update("pack", 1, 2);
  clock.advance(9s);
  progress.update("pack", 2, 2);
  EXPECT_EQ(out.str(), "");
}

TEST(Progress, BearsUnknownTotalsStandstillAndNonsense) {
  FakeClock clock;
  std::ostringstream out;
  Progress progress{out, ProgressStyle::kBar, clock, "x", kWords};
  progress.update("pin", 0, 0);
  clock.advance(1s);
  progress.update("pack", 0, 100);  // nothing moves: no rate, no ETA
  EXPECT_TRUE(out.str().ends_with("] 0%  0 B of 100 B")) << out.str();
  clock.advance(1s);
  progress.update("pack", 200, 100);  // more than there is
  EXPECT_NE(out.str().find("] 100%  100 B of 100 B"), std::string::npos) << out.str();
  clock.advance(1s);
  progress.update("commit", 5, 100);  // starts again: no negative rate
  EXPECT_TRUE(out.str().ends_with("] 5%  5 B of 100 B")) << out.str();
}

TEST(Progress, DoneIsSaidOnlyWhenItIs) {
  FakeClock clock;
  std::ostringstream out;
  Progress progress{out, ProgressStyle::kBar, clock, "x", kWords};
  progress.update("pack", 9'999'999, 10'000'000);
  EXPECT_NE(out.str().find("99%"), std::string::npos) << out.str();
}

TEST(Progress, NoneWritesNothing) {
  FakeClock clock;
  std::ostringstream out;
  {
    Progress progress{out, ProgressStyle::kNone, clock, "x", kWords};
    for (int i = 0; i < 100; ++i) {
      progress.update("pack", 1, 2);
      clock.advance(1s);
    }
  }
  EXPECT_EQ(out.str(), "");
}

TEST(FormatSpan, ReadsLikeAClock) {
  EXPECT_EQ(format_span(0s), "0:00");
  EXPECT_EQ(format_span(7s), "0:07");
  EXPECT_EQ(format_span(754s), "12:34");
  EXPECT_EQ(format_span(3723s), "1:02:03");
  EXPECT_EQ(format_span(36000s), "10:00:00");
  EXPECT_EQ(format_span(-1s), "0:00");
}

}  // namespace
}  // namespace pv::cli
