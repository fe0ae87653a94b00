// Folders and files that change places at once with the restored ones, while an app goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <set>

#include "restore/journal.h"
#include "restore/record.h"
#include "restore/replaced.h"
#include "restore/swap_world_testing.h"

namespace pv::restore {
namespace {

using ::testing::HasSubstr;
using testing::read_file;
using testing::write_file;

// An app that uploads before and after whatever is done to the file system: a file into storage/a,
// which it makes when it is not there, and one into storage/fresh, when that is there.
class Uploading final : public MountedDisk {
 public:
  explicit Uploading(const World& world) : MountedDisk{world}, world_{world} {}
  int uploads = 0;
  int folders_made = 0;
  int calls = 0;
  int fail_at = 0;       // this call is refused
  bool fail_on = false;  // and so are those after it
  int die_at = 0;        // the process ends at this call

  Result<void> make_folder_like(const fs::Path& path, const fs::Path& model) override {
    return beside([&] { return MountedDisk::make_folder_like(path, model); });
  }
  Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    return beside([&] { return MountedDisk::rename(from, to); });
  }
  Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
    return beside([&] { return MountedDisk::exchange(one, other); });
  }
  Result<void> sync_folder(const fs::Path& path) override {
    return beside([&] { return MountedDisk::sync_folder(path); });
  }

 private:
  template <class Work>
  Result<void> beside(const Work& work) {
    upload();
    ++calls;
    if (calls == die_at) { ::_exit(42); }
    const bool is_refused = calls == fail_at || (fail_on && fail_at != 0 && calls > fail_at);
    if (is_refused) { return fail(Code::kUnavailable, "the disk says no"); }
    Result<void> result = work();
    upload();
    return result;
  }
  void upload() {
    if (!fs::exists(world_.folder / "storage/a")) { ++folders_made; }
    upload_to("storage/a");
    if (fs::exists(world_.folder / "storage/fresh")) { upload_to("storage/fresh"); }
  }
  void upload_to(const std::string& folder) {
    testing::write_file(world_.folder / folder / ("upload-" + std::to_string(++uploads)), "theirs");
  }

  const World& world_;
};

std::size_t uploads_in(const fs::Path& folder) {
  std::size_t count = 0;
  for (const auto& [name, content] : tree_of(folder)) {
    count += name.find("upload-") != std::string::npos && content == "theirs" ? 1 : 0;
  }
  return count;
}

// Wherever they lie, in folders of ours too.
int all_uploads_in(const fs::Path& directory) {
  int count = 0;
  constexpr auto kFollow = std::filesystem::directory_options::follow_directory_symlink;
  for (const auto& item : std::filesystem::recursive_directory_iterator{directory, kFollow}) {
    count += item.path().filename().native().starts_with("upload-") ? 1 : 0;
  }
  return count;
}

Tree without_uploads(Tree tree) {
  std::erase_if(tree,
                [](const auto& item) { return item.first.find("upload-") != std::string::npos; });
  return tree;
}

class AtOnce : public ::testing::TestWithParam<Setting> {};

INSTANTIATE_TEST_SUITE_P(Everywhere, AtOnce,
                         ::testing::Values(Setting{Lie::kPlain, Part::kStorage},
                                           Setting{Lie::kPlain, Part::kFolder},
                                           Setting{Lie::kMadeUpMounts, Part::kStorage},
                                           Setting{Lie::kLinkedStorage, Part::kFolder}),
                         [](const auto& setting) { return name_of(setting.param); });

TEST_P(AtOnce, NothingThatAnAppUploadsMeanwhileGoesAstray) {
  const World world{GetParam()};
  const fs::Path& directory = world.folder.path();
  Uploading disk{world};
  const Result<Replaced> replaced = world.run(disk);
  ASSERT_TRUE(replaced.has_value()) << replaced.error().what;
  EXPECT_GT(disk.uploads, 20);
  EXPECT_EQ(disk.folders_made, 0) << "the folder was missing";
  EXPECT_FALSE(has_strays(directory, replaced->id));
  EXPECT_EQ(without_uploads(world.tree()), world.new_tree);
  const auto is_kept = [&](int uploads) {
    std::size_t found = uploads_in(directory / "storage");
    const std::vector<Kept> all = list_kept(directory).value();
    for (const Kept& kept : all) {
      for (const Volume& volume : kept.layout.volumes()) {
        found += uploads_in(directory / volume.vault / replaced_data(kept.replaced.id));
      }
    }
    EXPECT_EQ(found, static_cast<std::size_t>(uploads));
  };
  is_kept(disk.uploads);

  ASSERT_TRUE(undo(directory, "", kNow, disk).has_value());
  EXPECT_EQ(disk.folders_made, 0);
  EXPECT_EQ(without_uploads(world.tree()), world.old_tree);
  is_kept(disk.uploads);
}

// One that has come and replaces nothing goes back too.
TEST(AtOnce, AFileThatIsRemovedJustThenStopsItAndLeavesNothingNew) {
  class Removing final : public MountedDisk {
   public:
    explicit Removing(const World& world) : MountedDisk{world}, world_{world} {}
    Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
      EXPECT_TRUE(fs::exists(world_.folder / "storage/a/2"));
      std::filesystem::remove(other);
      return MountedDisk::exchange(one, other);
    }

   private:
    const World& world_;
  };
  const World world{{Lie::kPlain, Part::kGrown}};
  Removing disk{world};
  const Result<Replaced> replaced = world.run(disk);
  ASSERT_FALSE(replaced.has_value());
  EXPECT_EQ(replaced.error().code, Code::kBusy);
  Tree expected = world.old_tree;
  expected.erase("storage/a/1");
  EXPECT_EQ(world.tree(), expected);
  EXPECT_FALSE(is_cut_off(world.folder.path()));
  EXPECT_TRUE(list_replaced(world.folder.path())->empty());
}

// Who reads a file that is replaced finds the old one or the new.
TEST(AtOnce, AFileIsNeverMissing) {
  class Reading final : public MountedDisk {
   public:
    explicit Reading(fs::Path file) : file_{std::move(file)} {}
    std::set<std::string> found;
    Result<void> rename(const fs::Path& from, const fs::Path& to) override {
      look();
      return MountedDisk::rename(from, to);
    }
    Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
      look();
      return MountedDisk::exchange(one, other);
    }
    Result<void> sync_folder(const fs::Path& path) override {
      look();
      return MountedDisk::sync_folder(path);
    }

   private:
    void look() { found.insert(read_file(file_)); }
    const fs::Path file_;
  };
  for (const auto& [part, name] : {std::pair{Part::kFiles, "storage/a/b.txt"},
                                   std::pair{Part::kScattered, "storage/s1/file"}}) {
    const World world{{Lie::kPlain, part}};
    const std::set<std::string> either{std::string{"old "} + name, std::string{"new "} + name};
    Reading disk{world.folder / name};
    ASSERT_TRUE(world.run(disk).has_value());
    EXPECT_EQ(disk.found, either);
    EXPECT_EQ(world.tree(), world.new_tree);
    Reading again{world.folder / name};
    ASSERT_TRUE(undo(world.folder.path(), "", kNow, again).has_value());
    EXPECT_EQ(again.found, either);
    EXPECT_EQ(world.tree(), world.old_tree);
  }
}

// It may be a database of an app's own.
TEST(AtOnce, AWalThatIsMadeMeanwhileIsNotLeftBesideTheOtherFile) {
  class Opening final : public MountedDisk {
   public:
    explicit Opening(fs::Path wal) : wal_{std::move(wal)} {}
    Result<void> write_file(const fs::Path& path, std::string_view content) override {
      PV_CHECK(MountedDisk::write_file(path, content));
      if (path.filename() == "restore.journal") { testing::write_file(wal_, "theirs"); }
      return {};
    }

   private:
    const fs::Path wal_;
  };
  const World world{{Lie::kPlain, Part::kFiles}};
  Opening disk{world.folder / "storage/a/b.txt-wal"};
  const Result<Replaced> replaced = world.run(disk);
  ASSERT_TRUE(replaced.has_value()) << replaced.error().what;
  EXPECT_EQ(world.tree(), world.new_tree);
  EXPECT_EQ(read_file(replaced->folder / kReplacedStray / "b.txt-wal"), "theirs");
}

class TakenBack : public ::testing::TestWithParam<Setting> {
 protected:
  // What is staged goes; what else there is lies where it can be found.
  static void expect_kept(const World& world, int uploads) {
    const fs::Path& directory = world.folder.path();
    const MountedDisk disk{world};
    ASSERT_TRUE(remove_abandoned(directory, disk).has_value());
    ASSERT_TRUE(prune_replaced(directory, kNow, std::chrono::seconds{0}, disk).has_value());
    EXPECT_FALSE(fs::exists(world.staged.folder));
    EXPECT_EQ(all_uploads_in(directory), uploads);
    std::uint64_t strays = 0;
    const std::vector<Replaced> listed = list_replaced(directory).value();
    for (const Replaced& one : listed) { strays += one.strays; }
    const std::size_t in_place = uploads_in(directory / "storage");
    EXPECT_EQ(strays > 0, in_place < static_cast<std::size_t>(uploads)) << "told of";
    const auto day = std::chrono::hours{24};
    ASSERT_TRUE(prune_replaced(directory, kNow + day, day, disk).has_value());
    EXPECT_TRUE(list_replaced(directory)->empty()) << "goes by its age, on volumes too";
  }
};

INSTANTIATE_TEST_SUITE_P(Everywhere, TakenBack,
                         ::testing::Values(Setting{Lie::kPlain, Part::kStorage},
                                           Setting{Lie::kPlain, Part::kFolder},
                                           Setting{Lie::kPlain, Part::kFiles},
                                           Setting{Lie::kNoExchange, Part::kStorage},
                                           Setting{Lie::kMadeUpMounts, Part::kStorage},
                                           Setting{Lie::kLinkedStorage, Part::kFolder}),
                         [](const auto& setting) { return name_of(setting.param); });

TEST_P(TakenBack, AnExchangeThatFailsLosesNoUpload) {
  int failed = 0;
  int with_strays = 0;
  for (int call = 1;; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    const World world{GetParam()};
    const fs::Path& directory = world.folder.path();
    Uploading disk{world};
    disk.fail_at = call;
    const Result<Replaced> replaced = world.run(disk);
    if (disk.calls < call) { break; }
    // An app that makes the folder anew each time, where it is missing for a moment, wins.
    const bool may_fail_twice = GetParam().lie == Lie::kNoExchange;
    ASSERT_TRUE(may_fail_twice || !is_cut_off(directory));
    if (is_cut_off(directory)) {
      ASSERT_TRUE(recover(directory, real_disk()).has_value());
      EXPECT_EQ(all_uploads_in(directory), disk.uploads);
    } else if (!replaced.has_value()) {
      ++failed;
      EXPECT_EQ(replaced.error().what.find("is kept in the folder stray") != std::string::npos,
                has_strays(directory, world.staged.id));
      with_strays += has_strays(directory, world.staged.id) ? 1 : 0;
      const Tree tree = without_uploads(world.tree());
      EXPECT_EQ(tree, world.old_tree);
      expect_kept(world, disk.uploads);
    }
    if (HasFailure()) { return; }
  }
  EXPECT_GT(failed, 5);
  EXPECT_TRUE(with_strays > 0 || GetParam().lie == Lie::kNoExchange);
}

TEST_P(TakenBack, NorDoesARecoveryThatGoesBack) {
  int went_back = 0;
  for (int call = 1;; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    const World world{GetParam()};
    const fs::Path& directory = world.folder.path();
    if (!killed_at(world, call)) { break; }
    if (!is_cut_off(directory)) { continue; }
    int uploads = 0;
    for (const char* folder : {"storage/a", "storage/x", "storage/fresh", "storage/fresh/d"}) {
      if (!fs::exists(world.folder / folder)) { continue; }
      write_file(world.folder / folder / ("upload-" + std::to_string(++uploads)), "theirs");
    }
    CountingDisk failing{world};
    failing.fail_at = 2;  // the first after the fsync of the journal
    const Result<Recovery> recovery = recover(directory, failing);
    MountedDisk disk{world};
    ASSERT_TRUE(recover(directory, disk).has_value());
    if (recovery.has_value() && *recovery == Recovery::kTakenBack) {
      ++went_back;
      EXPECT_EQ(without_uploads(world.tree()), world.old_tree);
    }
    EXPECT_EQ(all_uploads_in(directory), uploads);
    ASSERT_TRUE(remove_abandoned(directory, disk).has_value());
    EXPECT_EQ(all_uploads_in(directory), uploads);
    if (HasFailure()) { return; }
  }
  EXPECT_GT(went_back, 3);
}

// The way back is cut off, or fails as well, and somebody removes the journal.
TEST_P(TakenBack, NorDoesOneWhoseJournalIsRemovedByHand) {
  int cut_off = 0;
  // In a process of its own. False: it had no such call.
  const auto is_done_by_hand = [&](int fail_at, int die_at) {
    const World world{GetParam()};
    const fs::Path& directory = world.folder.path();
    const pid_t child = ::fork();
    if (child == 0) {
      Uploading disk{world};
      disk.fail_at = fail_at;
      disk.fail_on = die_at == 0;
      disk.die_at = die_at;
      (void)world.run(disk);
      const bool had_it = disk.calls >= std::max(fail_at, die_at);
      ::_exit(had_it ? 42 : 0);
    }
    int status = 0;
    PV_ASSERT(::waitpid(child, &status, 0) == child);
    if (WEXITSTATUS(status) != 42) { return false; }
    if (!is_cut_off(directory)) { return true; }
    ++cut_off;
    const int uploads = all_uploads_in(directory);
    const MountedDisk disk{world};
    write_file(journal_path(directory), "torn");
    EXPECT_TRUE(remove_abandoned(directory, disk).has_value());
    EXPECT_EQ(all_uploads_in(directory), uploads) << "nothing goes yet";
    std::filesystem::remove(journal_path(directory));
    EXPECT_TRUE(remove_abandoned(directory, disk).has_value());
    EXPECT_TRUE(prune_replaced(directory, kNow, std::chrono::seconds{0}, disk).has_value());
    EXPECT_EQ(all_uploads_in(directory), uploads);
    EXPECT_FALSE(fs::exists(world.staged.folder));
    return true;
  };
  for (int fail_at = 1; is_done_by_hand(fail_at, 0) && !HasFailure(); ++fail_at) {
    SCOPED_TRACE("fails from call " + std::to_string(fail_at) + " on");
    constexpr int kSome = 9;
    if (fail_at % kSome != 0) { continue; }
    for (int die_at = fail_at + 1; is_done_by_hand(fail_at, die_at); ++die_at) {
      SCOPED_TRACE("killed at call " + std::to_string(die_at));
      if (HasFailure()) { return; }
    }
  }
  EXPECT_GT(cut_off, 8);
}

TEST_P(TakenBack, WithoutAnyUploadNothingIsKeptForNothing) {
  for (int call = 1;; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    const World world{GetParam()};
    CountingDisk disk{world};
    disk.fail_at = call;
    const Result<Replaced> replaced = world.run(disk);
    if (disk.calls < call) { break; }
    EXPECT_EQ(list_replaced(world.folder.path())->size(), replaced.has_value() ? 1U : 0U);
  }
}

// Where no two names can be exchanged, the folder is missing for a moment, and what is made there
// then is put by: however often it comes between.
TEST(AtOnce, ElseTheNameIsMadeFreeAsOftenAsAProgramTakesIt) {
  class Quick final : public MountedDisk {
   public:
    explicit Quick(const World& world) : MountedDisk{world}, world_{world} {}
    int times = 3;
    Result<void> rename(const fs::Path& from, const fs::Path& to) override {
      if (to == world_.folder / "storage" && times > 0) {
        testing::write_file(to / ("a/upload-" + std::to_string(times--)), "theirs");
      }
      return MountedDisk::rename(from, to);
    }

   private:
    const World& world_;
  };
  for (const int times : {3, 1000}) {
    const World world{{Lie::kNoExchange, Part::kStorage}};
    Quick disk{world};
    disk.times = times;
    const Result<Replaced> replaced = world.run(disk);
    ASSERT_EQ(replaced.has_value(), times == 3);
    if (replaced.has_value()) {
      EXPECT_EQ(world.tree(), world.new_tree);
      EXPECT_EQ(uploads_in(replaced->folder / kReplacedStray), 3U);
    } else {
      EXPECT_EQ(replaced.error().code, Code::kBusy);
      EXPECT_THAT(replaced.error().what, HasSubstr("has just made"));
    }
  }
}

TEST(AtOnce, AfterACrashTheAppMayRemoveTheFolderAndMakeAnother) {
  int recovered = 0;
  for (int call = 1;; ++call) {
    const World world{{Lie::kPlain, Part::kFolder}};
    const fs::Path& directory = world.folder.path();
    if (!killed_at(world, call)) { break; }
    if (!is_cut_off(directory)) { continue; }
    std::filesystem::remove_all(world.folder / "storage/a");
    write_file(world.folder / "storage/a/upload-1", "theirs");
    const Result<Recovery> recovery = recover(directory, real_disk());
    ASSERT_TRUE(recovery.has_value()) << call << ": " << recovery.error().what;
    ASSERT_EQ(*recovery, Recovery::kFinished) << call;
    EXPECT_TRUE(world.left_others_alone());
    const Replaced replaced = list_replaced(directory)->front();
    EXPECT_EQ(uploads_in(directory / "storage") + uploads_in(replaced.folder), 1U) << call;
    EXPECT_EQ(recover(directory, real_disk()).value(), Recovery::kNothing);
    ++recovered;
  }
  EXPECT_GT(recovered, 5);
}

TEST(AtOnce, AFileInThePlaceOfTheStraysIsOneOfThem) {
  int with_it = 0;
  for (int call = 1;; ++call) {
    const World world{{Lie::kPlain, Part::kFolder}};
    const fs::Path& directory = world.folder.path();
    if (!killed_at(world, call)) { break; }
    if (!is_cut_off(directory)) { continue; }
    const fs::Path strays =
        vault_folder(directory) / replaced_folder(world.staged.id) / kReplacedStray;
    std::filesystem::remove_all(strays);
    write_file(strays, "theirs");
    std::filesystem::remove_all(directory / "storage");
    write_file(directory / "storage", "in the way");
    ASSERT_TRUE(recover(directory, real_disk()).has_value()) << call;
    ASSERT_FALSE(is_cut_off(directory));
    const bool is_moved = std::filesystem::is_directory(strays);
    EXPECT_EQ(read_file(is_moved ? strays / "stray" : strays), "theirs");
    with_it += is_moved ? 1 : 0;
  }
  EXPECT_GT(with_it, 3);
}

// After copying the directory to another disk in between, say.
TEST(AtOnce, WhatCannotBeToldApartAnyMoreIsLeftAlone) {
  int refused = 0;
  for (int call = 1;; ++call) {
    const World world{{Lie::kPlain, Part::kFolder}};
    const fs::Path& directory = world.folder.path();
    if (!killed_at(world, call)) { break; }
    if (!is_cut_off(directory)) { continue; }
    const fs::Path vault = vault_folder(directory);
    for (const fs::Path& folder :
         {directory / "storage/a", vault / ("restore-" + world.staged.id) / "storage/a",
          vault / replaced_data(world.staged.id) / "storage/a"}) {
      if (!fs::exists(folder)) { continue; }
      const fs::Path copy{folder.native() + "-copy"};
      std::filesystem::copy(folder, copy, std::filesystem::copy_options::recursive);
      std::filesystem::rename(folder, world.elsewhere / std::to_string(refused++));
      std::filesystem::rename(copy, folder);
    }
    const Tree before = world.tree();
    for (int run = 0; run < 2; ++run) {
      const Result<Recovery> recovery = recover(directory, real_disk());
      ASSERT_FALSE(recovery.has_value()) << call;
      EXPECT_EQ(recovery.error().code, Code::kDamaged);
      EXPECT_THAT(recovery.error().what, HasSubstr("Put the right one in its place by hand"));
      const bool is_staged = fs::exists(vault / ("restore-" + world.staged.id) / "storage/a");
      EXPECT_THAT(recovery.error().what,
                  HasSubstr(is_staged ? "by then is cleared away" : "by then is kept"));
      EXPECT_EQ(world.tree(), before);
    }
  }
  EXPECT_GT(refused, 5);
}

TEST(AtOnce, ItsJournalIsRefusedByVersionsThatWouldTakeItForAnother) {
  const World world;
  PlaceMoves moves;
  moves.folder = "storage";
  moves.extent = PlaceMoves::Extent::kNamed;
  moves.out = {"a", "b"};
  moves.in = {"a"};
  moves.at_once = {{"a", {.old = 1, .fresh = 2}}};
  const auto write = [&] {
    const Journal journal{.back = false,
                          .layout = Layout{std::string{kOwnVault}, {}, {"storage/a"}},
                          .incoming = "restore-x",
                          .aside = "replaced-x/pb_data",
                          .places = {moves}};
    PV_ASSERT(write_journal(world.folder.path(), journal, real_disk()).has_value());
    return journal;
  };
  const Journal journal = write();
  EXPECT_EQ(read_journal(world.folder.path()).value(), journal);
  const std::string text = read_file(journal_path(world.folder.path()));
  EXPECT_EQ(decode_record("pocketvault restore journal 3", text).error().code, Code::kUnsupported);
  EXPECT_TRUE(decode_record("pocketvault restore journal 4", text).has_value());
  for (const char* name : {"b", "c", "../a"}) {
    moves.at_once = {{name, {.old = 1, .fresh = 2}}};
    write();
    EXPECT_EQ(read_journal(world.folder.path()).error().code, Code::kDamaged) << name;
  }
}

}  // namespace
}  // namespace pv::restore
