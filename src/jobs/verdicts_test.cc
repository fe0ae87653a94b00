// What verifications leave behind for those who ask later.
#include "jobs/verdicts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/vault_rig_testing.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run;
using testing::TempFolder;
using testing::unpack_pb_data;
using testing::write_file;

class VerdictOf : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(pb_data / "backups");
    start();
    ASSERT_EQ(rig->back_up("a.zip").state, State::kSucceeded);
  }
  void start() {
    rig.reset();
    rig = std::make_unique<VaultRig>(VaultRig::Setup{
        .pb_data = pb_data, .hook = [this](std::string_view call) { return hook(call); }});
  }
  [[nodiscard]] std::optional<state::Verdict> listed(const std::string& name = "a.zip") const {
    const Listing listing = rig->vault->list().value();
    for (const ListedBackup& one : listing.backups) {
      if (one.backup.name.text() == name) { return one.verdict; }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<state::Verdict> shown() const {
    return rig->vault->summarize(store::BackupName::parse("a.zip").value()).value().verdict;
  }
  [[nodiscard]] fs::Path archive() const { return pb_data / "backups" / "a.zip"; }
  // In the middle of some entry's data.
  void damage() const {
    ASSERT_EQ(run("printf xxxx | dd of='" + archive().string() +
                  "' bs=1 seek=20000 conv=notrunc status=none")
                  .status,
              0);
  }

  TempFolder folder;
  fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  std::function<Result<void>(std::string_view)> hook = [](std::string_view) {
    return Result<void>{};
  };
  std::unique_ptr<VaultRig> rig;
};

TEST_F(VerdictOf, AVerificationIsKnownEverywhereAndLater) {
  EXPECT_EQ(listed(), std::nullopt);
  const Status done = rig->verify("a.zip");
  ASSERT_EQ(done.state, State::kSucceeded);
  EXPECT_THAT(done.warnings, IsEmpty());
  start();
  const auto verdict = listed();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_TRUE(verdict->is_sound);
  EXPECT_EQ(verdict->depth, state::Depth::kQuick);
  EXPECT_EQ(verdict->records, std::nullopt);
  EXPECT_LT(system_clock().now() - verdict->at, 1min);
  EXPECT_EQ(shown(), verdict);
  EXPECT_EQ(rig->vault->overview().value().newest_verdict, verdict);
}

TEST_F(VerdictOf, ADeepOneCountsTheRecords) {
  const Status done = rig->verify("a.zip", VerifyDepth::kDeep);
  ASSERT_EQ(done.state, State::kSucceeded);
  ASSERT_TRUE(listed().has_value());
  EXPECT_EQ(listed()->depth, state::Depth::kDeep);
  EXPECT_GT(done.report.records, 0U);
  EXPECT_EQ(listed()->records, done.report.records);
}

TEST_F(VerdictOf, DamageIsToldWithItsReason) {
  damage();
  ASSERT_EQ(rig->verify("a.zip").state, State::kFailed);
  const auto verdict = listed();
  ASSERT_TRUE(verdict.has_value());
  EXPECT_FALSE(verdict->is_sound);
  EXPECT_FALSE(verdict->reason.empty());
  EXPECT_EQ(shown(), verdict);
  // One whose directory can't be read has an identity as well.
  std::filesystem::resize_file(archive(), 1000);
  EXPECT_EQ(listed(), std::nullopt) << "it is another file by now";
  ASSERT_EQ(rig->verify("a.zip").state, State::kFailed);
  ASSERT_TRUE(listed().has_value());
  EXPECT_FALSE(listed()->is_sound);
  EXPECT_THAT(listed()->reason, HasSubstr("not a zip archive, or cut off"));
}

TEST_F(VerdictOf, AnotherArchiveOfTheNameInheritsNone) {
  ASSERT_EQ(rig->verify("a.zip").state, State::kSucceeded);
  ASSERT_TRUE(listed().has_value());
  // As long and as old, but with another checksum in its directory.
  const auto modified = std::filesystem::last_write_time(archive());
  std::string bytes = testing::read_file(archive());
  const std::size_t directory = bytes.find("PK\x01\x02");
  ASSERT_NE(directory, std::string::npos);
  bytes[directory + 16] = static_cast<char>(bytes[directory + 16] ^ 1);
  write_file(archive(), bytes);
  std::filesystem::last_write_time(archive(), modified);
  EXPECT_EQ(shown(), std::nullopt) << "whoever reads the archive sees that it is another";
  std::filesystem::last_write_time(archive(), modified + 1s);
  EXPECT_EQ(listed(), std::nullopt);
  EXPECT_EQ(rig->vault->overview().value().newest_verdict, std::nullopt);
}

TEST_F(VerdictOf, ARemovedBackupGoesWithIt) {
  ASSERT_EQ(rig->back_up("b.zip").state, State::kSucceeded);
  ASSERT_EQ(rig->verify("a.zip").state, State::kSucceeded);
  const auto known = [&] {
    std::vector<std::string> keys;
    const auto verdicts = state::read_verdicts(state::VaultDb{pb_data / ".pocketvault"}).value();
    for (const auto& noted : verdicts) { keys.push_back(noted.key); }
    return keys;
  };
  EXPECT_THAT(known(), ElementsAre("a.zip"));
  ASSERT_TRUE(rig->vault->remove(store::BackupName::parse("a.zip").value()).has_value());
  EXPECT_THAT(known(), IsEmpty());
  // One that others removed goes with the next that is noted.
  ASSERT_EQ(rig->verify("b.zip").state, State::kSucceeded);
  std::filesystem::remove(pb_data / "backups" / "b.zip");
  ASSERT_EQ(rig->back_up("c.zip").state, State::kSucceeded);
  ASSERT_EQ(rig->verify("c.zip").state, State::kSucceeded);
  EXPECT_THAT(known(), ElementsAre("c.zip"));
}

TEST_F(VerdictOf, WhatCouldNotBeCarriedOutSaysNothing) {
  hook = [](std::string_view call) -> Result<void> {
    if (call == "read") { return fail(Code::kUnavailable, "the store is away"); }
    return {};
  };
  ASSERT_EQ(rig->verify("a.zip").state, State::kFailed);
  EXPECT_EQ(listed(), std::nullopt);
  hook = [this](std::string_view call) -> Result<void> {
    if (call == "read") { rig->vault->jobs().front()->cancel(); }
    return {};
  };
  ASSERT_EQ(rig->verify("a.zip").state, State::kCancelled);
  EXPECT_EQ(listed(), std::nullopt);
}

TEST_F(VerdictOf, ABackupThatIsReplacedMeanwhileGetsNone) {
  bool is_replaced = false;
  hook = [&](std::string_view call) -> Result<void> {
    if (call == "open" && !std::exchange(is_replaced, true)) {
      const std::string bytes = testing::read_file(archive());
      std::filesystem::remove(archive());
      write_file(archive(), bytes + "x");
    }
    return {};
  };
  const Status done = rig->verify("a.zip");
  ASSERT_EQ(done.state, State::kSucceeded) << why(done);
  ASSERT_EQ(done.warnings.size(), 1U);
  EXPECT_THAT(done.warnings[0].what, HasSubstr("replaced meanwhile"));
  EXPECT_EQ(listed(), std::nullopt);
}

TEST_F(VerdictOf, AFileThatCannotBeUsedIsNoFailure) {
  const fs::Path db = pb_data / ".pocketvault" / "vault.db";
  ASSERT_EQ(run("sqlite3 '" + db.string() +
                "' 'PRAGMA application_id=0x50567674; PRAGMA user_version=9; CREATE TABLE t(x)'")
                .status,
            0);
  const Status done = rig->verify("a.zip");
  ASSERT_EQ(done.state, State::kSucceeded);
  ASSERT_EQ(done.warnings.size(), 1U);
  EXPECT_THAT(done.warnings[0].what, HasSubstr("newer pocketvault"));
  const Listing listing = rig->vault->list().value();
  EXPECT_EQ(listing.backups.size(), 1U);
  EXPECT_THAT(listing.unknown_because, HasSubstr("newer pocketvault"));
  EXPECT_THAT(rig->vault->overview().value().unknown_because, HasSubstr("newer pocketvault"));
  // Garbage in its place is set aside, and the verdict stored all the same.
  write_file(db, "garbage");
  const Status again = rig->verify("a.zip");
  ASSERT_EQ(again.state, State::kSucceeded);
  ASSERT_EQ(again.warnings.size(), 1U);
  EXPECT_THAT(again.warnings[0].what, HasSubstr("vault.db.aside"));
  EXPECT_TRUE(listed().has_value());
}

TEST(Verdicts, AListOfWholeSecondsIsAboutTheSameBackups) {
  const TempFolder folder;
  const WallTime modified{1'795'222'487s + 120ms};
  ASSERT_TRUE(state::note_verdict(
                  state::VaultDb{folder.path()},
                  {.key = "a.zip",
                   .archive = {.size_bytes = 7,
                               .modified = std::chrono::floor<std::chrono::seconds>(modified),
                               .directory_crc32 = 1},
                   .verdict = {.is_sound = true, .at = modified, .records = std::nullopt}},
                  std::nullopt, {})
                  .has_value());
  const Verdicts verdicts = Verdicts::read(folder.path());
  store::Backup backup{store::BackupName::parse("a.zip").value(), 7, modified, {}};
  EXPECT_TRUE(verdicts.of(backup).has_value()) << "as a bucket's list has it";
  EXPECT_TRUE(verdicts.of(backup, 1).has_value());
  EXPECT_FALSE(verdicts.of(backup, 2).has_value());
  backup.modified += 1s;
  EXPECT_FALSE(verdicts.of(backup).has_value());
  backup.modified -= 1s;
  backup.size_bytes = 8;
  EXPECT_FALSE(verdicts.of(backup).has_value());
}

}  // namespace
}  // namespace pv::jobs
