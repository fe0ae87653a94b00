#include <gtest/gtest.h>
#include <sys/wait.h>

#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/restore_testing.h"
#include "restore/swap_world_testing.h"

namespace pv::restore {
namespace {

using testing::TempFolder;
using testing::write_file;

TEST(Swap, ExchangesEverythingButWhatBelongsToPrograms) {
  const World world;
  const Result<Replaced> replaced = world.run(real_disk());
  ASSERT_TRUE(replaced.has_value()) << replaced.error().what;
  EXPECT_EQ(world.tree(), world.new_tree);
  EXPECT_FALSE(fs::exists(world.staged.folder));
  EXPECT_FALSE(fs::exists(journal_path(world.folder.path())));
  const auto kept = list_replaced(world.folder.path());
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().restored_from, "nightly.zip");
  EXPECT_EQ(kept->front().at, kNow);
  EXPECT_EQ(tree_of(kept->front().folder / kReplacedData).at("data.db-wal"), "old data.db-wal");
}

// What a stranger, or a power cut, may see at any moment.
TEST(Swap, TheOrderOfThings) {
  class Telling final : public Disk {
   public:
    std::vector<std::string> told;
    Result<void> rename(const fs::Path& from, const fs::Path& to) override {
      const bool leaves = to.string().find("replaced-") != std::string::npos;
      told.push_back((leaves ? "out " : "in ") + from.filename().string());
      return Disk::rename(from, to);
    }
    Result<void> sync_folder(const fs::Path& path) override {
      const std::string name = path.filename().string();
      told.push_back("sync " + (name.starts_with("pocketvault-test") ? "directory" : name));
      return Disk::sync_folder(path);
    }
    Result<void> write_file(const fs::Path& path, std::string_view content) override {
      told.push_back("write " + path.filename().string());
      return Disk::write_file(path, content);
    }
    Result<void> remove_file(const fs::Path& path) override {
      told.push_back("remove " + path.filename().string());
      return Disk::remove_file(path);
    }
  };
  const World world;
  Telling disk;
  ASSERT_TRUE(world.run(disk).has_value());
  const std::vector<std::string> expected{
      "write info", "sync replaced-abcdefghijklmno", "sync .pocketvault",
      "write restore.journal.back", "write restore.journal",
      // A database leaves before its WAL; all old WALs have left before a new database comes.
      "out data.db", "out data.db-shm", "out data.db-wal", "out auxiliary.db", "out only-old",
      "out storage", "out types.d.ts", "sync pb_data", "sync directory",
      "sync restore-abcdefghijklmno",
      // All else is in place, and on disk, before data.db comes.
      "in storage", "in only-new", "in auxiliary.db", "sync pb_data", "sync directory",
      "sync restore-abcdefghijklmno", "in data.db", "sync pb_data", "sync directory",
      "sync restore-abcdefghijklmno", "remove restore.journal", "remove restore.journal.back",
      "sync .pocketvault"};
  EXPECT_EQ(disk.told, expected);
}

TEST(Swap, UndoBringsBackEveryByteAndCanItselfBeUndone) {
  const World world;
  ASSERT_TRUE(world.run(real_disk()).has_value());
  const auto first = undo(world.folder.path(), "", kNow + std::chrono::seconds{1}, real_disk());
  ASSERT_TRUE(first.has_value()) << first.error().what;
  EXPECT_EQ(world.tree(), world.old_tree);
  const auto second = undo(world.folder.path(), "", kNow + std::chrono::seconds{2}, real_disk());
  ASSERT_TRUE(second.has_value()) << second.error().what;
  EXPECT_EQ(world.tree(), world.new_tree);
  EXPECT_EQ(list_replaced(world.folder.path())->size(), 1U);
}

TEST(Swap, UndoWithoutAnythingKeptSaysSo) {
  const TempFolder folder;
  EXPECT_EQ(undo(folder.path(), "", kNow, real_disk()).error().code, Code::kNotFound);
}

// Ends a process at each call in turn, before it and after it, and recovers in this one.
void crash_everywhere(Setting setting, const std::function<void(World&)>& prepare,
                      const std::function<void(World&, Disk&)>& work, bool old_is_new) {
  World whole{setting};
  prepare(whole);
  CountingDisk counting{whole};
  work(whole, counting);
  const int calls = counting.calls;
  ASSERT_GT(calls, 15);
  int finished = 0;
  int untouched = 0;
  for (const auto when : {CountingDisk::At::kBefore, CountingDisk::At::kAfter}) {
    for (int call = 1; call <= calls; ++call) {
      World world{setting};
      MountedDisk disk{world};
      prepare(world);
      const pid_t child = ::fork();
      if (child == 0) {
        CountingDisk dying{world};
        dying.die_at = call;
        dying.die = when;
        work(world, dying);
        ::_exit(0);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_EQ(WEXITSTATUS(status), 42) << "call " << call;
      const Result<Recovery> recovery = recover(world.folder.path(), disk);
      ASSERT_TRUE(recovery.has_value()) << "call " << call << ": " << recovery.error().what;
      const Tree after = world.tree();
      const Tree& before = old_is_new ? world.new_tree : world.old_tree;
      const Tree& done = old_is_new ? world.old_tree : world.new_tree;
      ASSERT_TRUE(after == before || after == done) << "a mixture after call " << call;
      ASSERT_TRUE(world.left_others_alone()) << "call " << call;
      (after == done ? finished : untouched) += 1;
      EXPECT_EQ(recover(world.folder.path(), disk).value(), Recovery::kNothing) << call;
      EXPECT_EQ(world.tree(), after) << "a second run changed something, call " << call;
      // The other data is still there to be had, and what is left over can be cleared away.
      if (after == done) {
        ASSERT_EQ(list_replaced(world.folder.path())->size(), 1U) << "call " << call;
        ASSERT_TRUE(undo(world.folder.path(), "", kNow, disk).has_value());
        EXPECT_EQ(world.tree(), before) << "call " << call;
        EXPECT_TRUE(world.left_others_alone()) << "call " << call;
      }
      ASSERT_TRUE(
          prune_replaced(world.folder.path(), kNow, std::chrono::seconds{0}, disk).has_value());
      EXPECT_TRUE(fs::exists(world.folder / "data.db"));
    }
  }
  EXPECT_GT(finished, 0);
  EXPECT_GT(untouched, 0);
}

class SwapSweep : public ::testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    if (GetParam().lie == Lie::kRealMounts && !have_own_mounts()) {
      GTEST_SKIP() << "not allowed to mount here";
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Everywhere, SwapSweep,
                         ::testing::Values(Setting{Lie::kPlain}, Lie::kMadeUpMounts,
                                           Lie::kRealMounts, Lie::kLinkedStorage),
                         [](const auto& sweep) { return name_of(sweep.param); });
INSTANTIATE_TEST_SUITE_P(Parts, SwapSweep, ::testing::ValuesIn(parts_everywhere()),
                         [](const auto& sweep) { return name_of(sweep.param); });

TEST_P(SwapSweep, ACrashAtAnyCallLeavesOldOrNewNeverAMixture) {
  crash_everywhere(
      GetParam(), [](World&) {}, [](World& world, Disk& disk) { (void)world.run(disk); }, false);
}

TEST_P(SwapSweep, ACrashAtAnyCallOfAnUndoLeavesOldOrNewToo) {
  crash_everywhere(
      GetParam(),
      [](World& world) {
        MountedDisk disk{world};
        PV_ASSERT(world.run(disk).has_value());
      },
      [](World& world, Disk& disk) { (void)undo(world.folder.path(), "", kNow, disk); }, true);
}

TEST(Swap, ACrashWhileRecoveringIsRecoveredFrom) {
  // Cut off in the middle of the renames, then again at each call of the recovery.
  const auto cut_off = [](World& world) {
    const pid_t child = ::fork();
    if (child == 0) {
      CountingDisk disk{world};
      disk.die_at = 12;
      (void)world.run(disk);
      ::_exit(0);
    }
    int status = 0;
    PV_ASSERT(::waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42);
    PV_ASSERT(world.tree() != world.old_tree && world.tree() != world.new_tree);
  };
  const int calls = count_calls(Lie::kPlain, [&](World& world, Disk& disk) {
    cut_off(world);
    (void)recover(world.folder.path(), disk);
  });
  ASSERT_GT(calls, 5);
  for (int call = 1; call <= calls; ++call) {
    World world;
    cut_off(world);
    const pid_t child = ::fork();
    if (child == 0) {
      CountingDisk disk{world};
      disk.die_at = call;
      (void)recover(world.folder.path(), disk);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(recover(world.folder.path(), real_disk()).has_value());
    EXPECT_EQ(world.tree(), world.new_tree) << "call " << call;
  }
}

TEST_P(SwapSweep, AnErrorAtAnyCallPutsTheOldDataBack) {
  const int calls =
      count_calls(GetParam(), [](World& world, Disk& disk) { (void)world.run(disk); });
  const int places = static_cast<int>(World{GetParam()}.layout.places().size());
  int failures = 0;
  for (int call = 1; call <= calls; ++call) {
    const World world{GetParam()};
    MountedDisk good{world};
    CountingDisk disk{world};
    disk.fail_at = call;
    const Result<Replaced> result = world.run(disk);
    ASSERT_EQ(recover(world.folder.path(), good).value(), Recovery::kNothing) << call;
    if (result.has_value()) {
      // Only what is not needed any more may fail in silence: clearing away, also the other
      // journal, and the last sync.
      EXPECT_EQ(world.tree(), world.new_tree) << "call " << call;
      EXPECT_GT(call, calls - 2 - places);
      EXPECT_TRUE(world.left_others_alone()) << "call " << call;
      continue;
    }
    ++failures;
    EXPECT_NE(result.error().what.find("the disk says no"), std::string::npos);
    EXPECT_EQ(world.tree(), world.old_tree) << "call " << call;
    EXPECT_TRUE(list_replaced(world.folder.path())->empty()) << "call " << call;
    // The staged data is whole again: the same can be tried once more.
    EXPECT_TRUE(world.run(good).has_value()) << "call " << call;
    EXPECT_EQ(world.tree(), world.new_tree);
  }
  EXPECT_GE(failures, calls - 2 - places);
}

TEST(Swap, AFileThatAProgramMadeInBetweenIsKeptOutOfTheWay) {
  const World world;
  const pid_t child = ::fork();
  if (child == 0) {
    CountingDisk disk{world};
    disk.die_at = 16;
    (void)world.run(disk);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_FALSE(fs::exists(world.folder / "data.db")) << "cut off while there is no data.db";
  write_file(world.folder / "data.db", "made by an app that started meanwhile");
  ASSERT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kFinished);
  EXPECT_EQ(world.tree(), world.new_tree);
  const Replaced replaced = list_replaced(world.folder.path())->front();
  EXPECT_EQ(testing::read_file(replaced.folder / "stray/data.db"),
            "made by an app that started meanwhile");
}

TEST(Journal, ADamagedOneIsNotActedOn) {
  const World world;
  PlaceMoves root;
  root.out = {"data.db", "storage-locked"};
  root.in = {"data.db", "a b\n%"};
  root.read_only_out = {{"storage-locked", 0555}};
  PlaceMoves storage;
  storage.folder = "storage";
  storage.extent = PlaceMoves::Extent::kNamed;
  storage.out = {".x"};
  storage.in = {".x"};
  storage.at_once = {{".x", {.old = 7, .fresh = 18446744073709551615U}}};
  storage.sealed = {{".x", 18446744073709551614U}};
  const Journal journal{.back = false,
                        .layout = Layout{".pocketvault", {"storage", "a b/c"}},
                        .incoming = "restore-abcdefghijklmno",
                        .aside = "replaced-x/pb_data",
                        .places = {root, storage}};
  ASSERT_TRUE(write_journal(world.folder.path(), journal, real_disk()).has_value());
  EXPECT_EQ(read_journal(world.folder.path()).value(), journal);
  const fs::Path path = journal_path(world.folder.path());
  const std::string text = testing::read_file(path);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string torn = text;
    torn[at] = static_cast<char>(torn[at] ^ 1);
    write_file(path, torn);
    EXPECT_EQ(recover(world.folder.path(), real_disk()).error().code, Code::kDamaged) << at;
    write_file(path, text.substr(0, at));
    EXPECT_FALSE(recover(world.folder.path(), real_disk()).has_value()) << at;
  }
  EXPECT_EQ(world.tree(), world.old_tree);
}

TEST(Journal, NamesThatLeadElsewhereAreNotActedOn) {
  struct Case {
    std::string folder;
    std::string name;
    std::string incoming;
    std::string volume;
  };
  const Case sound{"", "data.db", "restore-a", "storage"};
  std::vector<Case> cases;
  for (const char* name : {"../x", "a/b", "..", "", "backups", ".pocketvault"}) {
    cases.push_back({"", name, sound.incoming, sound.volume});
  }
  for (const char* name : {"../x", "a/b", "..", "", ".pocketvault-restore"}) {
    cases.push_back({"storage", name, sound.incoming, sound.volume});
  }
  for (const char* place :
       {"../restore-a", "restore-a/../../x", "backups", "replaced-x/other", ""}) {
    cases.push_back({"", sound.name, place, sound.volume});
  }
  for (const char* folder : {"..", "../x", "/etc", "a//b", "a/", "storage/..", "backups",
                             ".pocketvault", "storage/.pocketvault-restore"}) {
    cases.push_back({folder, sound.name, sound.incoming, sound.volume});
    cases.push_back({"", sound.name, sound.incoming, folder});
  }
  for (const Case& one : cases) {
    const World world;
    PlaceMoves moves;
    moves.folder = one.folder;
    moves.out = {one.name};
    const Journal journal{.back = false,
                          .layout = Layout{".pocketvault", {one.volume}},
                          .incoming = one.incoming,
                          .aside = "replaced-x/pb_data",
                          .places = {moves}};
    ASSERT_TRUE(write_journal(world.folder.path(), journal, real_disk()).has_value());
    EXPECT_EQ(read_journal(world.folder.path()).error().code, Code::kDamaged)
        << one.folder << ", " << one.name << ", " << one.incoming << ", " << one.volume;
  }
}

TEST(PruneReplaced, GoesByAgeAndClearsStagingFoldersOfTheDead) {
  const World world;
  const std::chrono::hours day{24};
  ASSERT_TRUE(note_kept(world.run(real_disk()).value(), day, std::chrono::minutes{1}).has_value());
  const fs::Path vault = vault_folder(world.folder.path());
  write_file(vault / "restore-leftover/data.db", "x");
  write_file(vault / "vault.db", "ours");
  ASSERT_TRUE(prune_replaced(world.folder.path(), kNow + std::chrono::hours{23}, day).has_value());
  EXPECT_EQ(list_replaced(world.folder.path())->size(), 1U);
  EXPECT_FALSE(fs::exists(vault / "restore-leftover"));
  ASSERT_TRUE(prune_replaced(world.folder.path(), kNow + day, day).has_value());
  EXPECT_TRUE(list_replaced(world.folder.path())->empty());
  EXPECT_TRUE(fs::exists(vault / "vault.db"));
  EXPECT_EQ(world.tree(), world.new_tree);
}

}  // namespace
}  // namespace pv::restore
