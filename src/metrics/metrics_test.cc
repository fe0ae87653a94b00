#include "metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <tuple>

#include "jobs/vault_rig_testing.h"
#include "metrics/process.h"
#include "state/schedule.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"

namespace pv::metrics {
namespace {

using namespace std::chrono_literals;
using testing::FakeClock;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kStarted{1'795'222'487s};

jobs::Status ended(jobs::Kind kind, jobs::State state, std::chrono::milliseconds took) {
  jobs::Status status;
  status.kind = kind;
  status.state = state;
  status.name = "secret-name.zip";
  status.started = kStarted;
  status.finished = kStarted + took;
  return status;
}

TEST(Metrics, CountJobsThatHaveEndedFromZeroOn) {
  Metrics metrics{"1.2.3", kStarted};
  const std::string failed = R"(pocketvault_jobs_total{kind="backup",outcome="failed"} )";
  EXPECT_THAT(metrics.text({}), HasSubstr("\n" + failed + "0\n"));
  const jobs::Status running;
  metrics.note(running);
  EXPECT_THAT(metrics.text({}), HasSubstr("\n" + failed + "0\n"));
  metrics.note(ended(jobs::Kind::kBackup, jobs::State::kFailed, 700ms));
  const std::string text = metrics.text({});
  EXPECT_THAT(text, HasSubstr("\n" + failed + "1\n"));
  EXPECT_THAT(
      text, HasSubstr(R"(job_duration_seconds_bucket{kind="backup",outcome="failed",le="0.5"} 0)"));
  EXPECT_THAT(text,
              HasSubstr(R"(job_duration_seconds_bucket{kind="backup",outcome="failed",le="1"} 1)"));
  EXPECT_THAT(text, HasSubstr("backup_writer_pause_seconds_count 0\n"))
      << "a backup that failed says nothing of that";
  EXPECT_THAT(text, Not(HasSubstr("secret-name")));
}

TEST(Metrics, TellWhatBackupsReadAndWroteAndHowLongWritersWaited) {
  Metrics metrics{"1.2.3", kStarted};
  jobs::Status status = ended(jobs::Kind::kBackup, jobs::State::kSucceeded, 2s);
  status.report.raw_bytes = 1000;
  status.report.copied_bytes = 900;
  status.report.archive_bytes = 400;
  status.report.pause = 210us;
  status.warnings = {{"a", "b"}, {"c", "d"}};
  metrics.note(status);
  metrics.note(status);
  const std::string text = metrics.text({});
  for (const char* line :
       {"backup_read_bytes_total 2000\n", "backup_unchanged_bytes_total 1800\n",
        "backup_written_bytes_total 800\n", "backup_writer_pause_seconds_bucket{le=\"0.0001\"} 0\n",
        "backup_writer_pause_seconds_bucket{le=\"0.0005\"} 2\n",
        "job_warnings_total{kind=\"backup\"} 4\n", "build_info{version=\"1.2.3\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string{"\npocketvault_"} + line));
  }
}

TEST(Metrics, CountRequestsToBucketsByMethodAndOutcome) {
  Metrics metrics{"1.2.3", kStarted};
  for (const s3::Tried& tried : {s3::Tried{"PUT", 503, false},
                                 {"PUT", 0, true},
                                 {"PUT", 200, true},
                                 {"HEAD", 404, false},
                                 {"BREW", 200, false}}) {
    metrics.note(tried);
  }
  const std::string text = metrics.text({});
  for (const char* line :
       {R"(requests_total{method="PUT",outcome="failed"} 1)",
        R"(requests_total{method="PUT",outcome="no_answer"} 1)",
        R"(requests_total{method="PUT",outcome="success"} 1)",
        R"(requests_total{method="HEAD",outcome="refused"} 1)",
        R"(requests_total{method="other",outcome="success"} 1)", R"(retries_total{method="PUT"} 2)",
        R"(retries_total{method="HEAD"} 0)"}) {
    EXPECT_THAT(text, HasSubstr(std::string{"\npocketvault_s3_"} + line + "\n"));
  }
}

TEST(Metrics, KnowWhatNeverHappenedFromWhatIsNotKnown) {
  const Metrics metrics{"1.2.3", kStarted};
  const std::string success = "\npocketvault_backup_last_success_timestamp_seconds ";
  EXPECT_THAT(metrics.text({}), Not(HasSubstr(success)));
  Moment moment;
  moment.facts.is_store_up = true;
  moment.facts.looked = kStarted;
  EXPECT_THAT(metrics.text(moment), Not(HasSubstr(success))) << "vault.db could not be read";
  EXPECT_THAT(metrics.text(moment), Not(HasSubstr("backup_missed")));
  moment.facts.is_history_known = true;
  EXPECT_THAT(metrics.text(moment), HasSubstr(success + "0\n"));
  EXPECT_THAT(metrics.text(moment), HasSubstr("\npocketvault_backup_missed 0\n"));
  EXPECT_THAT(metrics.text(moment), Not(HasSubstr("pocketvault_mirror_up")));
  EXPECT_THAT(metrics.text(moment), Not(HasSubstr("next_run")));
  state::PastJob& last = moment.facts.last_succeeded.emplace();
  last.started = kStarted;
  last.ended = kStarted + 2s;
  moment.facts.mirror = MirrorFacts{.missing = 3, .is_up = false};
  moment.next_backup = kStarted + 60s;
  moment.running["verify"] = 2;
  const std::string text = metrics.text(moment);
  EXPECT_THAT(text, HasSubstr(success + "1795222489\n"));
  EXPECT_THAT(text, HasSubstr("\npocketvault_mirror_up 0\n"));
  EXPECT_THAT(text, HasSubstr("\npocketvault_mirror_missing_backups 3\n"));
  EXPECT_THAT(text, HasSubstr("next_run_timestamp_seconds 1795222547\n"));
  EXPECT_THAT(text, HasSubstr("jobs_running{kind=\"verify\"} 2\n"));
}

TEST(Metrics, SayNothingOfBackupsInAStoreThatWasNeverListed) {
  const Metrics metrics{"1.2.3", kStarted};
  Moment moment;
  moment.facts.is_store_up = false;
  moment.facts.is_history_known = true;
  moment.facts.last.emplace().ended = kStarted;
  const std::string unlisted = metrics.text(moment);
  EXPECT_THAT(unlisted, HasSubstr("\npocketvault_store_up 0\n"));
  EXPECT_THAT(unlisted, HasSubstr("\npocketvault_store_looked_timestamp_seconds 0\n"));
  EXPECT_THAT(unlisted, HasSubstr("last_attempt_timestamp_seconds 1795222487\n"));
  EXPECT_THAT(unlisted, HasSubstr("last_success_timestamp_seconds 0\n"));
  moment.facts.looked = kStarted;
  const std::string listed = metrics.text(moment);
  for (const char* name :
       {"backup_newest_timestamp_seconds", "backup_newest_verified_timestamp_seconds",
        "backup_last_verified_timestamp_seconds", "backups{verdict=\"damaged\"}",
        "backups_size_bytes"}) {
    const std::string line = std::string{"\npocketvault_"} + name + " ";
    EXPECT_THAT(unlisted, Not(HasSubstr(line)));
    EXPECT_THAT(listed, HasSubstr(line + "0\n"));
  }
}

TEST(Metrics, TellOfTheProcess) {
  const auto process = look_at_process();
  ASSERT_TRUE(process.has_value());
  EXPECT_GE(process->threads, 1U);
  EXPECT_GT(process->resident_bytes, 1U << 20U);
  EXPECT_GE(process->virtual_bytes, process->resident_bytes);
  const std::uint64_t before = process->open_files;
  const fs::Fd one = fs::Fd{::dup(0)};
  EXPECT_EQ(look_at_process()->open_files, before + 1);
}

// A vault whose store counts how often it is listed.
class LookoutTest : public ::testing::Test {
 protected:
  testing::TempFolder folder_;
  FakeClock clock_{system_clock().now()};  // the files have times of their own
  std::mutex gate_;                        // held: no list ends
  std::atomic<int> lists_ = 0;
  bool is_away_ = false;
  std::string fails_;  // a call
  jobs::VaultRig rig_{{.pb_data = testing::unpack_pb_data("0.39.11", folder_.path()),
                       .clock = clock_,
                       .hook = [this](std::string_view call) -> Result<void> {
                         if (call == fails_) { return fail(Code::kDenied, "no"); }
                         if (call != "list") { return {}; }
                         const std::lock_guard pass{gate_};
                         ++lists_;
                         if (is_away_) { return fail(Code::kDenied, "no"); }
                         return {};
                       },
                       .backups = folder_ / "backups"}};
  WorkPool pool_{1};
  Lookout lookout_{*rig_.vault, pool_, clock_};
};

TEST_F(LookoutTest, LooksAtAFolderAgainAfterAWhileOrAJob) {
  EXPECT_EQ(lookout_.facts().backups, 0U);
  lists_ = 0;
  clock_.advance(9s);
  std::ignore = lookout_.facts();
  EXPECT_EQ(lists_, 0);
  clock_.advance(1s);
  std::ignore = lookout_.facts();
  EXPECT_GT(lists_, 0);
  ASSERT_EQ(rig_.back_up("a.zip").state, jobs::State::kSucceeded);
  EXPECT_EQ(lookout_.facts().backups, 0U) << "nobody has told of it";
  lookout_.expire();
  const Facts facts = lookout_.facts();
  EXPECT_EQ(facts.backups, 1U);
  EXPECT_GT(facts.backups_bytes, 0U);
  EXPECT_TRUE(facts.newest.has_value());
  EXPECT_EQ(facts.last_succeeded->name, "a.zip");
  EXPECT_TRUE(facts.data_free_bytes.has_value());
  EXPECT_EQ(facts.sound + facts.damaged, 0U);
}

TEST_F(LookoutTest, WhatIsNoArchiveDoesNotCountAndMakesUpForNothing) {
  ASSERT_EQ(rig_.back_up("a.zip").state, jobs::State::kSucceeded);
  const WallTime made = rig_.vault->list()->backups.front().backup.modified;
  const state::VaultDb vault_db{rig_.directory->vault_folder()};
  const state::Served served{.expression = "* * * * *", .until = clock_.now() - 48h};
  ASSERT_TRUE(
      state::note_served(vault_db, std::string{state::kBackupCron}, served, {}).has_value());
  EXPECT_FALSE(lookout_.facts().is_missed);
  const fs::Path good = folder_ / "backups/a.zip";
  const fs::Path cut = folder_ / "backups/@auto_pb_backup_cut.zip";
  testing::write_file(cut, testing::read_file(good).substr(0, 5000));
  std::filesystem::last_write_time(good, std::filesystem::last_write_time(good) - 48h);
  lookout_.expire();
  const Facts facts = lookout_.facts();
  EXPECT_EQ(facts.newest, made - 48h);
  EXPECT_TRUE(facts.is_missed);
}

TEST_F(LookoutTest, TellsOfVerificationsAndOfWhatCanBeHadBack) {
  ASSERT_EQ(rig_.back_up("a.zip").state, jobs::State::kSucceeded);
  ASSERT_EQ(rig_.verify("a.zip").state, jobs::State::kSucceeded);
  ASSERT_EQ(rig_.restore("a.zip").state, jobs::State::kSucceeded);
  const Facts facts = lookout_.facts();
  EXPECT_EQ(facts.sound, 1U);
  EXPECT_EQ(facts.newest_verified, facts.verified);
  EXPECT_TRUE(facts.verified.has_value());
  EXPECT_GT(facts.replaced_bytes, 0U);
}

TEST_F(LookoutTest, KeepsWhatItKnewOfAStoreThatIsAway) {
  ASSERT_EQ(rig_.back_up("a.zip").state, jobs::State::kSucceeded);
  const Facts before = lookout_.facts();
  EXPECT_EQ(before.is_store_up, true);
  is_away_ = true;
  clock_.advance(60s);
  lookout_.expire();
  const Facts facts = lookout_.facts();
  EXPECT_EQ(facts.is_store_up, false);
  EXPECT_EQ(facts.backups, 1U);
  EXPECT_EQ(facts.newest, before.newest);
  EXPECT_EQ(facts.looked, before.looked) << "what is told of the store is as old as that";
}

TEST_F(LookoutTest, TellsOfFailedAndMissedBackupsWithoutTheStore) {
  ASSERT_EQ(rig_.back_up("a.zip").state, jobs::State::kSucceeded);
  EXPECT_FALSE(lookout_.facts().is_missed);
  is_away_ = true;
  fails_ = "create";
  clock_.advance(60s);
  ASSERT_EQ(rig_.back_up("b.zip").state, jobs::State::kFailed);
  clock_.advance(48h);
  const state::VaultDb vault_db{rig_.directory->vault_folder()};
  const state::Served served{.expression = "* * * * *", .until = clock_.now() - 24h};
  ASSERT_TRUE(
      state::note_served(vault_db, std::string{state::kBackupCron}, served, {}).has_value());
  lookout_.expire();
  const Facts facts = lookout_.facts();
  EXPECT_EQ(facts.last->name, "b.zip");
  EXPECT_EQ(facts.last_succeeded->name, "a.zip");
  EXPECT_TRUE(facts.is_missed);
  Lookout restarted{*rig_.vault, pool_, clock_};
  const Facts anew = restarted.facts();
  EXPECT_EQ(anew.last_succeeded->name, "a.zip");
  EXPECT_TRUE(anew.is_history_known);
  EXPECT_TRUE(anew.is_missed);
  EXPECT_EQ(anew.looked, std::nullopt);
}

TEST_F(LookoutTest, KeepsWhatItKnewOfAHistoryThatCannotBeRead) {
  ASSERT_EQ(rig_.back_up("a.zip").state, jobs::State::kSucceeded);
  EXPECT_TRUE(lookout_.facts().last_succeeded.has_value());
  const fs::Path vault_db = rig_.directory->vault_folder() / "vault.db";
  std::filesystem::remove(vault_db);
  std::filesystem::create_directory(vault_db);
  lookout_.expire();
  EXPECT_EQ(lookout_.facts().last_succeeded->name, "a.zip");
  Lookout restarted{*rig_.vault, pool_, clock_};
  EXPECT_FALSE(restarted.facts().is_history_known);
}

TEST_F(LookoutTest, NeverWaitsForAStoreElsewhere) {
  rig_.store.pretend_remote();
  {
    const std::lock_guard held{gate_};
    EXPECT_EQ(lookout_.facts().looked, std::nullopt) << "it is only begun";
    EXPECT_EQ(lookout_.facts().looked, std::nullopt) << "and not begun again";
  }
  for (const Deadline limit = Deadline::after(30s); !limit.passed() && !lookout_.facts().looked;) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(lookout_.facts().looked.has_value());
  lists_ = 0;
  clock_.advance(299s);
  std::ignore = lookout_.facts();
  EXPECT_EQ(lists_, 0);
}

}  // namespace
}  // namespace pv::metrics
