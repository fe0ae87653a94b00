// Backups that lack files, and what is known of them afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "jobs/pruning.h"
#include "jobs/vault_rig_testing.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GapsTest : public ::testing::Test {
 protected:
  GapsTest() { std::filesystem::remove_all(pb_data_ / "backups"); }

  // What is known to lack in the backup of that name.
  [[nodiscard]] state::Gaps gaps_of(const std::string& name) {
    const Listing listing = rig_.vault->list().value();
    for (const ListedBackup& one : listing.backups) {
      if (one.backup.name.text() == name) { return one.gaps.value_or(state::Gaps{}); }
    }
    ADD_FAILURE() << name << " is not there";
    return {};
  }
  [[nodiscard]] Status back_up(const BackupOrder& order) {
    return VaultRig::ended(rig_.vault->start_backup(order));
  }

  testing::TempFolder folder_;
  fs::Path pb_data_ = testing::unpack_pb_data("0.36.6", folder_.path());
  VaultRig rig_{{.pb_data = pb_data_}};
};

TEST_F(GapsTest, ACompleteBackupHasNone) {
  ASSERT_EQ(back_up({.name = "a.zip"}).state, State::kSucceeded);
  const Status verified = rig_.verify("a.zip", VerifyDepth::kDeep);
  EXPECT_THAT(verified.warnings, IsEmpty());
  EXPECT_EQ(gaps_of("a.zip"), state::Gaps{});
  EXPECT_EQ(rig_.vault->overview()->newest_gaps, std::nullopt);
}

TEST_F(GapsTest, WhatCouldNotBeReadIsKnown) {
  std::filesystem::create_directories(pb_data_ / "storage/abc/def");
  std::filesystem::create_symlink("loop", pb_data_ / "storage/abc/def/loop");
  ASSERT_EQ(back_up({.name = "a.zip"}).state, State::kSucceeded);
  EXPECT_EQ(gaps_of("a.zip"), state::Gaps{.unread = 1});
  const Overview overview = rig_.vault->overview().value();
  EXPECT_EQ(overview.newest_gaps, state::Gaps{.unread = 1});
  EXPECT_THAT(risk_of(overview), HasSubstr("a.zip, lacks 1 files of the data directory"));
  const auto json = to_json(overview, system_clock().now()).at("newest").at("incomplete");
  EXPECT_EQ(gaps_from(&json.as_object()), state::Gaps{.unread = 1});
  // One made anew under that name is another.
  std::filesystem::remove(pb_data_ / "storage/abc/def/loop");
  ASSERT_TRUE(rig_.vault->remove(store::BackupName::parse("a.zip").value()).has_value());
  ASSERT_EQ(back_up({.name = "a.zip"}).state, State::kSucceeded);
  EXPECT_EQ(gaps_of("a.zip"), state::Gaps{});
}

TEST_F(GapsTest, WhatWasLeftOutIsKnownButForLogs) {
  ASSERT_EQ(back_up({.name = "logs.zip", .without_logs = true}).state, State::kSucceeded);
  EXPECT_EQ(gaps_of("logs.zip"), state::Gaps{});
  ASSERT_EQ(back_up({.name = "a.zip", .without_logs = true, .exclude = {"storage/**"}}).state,
            State::kSucceeded);
  EXPECT_GT(gaps_of("a.zip").left_out, 0U);
  EXPECT_EQ(gaps_of("a.zip").unread, 0U);
  EXPECT_EQ(risk_of(rig_.vault->overview().value()), "") << "as was asked for";
}

TEST_F(GapsTest, ADeepVerificationFindsWhatTheDataDirectoryHas) {
  ASSERT_EQ(back_up({.name = "a.zip", .exclude = {"storage/**"}}).state, State::kSucceeded);
  ASSERT_TRUE(
      state::forget_verdict(state::VaultDb{rig_.directory->vault_folder()}, "a.zip").has_value());
  EXPECT_EQ(gaps_of("a.zip"), state::Gaps{}) << "as of a backup that another made";
  const Status verified = rig_.verify("a.zip", VerifyDepth::kDeep);
  ASSERT_EQ(verified.state, State::kSucceeded);
  EXPECT_THAT(verified.warnings,
              Contains(Field(&Warning::what, HasSubstr("the backup is incomplete: the data "
                                                       "directory has"))));
  EXPECT_GT(gaps_of("a.zip").missing, 0U);
}

// The app lost them before the backup: no later one would ever be complete.
TEST_F(GapsTest, WhatTheDataDirectoryLacksAsWellMakesNoneIncomplete) {
  std::filesystem::remove_all(pb_data_ / "storage");
  ASSERT_EQ(back_up({.name = "a.zip"}).state, State::kSucceeded);
  const Status verified = rig_.verify("a.zip", VerifyDepth::kDeep);
  ASSERT_EQ(verified.state, State::kSucceeded);
  EXPECT_THAT(verified.warnings, SizeIs(1)) << "that records name files";
  EXPECT_EQ(gaps_of("a.zip"), state::Gaps{});
}

TEST_F(GapsTest, AnIncompleteBackupDisplacesNoCompleteOne) {
  ASSERT_EQ(back_up({.name = "whole.zip"}).state, State::kSucceeded);
  ASSERT_EQ(back_up({.name = "part.zip", .exclude = {"storage/**"}}).state, State::kSucceeded);
  ASSERT_EQ(rig_.verify("whole.zip").state, State::kSucceeded);
  ASSERT_EQ(rig_.verify("part.zip").state, State::kSucceeded);
  settings::Retention one{.last = 1};
  one.governs = settings::Retention::Governs::kAll;
  EXPECT_THAT(rig_.vault->prune({.rules = one})->removed, IsEmpty());
  EXPECT_THAT(rig_.names(), SizeIs(2));
}

}  // namespace
}  // namespace pv::jobs
