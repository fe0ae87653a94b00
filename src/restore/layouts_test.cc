// Restores into directories that lie on several file systems, from the archive to the undo.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "restore/journal.h"
#include "restore/replaced.h"
#include "restore/staging_folder.h"
#include "restore/swap_world_testing.h"
#include "sqlite/connection.h"

namespace pv::restore {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;
using testing::write_file;

std::string database() {
  const TempFolder folder;
  {
    auto db = sqlite::Connection::open(
        folder / "a.db", {.create = true, .checkpoints = sqlite::Checkpoints::kOwner});
    PV_ASSERT(db.has_value() && db->exec("CREATE TABLE t (n)").has_value());
  }
  return testing::read_file(folder / "a.db");
}

class Layouts : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"data.db", "data.db-wal", "storage/a/1", "storage/b/1", "storage/b/2",
                             "backups/kept.zip", "other/x"}) {
      write_file(folder / name, std::string{"old "} + name);
    }
    archive.add("data.db", database());
    for (const char* name : {"storage/a/1", "storage/b/1", "storage/d/1", "other/y"}) {
      archive.add(name, std::string{"new "} + name);
    }
  }

  // Mounts an empty tmpfs and puts back what lay there. False: not allowed here.
  bool mount_at(const std::string& name) {
    if (!may_mount) { return false; }
    const Tree had = tree_of(folder / name);
    mounts.emplace_back(folder / name);
    for (const auto& [inner, content] : had) {
      if (content != "DIR") { write_file(folder.path() / name / inner, content); }
    }
    return true;
  }
  void unmount() { mounts.pop_back(); }

  Result<Staged> stage_all() {
    return stage(archive, plan(archive).value(), folder.path(), pool, system_random(), {}, {}, {});
  }
  Result<Replaced> restore_all() {
    PV_TRY(const Staged staged, stage_all());
    return swap(folder.path(), staged, "nightly.zip", kNow, real_disk());
  }
  [[nodiscard]] Tree tree() const {
    Tree found = tree_of(folder.path());
    found["data.db"] = found["data.db"].starts_with("SQLite format 3") ? "new" : "old";
    return found;
  }
  [[nodiscard]] Tree old_tree() const {
    return {{"data.db", "old"},
            {"data.db-wal", "old data.db-wal"},
            {"storage", "DIR"},
            {"storage/a", "DIR"},
            {"storage/b", "DIR"},
            {"storage/a/1", "old storage/a/1"},
            {"storage/b/1", "old storage/b/1"},
            {"storage/b/2", "old storage/b/2"},
            {"backups", "DIR"},
            {"backups/kept.zip", "old backups/kept.zip"},
            {"other", "DIR"},
            {"other/x", "old other/x"}};
  }
  [[nodiscard]] Tree new_tree() const {
    return {{"data.db", "new"},
            {"storage", "DIR"},
            {"storage/a", "DIR"},
            {"storage/b", "DIR"},
            {"storage/d", "DIR"},
            {"storage/a/1", "new storage/a/1"},
            {"storage/b/1", "new storage/b/1"},
            {"storage/d/1", "new storage/d/1"},
            {"backups", "DIR"},
            {"backups/kept.zip", "old backups/kept.zip"},
            {"other", "DIR"},
            {"other/y", "new other/y"}};
  }
  // Restores, undoes, undoes that, and clears away: what is where after each.
  void go_there_and_back() {
    ASSERT_EQ(tree(), old_tree());
    const Result<Replaced> replaced = restore_all();
    ASSERT_TRUE(replaced.has_value()) << replaced.error().what;
    EXPECT_EQ(tree(), new_tree());
    const Result<Replaced> undone = undo(folder.path(), "", kNow, real_disk());
    ASSERT_TRUE(undone.has_value()) << undone.error().what;
    EXPECT_EQ(tree(), old_tree());
    ASSERT_EQ(list_replaced(folder.path())->size(), 1U);
    const Result<Replaced> again = undo(folder.path(), undone->id, kNow, real_disk());
    ASSERT_TRUE(again.has_value()) << again.error().what;
    EXPECT_EQ(tree(), new_tree());
    clear_replaced(folder.path());
    EXPECT_EQ(tree(), new_tree());
    EXPECT_EQ(hidden(), std::vector<std::string>{".pocketvault"}) << "nothing is left of it";
    EXPECT_TRUE(std::filesystem::is_empty(folder / ".pocketvault"));
  }
  // Our own folders, wherever they are.
  [[nodiscard]] std::vector<std::string> hidden() const {
    std::vector<std::string> found;
    for (const auto& item : std::filesystem::recursive_directory_iterator{
             folder.path(), std::filesystem::directory_options::follow_directory_symlink}) {
      if (item.path().filename().string().starts_with(".pocketvault")) {
        found.push_back(item.path().lexically_relative(folder.path()).string());
      }
    }
    return found;
  }
  void expect_refused(std::string_view why) {
    const Tree before = tree();
    const Result<Replaced> result = restore_all();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, Code::kUnsupported) << result.error().what;
    EXPECT_THAT(result.error().what, HasSubstr(std::string{why}));
    EXPECT_EQ(tree(), before);
    EXPECT_TRUE(list_replaced(folder.path())->empty());
  }

  InMemory in_memory;
  const bool may_mount = have_own_mounts();  // before the pool's threads begin: they see them too
  TempFolder folder;
  TempFolder elsewhere;
  WorkPool pool{2};
  FakeArchive archive;
  std::vector<Mount> mounts;

  void TearDown() override {
    while (!mounts.empty()) { mounts.pop_back(); }
  }
};

constexpr const char* kNotAllowed = "not allowed to mount here";

TEST_F(Layouts, AnOrdinaryFolder) { go_there_and_back(); }

TEST_F(Layouts, TheDirectoryItselfIsAMount) {
  if (!mount_at("")) { GTEST_SKIP() << kNotAllowed; }
  go_there_and_back();
}

TEST_F(Layouts, StorageIsAMount) {
  if (!mount_at("storage")) { GTEST_SKIP() << kNotAllowed; }
  go_there_and_back();
}

TEST_F(Layouts, StorageIsAnEmptyMount) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  mounts.emplace_back(folder / "storage");
  ASSERT_TRUE(restore_all().has_value());
  EXPECT_EQ(tree(), new_tree());
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_TRUE(tree_of(folder / "storage").empty());
}

TEST_F(Layouts, ACollectionOfStorageIsAMount) {
  if (!mount_at("storage/b")) { GTEST_SKIP() << kNotAllowed; }
  go_there_and_back();
}

TEST_F(Layouts, StorageIsAMountWithAMountInside) {
  if (!mount_at("storage") || !mount_at("storage/b")) { GTEST_SKIP() << kNotAllowed; }
  go_there_and_back();
}

TEST_F(Layouts, BackupsAreAMount) {
  if (!mount_at("backups")) { GTEST_SKIP() << kNotAllowed; }
  go_there_and_back();
}

TEST_F(Layouts, BackupsAreALink) {
  std::filesystem::rename(folder / "backups", elsewhere / "b");
  std::filesystem::create_directory_symlink(elsewhere / "b", folder / "backups");
  go_there_and_back();
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "backups"));
}

TEST_F(Layouts, StorageIsALinkAndStaysOne) {
  std::filesystem::rename(folder / "storage", elsewhere / "s");
  std::filesystem::create_directory_symlink(elsewhere / "s", folder / "storage");
  go_there_and_back();
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "storage"));
  EXPECT_EQ(testing::read_file(elsewhere / "s/d/1"), "new storage/d/1");
}

TEST_F(Layouts, StorageIsALinkToAMountWithAMountInside) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  std::filesystem::create_directory(elsewhere / "s");
  mounts.emplace_back(elsewhere / "s");
  std::filesystem::create_directory(elsewhere / "s/b");
  mounts.emplace_back(elsewhere / "s/b");
  std::filesystem::remove_all(folder / "storage");
  std::filesystem::create_directory_symlink(elsewhere / "s", folder / "storage");
  for (const char* name : {"storage/a/1", "storage/b/1", "storage/b/2"}) {
    write_file(folder / name, std::string{"old "} + name);
  }
  go_there_and_back();
}

TEST_F(Layouts, OurOwnFolderIsOnAnotherFileSystem) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  std::filesystem::create_directory(folder / ".pocketvault");
  mounts.emplace_back(folder / ".pocketvault");
  ASSERT_TRUE(restore_all().has_value());
  EXPECT_EQ(tree(), new_tree());
  ASSERT_EQ(list_replaced(folder.path())->size(), 1U);
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree(), old_tree());
}

TEST_F(Layouts, OurOwnFolderIsALinkToAnotherFileSystem) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  mounts.emplace_back(elsewhere.path());
  std::filesystem::create_directory_symlink(elsewhere.path(), folder / ".pocketvault");
  ASSERT_TRUE(restore_all().has_value());
  EXPECT_EQ(tree(), new_tree());
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree(), old_tree());
}

TEST_F(Layouts, WhatIsMountedKeepsItsOwnFolderOfLostFiles) {
  if (!mount_at("storage")) { GTEST_SKIP() << kNotAllowed; }
  write_file(folder / "storage/lost+found/1", "of the file system");
  ASSERT_TRUE(restore_all().has_value());
  EXPECT_EQ(testing::read_file(folder / "storage/lost+found/1"), "of the file system");
}

TEST_F(Layouts, ASingleMountedFileIsRefused) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  const fs::Path path = folder / "data.db";
  ASSERT_EQ(::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
  expect_refused("data.db is a single file that is mounted there");
  ASSERT_EQ(::umount(path.c_str()), 0);
}

TEST_F(Layouts, ALinkedDatabaseIsRefused) {
  for (const char* name : {"data.db", "auxiliary.db"}) {
    write_file(elsewhere / name, "old");
    std::filesystem::remove(folder / name);
    std::filesystem::create_symlink(elsewhere / name, folder / name);
    expect_refused(std::string{name} + " is a link");
    std::filesystem::remove(folder / name);
    write_file(folder / "data.db", "old");
  }
}

TEST_F(Layouts, ALinkToStorageThatIsNotMountedIsRefused) {
  std::filesystem::remove_all(folder / "storage");
  std::filesystem::create_symlink(elsewhere / "absent", folder / "storage");
  const Result<Staged> staged = stage_all();
  ASSERT_FALSE(staged.has_value());
  EXPECT_THAT(staged.error().what, HasSubstr("storage is a link to a folder that is not there"));
}

TEST_F(Layouts, AVolumeThatIsReadOnlyIsRefused) {
  if (!mount_at("storage")) { GTEST_SKIP() << kNotAllowed; }
  const fs::Path path = folder / "storage";
  ASSERT_EQ(::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  expect_refused("storage is a volume of its own");
  EXPECT_TRUE(std::filesystem::is_empty(folder / ".pocketvault"));
}

TEST_F(Layouts, AFileInThePlaceOfAVolumeIsRefused) {
  if (!mount_at("other")) { GTEST_SKIP() << kNotAllowed; }
  FakeArchive other;
  other.add("data.db", database()).add("other", "a file");
  archive = std::move(other);
  expect_refused("the archive has a file other");
}

TEST_F(Layouts, EachFileSystemMustHaveRoomForItsOwn) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  const fs::Path path = folder / "storage";
  ASSERT_EQ(::mount("none", path.c_str(), "tmpfs", 0, "size=32m"), 0);
  constexpr std::uint64_t kMiB = 1 << 20U;
  Plan plan;
  plan.files.push_back({.index = 0, .name = "data.db", .raw_bytes = 64 * kMiB});
  EXPECT_TRUE(check_space(plan, folder.path()).has_value());
  plan.files.push_back({.index = 1, .name = "storage/a", .raw_bytes = 30 * kMiB});
  const Result<void> result = check_space(plan, folder.path());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Code::kNoSpace);
  EXPECT_THAT(result.error().what, HasSubstr("/storage holds now"));
  ASSERT_EQ(::umount(path.c_str()), 0);
}

TEST_F(Layouts, ReadOnlyFoldersKeepTheirPermissions) {
  using std::filesystem::perms;
  constexpr perms kReadOnly = perms::owner_read | perms::owner_exec;
  std::filesystem::permissions(folder / "storage", kReadOnly);
  std::filesystem::permissions(folder / "other", kReadOnly);
  const Result<Replaced> replaced = restore_all();
  ASSERT_TRUE(replaced.has_value()) << replaced.error().what;
  EXPECT_EQ(tree(), new_tree());
  const auto mode_of = [](const fs::Path& path) {
    return std::filesystem::status(path).permissions();
  };
  EXPECT_EQ(mode_of(replaced->folder / "pb_data/storage"), kReadOnly);
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree(), old_tree());
  EXPECT_EQ(mode_of(folder / "storage"), kReadOnly);
  EXPECT_EQ(mode_of(folder / "other"), kReadOnly);
}

TEST_F(Layouts, AnUndoWantsTheVolumesOnWhichTheDataWasReplaced) {
  if (!mount_at("storage")) { GTEST_SKIP() << kNotAllowed; }
  ASSERT_TRUE(restore_all().has_value());
  unmount();
  const Tree before = tree();
  const Result<Replaced> without = undo(folder.path(), "", kNow, real_disk());
  ASSERT_FALSE(without.has_value());
  EXPECT_EQ(without.error().code, Code::kUnsupported);
  EXPECT_THAT(without.error().what, HasSubstr("mount the volume that was at"));
  EXPECT_EQ(tree(), before);
  EXPECT_EQ(list_replaced(folder.path())->size(), 1U) << "it is kept";
}

TEST_F(Layouts, AnUndoDoesNotGoIntoANewMount) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  ASSERT_TRUE(restore_all().has_value());
  ASSERT_TRUE(mount_at("storage"));
  const Tree before = tree();
  const Result<Replaced> undone = undo(folder.path(), "", kNow, real_disk());
  ASSERT_FALSE(undone.has_value());
  EXPECT_THAT(undone.error().what, HasSubstr("storage was no mount of its own"));
  EXPECT_EQ(tree(), before);
  unmount();
  EXPECT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree(), old_tree());
}

// Killed in the middle of a swap: the journal is there, data.db is not.
void cut_off(World& world) {
  constexpr int kHalf = 50;
  PV_ASSERT(killed_at(world, kHalf));
  PV_ASSERT(is_cut_off(world.folder.path()));
  PV_ASSERT(!fs::exists(world.folder / "data.db"));
}

TEST_F(Layouts, ARecoveryWaitsForAVolumeThatIsNotMounted) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  World world{Lie::kRealMounts};
  cut_off(world);
  const fs::Path mount = world.folder / "deep/er/inner";
  const fs::Path aside = world.elsewhere.path();
  ASSERT_EQ(::mount(mount.c_str(), aside.c_str(), nullptr, MS_MOVE, nullptr), 0);
  const Tree before = world.tree();
  const Result<Recovery> without = recover(world.folder.path(), real_disk());
  ASSERT_FALSE(without.has_value());
  EXPECT_EQ(without.error().code, Code::kUnsupported);
  EXPECT_THAT(without.error().what, HasSubstr("deep/er/inner"));
  EXPECT_EQ(world.tree(), before) << "nothing was moved";
  // Another, empty volume in its place is not taken for it either.
  {
    const Mount wrong{mount};
    EXPECT_EQ(recover(world.folder.path(), real_disk()).error().code, Code::kUnsupported);
  }
  ASSERT_EQ(::mount(aside.c_str(), mount.c_str(), nullptr, MS_MOVE, nullptr), 0);
  EXPECT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kFinished);
  EXPECT_EQ(world.tree(), world.new_tree);
}

TEST_F(Layouts, ARecoveryDoesNotGoIntoANewMount) {
  if (!may_mount) { GTEST_SKIP() << kNotAllowed; }
  World world{Lie::kRealMounts};
  cut_off(world);
  const Tree before = world.tree();
  {
    const Mount unknown{world.folder / "deep/er"};
    EXPECT_EQ(recover(world.folder.path(), real_disk()).error().code, Code::kUnsupported);
  }
  {
    const fs::Path place = world.folder / "only-new";
    std::filesystem::create_directory(place);
    const Mount unknown{place};
    const Result<Recovery> refused = recover(world.folder.path(), real_disk());
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().what, HasSubstr("only-new was no mount of its own"));
  }
  std::filesystem::remove(world.folder / "only-new");
  EXPECT_EQ(world.tree(), before);
  EXPECT_EQ(recover(world.folder.path(), real_disk()).value(), Recovery::kFinished);
  EXPECT_EQ(world.tree(), world.new_tree);
}

TEST_F(Layouts, WhatAKilledRestoreLeftOnVolumesIsRemoved) {
  if (!mount_at("storage")) { GTEST_SKIP() << kNotAllowed; }
  const pid_t child = ::fork();
  if (child == 0) {
    WorkPool own_pool{1};
    const auto staged =
        stage(archive, plan(archive).value(), folder.path(), own_pool, system_random(), {}, {}, {});
    ::_exit(staged.has_value() ? 0 : 1);  // no destructor runs
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  ASSERT_TRUE(fs::exists(folder / "storage/.pocketvault-restore"));
  {
    const Result<Staged> held = stage_all();
    ASSERT_TRUE(held.has_value());
    ASSERT_TRUE(remove_abandoned(folder.path()).has_value());
    EXPECT_TRUE(fs::exists(held->folder / "data.db")) << "that one is alive";
    const fs::Path on_volume = folder / "storage/.pocketvault-restore" / held->folder.filename();
    EXPECT_EQ(testing::read_file(on_volume / "d/1"), "new storage/d/1");
    EXPECT_EQ(names_in(folder / "storage/.pocketvault-restore")->size(), 1U);
  }
  EXPECT_FALSE(fs::exists(folder / "storage/.pocketvault-restore"));
  EXPECT_TRUE(std::filesystem::is_empty(folder / ".pocketvault"));
  EXPECT_EQ(tree(), old_tree());
}

TEST_F(Layouts, ReplacedDataWaitsForAVolumeThatIsAwayAndThenGoesByItsAge) {
  if (!mount_at("storage")) { GTEST_SKIP() << kNotAllowed; }
  const std::chrono::hours day{24};
  ASSERT_TRUE(note_kept(restore_all().value(), day, std::chrono::minutes{1}).has_value());
  const fs::Path mount = folder / "storage";
  const fs::Path aside = elsewhere.path();
  ASSERT_EQ(::mount(mount.c_str(), aside.c_str(), nullptr, MS_MOVE, nullptr), 0);
  ASSERT_TRUE(prune_replaced(folder.path(), kNow + day, day).has_value());
  EXPECT_EQ(list_replaced(folder.path())->size(), 1U);
  ASSERT_EQ(::mount(aside.c_str(), mount.c_str(), nullptr, MS_MOVE, nullptr), 0);
  ASSERT_TRUE(prune_replaced(folder.path(), kNow + std::chrono::hours{23}, day).has_value());
  EXPECT_TRUE(fs::exists(mount / ".pocketvault-restore"));
  ASSERT_TRUE(prune_replaced(folder.path(), kNow + day, day).has_value());
  EXPECT_FALSE(fs::exists(mount / ".pocketvault-restore"));
}

// Two data directories may share a volume: what one of them stages or keeps there is not the
// other's to remove.
TEST_F(Layouts, WhatAnotherDirectoryHasOnASharedVolumeIsLeftAlone) {
  if (!mount_at("storage")) { GTEST_SKIP() << kNotAllowed; }
  const fs::Path vault = folder / "storage/.pocketvault-restore";
  testing::write_file(vault / "restore-theirs/a", "on its way in");
  testing::write_file(vault / "replaced-theirs/pb_data/a", "kept");
  const std::chrono::hours day{24};
  ASSERT_TRUE(note_kept(restore_all().value(), day, std::chrono::minutes{1}).has_value());
  ASSERT_TRUE(prune_replaced(folder.path(), kNow + 10 * day, day).has_value());
  ASSERT_TRUE(remove_abandoned(folder.path(), real_disk()).has_value());
  EXPECT_TRUE(fs::exists(vault / "restore-theirs/a"));
  EXPECT_TRUE(fs::exists(vault / "replaced-theirs/pb_data/a"));
  EXPECT_EQ(list_replaced(folder.path())->size(), 0U);
}

TEST_F(Layouts, OurFoldersOnVolumesAreNoPartOfAnArchive) {
  archive.add("storage/.pocketvault-restore/replaced-x/info", "hostile");
  const Plan planned = plan(archive).value();
  EXPECT_EQ(planned.dropped,
            std::vector<std::string>{"storage/.pocketvault-restore/replaced-x/info"});
}

}  // namespace
}  // namespace pv::restore
