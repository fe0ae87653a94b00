#include "jobs/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "base/text.h"
#include "jobs/json_reader.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using settings::Retention;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

WallTime at(const std::string& date) {
  const auto time = parse_date(date + ":00.000Z");
  PV_ASSERT(time.has_value());
  return *time;
}

constexpr WallTime kNow{std::chrono::seconds{1'795'521'600}};  // 2026-11-24 12:00 UTC

store::Backup backup(const std::string& name, WallTime modified) {
  return {.name = store::BackupName::parse(name).value(),
          .size_bytes = 1,
          .modified = modified,
          .content_type = {}};
}

// Named after their times, as a schedule names them.
std::vector<Candidate> made_at(const std::vector<std::string>& dates) {
  std::vector<Candidate> candidates;
  for (const std::string& date : dates) {
    candidates.push_back({.backup = backup("@auto_pb_backup_" + date + ".zip", at(date))});
  }
  return candidates;
}

using Reasons = std::map<std::string, std::string>;

// What is kept, by its name without the common start, and why.
Reasons kept(const std::vector<Decision>& decisions) {
  Reasons reasons;
  for (const Decision& decision : decisions) {
    if (!decision.is_kept) { continue; }
    std::string name = decision.backup.name.text();
    if (name.starts_with("@auto_pb_backup_")) { name = name.substr(16); }
    name.resize(name.size() - 4);
    for (const std::string& reason : decision.reasons) {
      std::string& all = reasons[name];
      all += (all.empty() ? "" : "; ") + reason;
    }
  }
  return reasons;
}

Reasons kept(const std::vector<std::string>& dates, const Retention& rules, WallTime now = kNow) {
  Reasons reasons = kept(decide(made_at(dates), rules, now));
  // Of the newest only what the rules say.
  for (auto& [name, text] : reasons) {
    const std::size_t end = text.find("; the newest that counts");
    if (end != std::string::npos) { text.resize(end); }
  }
  return reasons;
}

struct Case {
  const char* label;
  std::vector<std::string> dates;
  Retention rules;
  Reasons kept;
};

TEST(Retention, AnIncompleteBackupTakesNoPlaceOfACompleteOne) {
  std::vector<Candidate> all = made_at({"2026-11-23 03:00", "2026-11-22 03:00", "2026-11-21 03:00",
                                        "2026-11-20 03:00", "2026-11-19 03:00"});
  all[0].is_incomplete = true;
  all[1].is_incomplete = true;
  all[0].soundness = Soundness::kSound;
  all[4].soundness = Soundness::kSound;
  EXPECT_EQ(kept(decide(all, {.last = 2}, kNow)),
            (Reasons{{"2026-11-23 03:00", "last; the newest that counts; the last verified"},
                     {"2026-11-22 03:00", "last"},
                     {"2026-11-21 03:00", "last; the newest that is complete"},
                     {"2026-11-20 03:00", "last"},
                     {"2026-11-19 03:00", "the last verified that is complete"}}));
  EXPECT_EQ(kept(decide_by_count(all, 1, "", kNow)),
            (Reasons{{"2026-11-23 03:00", "last; the newest that counts; the last verified"},
                     {"2026-11-21 03:00", "last; the newest that is complete"},
                     {"2026-11-19 03:00", "the last verified that is complete"}}));
  // Among themselves they take places: where all are, no more stay than ever.
  for (Candidate& one : all) { one.is_incomplete = true; }
  EXPECT_EQ(kept(decide(all, {.last = 1}, kNow)).size(), 1U);
}

TEST(Retention, KeepsTheNewestOfEachSpan) {
  const Case cases[] = {
      {"the last ones, whatever their time",
       {"2026-11-24 11:00", "2026-11-24 10:59", "2020-01-01 00:00", "2019-01-01 00:00"},
       {.last = 3},
       {{"2026-11-24 11:00", "last"}, {"2026-11-24 10:59", "last"}, {"2020-01-01 00:00", "last"}}},
      {"hours",
       {"2026-11-24 11:00", "2026-11-24 10:59", "2026-11-24 10:00", "2026-11-24 09:59"},
       {.hourly = 2},
       {{"2026-11-24 11:00", "hourly 2026-11-24 11:00"},
        {"2026-11-24 10:59", "hourly 2026-11-24 10:00"}}},
      {"days end at midnight of UTC, and those without a backup do not count",
       {"2026-11-24 00:00", "2026-11-23 23:59", "2026-11-23 00:00", "2026-10-01 12:00",
        "2026-09-01 12:00"},
       {.daily = 3},
       {{"2026-11-24 00:00", "daily 2026-11-24"},
        {"2026-11-23 23:59", "daily 2026-11-23"},
        {"2026-10-01 12:00", "daily 2026-10-01"}}},
      {"a night without an hour in other time zones has all of them here",
       {"2026-03-29 03:30", "2026-03-29 02:30", "2026-03-29 01:30", "2026-03-29 00:30"},
       {.hourly = 4},
       {{"2026-03-29 03:30", "hourly 2026-03-29 03:00"},
        {"2026-03-29 02:30", "hourly 2026-03-29 02:00"},
        {"2026-03-29 01:30", "hourly 2026-03-29 01:00"},
        {"2026-03-29 00:30", "hourly 2026-03-29 00:00"}}},
      {"weeks begin on Monday",
       {"2026-11-23 00:00", "2026-11-22 23:59", "2026-11-16 00:00", "2026-11-15 23:59"},
       {.weekly = 2},
       {{"2026-11-23 00:00", "weekly 2026-W48"}, {"2026-11-22 23:59", "weekly 2026-W47"}}},
      {"a week over the end of the year is one, of the year of its Thursday",
       {"2026-01-05 00:00", "2026-01-04 12:00", "2025-12-29 00:00", "2025-12-28 23:59",
        "2021-01-03 12:00", "2020-12-28 00:00", "2020-12-27 12:00"},
       {.weekly = 9},
       {{"2026-01-05 00:00", "weekly 2026-W02"},
        {"2026-01-04 12:00", "weekly 2026-W01"},
        {"2025-12-28 23:59", "weekly 2025-W52"},
        {"2021-01-03 12:00", "weekly 2020-W53"},
        {"2020-12-27 12:00", "weekly 2020-W52"}}},
      {"months, the same one of two years too",
       {"2026-03-01 00:00", "2026-02-28 23:59", "2026-02-01 00:00", "2026-01-31 23:59",
        "2025-03-31 00:00"},
       {.monthly = 4},
       {{"2026-03-01 00:00", "monthly 2026-03"},
        {"2026-02-28 23:59", "monthly 2026-02"},
        {"2026-01-31 23:59", "monthly 2026-01"},
        {"2025-03-31 00:00", "monthly 2025-03"}}},
      {"the day that leap years have",
       {"2024-03-01 00:00", "2024-02-29 12:00", "2024-02-28 12:00"},
       {.daily = 2},
       {{"2024-03-01 00:00", "daily 2024-03-01"}, {"2024-02-29 12:00", "daily 2024-02-29"}}},
      {"years",
       {"2026-01-01 00:00", "2025-12-31 23:59", "2025-01-01 00:00", "2023-06-01 00:00"},
       {.yearly = 9},
       {{"2026-01-01 00:00", "yearly 2026"},
        {"2025-12-31 23:59", "yearly 2025"},
        {"2023-06-01 00:00", "yearly 2023"}}},
      {"before 1970",
       {"1970-01-01 00:00", "1969-12-31 23:59", "1969-12-29 00:00", "1969-12-28 23:59"},
       {.daily = 2, .weekly = 2},
       {{"1970-01-01 00:00", "daily 1970-01-01; weekly 1970-W01"},
        {"1969-12-31 23:59", "daily 1969-12-31"},
        {"1969-12-28 23:59", "weekly 1969-W52"}}},
      {"any rule is enough",
       {"2026-11-24 11:00", "2026-11-23 11:00", "2026-10-31 11:00", "2025-10-31 11:00"},
       {.last = 1, .monthly = 1, .yearly = 2},
       {{"2026-11-24 11:00", "last; monthly 2026-11; yearly 2026"},
        {"2025-10-31 11:00", "yearly 2025"}}},
  };
  for (const Case& one : cases) { EXPECT_EQ(kept(one.dates, one.rules), one.kept) << one.label; }
}

TEST(Retention, WithoutRulesKeepsAll) {
  EXPECT_EQ(kept({"2026-11-24 11:00", "2001-01-01 00:00"}, {.min_age = 1h}).size(), 2U);
  EXPECT_THAT(decide({}, {.last = 1}, kNow), IsEmpty());
}

TEST(Retention, OfOneTimeTheLaterNameIsTheNewer) {
  std::vector<Candidate> two{{.backup = backup("@auto_pb_backup_x_01.zip", kNow)},
                             {.backup = backup("@auto_pb_backup_x_02.zip", kNow)}};
  EXPECT_THAT(kept(decide(two, {.daily = 1}, kNow)),
              ElementsAre(::testing::Pair("x_02", "daily 2026-11-24; the newest that counts")));
  std::swap(two[0], two[1]);
  EXPECT_EQ(kept(decide(two, {.daily = 1}, kNow)).count("x_02"), 1U) << "in whatever order";
}

TEST(Retention, KeepsWhatIsTooYoung) {
  const std::vector<std::string> dates{"2026-11-24 11:59", "2026-11-24 11:00", "2026-11-24 10:00",
                                       "2026-11-24 09:59"};
  EXPECT_EQ(kept(dates, {.last = 1, .min_age = 2h}),
            (Reasons{{"2026-11-24 11:59", "last; younger than 2 h"},
                     {"2026-11-24 11:00", "younger than 2 h"}}));
  EXPECT_EQ(kept(dates, {.last = 1, .min_age = 7201s}).at("2026-11-24 10:00"),
            "younger than 7201 s");
}

TEST(Retention, KeepsWhatIsNotItsOwn) {
  const WallTime old = at("2020-01-01 00:00");
  const std::vector<Candidate> all{
      {.backup = backup("@auto_pb_backup_a.zip", kNow)},
      {.backup = backup("@auto_pb_backup_b.zip", old)},
      {.backup = backup("pb_backup_c.zip", old)},
      {.backup = backup("@pre_restore_d.zip", old)},
      {.backup = backup("sub/@auto_pb_backup_e.zip", old)},
  };
  const auto names = [&](Retention::Governs governs) {
    std::vector<std::string> gone;
    for (const Decision& one : decide(all, {.last = 1, .governs = governs}, kNow)) {
      if (!one.is_kept) { gone.push_back(one.backup.name.text()); }
    }
    return gone;
  };
  EXPECT_THAT(names(Retention::Governs::kAutomatic), ElementsAre("@auto_pb_backup_b.zip"));
  EXPECT_THAT(names(Retention::Governs::kAll),
              UnorderedElementsAre("@auto_pb_backup_b.zip", "pb_backup_c.zip",
                                   "sub/@auto_pb_backup_e.zip"));
}

// Each is old, and no rule keeps it.
TEST(Retention, NeverTakesWhatMustStay) {
  const auto with = [](const std::function<void(Candidate&)>& change, WallTime modified) {
    std::vector<Candidate> all = made_at({"2026-11-24 11:00", "2026-11-23 11:00"});
    all.push_back({.backup = backup("@auto_pb_backup_x.zip", modified)});
    change(all.back());
    const Reasons reasons = kept(decide(all, {.last = 1}, kNow));
    const auto found = reasons.find("x");
    return found == reasons.end() ? std::string{"gone"} : found->second;
  };
  const WallTime old = at("2020-01-01 00:00");
  EXPECT_EQ(with([](Candidate&) {}, old), "gone");
  EXPECT_EQ(with([](Candidate& one) { one.is_pinned = true; }, old), "pinned");
  EXPECT_EQ(with([](Candidate& one) { one.busy = "a running job uses it"; }, old),
            "a running job uses it");
  EXPECT_EQ(with([](Candidate& one) { one.backup.is_waiting = true; }, old), "waits to be sent");
  EXPECT_EQ(with([](Candidate& one) { one.soundness = Soundness::kSound; }, old),
            "the last verified");
  EXPECT_EQ(with([](Candidate& one) { one.soundness = Soundness::kDamaged; }, old), "gone");
  EXPECT_EQ(with([](Candidate&) {}, at("2027-01-01 00:00")), "its time lies in the future");
}

TEST(Retention, ADamagedBackupTakesNoPlace) {
  std::vector<Candidate> all =
      made_at({"2026-11-24 11:00", "2026-11-24 10:00", "2026-11-23 11:00", "2026-11-22 11:00"});
  all[0].soundness = all[2].soundness = Soundness::kDamaged;
  EXPECT_EQ(kept(decide(all, {.daily = 2}, kNow)),
            (Reasons{{"2026-11-24 10:00", "daily 2026-11-24; the newest that counts"},
                     {"2026-11-23 11:00", "daily 2026-11-23, though damaged"},
                     {"2026-11-22 11:00", "daily 2026-11-22"}}));
  EXPECT_EQ(kept(decide(all, {.last = 1}, kNow)),
            (Reasons{{"2026-11-24 11:00", "last, though damaged"},
                     {"2026-11-24 10:00", "last; the newest that counts"}}));
  for (Candidate& one : all) { one.soundness = Soundness::kDamaged; }
  EXPECT_EQ(kept(decide(all, {.last = 1}, kNow)).size(), all.size())
      << "where none is good, none goes";
}

TEST(Retention, TheNewestThatCountsMayBeNoneThatIsRuled) {
  std::vector<Candidate> all = made_at({"2026-11-20 11:00", "2026-11-19 11:00"});
  all.push_back({.backup = backup("@pre_restore_x.zip", kNow)});
  all.push_back({.backup = backup("by_hand.zip", at("2026-11-18 11:00"))});
  all[0].soundness = Soundness::kDamaged;
  all[1].soundness = Soundness::kSound;
  const Reasons reasons = kept(decide(all, {.yearly = 1}, kNow));
  EXPECT_EQ(reasons.at("2026-11-19 11:00"),
            "yearly 2026; the newest that counts; the last verified");
  EXPECT_EQ(reasons.count("2026-11-20 11:00"), 0U);
}

// What the rules mean, said in another way: by looking at each span for itself.
TEST(Retention, AgreesWithASlowReadingOfTheRules) {
  std::mt19937 chance{20261124};
  for (int round = 0; round < 30; ++round) {
    std::set<std::int64_t> minutes;
    const int spread = round % 2 == 0 ? 3'000 : 2'000'000;
    for (int i = 0; i < 60; ++i) {
      minutes.insert(static_cast<int>(chance() % static_cast<unsigned>(spread)));
    }
    std::vector<Candidate> all;
    for (const std::int64_t minute : minutes) {
      all.push_back({.backup = backup("@auto_pb_backup_" + std::to_string(minute) + ".zip",
                                      kNow - std::chrono::minutes{minute})});
    }
    const Retention rules{.hourly = static_cast<int>(chance() % 5),
                          .daily = static_cast<int>(chance() % 5),
                          .monthly = static_cast<int>(chance() % 5 + 1)};
    std::set<std::string> expected{all.front().backup.name.text()};
    const auto slowly = [&](std::int64_t count, std::size_t letters) {
      std::map<std::string, std::string, std::greater<>> newest;  // by the start of its date
      for (const Candidate& one : all) {
        newest.emplace(format_pocketbase_date(one.backup.modified).substr(0, letters),
                       one.backup.name.text());
      }
      for (const auto& [span, name] : newest) {
        if (count-- > 0) { expected.insert(name); }
      }
    };
    slowly(rules.hourly, std::string_view{"2026-11-24 12"}.size());
    slowly(rules.daily, std::string_view{"2026-11-24"}.size());
    slowly(rules.monthly, std::string_view{"2026-11"}.size());
    std::set<std::string> found;
    std::shuffle(all.begin(), all.end(), chance);
    for (const Decision& one : decide(all, rules, kNow)) {
      if (one.is_kept) { found.insert(one.backup.name.text()); }
    }
    EXPECT_EQ(found, expected) << "round " << round;
  }
}

TEST(Retention, DecidesAboutTenThousand) {
  std::vector<Candidate> all;
  for (int hour = 0; hour < 10'000; ++hour) {
    all.push_back({.backup = backup("@auto_pb_backup_" + std::to_string(hour) + ".zip",
                                    kNow - std::chrono::hours{hour})});
  }
  std::size_t kept = 0;
  for (const Decision& one : decide(all, {.hourly = 24, .daily = 30, .yearly = 9}, kNow)) {
    kept += one.is_kept ? 1U : 0U;
  }
  // 24 hours reach into yesterday, whose newest is among them; 28 more days; the end of last year.
  EXPECT_EQ(kept, 24U + 28U + 1U);
}

TEST(Retention, CountsAsPocketBaseDoesButKeepsWhatMustStay) {
  std::vector<Candidate> all = made_at({"2026-11-24 11:00", "2026-11-23 11:00", "2026-11-22 11:00",
                                        "2026-11-21 11:00", "2026-11-20 11:00"});
  all.push_back({.backup = backup("by_hand.zip", at("2020-01-01 00:00"))});
  const auto names = [&](std::int64_t count, const std::string& made) {
    std::vector<std::string> gone;
    for (const Decision& one : decide_by_count(all, count, made, kNow)) {
      if (!one.is_kept) { gone.push_back(one.backup.name.text().substr(16, 10)); }
    }
    return gone;
  };
  EXPECT_THAT(names(2, ""), ElementsAre("2026-11-22", "2026-11-21", "2026-11-20"));
  EXPECT_THAT(names(1, "@auto_pb_backup_2026-11-20 11:00.zip"),
              ElementsAre("2026-11-23", "2026-11-22", "2026-11-21"))
      << "the newest stays beside what was made";
  all[4].is_pinned = true;
  all[3].soundness = Soundness::kSound;
  all[0].soundness = Soundness::kDamaged;
  EXPECT_THAT(names(1, ""), ElementsAre("2026-11-22"));
  all[1].backup.modified = kNow + 24h;
  EXPECT_THAT(names(1, ""), ElementsAre()) << "one from the future takes no place of another";
}

TEST(Retention, IsSaidInOneLine) {
  EXPECT_EQ(summary_of({}), "");
  EXPECT_EQ(summary_of({.daily = 7, .weekly = 4, .monthly = 12}),
            "keeps 7 daily, 4 weekly, 12 monthly");
  EXPECT_EQ(
      summary_of({.last = 3, .yearly = 2, .min_age = 24h, .governs = Retention::Governs::kAll}),
      "keeps the last 3, 2 yearly of all backups, and what is younger than 24 h");
}

}  // namespace
}  // namespace pv::jobs
