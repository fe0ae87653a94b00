// Exchanging a part of the data: what it touches, and what an undo of it does later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "restore/journal.h"
#include "restore/record.h"
#include "restore/replaced.h"
#include "restore/swap_world_testing.h"
#include "sqlite/connection.h"

namespace pv::restore {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::read_file;
using testing::write_file;
using namespace std::chrono_literals;

Result<Replaced> undo_last(const World& world) {
  return undo(world.folder.path(), "", kNow + 1s, real_disk());
}

TEST(PartOfTheData, IsNotedWithWhatWasReplaced) {
  const World world{{Lie::kPlain, Part::kFiles}};
  ASSERT_TRUE(world.run(real_disk()).has_value());
  ASSERT_TRUE(note_kept(list_replaced(world.folder.path())->front(), 1h, 1min).has_value());
  const auto kept = list_kept(world.folder.path());
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().replaced.units, world.staged.units);
  EXPECT_THAT(kept->front().made, ElementsAre("storage/fresh"));
  EXPECT_FALSE(involves_databases(kept->front().replaced.units));
}

TEST(PartOfTheData, ItsUndoLeavesAloneWhatElseHasChangedSince) {
  const World world{{Lie::kPlain, Part::kFiles}};
  ASSERT_TRUE(world.run(real_disk()).has_value());
  write_file(world.folder / "data.db", "written since");
  write_file(world.folder / "storage/a/other", "changed since");
  write_file(world.folder / "storage/a/more", "new since");
  std::filesystem::remove(world.folder / "storage/x/y");
  Tree expected = world.old_tree;
  expected["data.db"] = "written since";
  expected["storage/a/other"] = "changed since";
  expected["storage/a/more"] = "new since";
  expected.erase("storage/x/y");
  ASSERT_TRUE(undo_last(world).has_value());
  EXPECT_EQ(world.tree(), expected);
}

TEST(PartOfTheData, AFolderThatCameWithItStaysWhenOthersUseItByNow) {
  const World world{{Lie::kPlain, Part::kFiles}};
  ASSERT_TRUE(world.run(real_disk()).has_value());
  write_file(world.folder / "storage/fresh/of the app", "new since");
  ASSERT_TRUE(undo_last(world).has_value());
  Tree expected = world.old_tree;
  expected["storage/fresh"] = "DIR";
  expected["storage/fresh/d"] = "DIR";
  expected["storage/fresh/of the app"] = "new since";
  EXPECT_EQ(world.tree(), expected);
  ASSERT_TRUE(undo_last(world).has_value()) << "and back again";
  expected = world.new_tree;
  expected["storage/fresh/of the app"] = "new since";
  EXPECT_EQ(world.tree(), expected);
}

TEST(PartOfTheData, WhatIsNewCanBeTakenBackAndBroughtAgainAsOftenAsOneLikes) {
  const World world{{Lie::kPlain, Part::kNewFile}};
  const fs::Path& directory = world.folder.path();
  ASSERT_TRUE(world.run(real_disk()).has_value());
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(world.tree(), world.new_tree) << round;
    ASSERT_EQ(list_replaced(directory)->size(), 1U) << round;
    ASSERT_TRUE(undo_last(world).has_value()) << round;
    ASSERT_EQ(world.tree(), world.old_tree) << round;
    ASSERT_EQ(list_replaced(directory)->size(), 1U) << round;
    ASSERT_TRUE(undo_last(world).has_value()) << round;
  }
  EXPECT_TRUE(world.left_others_alone());
  clear_replaced(directory);
  EXPECT_EQ(names_in(vault_folder(directory))->size(), 0U);
  EXPECT_EQ(world.tree(), world.new_tree);
}

TEST(PartOfTheData, AnUndoFindsTheFolderGoneThatItsFileWasIn) {
  const World world{{Lie::kPlain, Part::kFiles}};
  std::filesystem::permissions(world.folder / "storage/a", std::filesystem::perms{0750});
  ASSERT_TRUE(world.run(real_disk()).has_value());
  std::filesystem::remove_all(world.folder / "storage/a");
  ASSERT_TRUE(undo_last(world).has_value());
  EXPECT_EQ(read_file(world.folder / "storage/a/b.txt"), "old storage/a/b.txt");
  EXPECT_FALSE(fs::exists(world.folder / "storage/a/other"));
  EXPECT_EQ(fs::stat(world.folder / "storage/a").value().mode & 0777U, 0750U);
}

TEST(PartOfTheData, WithoutItsNoteItIsNotTakenForAllOfTheData) {
  const World world{{Lie::kPlain, Part::kDatabases}};
  const Result<Replaced> replaced = world.run(real_disk());
  ASSERT_TRUE(replaced.has_value());
  write_file(replaced->folder / kReplacedInfo, "torn");
  const Result<Replaced> undone = undo_last(world);
  ASSERT_FALSE(undone.has_value());
  EXPECT_EQ(undone.error().code, Code::kDamaged);
  EXPECT_EQ(world.tree(), world.new_tree);
}

TEST(PartOfTheData, AnUndoFollowsNoLinkEither) {
  const World world{{Lie::kPlain, Part::kFiles}};
  ASSERT_TRUE(world.run(real_disk()).has_value());
  const testing::TempFolder elsewhere;
  std::filesystem::remove_all(world.folder / "storage/a");
  std::filesystem::create_directory_symlink(elsewhere.path(), world.folder / "storage/a");
  const Result<Replaced> undone = undo_last(world);
  ASSERT_FALSE(undone.has_value());
  EXPECT_EQ(undone.error().code, Code::kUnsupported);
  EXPECT_THAT(undone.error().what, HasSubstr("storage/a is a link, where storage/a/"));
  EXPECT_THAT(undone.error().what, EndsWith("wants a folder: make it one again"));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

// Does something right before a file of that name comes.
class Meddling final : public Disk {
 public:
  Meddling(fs::Path before, std::function<void()> deed)
      : before_{std::move(before)}, deed_{std::move(deed)} {}
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    if (to == before_) {
      std::exchange(deed_, [] {})();
    }
    return Disk::rename(from, to);
  }
  // After the journal is written, before anything moves.
  Result<void> write_file(const fs::Path& path, std::string_view content) override {
    PV_CHECK(Disk::write_file(path, content));
    if (path == before_) {
      std::exchange(deed_, [] {})();
    }
    return {};
  }

 private:
  fs::Path before_;
  std::function<void()> deed_;
};

// An app that goes on may make the very folder or file just now.
TEST(PartOfTheData, WhatAProgramMakesInThePlaceOfSomethingNewIsNotMovedAway) {
  for (const char* name : {"storage/fresh/theirs", "storage/new.txt"}) {
    const World world{{Lie::kPlain, Part::kFiles}};
    Meddling disk{journal_path(world.folder.path()),
                  [&] { write_file(world.folder / name, "theirs"); }};
    const Result<Replaced> replaced = world.run(disk);
    ASSERT_FALSE(replaced.has_value()) << name;
    EXPECT_EQ(replaced.error().code, Code::kBusy);
    EXPECT_THAT(replaced.error().what, HasSubstr("nothing was changed"));
    Tree expected = world.old_tree;
    if (std::string_view{name}.starts_with("storage/fresh")) { expected["storage/fresh"] = "DIR"; }
    expected[name] = "theirs";
    EXPECT_EQ(world.tree(), expected);
    EXPECT_TRUE(list_replaced(world.folder.path())->empty());
  }
}

TEST(PartOfTheData, AFileThatAProgramMakesInTheLastMomentIsNotReplaced) {
  const World world{{Lie::kPlain, Part::kFiles}};
  const fs::Path file = world.folder / "storage/new.txt";
  Meddling disk{file, [&] { write_file(file, "theirs"); }};
  const Result<Replaced> replaced = world.run(disk);
  ASSERT_FALSE(replaced.has_value());
  EXPECT_EQ(replaced.error().code, Code::kBusy);
  Tree expected = world.old_tree;
  expected["storage/new.txt"] = "theirs";
  EXPECT_EQ(world.tree(), expected);
}

TEST(PartOfTheData, WhatAProgramRemovesInThatMomentStaysRemoved) {
  const World world{{Lie::kPlain, Part::kFiles}};
  Meddling disk{journal_path(world.folder.path()),
                [&] { std::filesystem::remove_all(world.folder / "storage/a"); }};
  const Result<Replaced> replaced = world.run(disk);
  ASSERT_FALSE(replaced.has_value());
  EXPECT_EQ(replaced.error().code, Code::kBusy);
  EXPECT_FALSE(is_cut_off(world.folder.path())) << replaced.error().what;
  Tree expected = world.old_tree;
  std::erase_if(expected, [](const auto& item) { return is_at_or_below(item.first, "storage/a"); });
  EXPECT_EQ(world.tree(), expected);
}

// The app went on after the crash, and removed the folder in which a unit was being exchanged.
TEST(PartOfTheData, ARecoveryFindsTheFolderGone) {
  int recovered = 0;
  int finished = 0;
  for (int call = 1;; ++call) {
    const World world{{Lie::kPlain, Part::kFiles}};
    write_file(world.folder / "storage/a/b.txt-wal", "so it leaves before the new one comes");
    if (!killed_at(world, call)) { break; }
    const bool left =
        is_cut_off(world.folder.path()) && !fs::exists(world.folder / "storage/a/b.txt");
    if (!left) { continue; }
    std::filesystem::remove_all(world.folder / "storage/a");
    ASSERT_FALSE(is_cut_off_with_databases(world.folder.path()));
    const Result<Recovery> recovery = recover(world.folder.path(), real_disk());
    ASSERT_TRUE(recovery.has_value()) << recovery.error().what;
    const bool is_new = *recovery == Recovery::kFinished;
    EXPECT_EQ(read_file(world.folder / "storage/a/b.txt"),
              is_new ? "new storage/a/b.txt" : "old storage/a/b.txt");
    EXPECT_EQ(fs::exists(world.folder / "only-new"), is_new);
    finished += is_new ? 1 : 0;
    ++recovered;
  }
  EXPECT_GT(recovered, finished) << "an .attrs that had not left yet is gone";
  EXPECT_GT(finished, 2);
}

// The app went on after the crash, and where units were in a folder there is none any more.
TEST(PartOfTheData, ARecoveryComesToAnEndWhateverStandsWhereAFolderWas) {
  struct Case {
    Setting setting;
    std::string folder;
  };
  const std::vector<Case> cases{{{Lie::kPlain, Part::kFiles}, "storage/a"},
                                {{Lie::kPlain, Part::kFiles}, "storage"},
                                {{Lie::kNoExchange, Part::kFiles}, "storage/a"},
                                {{Lie::kPlain, Part::kNewFile}, "storage"},
                                {{Lie::kPlain, Part::kFolder}, "storage"},
                                {{Lie::kLinkedStorage, Part::kFiles}, "storage/a"}};
  enum class Made { kFile, kLink, kLinkToNowhere };
  int finished = 0;
  for (const Case& one : cases) {
    for (const Made made : {Made::kFile, Made::kLink, Made::kLinkToNowhere}) {
      const bool is_link = made != Made::kFile;
      SCOPED_TRACE(name_of(one.setting) + (is_link ? ", a link: " : ", a file: ") + one.folder);
      int recovered = 0;
      for (int call = 1;; ++call) {
        SCOPED_TRACE("call " + std::to_string(call));
        const World world{one.setting};
        const fs::Path& directory = world.folder.path();
        if (!killed_at(world, call)) { break; }
        if (!is_cut_off(directory)) { continue; }
        const testing::TempFolder theirs;
        const fs::Path target = made == Made::kLinkToNowhere ? theirs / "nowhere" : theirs.path();
        std::filesystem::remove_all(directory / one.folder);
        if (is_link) {
          std::filesystem::create_directory_symlink(target, directory / one.folder);
        } else {
          write_file(directory / one.folder, "theirs");
        }
        MountedDisk disk{world};
        const Result<Recovery> recovery = recover(directory, disk);
        ASSERT_TRUE(recovery.has_value()) << recovery.error().what;
        ASSERT_FALSE(is_cut_off(directory));
        finished += *recovery == Recovery::kFinished ? 1 : 0;
        // It stands where it did, or was put by; and nothing went where it leads.
        const std::string name = last_part_of(one.folder);
        const auto is_theirs = [&](const fs::Path& path) {
          std::error_code error;
          return is_link ? std::filesystem::read_symlink(path, error) == target
                         : fs::exists(path) && !std::filesystem::is_directory(path) &&
                               read_file(path) == "theirs";
        };
        const fs::Path volume = world.layout.volume_of(one.folder).vault;
        const fs::Path strays =
            directory / volume / replaced_folder(world.staged.id) / kReplacedStray;
        EXPECT_NE(is_theirs(directory / one.folder), is_theirs(strays / name));
        EXPECT_EQ(has_strays(directory, world.staged.id), is_theirs(strays / name)) << "told of";
        EXPECT_TRUE(std::filesystem::is_empty(theirs.path()));
        if (HasFailure()) { return; }
        ++recovered;
      }
      EXPECT_GT(recovered, 3);
    }
  }
  EXPECT_GT(finished, 10);
}

// All of storage/, as one entry or as what is mounted there.
TEST(PartOfTheData, ARecoveryFindsAFolderOfStorageGone) {
  for (const Lie lie : {Lie::kPlain, Lie::kMadeUpMounts}) {
    const Setting setting{lie, Part::kStorage};
    int removed = 0;
    const int calls = count_calls(setting, [](World& world, Disk& disk) { (void)world.run(disk); });
    for (int call = 1; call <= calls; ++call) {
      const World world{setting};
      ASSERT_TRUE(killed_at(world, call));
      if (!is_cut_off(world.folder.path()) || !fs::exists(world.folder / "storage/a")) { continue; }
      std::filesystem::remove_all(world.folder / "storage/a");
      MountedDisk disk{world};
      const Result<Recovery> recovery = recover(world.folder.path(), disk);
      ASSERT_TRUE(recovery.has_value()) << call << ": " << recovery.error().what;
      const bool is_new = fs::exists(world.folder / "storage/new.txt");
      EXPECT_NE(fs::exists(world.folder / "storage/x/y"), is_new) << "a mixture, call " << call;
      EXPECT_TRUE(world.left_others_alone());
      ++removed;
    }
    EXPECT_GT(removed, 3);
  }
}

TEST(PartOfTheData, OfTheDatabasesACrashWantsThemClosedForTheRecovery) {
  const World world{{Lie::kPlain, Part::kDatabases}};
  EXPECT_FALSE(is_cut_off_with_databases(world.folder.path()));
  ASSERT_TRUE(killed_at(world, 8));
  EXPECT_TRUE(is_cut_off_with_databases(world.folder.path()));
  write_file(journal_path(world.folder.path()), "torn");
  EXPECT_TRUE(is_cut_off_with_databases(world.folder.path()));
}

// Versions from before parts read over `unit`: what they do not read over has to stop them.
TEST(PartOfTheData, IsRefusedByVersionsThatKnowNoParts) {
  for (const Part part : {Part::kEverything, Part::kDatabases, Part::kFiles}) {
    const bool is_part = part != Part::kEverything;
    const World world{{Lie::kPlain, part}};
    const Result<Replaced> replaced = world.run(real_disk());
    ASSERT_TRUE(replaced.has_value());
    const auto note =
        decode_record("pocketvault replaced data 1", read_file(replaced->folder / kReplacedInfo));
    ASSERT_TRUE(note.has_value());
    const std::vector<std::string> volumes = values_of(*note, "volume");
    EXPECT_EQ(volumes.size(), is_part ? 1U : 0U) << "to them a volume that is not mounted";
    for (const std::string& volume : volumes) {
      EXPECT_TRUE(is_folder_name(volume)) << "else they could not list what is kept";
      EXPECT_FALSE(fs::exists(world.folder / volume));
    }
    EXPECT_TRUE(list_kept(world.folder.path())->front().layout.other_volumes().empty());

    const Journal written{.back = false,
                          .layout = world.layout,
                          .incoming = "restore-x",
                          .aside = "replaced-x/pb_data",
                          .places = {}};
    ASSERT_TRUE(write_journal(world.folder.path(), written, real_disk()).has_value());
    EXPECT_EQ(read_journal(world.folder.path()).value(), written);
    const std::string journal = read_file(journal_path(world.folder.path()));
    EXPECT_EQ(decode_record("pocketvault restore journal 2", journal).has_value(), !is_part);
    EXPECT_EQ(decode_record("pocketvault restore journal 3", journal).has_value(), is_part);
  }
}

std::string database() {
  const testing::TempFolder folder;
  {
    auto db = sqlite::Connection::open(
        folder / "a.db", {.create = true, .checkpoints = sqlite::Checkpoints::kOwner});
    PV_ASSERT(db.has_value() && db->exec("CREATE TABLE t (n)").has_value());
  }
  return read_file(folder / "a.db");
}

// Says no once, when a file of that name comes.
class Refusing final : public Disk {
 public:
  explicit Refusing(fs::Path name) : name_{std::move(name)} {}
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    if (to == name_ && !std::exchange(refused_, true)) {
      return fail(Code::kUnavailable, "the disk says no");
    }
    return Disk::rename(from, to);
  }

 private:
  const fs::Path name_;
  bool refused_ = false;
};

class PartOfAnArchive : public ::testing::Test {
 protected:
  PartOfAnArchive() {
    for (const char* name : {"data.db", "data.db-wal", "data.db-journal", "auxiliary.db",
                             "auxiliary.db-wal", "storage/a/1", "storage/a/2"}) {
      write_file(folder / name, std::string{"old "} + name);
    }
    archive.add("data.db", database()).add("storage/a/1", "new").add("storage/b/c/1", "new");
  }
  Result<Replaced> restore(const std::vector<std::string>& only, Disk& disk = real_disk()) {
    PV_TRY(const Plan planned, plan(archive, Scope::parse(only).value()));
    PV_CHECK(check_space(planned, folder.path()));
    PV_TRY(const Staged staged,
           stage(archive, planned, folder.path(), pool, system_random(), {}, {}, {}));
    return swap(folder.path(), staged, "a.zip", kNow, disk);
  }

  InMemory in_memory;
  const bool may_mount = have_own_mounts();  // before the pool's threads begin: they see them too
  testing::TempFolder folder;
  testing::TempFolder elsewhere;
  WorkPool pool{2};
  FakeArchive archive;
};

TEST_F(PartOfAnArchive, ADatabaseTakesAlongWhatLiesBesideItAndThatAlone) {
  Tree expected = tree_of(folder.path());
  const Tree old_tree = expected;
  for (const char* name : {"data.db-wal", "data.db-journal"}) { expected.erase(name); }
  ASSERT_TRUE(restore({"databases"}).has_value());
  Tree after = tree_of(folder.path());
  EXPECT_EQ(after.at("data.db").substr(0, 6), "SQLite");
  after["data.db"] = expected["data.db"];
  EXPECT_EQ(after, expected) << "auxiliary.db, which the archive lacks, stays with its WAL";
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree_of(folder.path()), old_tree);
}

// The WAL of a database that was not closed holds what was committed last.
TEST_F(PartOfAnArchive, AFileTakesAlongWhatSqliteKeepsBesideIt) {
  for (const char* name : {"sub/app.db", "app.sqlite", "storage/a/blob"}) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      write_file(folder / (std::string{name} + suffix), std::string{"old "} + name);
    }
    archive.add(name, "new").add(std::string{name} + "-wal", "new");
  }
  write_file(folder / "sub/app.db.bak", "old");
  const Tree old_tree = tree_of(folder.path());
  for (const char* name : {"sub/app.db", "app.sqlite", "storage/a/blob"}) {
    const std::string unit = name;
    Tree expected = old_tree;
    expected[unit] = expected[unit + "-wal"] = "new";
    expected.erase(unit + "-shm");
    expected.erase(unit + "-journal");
    const Result<Replaced> replaced = restore({unit});
    ASSERT_TRUE(replaced.has_value()) << unit;
    EXPECT_EQ(tree_of(folder.path()), expected) << unit;
    ASSERT_TRUE(undo(folder.path(), replaced->id, kNow, real_disk()).has_value());
    EXPECT_EQ(tree_of(folder.path()), old_tree) << unit;
  }
}

TEST_F(PartOfAnArchive, AnExchangeThatFailsLeavesTheWalInPlace) {
  for (const char* name : {"sub/app.db", "sub/app.db-wal"}) { write_file(folder / name, "old"); }
  archive.add("sub/app.db", "new");
  const Tree old_tree = tree_of(folder.path());
  Refusing disk{folder / "sub/app.db"};
  const Result<Replaced> replaced = restore({"sub/app.db"}, disk);
  ASSERT_FALSE(replaced.has_value());
  EXPECT_THAT(replaced.error().what, HasSubstr("nothing was changed"));
  EXPECT_EQ(tree_of(folder.path()), old_tree);
}

TEST_F(PartOfAnArchive, AFolderTakesNothingAlong) {
  for (const char* name : {"storage/a/d/1", "storage/a/d.attrs/1", "storage/a/d-wal", "storage/a/e",
                           "storage/a/e.attrs/1"}) {
    write_file(folder / name, "old");
  }
  archive.add("storage/a/d/1", "new").add("storage/a/d.attrs/1", "new").add("storage/a/e", "new");
  const Tree old_tree = tree_of(folder.path());
  Tree expected = old_tree;
  expected["storage/a/d/1"] = expected["storage/a/e"] = "new";
  ASSERT_TRUE(restore({"storage/a/d", "storage/a/e"}).has_value());
  EXPECT_EQ(tree_of(folder.path()), expected);
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree_of(folder.path()), old_tree);
}

TEST_F(PartOfAnArchive, ANameMayBeAsLongAsAFolderTakes) {
  const std::string name(255, 'n');
  write_file(folder / name, "old");
  archive.add(name, "new");
  ASSERT_TRUE(restore({name}).has_value());
  EXPECT_EQ(read_file(folder / name), "new");
}

TEST_F(PartOfAnArchive, AFolderIsReplacedAsAWhole) {
  ASSERT_TRUE(restore({"storage/a", "storage/b/c/1"}).has_value());
  Tree storage = tree_of(folder / "storage");
  EXPECT_EQ(storage,
            (Tree{{"a", "DIR"}, {"a/1", "new"}, {"b", "DIR"}, {"b/c", "DIR"}, {"b/c/1", "new"}}));
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  storage = tree_of(folder / "storage");
  EXPECT_EQ(storage, (Tree{{"a", "DIR"}, {"a/1", "old storage/a/1"}, {"a/2", "old storage/a/2"}}));
}

TEST_F(PartOfAnArchive, NothingOfItInTheArchiveIsAnErrorAndTouchesNothing) {
  const Tree before = tree_of(folder.path());
  for (const char* only : {"auxiliary.db", "storage/a/2", "storage/none", "pb_hooks"}) {
    EXPECT_EQ(restore({only}).error().code, Code::kNotFound) << only;
    EXPECT_EQ(restore({"databases", only}).error().code, Code::kNotFound) << only;
  }
  EXPECT_EQ(tree_of(folder.path()), before);
  EXPECT_FALSE(fs::exists(vault_folder(folder.path())));
}

TEST_F(PartOfAnArchive, NoLinkAndNoFileOnTheWayIsFollowed) {
  std::filesystem::create_directory_symlink(elsewhere.path(), folder / "storage/b");
  for (int kind = 0; kind < 2; ++kind) {
    const Tree before = tree_of(folder.path());
    const Result<Replaced> refused = restore({"storage/b/c/1"});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kUnsupported);
    EXPECT_THAT(refused.error().what, HasSubstr("make it one again, or restore it as a whole"));
    EXPECT_EQ(tree_of(folder.path()), before);
    EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
    std::filesystem::remove(folder / "storage/b");
    write_file(folder / "storage/b", "a file");
  }
  ASSERT_TRUE(restore({"storage/b"}).has_value());
  EXPECT_EQ(read_file(folder / "storage/b/c/1"), "new");
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(read_file(folder / "storage/b"), "a file");
}

TEST_F(PartOfAnArchive, AFolderThatCannotBeWrittenToIsToldOfBeforehand) {
  if (::geteuid() == 0) { GTEST_SKIP() << "root may write everywhere"; }
  const Tree before = tree_of(folder.path());
  std::filesystem::permissions(folder / "storage", std::filesystem::perms{0555});
  const Result<Replaced> refused = restore({"storage/a", "storage/b/c/1"});
  std::filesystem::permissions(folder / "storage", std::filesystem::perms{0755});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  EXPECT_THAT(refused.error().what, HasSubstr("chmod u+w"));
  EXPECT_EQ(tree_of(folder.path()), before);

  ASSERT_TRUE(restore({"storage/a", "storage/b/c/1"}).has_value());
  ASSERT_TRUE(check_undo(folder.path(), "").has_value());
  std::filesystem::permissions(folder / "storage", std::filesystem::perms{0555});
  const Result<void> checked = check_undo(folder.path(), "");
  std::filesystem::permissions(folder / "storage", std::filesystem::perms{0755});
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, Code::kUnsupported);
  EXPECT_THAT(checked.error().what, HasSubstr("chmod u+w"));
}

TEST_F(PartOfAnArchive, FileSystemsThatItDoesNotConcernAreNotLookedAt) {
  std::filesystem::remove_all(folder / "storage");
  std::filesystem::create_symlink(elsewhere / "not mounted", folder / "storage");
  EXPECT_EQ(restore({"storage/a/1"}).error().code, Code::kUnsupported);
  ASSERT_TRUE(restore({"data.db"}).has_value());
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());

  std::filesystem::remove(folder / "data.db");
  std::filesystem::create_symlink(elsewhere / "data.db", folder / "data.db");
  std::filesystem::remove(folder / "storage");
  EXPECT_EQ(restore({"data.db"}).error().code, Code::kUnsupported);
  EXPECT_TRUE(restore({"storage"}).has_value());
}

TEST_F(PartOfAnArchive, OnAVolumeOfItsOwnStaysThere) {
  if (!may_mount) { GTEST_SKIP() << "not allowed to mount here"; }
  const Mount mount{folder / "storage"};
  write_file(folder / "storage/a/1", "old");
  write_file(folder / "storage/a/2", "old");
  ASSERT_TRUE(restore({"storage/a/1", "storage/b/c/1"}).has_value());
  EXPECT_EQ(read_file(folder / "storage/a/1"), "new");
  EXPECT_EQ(read_file(folder / "storage/a/2"), "old");
  EXPECT_EQ(read_file(folder / "storage/b/c/1"), "new");
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree_of(folder / "storage"), (Tree{{"a", "DIR"}, {"a/1", "old"}, {"a/2", "old"}}));
  clear_replaced(folder.path());
  EXPECT_FALSE(fs::exists(folder / "storage/.pocketvault-restore"));
  ASSERT_TRUE(restore({"storage"}).has_value());
  EXPECT_FALSE(fs::exists(folder / "storage/a/2"));
}

TEST_F(PartOfAnArchive, AnUnreadableDatabaseOutsideOfItIsNoObstacle) {
  archive.add("auxiliary.db", "no database");
  EXPECT_FALSE(restore({"databases"}).has_value());
  EXPECT_TRUE(restore({"data.db"}).has_value());
  EXPECT_TRUE(restore({"storage"}).has_value());
}

TEST(Objects, GoIntoTheirBucketOrWhereTheyAreSent) {
  FakeArchive archive;
  archive.add("data.db").add("storage/a/b.txt", "four").add("storage/c/d.txt").add("other/e.txt");
  for (ArchiveEntry& entry : archive.edit()) { entry.is_object = entry.name != "storage/c/d.txt"; }
  const auto names = [](const std::vector<PlannedFile>& files) {
    std::vector<std::string> result;
    for (const PlannedFile& file : files) { result.push_back(file.name); }
    return result;
  };
  using Names = std::vector<std::string>;
  const Plan origin = plan(archive, {}, FilesTo::kOrigin).value();
  EXPECT_EQ(names(origin.objects), (Names{"storage/a/b.txt"}));
  EXPECT_EQ(names(origin.files), (Names{"data.db", "storage/c/d.txt", "other/e.txt"}));
  EXPECT_EQ(origin.object_bytes, 4U);
  EXPECT_EQ(origin.raw_bytes, 3U);
  EXPECT_EQ(plan(archive, {}, FilesTo::kBucket).value().objects.size(), 2U);
  EXPECT_TRUE(plan(archive, {}, FilesTo::kDisk).value().objects.empty());

  const Plan part = plan(archive, Scope::parse({"storage/a"}).value(), FilesTo::kOrigin).value();
  EXPECT_EQ(names(part.objects), (Names{"storage/a/b.txt"}));
  EXPECT_TRUE(part.files.empty() && part.units.empty());
  EXPECT_EQ(touched_by(part), (Names{"storage/a"}));
  const Plan mixed = plan(archive, Scope::parse({"storage"}).value(), FilesTo::kOrigin).value();
  EXPECT_EQ(mixed.units, (Names{"storage"}));
  EXPECT_EQ(plan(archive, Scope::parse({"storage/x"}).value(), FilesTo::kOrigin).error().code,
            Code::kNotFound);
  archive.add("storage/./a/b.txt");
  archive.edit().back().is_object = true;
  EXPECT_EQ(plan(archive, {}, FilesTo::kOrigin).error().code, Code::kDamaged) << "twice";
  EXPECT_EQ(parse_files_to("s3").value(), FilesTo::kBucket);
  EXPECT_EQ(parse_files_to("moon").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace pv::restore
