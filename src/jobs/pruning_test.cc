#include "jobs/pruning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "jobs/pins.h"
#include "jobs/vault_rig_testing.h"
#include "state/history.h"
#include "state/verdicts.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/tiny_backup.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using settings::Retention;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

store::BackupName name_of(const std::string& text) {
  return store::BackupName::parse(text).value();
}

class PruningTest : public ::testing::Test {
 protected:
  PruningTest() {
    std::filesystem::remove_all(pb_data_ / "backups");
    for (int day = 0; day < 4; ++day) { put("@auto_pb_backup_" + std::to_string(day), day * 24h); }
  }
  void put(const std::string& name, std::chrono::nanoseconds age,
           const std::string& content = testing::tiny_backup()) {
    const fs::Path path = pb_data_ / "backups" / (name + ".zip");
    testing::write_file(path, content);
    std::filesystem::last_write_time(
        path,
        std::chrono::file_clock::from_sys(
            std::chrono::time_point_cast<std::chrono::system_clock::duration>(clock_.now() - age)));
  }
  // Has the backup of that number be found sound.
  void verified(int number) {
    const auto name = name_of("@auto_pb_backup_" + std::to_string(number) + ".zip");
    const store::Backup backup = rig_->vault->store().stat(name).value();
    const auto noted = state::note_verdict(
        state::VaultDb{rig_->directory->vault_folder()},
        {.key = name.text(),
         .archive = {backup.size_bytes, backup.modified, std::nullopt},
         .verdict = {.is_sound = true, .at = clock_.now(), .records = std::nullopt}},
        std::nullopt, {});
    ASSERT_TRUE(noted.has_value());
  }
  void open(VaultOptions options = {}) {
    rig_ = std::make_unique<VaultRig>(
        VaultRig::Setup{.pb_data = pb_data_,
                        .clock = clock_,
                        .options = std::move(options),
                        .hook = [this](std::string_view call) { return hook_(call); }});
  }
  [[nodiscard]] Pruning prune(const PruneOrder& order) {
    const auto pruned = rig_->vault->prune(order);
    EXPECT_TRUE(pruned.has_value()) << pruned.error().what;
    return pruned.value_or(Pruning{});
  }

  testing::TempFolder folder_;
  fs::Path pb_data_ = testing::unpack_pb_data("0.36.6", folder_.path());
  testing::FakeClock clock_;
  std::function<Result<void>(std::string_view)> hook_ = [](std::string_view) {
    return Result<void>{};
  };
  std::unique_ptr<VaultRig> rig_;
};

TEST_F(PruningTest, TakesTheOldestFirstAndTellsBefore) {
  open();
  verified(0);
  const PruneOrder two{.rules = Retention{.last = 2}, .is_dry_run = true};
  const Pruning planned = prune(two);
  EXPECT_THAT(planned.removed, IsEmpty());
  EXPECT_THAT(planned.decisions, SizeIs(4));
  EXPECT_THAT(rig_->names(), SizeIs(4));
  EXPECT_EQ(planned.summary, "keeps the last 2");
  const Pruning done = prune({.rules = Retention{.last = 2}});
  EXPECT_THAT(done.removed, ElementsAre("@auto_pb_backup_3.zip", "@auto_pb_backup_2.zip"));
  EXPECT_THAT(rig_->names(), SizeIs(2));
  EXPECT_THAT(prune({}).removed, IsEmpty()) << "the settings have no rules";
}

TEST_F(PruningTest, LeavesABackupOfAnotherCenturyAlone) {
  put("@auto_pb_backup_late", 0h);
  const fs::Path path = pb_data_ / "backups" / "@auto_pb_backup_late.zip";
  ASSERT_EQ(testing::run("touch -d 2400-01-01 " + path.string()).status, 0);
  open();
  verified(0);
  const Pruning done = prune({.rules = Retention{.last = 1}});
  EXPECT_THAT(done.removed, ElementsAre("@auto_pb_backup_3.zip", "@auto_pb_backup_2.zip",
                                        "@auto_pb_backup_1.zip"));
}

TEST_F(PruningTest, AFailureStopsNoneOfTheOthers) {
  open();
  verified(0);
  int removals = 0;
  hook_ = [&](std::string_view call) -> Result<void> {
    if (call != "remove" || ++removals != 1) { return {}; }
    return fail(Code::kDenied, "permission denied");
  };
  const Pruning done = prune({.rules = Retention{.last = 1}});
  EXPECT_THAT(done.removed, ElementsAre("@auto_pb_backup_2.zip", "@auto_pb_backup_1.zip"));
  ASSERT_THAT(done.failed, SizeIs(1));
  EXPECT_EQ(done.failed.front().key, "@auto_pb_backup_3.zip");
  EXPECT_EQ(done.failed.front().error, (Error{Code::kDenied, "permission denied"}));
  const Pruning read = pruning_from_json(to_json(done));
  EXPECT_EQ(read.removed, done.removed);
  EXPECT_EQ(read.failed.front().error, done.failed.front().error);
  ASSERT_EQ(read.decisions.size(), done.decisions.size());
  for (std::size_t i = 0; i < read.decisions.size(); ++i) {
    EXPECT_EQ(read.decisions[i].backup.name, done.decisions[i].backup.name);
    EXPECT_EQ(read.decisions[i].is_kept, done.decisions[i].is_kept);
    EXPECT_EQ(read.decisions[i].reasons, done.decisions[i].reasons);
  }
}

TEST_F(PruningTest, WhatAnotherTookMeanwhileIsNoFailure) {
  open();
  verified(0);
  hook_ = [](std::string_view call) -> Result<void> {
    return call == "remove" ? fail(Code::kNotFound, "gone") : Result<void>{};
  };
  const Pruning done = prune({.rules = Retention{.last = 1}});
  EXPECT_THAT(done.removed, IsEmpty());
  EXPECT_THAT(done.failed, IsEmpty());
}

TEST_F(PruningTest, NoneThatCanBeReadIsTheNewestThatCounts) {
  for (int day = 0; day < 4; ++day) {
    put("@auto_pb_backup_" + std::to_string(day), day * 24h, "no archive");
  }
  open();
  EXPECT_THAT(prune({.rules = Retention{.last = 1}}).removed, IsEmpty());
  verified(2);
  EXPECT_THAT(prune({.rules = Retention{.last = 1}}).removed, ElementsAre("@auto_pb_backup_3.zip"));
}

// Not the newest alone: whatever would be kept in the place of another is looked into.
TEST_F(PruningTest, WhatNoRestoreTakesTakesNobodysPlace) {
  std::string photos = testing::tiny_backup();
  for (auto at = photos.find("data.db"); at != std::string::npos; at = photos.find("data.db")) {
    photos.replace(at, 7, "a/b.jpg");
  }
  put("@auto_pb_backup_1", 24h, photos);
  open();
  const Pruning done = prune({.rules = Retention{.last = 2}});
  EXPECT_THAT(done.removed, ElementsAre("@auto_pb_backup_3.zip"));
  put("@auto_pb_backup_0", 0h, photos);
  EXPECT_THAT(prune({.rules = Retention{.last = 1}}).removed, IsEmpty());
}

TEST_F(PruningTest, WhatTheStoreDoesNotGiveTakesNobodysPlaceAndStays) {
  open();
  bool is_away = true;
  int looks = 0;
  hook_ = [&](std::string_view call) -> Result<void> {
    looks += call == "open" ? 1 : 0;
    return call == "open" && is_away ? fail(Code::kUnavailable, "no route") : Result<void>{};
  };
  EXPECT_THAT(prune({.rules = Retention{.daily = 1}}).removed, IsEmpty());
  is_away = false;
  looks = 0;
  EXPECT_THAT(prune({.rules = Retention{.daily = 1}}).removed, SizeIs(3));
  EXPECT_LE(looks, 2) << "what goes is not looked into";
}

TEST_F(PruningTest, WhatThisDirectoryMadeIsNotLookedInto) {
  const testing::FakeClock& clock = clock_;
  for (int day = 1; day < 4; ++day) {
    const std::string name = "@auto_pb_backup_" + std::to_string(day) + ".zip";
    std::filesystem::create_directory(pb_data_ / ".pocketvault");
    const std::vector<state::PastJob> jobs{{.id = "a",
                                            .kind = "backup",
                                            .name = name,
                                            .started = clock.now() - day * 24h,
                                            .ended = clock.now() - day * 24h,
                                            .outcome = "succeeded",
                                            .archive_bytes = testing::tiny_backup().size()}};
    ASSERT_TRUE(state::VaultDb{pb_data_ / ".pocketvault"}
                    .write([&](sqlite::Connection& db) { return state::put(db, jobs); }, {})
                    .has_value());
  }
  open();
  int looks = 0;
  hook_ = [&](std::string_view call) -> Result<void> {
    looks += call == "open" ? 1 : 0;
    return {};
  };
  EXPECT_THAT(prune({.rules = Retention{.last = 3}}).removed, SizeIs(1));
  EXPECT_LE(looks, 2) << "the newest alone";
}

TEST_F(PruningTest, WhereVaultDbCannotBeReadNothingGoes) {
  open();
  verified(0);
  testing::write_file(pb_data_ / ".pocketvault/vault.db", "garbage");
  const auto pruned = rig_->vault->prune({.rules = Retention{.last = 1}});
  EXPECT_THAT(pruned.error().what, HasSubstr("nothing is removed"));
  EXPECT_EQ(rig_->vault->prune_by_count(1, "").error().code, Code::kDamaged);
  EXPECT_THAT(rig_->names(), SizeIs(4));
  EXPECT_TRUE(rig_->vault->remove(name_of("@auto_pb_backup_3.zip")).has_value())
      << "by hand: there never was a pin";
}

TEST_F(PruningTest, WhatTheMirrorLacksStays) {
  const fs::Path mirror = folder_.path() / "mirror";
  ASSERT_TRUE(fs::make_folders(mirror).has_value());
  std::filesystem::copy_file(pb_data_ / "backups/@auto_pb_backup_3.zip",
                             mirror / "@auto_pb_backup_3.zip");
  put("@auto_pb_backup_2", 48h);
  testing::write_file(pb_data_ / "backups/@auto_pb_backup_2.zip", "another");
  put("@auto_pb_backup_0", 0h);
  VaultOptions options;
  options.mirror = store::make_folder_store(mirror);
  open(std::move(options));
  verified(0);
  const Pruning done = prune({.rules = Retention{.last = 1}});
  EXPECT_THAT(done.removed, ::testing::Not(::testing::Contains("@auto_pb_backup_2.zip")));
  EXPECT_THAT(done.removed, ::testing::Contains("@auto_pb_backup_3.zip"));
  EXPECT_TRUE(fs::exists(mirror / "@auto_pb_backup_3.zip")) << "a mirror loses nothing";
}

TEST_F(PruningTest, ARunningJobKeepsItsBackup) {
  open();
  verified(0);
  std::optional<Lease> lease =
      Lease::take(
          rig_->directory->vault_folder(),
          {.pid = 1, .kind = "restore", .name = "@auto_pb_backup_3.zip", .since = clock_.now()})
          .value();
  EXPECT_THAT(prune({.rules = Retention{.last = 1}}).removed,
              ElementsAre("@auto_pb_backup_2.zip", "@auto_pb_backup_1.zip"));
  lease.reset();
  EXPECT_THAT(prune({.rules = Retention{.last = 1}}).removed, ElementsAre("@auto_pb_backup_3.zip"));
}

TEST(RefusePinned, RefusesWhereItCannotLook) {
  const testing::TempFolder temp;
  EXPECT_TRUE(refuse_pinned(temp / "none", "a.zip").has_value());
  std::filesystem::create_symlink("loop", temp / "loop");
  EXPECT_EQ(refuse_pinned(temp / "loop", "a.zip").error().code, Code::kInvalid);
}

TEST_F(PruningTest, APinProtectsFromRulesAndFromSlips) {
  open();
  verified(0);
  const auto name = name_of("@auto_pb_backup_3.zip");
  EXPECT_EQ(rig_->vault->pin(name_of("none.zip"), "").error().code, Code::kNotFound);
  EXPECT_EQ(rig_->vault->unpin(name).error().code, Code::kNotFound);
  ASSERT_TRUE(rig_->vault->pin(name, "before the move").has_value());
  ASSERT_TRUE(rig_->vault->pin(name, std::nullopt).has_value());
  EXPECT_THAT(prune({.rules = Retention{.last = 1}}).removed, SizeIs(2));
  const auto removed = rig_->vault->remove(name);
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error(),
            (Error{Code::kUnsupported, "@auto_pb_backup_3.zip is pinned: unpin it first"}));
  const Listing listing = rig_->vault->list().value();
  ASSERT_THAT(listing.backups, SizeIs(2));
  EXPECT_FALSE(listing.backups.front().pin);
  ASSERT_TRUE(listing.backups.back().pin);
  EXPECT_EQ(listing.backups.back().pin->note, "before the move");
  testing::write_file(pb_data_ / ".pocketvault/vault.db", "garbage");
  EXPECT_THAT(rig_->vault->remove(name).error().what, HasSubstr("is pinned is not known"));
  EXPECT_THAT(rig_->vault->list()->unknown_because, ::testing::Not(IsEmpty()));
  std::filesystem::remove(pb_data_ / ".pocketvault/pinned");
  EXPECT_TRUE(rig_->vault->remove(name).has_value());
}

TEST_F(PruningTest, NoPinIsPromisedForABackupThatIsBeingRemoved) {
  open();
  const auto name = name_of("@auto_pb_backup_3.zip");
  std::future<Result<void>> pinned;
  hook_ = [&](std::string_view call) -> Result<void> {
    if (call != "remove") { return {}; }
    pinned = std::async(std::launch::async, [&] { return rig_->vault->pin(name, ""); });
    std::ignore = pinned.wait_for(100ms);  // it has to wait: it could be through by then
    return {};
  };
  ASSERT_TRUE(rig_->vault->remove(name).has_value());
  EXPECT_EQ(pinned.get().error().code, Code::kNotFound);
}

// An flock, so a descriptor of its own stands for another process.
TEST_F(PruningTest, OtherProcessesPinAndRemoveOneAfterTheOther) {
  open();
  const fs::Path lock = rig_->directory->vault_folder() / "pins.lock";
  std::vector<std::string> held_at;
  hook_ = [&](std::string_view call) -> Result<void> {
    if (fs::FileLock::is_held(lock)) { held_at.emplace_back(call); }
    return {};
  };
  ASSERT_TRUE(rig_->vault->pin(name_of("@auto_pb_backup_2.zip"), "").has_value());
  EXPECT_THAT(held_at, ElementsAre("stat", "stat"));
  held_at.clear();
  ASSERT_TRUE(rig_->vault->remove(name_of("@auto_pb_backup_3.zip")).has_value());
  EXPECT_THAT(held_at, ::testing::Contains("remove"));
  EXPECT_FALSE(fs::FileLock::is_held(lock));
  // Who has pinned by the time that it is free is heard.
  auto other = std::optional{fs::FileLock::try_take(lock).value()};
  const auto name = name_of("@auto_pb_backup_1.zip");
  auto removed = std::async(std::launch::async, [&] { return rig_->vault->remove(name); });
  ASSERT_TRUE(state::put_pin(rig_->directory->vault_folder(), {name.text(), "", clock_.now()}, {})
                  .has_value());
  other.reset();
  EXPECT_EQ(removed.get().error().code, Code::kUnsupported);
}

TEST_F(PruningTest, NoPinIsPromisedForABackupThatAnotherProcessRemoved) {
  open();
  const auto name = name_of("@auto_pb_backup_3.zip");
  int looks = 0;
  hook_ = [&](std::string_view call) -> Result<void> {
    if (call == "stat" && ++looks == 2) {
      std::filesystem::remove(pb_data_ / "backups" / name.text());
    }
    return {};
  };
  EXPECT_EQ(rig_->vault->pin(name, "").error().code, Code::kNotFound);
  EXPECT_EQ(rig_->vault->unpin(name).error().code, Code::kNotFound) << "no pin stays";
}

TEST(RulesReader, TheFirstKeepReplacesAllOfTheSettings) {
  RulesReader reader{{.last = 3, .daily = 7, .min_age = 24h}};
  EXPECT_TRUE(*reader.take("minAgeHours", "2"));
  EXPECT_EQ(reader.rules(), (Retention{.last = 3, .daily = 7, .min_age = 2h}));
  EXPECT_TRUE(*reader.take("keepHourly", "5"));
  EXPECT_TRUE(*reader.take("keepYearly", "1"));
  EXPECT_TRUE(*reader.take("governs", "all"));
  EXPECT_FALSE(*reader.take("fields", "x"));
  EXPECT_EQ(
      reader.rules(),
      (Retention{.hourly = 5, .yearly = 1, .min_age = 2h, .governs = Retention::Governs::kAll}));
  for (const auto& [name, value] : {std::pair{"keepDaily", "-1"},
                                    {"keepDaily", "7d"},
                                    {"keepDaily", ""},
                                    {"keepDaily", "10001"},
                                    {"governs", "none"},
                                    {"minAgeHours", "87601"}}) {
    EXPECT_EQ(reader.take(name, value).error().code, Code::kInvalid) << name << value;
  }
}

}  // namespace
}  // namespace pv::jobs
