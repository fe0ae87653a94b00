// Stored files that are in place already, and what becomes of them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "restore/restore_testing.h"
#include "restore/swap_world_testing.h"
#include "sqlite/connection.h"

namespace pv::restore {
namespace {

using testing::TempFolder;
using testing::write_file;

struct ::stat look_at(const fs::Path& path) {
  struct ::stat found {};
  PV_ASSERT(::lstat(path.c_str(), &found) == 0);
  return found;
}

void set_time(const fs::Path& path, WallTime time) {
  const auto nanoseconds = time.time_since_epoch().count();
  constexpr std::int64_t kSecond = 1'000'000'000;
  const struct ::timespec at {
    .tv_sec = nanoseconds / kSecond, .tv_nsec = nanoseconds % kSecond
  };
  const std::array<struct ::timespec, 2> times{at, at};
  PV_ASSERT(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0);
}

// A directory whose storage is what an archive holds.
class DeltaRestore : public ::testing::Test {
 protected:
  DeltaRestore() {
    const TempFolder source;
    {
      auto db = sqlite::Connection::open(
          source / "a.db", {.create = true, .checkpoints = sqlite::Checkpoints::kOwner});
      PV_ASSERT(db.has_value() && db->exec("CREATE TABLE t (n)").has_value());
    }
    archive.add("data.db", testing::read_file(source / "a.db"));
    put("data.db", "an older one");
    for (const char* name : {"storage/c/1/a.txt", "storage/c/2/b.txt", "storage/c/3/c.txt"}) {
      const std::string content = "hello " + std::string{name};
      archive.add(name, content);
      put(name, content);
    }
  }
  void put(const std::string& name, const std::string& content) {
    write_file(folder / name, content);
    PV_ASSERT(::chmod((folder / name).c_str(), 0644) == 0);
    set_time(folder / name, FakeArchive::kModified);
  }
  Result<Staged> run(Delta delta = Delta::kOn) {
    PV_TRY(const Plan planned, plan(archive));
    return stage(archive, planned, folder.path(), pool, system_random(), progress, {}, {},
                 {.delta = delta});
  }
  Result<Replaced> swap_in(const Staged& staged) {
    return swap(folder.path(), staged, "a.zip", kNow, real_disk());
  }

  TempFolder folder;
  FakeArchive archive;
  WorkPool pool{2};
  Progress progress;
};

TEST_F(DeltaRestore, TakesWhatIsUnchangedAndNothingElse) {
  std::atomic<std::uint64_t> bytes = 0;
  progress.on_extracted = [&](std::uint64_t more) { bytes += more; };
  const Result<Staged> staged = run();
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(staged->unchanged_files, 3U);
  EXPECT_EQ(staged->unchanged_bytes, 3U * (sizeof "hello storage/c/1/a.txt" - 1));
  EXPECT_EQ(bytes, plan(archive)->raw_bytes);
  EXPECT_EQ(testing::read_file(staged->folder / "storage/c/1/a.txt"), "hello storage/c/1/a.txt");
  const struct ::stat kept = look_at(staged->folder / "storage/c/1/a.txt");
  EXPECT_EQ(kept.st_mtim.tv_sec, look_at(folder / "storage/c/1/a.txt").st_mtim.tv_sec);
  EXPECT_NE(look_at(staged->folder / "data.db").st_ino, look_at(folder / "data.db").st_ino);
}

TEST_F(DeltaRestore, CanBeSwitchedOff) {
  const Result<Staged> staged = run(Delta::kOff);
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(staged->unchanged_files, 0U);
  EXPECT_EQ(look_at(staged->folder / "storage/c/1/a.txt").st_nlink, 1U);
  EXPECT_EQ(look_at(folder / "storage/c/1/a.txt").st_nlink, 1U);
}

TEST_F(DeltaRestore, WhatDiffersInAnythingIsExtracted) {
  const std::string name = "storage/c/1/a.txt";
  const std::string content = "hello " + name;
  const fs::Path path = folder / name;
  struct Case {
    const char* label;
    std::function<void()> change;
  };
  const Case cases[] = {
      {"content", [&] { put(name, "HELLO " + name); }},
      {"size", [&] { put(name, content + "!"); }},
      {"time", [&] { set_time(path, FakeArchive::kModified + std::chrono::seconds{2}); }},
      {"earlier", [&] { set_time(path, FakeArchive::kModified - std::chrono::nanoseconds{1}); }},
      {"mode", [&] { PV_ASSERT(::chmod(path.c_str(), 0600) == 0); }},
      {"set-uid", [&] { PV_ASSERT(::chmod(path.c_str(), 04644) == 0); }},
      {"a second link", [&] { std::filesystem::create_hard_link(path, folder / "other"); }},
      {"a symbolic link",
       [&] {
         std::filesystem::rename(path, folder / "moved");
         std::filesystem::create_symlink(folder / "moved", path);
         set_time(path, FakeArchive::kModified);
       }},
      {"a folder that is a link",
       [&] {
         std::filesystem::rename(path.parent_path(), folder / "away");
         std::filesystem::create_directory_symlink(folder / "away", path.parent_path());
       }},
      {"a FIFO",
       [&] {
         std::filesystem::remove(path);
         PV_ASSERT(::mkfifo(path.c_str(), 0644) == 0);
       }},
      {"a folder",
       [&] {
         std::filesystem::remove(path);
         std::filesystem::create_directory(path);
       }},
      {"not there", [&] { std::filesystem::remove(path); }},
  };
  for (const Case& each : cases) {
    std::filesystem::remove_all(folder / "storage/c/1");
    for (const char* trace : {"other", "moved", "away"}) {
      std::filesystem::remove_all(folder / trace);
    }
    put(name, content);
    each.change();
    const Result<Staged> staged = run();
    ASSERT_TRUE(staged.has_value()) << each.label << ": " << staged.error().what;
    EXPECT_EQ(staged->unchanged_files, 2U) << each.label;
    EXPECT_EQ(testing::read_file(staged->folder / name), content) << each.label;
    const struct ::stat made = look_at(staged->folder / name);
    EXPECT_TRUE(S_ISREG(made.st_mode) && made.st_nlink == 1) << each.label;
  }
}

TEST_F(DeltaRestore, PartOfASecondIsMoreThanAnArchiveKnows) {
  set_time(folder / "storage/c/1/a.txt", FakeArchive::kModified + std::chrono::milliseconds{1999});
  EXPECT_EQ(run()->unchanged_files, 3U);
}

TEST_F(DeltaRestore, OnlyStoredFilesAreTaken) {
  for (const char* name : {"types.d.ts", "extra/data/x.db"}) {
    archive.add(name, "the same");
    put(name, "the same");
  }
  const Result<Staged> staged = run();
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(staged->unchanged_files, 3U);
  EXPECT_EQ(look_at(folder / "types.d.ts").st_nlink, 1U);
  EXPECT_EQ(look_at(folder / "extra/data/x.db").st_nlink, 1U);
}

// A file with two names, one of them in the data in place and open in an app, would change in the
// replaced data as well.
TEST_F(DeltaRestore, WhatMayBeADatabaseIsExtracted) {
  const std::string database = archive.content(0);
  const std::string name = "storage/c/4/file";
  struct Case {
    const char* label;
    std::string name;
    std::string content;
    std::function<void()> also;
  };
  const Case cases[] = {
      {"SQLite's header", name, database, [] {}},
      {"empty", name, "", [] {}},
      {"with a WAL", name, "x", [&] { put(name + "-wal", "y"); }},
      {"with an index", name, "x", [&] { put(name + "-shm", "y"); }},
      {"with a journal", name, "x", [&] { put(name + "-journal", "y"); }},
      {"with one in the archive", name, "x", [&] { archive.add(name + "-wal", "y"); }},
      {"a WAL", name + "-wal", "x", [] {}},
  };
  const FakeArchive before = archive;
  for (const Case& each : cases) {
    std::filesystem::remove_all(folder / "storage/c/4");
    archive = before;
    archive.add(each.name, each.content);
    put(each.name, each.content);
    each.also();
    const Result<Staged> staged = run();
    ASSERT_TRUE(staged.has_value()) << each.label << ": " << staged.error().what;
    EXPECT_EQ(staged->unchanged_files, 3U) << each.label;
    EXPECT_EQ(look_at(folder / each.name).st_nlink, 1U) << each.label;
    EXPECT_EQ(testing::read_file(staged->folder / each.name), each.content) << each.label;
  }
}

// Changes the file in place once its content has been read for the checksum.
class MeddledArchive final : public Archive {
 public:
  MeddledArchive(const FakeArchive& inner, fs::Path file) : inner_{inner}, file_{std::move(file)} {}
  [[nodiscard]] const std::vector<ArchiveEntry>& entries() const override {
    return inner_.entries();
  }
  [[nodiscard]] Result<void> extract(std::size_t index, Sink& sink,
                                     std::stop_token stop) const override {
    return inner_.extract(index, sink, std::move(stop));
  }
  [[nodiscard]] std::unique_ptr<ArchivePieces> pieces_of(std::size_t index) const override {
    return inner_.pieces_of(index);
  }
  [[nodiscard]] std::uint32_t checksum(Bytes bytes, std::uint32_t before) const override {
    if (as_text(bytes).ends_with("a.txt")) { write_file(file_, "meddled with"); }
    return inner_.checksum(bytes, before);
  }

 private:
  const FakeArchive& inner_;
  fs::Path file_;
};

TEST_F(DeltaRestore, AFileThatChangesMeanwhileIsExtracted) {
  const MeddledArchive meddled{archive, folder / "storage/c/1/a.txt"};
  const auto staged = stage(meddled, plan(meddled).value(), folder.path(), pool, system_random(),
                            {}, {}, {}, {.delta = Delta::kOn});
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(staged->unchanged_files, 2U);
  EXPECT_EQ(testing::read_file(staged->folder / "storage/c/1/a.txt"), "hello storage/c/1/a.txt");
  EXPECT_EQ(testing::read_file(folder / "storage/c/1/a.txt"), "meddled with");
}

TEST_F(DeltaRestore, AFailedOneLeavesTheDataAsItWas) {
  const Tree before = tree_of(folder.path());
  archive.add("storage/c/9/damaged", "x");
  archive.broken_ = archive.entries().size() - 1;
  EXPECT_EQ(run().error().code, Code::kDamaged);
  EXPECT_EQ(tree_of(folder.path()), before);
  EXPECT_EQ(look_at(folder / "storage/c/1/a.txt").st_nlink, 1U);
  EXPECT_TRUE(std::filesystem::is_empty(folder / ".pocketvault"));
}

TEST_F(DeltaRestore, AnUndoBringsEveryByteBack) {
  put("storage/c/4/only-old", "old");
  put("storage/c/2/b.txt", "changed since");
  const Tree before = tree_of(folder.path());
  const Result<Staged> staged = run();
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  EXPECT_EQ(staged->unchanged_files, 2U);
  const Tree restored = tree_of(staged->folder);
  ASSERT_TRUE(swap_in(*staged).has_value());
  EXPECT_EQ(tree_of(folder.path()), restored);
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree_of(folder.path()), before);
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree_of(folder.path()), restored);
}

TEST_F(DeltaRestore, RemovingTheReplacedDataDoesNotHarmTheNew) {
  const Result<Staged> staged = run();
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  const Tree restored = tree_of(staged->folder);
  ASSERT_TRUE(swap_in(*staged).has_value());
  clear_replaced(folder.path());
  ASSERT_TRUE(list_replaced(folder.path())->empty());
  EXPECT_EQ(tree_of(folder.path()), restored);
  EXPECT_EQ(look_at(folder / "storage/c/1/a.txt").st_nlink, 1U);

  const Result<Staged> again = run();
  ASSERT_TRUE(again.has_value()) << again.error().what;
  EXPECT_EQ(again->unchanged_files, 3U) << "a restored file has the time of the archive";
}

TEST_F(DeltaRestore, APocketBaseThatReplacesAFileLeavesTheReplacedDataAlone) {
  const Tree before = tree_of(folder.path());
  const Result<Staged> staged = run();
  ASSERT_TRUE(staged.has_value()) << staged.error().what;
  ASSERT_TRUE(swap_in(*staged).has_value());
  // As PocketBase stores: a new file, then a rename over the name.
  write_file(folder / "storage/c/1/new", "another");
  std::filesystem::rename(folder / "storage/c/1/new", folder / "storage/c/1/a.txt");
  std::filesystem::remove(folder / "storage/c/2/b.txt");
  ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value());
  EXPECT_EQ(tree_of(folder.path()), before);
}

// The process ends at each change to the file system that a swap after a delta restore makes.
TEST_F(DeltaRestore, CutOffAnywhereItIsTheOldDataOrTheNew) {
  put("storage/c/4/only-old", "old");
  int old = 0;
  int now_new = 0;
  for (int call = 1;; ++call) {
    const Tree before = tree_of(folder.path());
    Result<Staged> staged = run();
    ASSERT_TRUE(staged.has_value()) << staged.error().what;
    ASSERT_GE(staged->unchanged_files, 3U);
    const Tree after = tree_of(staged->folder);
    const pid_t child = ::fork();
    if (child == 0) {
      CountingDisk disk;
      disk.die_at = call;
      (void)swap(folder.path(), *staged, "a.zip", kNow, disk);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    const bool ran_through = WEXITSTATUS(status) == 0;
    ASSERT_TRUE(recover(folder.path(), real_disk()).has_value()) << call;
    const Tree found = tree_of(folder.path());
    ASSERT_TRUE(found == before || found == after) << "a mixture after call " << call;
    (found == after ? now_new : old) += 1;
    if (found == after) {
      ASSERT_TRUE(undo(folder.path(), "", kNow, real_disk()).has_value()) << call;
      ASSERT_EQ(tree_of(folder.path()), before) << call;
    }
    *staged = Staged{};  // lets go of the folder
    clear_replaced(folder.path());
    ASSERT_EQ(tree_of(folder.path()), before) << call;
    if (ran_through) { break; }
  }
  EXPECT_GT(old, 2);
  EXPECT_GT(now_new, 2);
}

}  // namespace
}  // namespace pv::restore
