#include "jobs/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/text.h"
#include "settings/vault_settings.h"
#include "state/schedule.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr WallTime kNow{std::chrono::seconds{1'795'222'487}};  // 2026-11-21 00:54:47

state::PastJob backup(std::chrono::hours before, std::uint64_t archive_bytes) {
  return {.id = "x",
          .kind = "backup",
          .name = "a.zip",
          .started = kNow - before,
          .ended = kNow - before,
          .outcome = "succeeded",
          .archive_bytes = archive_bytes};
}

TEST(Trend, IsOfTheBackupsOfThirtyDays) {
  EXPECT_EQ(trend_of({}), std::nullopt);
  EXPECT_EQ(trend_of({backup(0h, 100)}), std::nullopt);
  EXPECT_EQ(trend_of({backup(0h, 100), backup(23h, 50)}), std::nullopt) << "less than a day";
  EXPECT_EQ(trend_of({backup(0h, 3'000'000), backup(24h, 9), backup(48h, 1'000'000)}),
            (Trend{1'000'000, 48h}));
  EXPECT_EQ(trend_of({backup(0h, 1'000'000), backup(240h, 11'000'000), backup(10'000h, 5)}),
            (Trend{-1'000'000, 240h}));
  EXPECT_EQ(trend_of({backup(24h, 5), backup(0h, 5), backup(72h, 5)}), (Trend{0, 48h}))
      << "a clock was set back";
}

TEST(Trend, IsToldInASentence) {
  EXPECT_EQ(sentence_of({1'200'000, 48h}), "The archives grow by 1.2 MB a day.");
  EXPECT_EQ(sentence_of({-1'200'000, 48h}), "The archives shrink by 1.2 MB a day.");
  EXPECT_EQ(sentence_of({-999, 48h}), "The archives stay as big as they are.");
}

class HealthTest : public ::testing::Test {
 protected:
  void serve(WallTime until, const std::string& expression = "0 0 * * *") {
    ASSERT_TRUE(state::note_served(state::VaultDb{folder_.path()}, std::string{state::kBackupCron},
                                   {expression, until}, [](const std::string&) {})
                    .has_value());
  }
  [[nodiscard]] Timetable look(std::optional<WallTime> newest = std::nullopt) const {
    return look_at_health(folder_.path(), newest, kNow).timetable;
  }

  testing::TempFolder folder_;
};

TEST_F(HealthTest, KnowsNothingOfAnEmptyFolderAndChangesNothing) {
  const Health health = look_at_health(folder_.path(), std::nullopt, kNow);
  EXPECT_FALSE(health.last || health.last_succeeded || health.trend);
  EXPECT_EQ(health.timetable, Timetable{});
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(HealthTest, TellsTheNextBackupAndOneThatWasMissed) {
  const WallTime midnight = kNow - 54min - 47s;
  serve(midnight);
  EXPECT_EQ(look(), (Timetable{"0 0 * * *", midnight + 24h, std::nullopt}));
  serve(midnight - 1min);
  EXPECT_EQ(look(), (Timetable{"0 0 * * *", midnight, std::nullopt})) << "an hour late is fine";
  serve(midnight - 24h - 1min);
  EXPECT_EQ(look(), (Timetable{"0 0 * * *", midnight + 24h, midnight - 24h}));
  EXPECT_EQ(look(midnight).missed, std::nullopt) << "an app made one";
  EXPECT_EQ(look(midnight - 24h - 2min).missed, midnight - 24h) << "that one is too old";
  serve(midnight - 72h);
  EXPECT_EQ(look(midnight - 25h).missed, midnight - 24h) << "made once, and not since";
}

TEST_F(HealthTest, LetsABackupBeAsLateAsItsJitter) {
  serve(kNow - 24h, "54 22 * * *");  // two hours ago
  EXPECT_TRUE(look().missed.has_value());
  settings::VaultSettingsFile own{folder_.path()};
  ASSERT_TRUE(
      own.change({json::parse(R"({"schedule":{"jitterSeconds":7200}})").get_object()}).has_value());
  EXPECT_FALSE(look().missed.has_value());
}

TEST_F(HealthTest, ComesBackOutOfItsJson) {
  Health health;
  health.last = backup(2h, 7);
  health.last->outcome = "failed";
  health.last->error = "the disk is full";
  health.last_decided = health.last;
  health.trend = Trend{-5'000, 72h};
  health.timetable = {"0 0 * * *", kNow, kNow - 1h, "left to x"};
  json::object status;
  add_to_json(health, status);
  const Health read = health_from_json(status);
  // Dates have milliseconds.
  EXPECT_EQ(read.last, health.last);
  EXPECT_EQ(read.last_decided, health.last);
  EXPECT_EQ(read.last_succeeded, std::nullopt);
  EXPECT_EQ(read.trend, health.trend);
  EXPECT_EQ(read.timetable, health.timetable);
  EXPECT_EQ(health_from_json({}).timetable, Timetable{});
}

}  // namespace
}  // namespace pv::jobs
