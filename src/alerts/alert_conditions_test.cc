#include "alerts/alert_conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "base/translate.h"

namespace pv::alerts {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 12h};

store::Backup backup(const std::string& name, WallTime modified, std::uint64_t size = 1000) {
  return {.name = store::BackupName::parse(name).value(),
          .size_bytes = size,
          .modified = modified,
          .content_type = {}};
}

state::PastJob past(const std::string& outcome, WallTime ended) {
  return {.id = "job",
          .kind = "backup",
          .name = "a.zip",
          .is_scheduled = true,
          .started = ended - 1min,
          .ended = ended,
          .outcome = outcome,
          .error = outcome == "failed" ? "no space left" : ""};
}

state::Verdict verdict(bool is_sound, WallTime at) {
  state::Verdict verdict;
  verdict.at = at;
  verdict.is_sound = is_sound;
  verdict.reason = is_sound ? "" : "checksum of data.db";
  return verdict;
}

Sight with_newest(WallTime modified) {
  Sight sight;
  sight.overview.newest = backup("a.zip", modified);
  sight.backups.push_back({*sight.overview.newest, std::nullopt});
  return sight;
}

Sight daily(WallTime newest, WallTime since) {
  Sight sight = with_newest(newest);
  sight.timetable_since = since;
  sight.overview.health.timetable.expression = "0 3 * * *";
  return sight;
}

// Each line has a translation.
void expect_chinese(const std::string& text) {
  for (std::string_view left = text; !left.empty();) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    const std::string_view line = left.substr(0, end);
    EXPECT_NE(told(Language::kChinese, line), line);
    left.remove_prefix(std::min(end + 1, left.size()));
  }
}

std::string kinds(const Sight& sight, const settings::AlertSettings& settings = {},
                  const std::string& open = "", WallTime since = {}) {
  const OpenSince open_since = [&](std::string_view kind) {
    return kind == open ? std::optional{since} : std::nullopt;
  };
  std::string kinds;
  for (const Condition& one : conditions_of(sight, settings, open_since, kNow)) {
    kinds += (kinds.empty() ? "" : " ") + one.kind;
    expect_chinese(title_of(one.kind));
    expect_chinese(one.text);
  }
  return kinds;
}

TEST(Conditions, AreNoneWhereAllIsWell) {
  EXPECT_EQ(kinds({}), "");
  EXPECT_EQ(kinds(daily(kNow - 9h, kNow - 240h)), "");
}

TEST(Conditions, AFailureLastsUntilABackupIsMade) {
  Sight sight = with_newest(kNow - 24h);
  sight.overview.health.last_decided = past("failed", kNow - 1h);
  EXPECT_EQ(kinds(sight), "failed");
  sight.overview.health.last = past("cancelled", kNow);
  EXPECT_EQ(kinds(sight, {}, "failed", kNow - 1h), "failed")
      << "a cancelled one makes nothing well";
  EXPECT_EQ(kinds(sight), "failed") << "nor does a server that knows of no alert forget it";
  sight.overview.newest->modified = kNow - 1min;
  EXPECT_EQ(kinds(sight, {}, "failed", kNow - 1h), "");
  sight.overview.health.last_decided = past("failed", kNow - 1h);
  EXPECT_EQ(kinds(sight), "") << "a later backup is there";
  sight.overview.newest.reset();
  EXPECT_EQ(kinds(sight), "failed");
  sight.overview.health.last_decided = past("succeeded", kNow);
  sight.overview.health.last_succeeded = past("succeeded", kNow);
  EXPECT_EQ(kinds(sight, {}, "failed", kNow - 1h), "") << "a store that can't be looked at";
}

TEST(Conditions, AFailureSaysWhy) {
  Sight sight = with_newest(kNow - 24h);
  sight.overview.health.last_decided = past("failed", kNow - 1h);
  const auto found = conditions_of(
      sight, {}, [](auto) { return std::nullopt; }, kNow);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].since, kNow - 1h);
  EXPECT_EQ(found[0].text,
            "The backup made by the clock failed at 2026-11-21 11:00 UTC: no space left.\n"
            "The newest good backup is a.zip of 2026-11-20 12:00 UTC.");
}

TEST(Conditions, AFailureDoesNotSayThatThereAreNoBackupsWhereTheyCanNotBeSeen) {
  Sight sight;
  sight.unseen_since = kNow - 1min;
  sight.unseen_because = "backups: Not a directory";
  sight.overview.health.last_decided = past("failed", kNow);
  EXPECT_EQ(kinds(sight), "failed");
  const auto found = conditions_of(
      sight, {}, [](auto) { return std::nullopt; }, kNow);
  EXPECT_THAT(found.at(0).text,
              HasSubstr("\nWhich backups there are is not known, for their store can't be looked "
                        "at: backups: Not a directory."));
}

struct MissedCase {
  const char* label;
  WallTime newest;
  WallTime since;  // of the timetable: every day at three
  const char* kinds;
};
const MissedCase kMissed[] = {
    {"made today", kNow - 9h, kNow - 240h, ""},
    {"made today, by hand and early", kNow - 10h, kNow - 240h, "missed"},
    {"yesterday's is the last", kNow - 33h, kNow - 240h, "missed"},
    {"a timetable since this morning", kNow - 999h, kNow - 8h, ""},
    {"a timetable since yesterday", kNow - 999h, kNow - 24h, "missed"},
    {"a clock that was ahead", kNow + 48h, kNow - 240h, ""},
};
TEST(Conditions, ABackupIsMissedWhenItWasDueAndTheGraceIsOver) {
  for (const MissedCase& row : kMissed) {
    EXPECT_EQ(kinds(daily(row.newest, row.since)), row.kinds) << row.label;
  }
  settings::AlertSettings settings;
  settings.missed_grace = 9h;
  EXPECT_EQ(kinds(daily(kNow - 33h, kNow - 240h), settings), "") << "to the minute";
  settings.missed_grace = 9h - 1min;
  EXPECT_EQ(kinds(daily(kNow - 33h, kNow - 240h), settings), "missed");
  Sight jittered = daily(kNow - 33h, kNow - 240h);
  jittered.jitter_max = 60s;
  EXPECT_EQ(kinds(jittered, settings), "");
}

TEST(Conditions, WhatWasMissedLastsUntilABackupIsNewer) {
  Sight sight = daily(kNow - 33h, kNow - 1min);  // another timetable since a minute ago
  EXPECT_EQ(kinds(sight), "");
  sight.missed_since = kNow - 9h;
  EXPECT_EQ(kinds(sight), "missed");
  sight.overview.health.last_decided = past("failed", kNow - 1h);
  EXPECT_EQ(kinds(sight), "failed missed") << "a failure makes nothing well";
  sight.overview.newest->modified = kNow - 30min;
  EXPECT_EQ(kinds(sight), "");
  sight = daily(kNow - 33h, kNow - 1min);
  sight.missed_since = kNow - 9h;
  sight.timetable_since.reset();
  EXPECT_EQ(kinds(sight), "") << "nobody asks for any";
  EXPECT_FALSE(is_made_up_for(sight));
}

TEST(Conditions, ABackupThatWasBegunInTimeIsNotMissed) {
  Sight sight = daily(kNow - 33h, kNow - 240h);
  sight.overview.job =
      jobs::LeaseNote{.pid = 1, .kind = "backup", .name = "b.zip", .since = kNow - 9h};
  EXPECT_EQ(kinds(sight), "");
  sight.overview.job->since = kNow - 1min;
  EXPECT_EQ(kinds(sight), "missed") << "made up for, but too late";
  sight.overview.job =
      jobs::LeaseNote{.pid = 1, .kind = "restore", .name = "b.zip", .since = kNow - 9h};
  EXPECT_EQ(kinds(sight), "missed");
}

TEST(Conditions, AFailureIsNotMissedAsWell) {
  Sight sight = daily(kNow - 33h, kNow - 240h);
  sight.overview.health.last_decided = past("failed", kNow - 9h);
  EXPECT_EQ(kinds(sight), "failed");
}

TEST(Conditions, DamageIsToldOfEveryBackupThatIsThere) {
  Sight sight = with_newest(kNow - 1h);
  sight.backups.push_back({backup("old.zip", kNow - 99h), verdict(false, kNow - 2h)});
  EXPECT_EQ(kinds(sight), "unverified");
  const auto found = conditions_of(
      sight, {}, [](auto) { return std::nullopt; }, kNow);
  EXPECT_THAT(found.at(0).text,
              HasSubstr("old.zip is damaged, as a verification found: checksum of data.db.\n"));
  sight.backups.back().verdict = verdict(true, kNow);
  EXPECT_EQ(kinds(sight), "");
}

TEST(Conditions, TheAgeOfTheLastVerificationCountsWhereItIsSet) {
  settings::AlertSettings settings;
  Sight sight = with_newest(kNow - 1h);
  sight.backups.push_back({backup("old.zip", kNow - 24h * 30), std::nullopt});
  EXPECT_EQ(kinds(sight, settings), "");
  settings.unverified_after = std::chrono::days{7};
  EXPECT_EQ(kinds(sight, settings), "unverified") << "none in the 30 days that there are backups";
  sight.backups.back().verdict = verdict(true, kNow - 24h * 8);
  EXPECT_EQ(kinds(sight, settings), "unverified");
  sight.backups.front().verdict = verdict(true, kNow - 24h * 6);
  EXPECT_EQ(kinds(sight, settings), "");
  EXPECT_EQ(kinds({}, settings), "") << "without backups there is nothing to verify";
}

struct SpaceCase {
  const char* label;
  std::uint64_t backups_free;
  std::uint64_t data_free;
  std::int64_t percent;
  std::int64_t bytes;
  bool is_open;
  const char* kinds;
};
constexpr SpaceCase kSpace[] = {
    // the newest backup takes 1000
    {"enough", 1200, 0, 120, 0, false, ""},
    {"less than the next may need", 1199, 0, 120, 0, false, "spaceLow"},
    {"not looked at", 0, 0, 0, 0, false, ""},
    {"the data's disk", 5000, 1999, 120, 2000, false, "spaceLow"},
    {"the backups' disk", 1999, 5000, 120, 2000, false, "spaceLow"},
    {"both have enough", 2000, 2000, 120, 2000, false, ""},
    {"open, and not yet enough more", 1319, 0, 120, 0, true, "spaceLow"},
    {"open, and enough more", 1321, 0, 120, 0, true, ""},
};
TEST(Conditions, SpaceIsLowBelowItsBound) {
  for (const SpaceCase& row : kSpace) {
    Sight sight = with_newest(kNow);
    sight.overview.backups_free_bytes = row.backups_free;
    sight.overview.data_free_bytes = row.data_free;
    settings::AlertSettings settings;
    settings.space_low_percent = row.percent;
    settings.space_low_bytes = row.bytes;
    EXPECT_EQ(kinds(sight, settings, row.is_open ? "spaceLow" : "", kNow), row.kinds) << row.label;
  }
  settings::AlertSettings settings;
  settings.space_low_bytes = 1;
  EXPECT_EQ(kinds(with_newest(kNow), settings), "") << "a bucket can't say";
}

TEST(Conditions, BackupsAreBehindAfterAnHour) {
  Sight sight = with_newest(kNow);
  sight.behind =
      "Backups that wait to be sent to their store: 2.\nBackups that the mirror lacks: 1."
      "\nThe mirror: /mnt: No space left on device.";
  sight.behind_since = kNow - 59min;
  EXPECT_EQ(kinds(sight), "");
  sight.behind_since = kNow - 1h;
  EXPECT_EQ(kinds(sight), "behind");
}

}  // namespace
}  // namespace pv::alerts
