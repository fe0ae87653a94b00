#include "state/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wall_time.h"
#include "state/alerts_testing.h"
#include "testing/fixtures.h"

namespace pv::state {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Fixture {
  testing::TempFolder folder;
  VaultDb db{folder.path()};

  void change(const AlertChange& change) {
    const auto done = change_alerts(db, change, kNow, [](const std::string&) {});
    ASSERT_TRUE(done.has_value()) << done.error().what;
  }
  std::vector<std::string> waiting() {
    std::vector<std::string> texts;
    const auto found = *read_waiting(db);
    for (const Delivery& one : found) { texts.push_back(one.channel + " " + one.text); }
    return texts;
  }
};

TEST(Alerts, AreKeptUntilTheyAreClosed) {
  Fixture fixture;
  EXPECT_THAT(read_alert_memory(fixture.db)->state.open, IsEmpty());
  const OpenAlert failed{"failed", kNow, kNow, "no space"};
  const OpenAlert later{"failed", kNow, kNow + 24h, "no space, still"};
  const OpenAlert missed{"missed", kNow + 1h, kNow + 1h, "late"};
  fixture.change({.open = {failed, missed}, .marks = {{"succeeded", "job1", kNow}}});
  EXPECT_THAT(read_alert_memory(fixture.db)->state.open, ElementsAre(failed, missed));
  EXPECT_THAT(read_alert_memory(fixture.db)->state.marks,
              ElementsAre(Mark{"succeeded", "job1", kNow}));
  fixture.change({.closed = {"missed"}, .open = {later}, .marks = {{"succeeded", "job2", kNow}}});
  EXPECT_THAT(read_alert_memory(fixture.db)->state.open, ElementsAre(later));
  EXPECT_THAT(read_alert_memory(fixture.db)->state.marks,
              ElementsAre(Mark{"succeeded", "job2", kNow}));
}

TEST(Alerts, TimesThatNobodyNotedCanBeCountedWith) {
  Fixture fixture;
  fixture.change({.open = {{"failed", WallTime::max(), WallTime::max(), "no space"}}});
  const AlertState read = read_alert_memory(fixture.db)->state;
  EXPECT_THAT(read.open, ElementsAre(OpenAlert{"failed", kLatestTime, kLatestTime, "no space"}));
}

TEST(Deliveries, WaitInTheOrderOfTheirChannel) {
  Fixture fixture;
  fixture.change({.deliveries = {delivery("a", "1"), delivery("b", "2"), delivery("a", "3")}});
  EXPECT_THAT(fixture.waiting(), ElementsAre("a 1", "b 2"));
  Delivery first = read_waiting(fixture.db)->front();
  first.attempts = 1;
  first.next = kNow + 1min;
  first.error = "refused\nand more";
  fixture.change({.attempts = {first}});
  first.error = "refused";
  EXPECT_EQ(read_waiting(fixture.db)->front(), first);
  EXPECT_THAT(fixture.waiting(), ElementsAre("a 1", "b 2")) << "what failed is not overtaken";
  first.ended = kNow + 1min;
  first.outcome = "sent";
  fixture.change({.attempts = {first}});
  EXPECT_THAT(fixture.waiting(), ElementsAre("b 2", "a 3"));
  EXPECT_EQ(read_deliveries(fixture.db, 2)->front().text, "3") << "newest first";
  EXPECT_EQ(read_deliveries(fixture.db, 2)->size(), 2U);
}

TEST(Deliveries, DropTheOldestOfAChannelThatTakesNone) {
  Fixture fixture;
  AlertChange change{.deliveries = {delivery("b", "other")}};
  for (std::int64_t i = 0; i < kWaitingMax + 2; ++i) {
    change.deliveries.push_back(delivery("a", std::to_string(i)));
  }
  fixture.change(change);
  EXPECT_THAT(fixture.waiting(), ElementsAre("b other", "a 2"));
  EXPECT_EQ(read_deliveries(fixture.db, 1000)->back().outcome, "waiting");
  EXPECT_EQ((*read_deliveries(fixture.db, 1000))[kWaitingMax + 1].outcome, "dropped");
}

TEST(Deliveries, OfTheEndedTheLastAreKept) {
  Fixture fixture;
  AlertChange change{.deliveries = {delivery("a", "waits")}};
  for (std::int64_t i = 0; i < kDeliveriesKept + 5; ++i) {
    Delivery one = delivery("b", std::to_string(i));
    one.ended = kNow;
    one.outcome = "sent";
    change.deliveries.push_back(one);
  }
  fixture.change(change);
  const auto kept = *read_deliveries(fixture.db, 10'000);
  EXPECT_EQ(kept.size(), static_cast<std::size_t>(kDeliveriesKept) + 1);
  EXPECT_EQ(kept.back().text, "waits");
}

TEST(Deliveries, AreCutAtWholeCharacters) {
  Fixture fixture;
  std::string text = "x";
  while (text.size() < 10'000) { text += "ä"; }
  fixture.change({.deliveries = {delivery("a", text)}});
  EXPECT_EQ(read_waiting(fixture.db)->front().text, text.substr(0, 3999));
}

// Of the version that had verdicts, jobs and the schedule.
TEST(Alerts, GetTheirTablesInAnOlderFile) {
  Fixture fixture;
  const fs::Path path = fixture.folder.path() / "vault.db";
  fixture.change({.deliveries = {delivery("a", "1")}});
  {
    auto connection = *sqlite::Connection::open(path, {.one_file = true});
    ASSERT_TRUE(connection
                    .exec("DROP TABLE told; DROP TABLE gaps; DROP TABLE begun; DROP TABLE pins; "
                          "DROP TABLE alerts; DROP TABLE "
                          "alert_marks; DROP TABLE "
                          "deliveries; "
                          "PRAGMA user_version=2")
                    .has_value());
  }
  EXPECT_THAT(read_alert_memory(fixture.db)->state.open, IsEmpty());
  EXPECT_THAT(*read_waiting(fixture.db), IsEmpty());
  fixture.change({.deliveries = {delivery("a", "2")}});
  EXPECT_THAT(fixture.waiting(), ElementsAre("a 2"));
  EXPECT_FALSE(fs::exists(path.native() + ".aside"));
}

// Of the version that did not note who was told.
TEST(Alerts, WhoWasToldIsFoundInAnOlderFile) {
  Fixture fixture;
  const auto of = [](const std::string& channel, WallTime created, const std::string& outcome) {
    Delivery one = delivery(channel, "text");
    one.created = created;
    one.ended = created;
    one.outcome = outcome;
    return one;
  };
  fixture.change({.open = {{"failed", kNow, kNow + 1h, "no space"}},
                  .deliveries = {of("a", kNow, "sent"), of("a", kNow + 1h, "sent"),
                                 of("b", kNow - 1h, "sent"), of("c", kNow, "dropped")}});
  const Told expected{"failed", "a", kNow + 1h};
  {
    auto connection =
        *sqlite::Connection::open(fixture.folder.path() / "vault.db", {.one_file = true});
    ASSERT_TRUE(
        connection.exec("DROP TABLE told; DROP TABLE gaps; DROP TABLE begun; PRAGMA user_version=3")
            .has_value());
  }
  EXPECT_THAT(read_alert_memory(fixture.db)->state.told, ElementsAre(expected)) << "as it is";
  fixture.change({.marks = {{"timetable", "", kNow}}});
  EXPECT_THAT(read_alert_memory(fixture.db)->state.told, ElementsAre(expected))
      << "with the next write";
}

TEST(Alerts, ForgetWhoWasToldWithTheAlertOrTheChannel) {
  Fixture fixture;
  const AlertChange first{
      .open = {{"failed", kNow, kNow, "x"}, {"missed", kNow, kNow, "y"}},
      .told = {{"failed", "a", kNow}, {"failed", "b", kNow}, {"missed", "b", kNow}}};
  const AlertChange second{.closed = {"missed"}, .gone = {"a"}};
  const AlertChange third{.open = {{"missed", kNow, kNow, "z"}},
                          .told = {{"failed", "b", kNow + 1h}, {"missed", "a", kNow}}};
  AlertChange all = first;
  AlertState in_memory;
  for (const AlertChange& one : {first, second, third}) {
    fixture.change(one);
    apply(one, in_memory);
  }
  const std::vector<Told> told{{"failed", "b", kNow + 1h}, {"missed", "a", kNow}};
  EXPECT_EQ(read_alert_memory(fixture.db)->state.told, told);
  EXPECT_EQ(in_memory.told, told);
  append(second, all);
  append(third, all);
  Fixture at_once;
  at_once.change(all);
  EXPECT_EQ(read_alert_memory(at_once.db)->state.told, told) << "three changes made one";
  EXPECT_EQ(read_alert_memory(at_once.db)->state.open, read_alert_memory(fixture.db)->state.open);
}

}  // namespace
}  // namespace pv::state
