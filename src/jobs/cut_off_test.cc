// Jobs of a program that ended while they ran.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/lease.h"
#include "jobs/overview.h"
#include "jobs/risk.h"
#include "jobs/startup.h"
#include "jobs/vault_rig_testing.h"
#include "state/history.h"
#include "store/folder_store.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class CutOff : public ::testing::Test {
 protected:
  [[nodiscard]] state::VaultDb db() const { return state::VaultDb{pb_data_ / ".pocketvault"}; }
  // As a process leaves it that is killed during a backup.
  void cut_off(const std::string& id, WallTime started) {
    std::filesystem::create_directories(pb_data_ / ".pocketvault");
    ASSERT_TRUE(
        state::note_begun(db(), {.id = id, .kind = "backup", .name = "cut.zip", .started = started},
                          {}, {})
            .has_value());
  }

  testing::TempFolder folder_;
  fs::Path pb_data_ = testing::unpack_pb_data("0.36.6", folder_.path());
};

TEST_F(CutOff, AJobIsNotedWhileItRuns) {
  std::vector<state::BegunJob> begun;
  VaultRig rig{{.pb_data = pb_data_, .hook = [&](std::string_view call) -> Result<void> {
                  if (call == "create") { begun = state::read_begun(db()).value(); }
                  return {};
                }}};
  const Status made = rig.back_up("a.zip");
  ASSERT_EQ(made.state, State::kSucceeded);
  ASSERT_THAT(begun, SizeIs(1));
  EXPECT_EQ(begun.front().id, made.id);
  EXPECT_EQ(begun.front().kind, "backup");
  EXPECT_EQ(begun.front().name, "a.zip");
  EXPECT_THAT(state::read_begun(db()).value(), IsEmpty());
  EXPECT_THAT(rig.vault->history(10).value(), SizeIs(1));
}

// A command by the clock of somebody else, where no server runs and the next start may be far.
TEST_F(CutOff, AStatusSeesItBeforeAnybodyElseDoes) {
  cut_off("a", system_clock().now() - 1h);
  const auto store = store::make_folder_store(pb_data_ / "backups");
  const auto overview = [&] {
    return look_over(pb_data_, *store, 24h, system_clock().now()).value();
  };
  {
    const auto lease = Lease::take(pb_data_ / ".pocketvault",
                                   {.pid = 1, .kind = "backup", .name = {}, .since = {}});
    ASSERT_TRUE(lease.has_value());
    EXPECT_FALSE(is_last_failed(overview())) << "it runs";
  }
  EXPECT_TRUE(is_last_failed(overview()));
  EXPECT_THAT(risk_of(overview()), HasSubstr("it was cut off"));
  EXPECT_THAT(state::read_begun(db()).value(), SizeIs(1)) << "a look changes nothing";
}

TEST_F(CutOff, TheNextStartHasItFail) {
  const WallTime started = std::chrono::floor<std::chrono::milliseconds>(system_clock().now()) - 1h;
  cut_off("a", started);
  VaultRig rig{{.pb_data = pb_data_}};
  EXPECT_THAT(sweep(*rig.directory, rig.store, system_clock(), 24h), IsEmpty());
  const auto history = rig.vault->history(10).value();
  ASSERT_THAT(history, SizeIs(1));
  EXPECT_EQ(history.front().id, "a");
  EXPECT_EQ(history.front().name, "cut.zip");
  EXPECT_EQ(history.front().outcome, "failed");
  EXPECT_THAT(history.front().error, StartsWith("it was cut off: the program ended"));
  EXPECT_EQ(history.front().ended, started) << "when is not known";
  EXPECT_THAT(risk_of(rig.vault->overview().value()), HasSubstr("it was cut off"));
  std::ignore = sweep(*rig.directory, rig.store, system_clock(), 24h);
  EXPECT_THAT(rig.vault->history(10).value(), SizeIs(1)) << "once";
}

TEST_F(CutOff, SoHasTheNextThatTakesTheLease) {
  cut_off("a", system_clock().now() - 1h);
  VaultRig rig{{.pb_data = pb_data_}};
  ASSERT_EQ(rig.back_up("b.zip").state, State::kSucceeded);
  const auto history = rig.vault->history(10).value();
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history.front().outcome, "succeeded");
  EXPECT_EQ(history.back().outcome, "failed");
  EXPECT_EQ(risk_of(rig.vault->overview().value()), "") << "one was made since";
}

TEST_F(CutOff, WhileAnotherHoldsTheLeaseNothingIsSaid) {
  VaultRig rig{{.pb_data = pb_data_}};
  cut_off("a", system_clock().now());
  const auto lease =
      Lease::take(rig.directory->vault_folder(),
                  {.pid = 1, .kind = "backup", .name = {}, .since = system_clock().now()});
  ASSERT_TRUE(lease.has_value());
  std::ignore = sweep(*rig.directory, rig.store, system_clock(), 24h);
  EXPECT_THAT(rig.vault->history(10).value(), IsEmpty()) << "it may be that one";
}

TEST_F(CutOff, WhatEndedAndCouldNotBeWrittenIsNotCutOff) {
  cut_off("a", system_clock().now());
  const std::vector<std::string> ended{"a"};
  ASSERT_TRUE(state::close_begun(db(), ended, {}).has_value());
  EXPECT_THAT(state::read_begun(db()).value(), IsEmpty());
  EXPECT_THAT(state::read_jobs(db(), 10).value(), IsEmpty());
}

}  // namespace
}  // namespace pv::jobs
