#include "jobs/reopening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "jobs/live_settings.h"
#include "jobs/vault_rig_testing.h"
#include "restore/swap_lock.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReopeningTest : public ::testing::Test {
 protected:
  void in_folder(const std::string& command) const {
    const auto result = testing::run("cd '" + folder.path().string() + "' && " + command);
    ASSERT_EQ(result.status, 0) << result.output;
  }
  void prepare_another() const {
    in_folder(
        "sqlite3 pb_data/data.db \".backup n.db\" && sqlite3 n.db \"UPDATE _params SET value = "
        "json_set(CAST(value AS TEXT), '$.meta.appName', 'Other') WHERE id = 'settings'\"");
  }
  void replace() const {
    prepare_another();
    in_folder("mv n.db pb_data/data.db && rm -f pb_data/data.db-wal pb_data/data.db-shm");
  }
  void tick(int times) {
    for (int i = 0; i < times; ++i) { reopening.tick(); }
  }

  testing::TempFolder folder;
  testing::FakeClock clock;
  VaultRig rig{{.pb_data = testing::unpack_pb_data("0.36.6", folder.path()),
                .clock = clock,
                .backups = folder.path() / "backups"}};
  LiveSettings settings{*rig.directory, "", clock, system_random()};
  std::vector<std::string> said;
  std::optional<Error> refusal;
  Reopening reopening{
      *rig.directory,
      {.say = [this](bool /*is_warning*/, const std::string& what) { said.push_back(what); },
       .claim = [this]() -> Result<void> {
         if (refusal) { return fail(*refusal); }
         return {};
       }}};
};

TEST_F(ReopeningTest, TellsOnceAndBringsTheNewSettings) {
  tick(2);
  EXPECT_THAT(said, IsEmpty());
  replace();
  EXPECT_FALSE(settings.refresh());
  EXPECT_EQ(settings.now()->app_name, "Corner Shop") << "as they were, while nothing is known";
  tick(1);
  EXPECT_THAT(said, ElementsAre(HasSubstr("data.db was replaced or removed by another program: ")));
  tick(1);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[1], HasSubstr("opened anew"));
  EXPECT_TRUE(settings.refresh());
  EXPECT_EQ(settings.now()->app_name, "Other");
  tick(2);
  EXPECT_EQ(said.size(), 2U);
}

TEST_F(ReopeningTest, WaitsForWhoExchangesTheData) {
  replace();
  {
    const auto lock =
        restore::take_swap_lock(rig.directory->vault_folder(), std::chrono::milliseconds{0});
    ASSERT_TRUE(lock.has_value());
    tick(5);
    EXPECT_NE(rig.directory->lost(), std::nullopt);
  }
  tick(2);
  EXPECT_EQ(rig.directory->lost(), std::nullopt);
}

TEST_F(ReopeningTest, SaysOnceWhyItCannotBeOpened) {
  replace();
  refusal = Error{Code::kBusy, "another server runs on it"};
  tick(6);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[1], HasSubstr("another server runs on it"));
  EXPECT_NE(rig.directory->lost(), std::nullopt);
  refusal.reset();
  tick(1);
  EXPECT_EQ(rig.directory->lost(), std::nullopt);
}

TEST_F(ReopeningTest, ARestoreBringsBackWhatIsGone) {
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  in_folder("rm pb_data/data.db*");
  tick(3);
  EXPECT_NE(rig.directory->lost(), std::nullopt);
  const Status restored = rig.restore("a.zip");
  EXPECT_EQ(restored.state, State::kSucceeded) << why(restored);
  EXPECT_EQ(rig.directory->lost(), std::nullopt);
  EXPECT_EQ(rig.ask("SELECT count(*) FROM _superusers"), "1");
  tick(1);
  EXPECT_THAT(said.back(), HasSubstr("opened anew"));
}

// What a person put there by hand stays as it was put there.
TEST_F(ReopeningTest, ARestoreAndItsUndoDoNotMixWhatTheyReplace) {
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  rig.change("CREATE TABLE late (x)");
  tick(1);
  prepare_another();
  in_folder("cp n.db kept.db && mv n.db pb_data/data.db && cp pb_data/data.db-wal kept.db-wal");
  tick(3);
  EXPECT_THAT(said.back(), HasSubstr("data.db-wal holds the last changes of the data.db"));
  const Status refused = rig.back_up("b.zip");
  EXPECT_EQ(refused.state, State::kFailed);
  EXPECT_THAT(why(refused), HasSubstr("data.db-wal holds the last changes of the data.db"));
  const Status restored = rig.restore("a.zip");
  EXPECT_EQ(restored.state, State::kSucceeded) << why(restored);
  tick(1);
  const auto expect_kept_as_it_was = [&] {
    const auto kept = rig.vault->kept().value();
    ASSERT_EQ(kept.size(), 1U);
    const std::string where = "pb_data/.pocketvault/replaced-" + kept[0].id + "/pb_data/";
    in_folder("cmp " + where + "data.db kept.db && cmp " + where + "data.db-wal kept.db-wal");
  };
  expect_kept_as_it_was();
  rig.change("CREATE TABLE after (x)");
  for (int i = 0; i < 12; ++i) { tick(1); }
  const Status undone = rig.undo();
  EXPECT_EQ(undone.state, State::kFailed);
  EXPECT_THAT(why(undone), HasSubstr("data.db-wal holds the last changes of the data.db"));
  EXPECT_EQ(rig.ask("SELECT count(*) FROM after"), "0") << "taken back";
  expect_kept_as_it_was();
}

// With a note of each file that was open.
TEST_F(ReopeningTest, RestoresAndUndosOfOurOwnAreNeverRefused) {
  for (int round = 0; round < 3; ++round) {
    clock.advance(std::chrono::seconds{1});  // so that the undo is of this round
    rig.change("CREATE TABLE IF NOT EXISTS more (x)");
    rig.change("INSERT INTO more VALUES (1)");
    for (int i = 0; i < 12; ++i) { tick(1); }
    const std::string name = "r" + std::to_string(round) + ".zip";
    ASSERT_EQ(rig.back_up(name).state, State::kSucceeded);
    const Status restored = rig.restore(name);
    ASSERT_EQ(restored.state, State::kSucceeded) << why(restored);
    rig.change("INSERT INTO more VALUES (2)");
    for (int i = 0; i < 12; ++i) { tick(1); }
    const Status undone = rig.undo();
    ASSERT_EQ(undone.state, State::kSucceeded) << why(undone);
    EXPECT_EQ(rig.ask("SELECT count(*) FROM more"), std::to_string(round + 1));
  }
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(ReopeningTest, OurOwnRestoreIsNotMistakenForAnother) {
  ASSERT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
  std::atomic<bool> ended{false};
  std::thread ticking{[&] {
    while (!ended) { reopening.tick(); }
  }};
  const Status restored = rig.restore("a.zip");
  ended = true;
  ticking.join();
  EXPECT_EQ(restored.state, State::kSucceeded) << why(restored);
  EXPECT_THAT(said, IsEmpty());
  EXPECT_EQ(rig.ask("SELECT count(*) FROM _superusers"), "1");
}

TEST_F(ReopeningTest, MakesItsFolderAnewWhereThatAloneIsGone) {
  in_folder("rm -r pb_data/.pocketvault");
  tick(1);
  EXPECT_TRUE(fs::exists(rig.directory->vault_folder()));
  EXPECT_EQ(rig.back_up("a.zip").state, State::kSucceeded);
}

// What was read is of two directories, and another process may be at work on the new one.
TEST(MovedDirectory, ABackupOfItIsNotStored) {
  const testing::TempFolder folder;
  const fs::Path pb_data = testing::unpack_pb_data("0.36.6", folder.path());
  bool is_moved = false;
  VaultRig rig{{.pb_data = pb_data,
                .hook = [&](std::string_view call) -> Result<void> {
                  if (call != "create" || is_moved) { return {}; }
                  is_moved = true;
                  const auto moved = testing::run("cd '" + folder.path().string() +
                                                  "' && mv pb_data away && cp -r away pb_data");
                  PV_ASSERT(moved.status == 0);
                  return {};
                },
                .backups = folder.path() / "backups"}};
  const Status made = rig.back_up("a.zip");
  EXPECT_TRUE(is_moved);
  EXPECT_EQ(made.state, State::kFailed);
  EXPECT_THAT(why(made), HasSubstr("was moved, removed or replaced by another program"));
  EXPECT_THAT(rig.names(), IsEmpty());
}

}  // namespace
}  // namespace pv::jobs
