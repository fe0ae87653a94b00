#include "restore/replaced.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/swap_world_testing.h"

namespace pv::restore {
namespace {

using namespace std::chrono_literals;

TEST(Replaced, IsKeptAsLongAsWasNotedWhateverTheRestOfTheWorldKeeps) {
  const World world;
  const fs::Path& directory = world.folder.path();
  ASSERT_TRUE(note_kept(world.run(real_disk()).value(), 1h, 1min).has_value());
  const Replaced kept = list_replaced(directory)->front();
  EXPECT_EQ(kept.keep, 1h);
  EXPECT_EQ(kept.at, kNow);
  EXPECT_EQ(kept.restored_from, "nightly.zip");
  ASSERT_TRUE(prune_replaced(directory, kNow + 59min, 0s).has_value());
  EXPECT_EQ(list_replaced(directory)->size(), 1U);
  ASSERT_TRUE(prune_replaced(directory, kNow + 1h, 24h).has_value());
  EXPECT_TRUE(list_replaced(directory)->empty());
  EXPECT_EQ(world.tree(), world.new_tree);
}

// The exchange was cut off, whenever that was, and perhaps its journal was removed by hand.
TEST(Replaced, WithoutATimeNotedIsKeptFromWhenItIsFirstFoundSo) {
  for (const auto keep : {std::chrono::seconds{0h}, std::chrono::seconds{48h}}) {
    const auto kept_for = std::max<std::chrono::seconds>(keep, 24h);
    const World world;
    const fs::Path& directory = world.folder.path();
    ASSERT_TRUE(world.run(real_disk()).has_value());
    constexpr auto kLater = 24h * 365;
    ASSERT_TRUE(prune_replaced(directory, kNow + kLater, keep).has_value());
    EXPECT_EQ(list_replaced(directory)->front().keep, kLater + kept_for);
    ASSERT_TRUE(prune_replaced(directory, kNow + kLater + kept_for - 1s, 0s).has_value());
    EXPECT_EQ(list_replaced(directory)->size(), 1U);
    ASSERT_TRUE(prune_replaced(directory, kNow + kLater + kept_for, 0s).has_value());
    EXPECT_TRUE(list_replaced(directory)->empty());
  }
}

TEST(Replaced, SaysWhatItTakesWithoutWhatIsSharedWithTheDataInPlace) {
  const World world;
  const fs::Path& directory = world.folder.path();
  const std::string block(8192, 'x');
  testing::write_file(directory / "storage/a/shared", block);
  testing::write_file(directory / "storage/a/alone", block);
  const Replaced before = world.run(real_disk()).value();
  const std::uint64_t all = note_kept(before, 1h, 1min)->bytes.value();
  EXPECT_GE(all, 2 * block.size());
  std::filesystem::create_hard_link(before.folder / kReplacedData / "storage/a/shared",
                                    directory / "storage/shared");
  EXPECT_EQ(note_kept(before, 1h, 1min)->bytes.value(), all - block.size());
}

TEST(Replaced, IsNotedEvenIfMeasuringItWouldTakeTooLong) {
  const World world;
  ASSERT_TRUE(note_kept(world.run(real_disk()).value(), 1h, 0ms).has_value());
  const Replaced kept = list_replaced(world.folder.path())->front();
  EXPECT_EQ(kept.keep, 1h);
  EXPECT_EQ(kept.bytes, std::nullopt);
}

// What is left when its data is back in place is nothing to undo, and not in the way of what is.
TEST(Replaced, IsListedForItsStraysAlone) {
  const World world;
  const fs::Path& directory = world.folder.path();
  const Replaced replaced = world.run(real_disk()).value();
  testing::write_file(replaced.folder / kReplacedStray / "data.db-wal", "foreign");
  EXPECT_EQ(list_replaced(directory)->front().strays, 1U);
  EXPECT_TRUE(list_replaced(directory)->front().can_undo);
  ASSERT_TRUE(undo(directory, "", kNow - 1s, real_disk()).has_value());
  const std::vector<Replaced> listed = list_replaced(directory).value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].id, replaced.id);
  EXPECT_FALSE(listed[0].can_undo);
  EXPECT_TRUE(listed[1].can_undo);
  ASSERT_TRUE(undo(directory, "", kNow, real_disk()).has_value()) << "the other one";
  EXPECT_EQ(world.tree(), world.new_tree);
  ASSERT_TRUE(prune_replaced(directory, kNow + 23h, 24h).has_value());
  EXPECT_EQ(testing::read_file(replaced.folder / kReplacedStray / "data.db-wal"), "foreign");
  ASSERT_TRUE(remove_replaced(directory, replaced.id).has_value());
  EXPECT_FALSE(fs::exists(replaced.folder));
}

TEST(Replaced, IsRemovedByItsId) {
  const World world;
  const fs::Path& directory = world.folder.path();
  const std::string first = world.run(real_disk())->id;
  EXPECT_EQ(remove_replaced(directory, "none").error().code, Code::kNotFound);
  EXPECT_EQ(remove_replaced(directory, "../../backups").error().code, Code::kNotFound);
  ASSERT_TRUE(remove_replaced(directory, first).has_value());
  EXPECT_TRUE(list_replaced(directory)->empty());
  EXPECT_EQ(names_in(vault_folder(directory))->size(), 0U);
  EXPECT_EQ(world.tree(), world.new_tree);
}

TEST(Replaced, IsNotRemovedWhileARestoreIsCutOff) {
  const World world;
  const fs::Path& directory = world.folder.path();
  const std::string id = world.run(real_disk())->id;
  PlaceMoves root;
  root.out = {"data.db"};
  root.in = {"data.db"};
  const Journal journal{.back = false,
                        .layout = Layout{std::string{kOwnVault}, {}},
                        .incoming = "restore-x",
                        .aside = "replaced-" + id + "/pb_data",
                        .places = {root}};
  ASSERT_TRUE(write_journal(directory, journal, real_disk()).has_value());
  EXPECT_EQ(remove_replaced(directory, id).error().code, Code::kBusy);
  EXPECT_EQ(list_replaced(directory)->size(), 1U);
}

// Cut off in the middle of removing, half of it is left: no undo may bring that back.
TEST(Replaced, HalfRemovedIsNotOfferedAndGoesWithTheNextPrune) {
  const World world;
  const fs::Path& directory = world.folder.path();
  const Replaced replaced = world.run(real_disk()).value();
  const fs::Path going = vault_folder(directory) / (std::string{kGoingPrefix} + replaced.id);
  std::filesystem::rename(replaced.folder, going);
  std::filesystem::remove(going / kReplacedData / "data.db");
  EXPECT_TRUE(list_replaced(directory)->empty());
  EXPECT_EQ(undo(directory, replaced.id, kNow, real_disk()).error().code, Code::kNotFound);
  ASSERT_TRUE(prune_replaced(directory, kNow, 24h).has_value());
  EXPECT_FALSE(fs::exists(going));
}

// An undo is renames at the top: what lies in the folders makes it no longer.
TEST(Replaced, ComesBackWithAsManyCallsHoweverManyFilesThereAre) {
  const auto calls_with = [](int files) {
    const World world;
    const fs::Path& directory = world.folder.path();
    for (int i = 0; i < files; ++i) {
      testing::write_file(directory / "storage/many" / std::to_string(i), "x");
    }
    const Tree old_tree = world.tree();
    PV_ASSERT(world.run(real_disk()).has_value());
    CountingDisk disk;
    EXPECT_TRUE(undo(directory, "", kNow, disk).has_value());
    EXPECT_EQ(world.tree(), old_tree);
    return disk.calls;
  };
  const int few = calls_with(1);
  EXPECT_EQ(calls_with(2000), few);
  EXPECT_LT(few, 60);
}

TEST(Replaced, TheOneThatIsAskedForComesBack) {
  World world;
  const fs::Path& directory = world.folder.path();
  const std::string first = world.run(real_disk())->id;
  // A second restore of the same, over the first.
  world.staged.id = "secondsecondsec";
  world.staged.folder = vault_folder(directory) / ("restore-" + world.staged.id);
  testing::write_file(world.staged.folder / "data.db", "newer data.db");
  ASSERT_TRUE(swap(directory, world.staged, "newer.zip", kNow + 1s, real_disk()).has_value());
  ASSERT_EQ(list_replaced(directory)->size(), 2U);
  ASSERT_TRUE(undo(directory, first, kNow + 2s, real_disk()).has_value());
  EXPECT_EQ(world.tree(), world.old_tree);
  const auto kept = list_replaced(directory);
  ASSERT_EQ(kept->size(), 2U);
  EXPECT_EQ(kept->front().restored_from, "undo of nightly.zip");
  EXPECT_EQ(kept->back().restored_from, "newer.zip");
}

}  // namespace
}  // namespace pv::restore
