#include "fs/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "fs/beneath.h"
#include "fs/page_cache.h"
#include "fs/presence.h"
#include "testing/fixtures.h"
#include "testing/page_cache.h"

namespace pv::fs {
namespace {

using testing::TempFolder;
using testing::write_file;
namespace stdfs = std::filesystem;
using Names = std::vector<std::string>;

std::string content_of(Source& source) {
  std::string content(static_cast<std::size_t>(source.size_bytes()), '\0');
  content.resize(source.read_at(0, std::as_writable_bytes(std::span{content})).value());
  return content;
}

TEST(Fd, ClosesOnceAndMoves) {
  const TempFolder temp;
  write_file(temp / "a", "x");
  Fd first = open_for_reading(temp / "a").value();
  const int number = first.get();
  Fd second = std::move(first);
  EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.get(), number);
  second = open_for_reading(temp / "a").value();
  EXPECT_NE(second.get(), -1);
  EXPECT_EQ(::fcntl(number, F_GETFD) == -1 || number == second.get(), true)
      << "the old one is shut";
  EXPECT_TRUE(second.close().has_value());
  EXPECT_TRUE(second.close().has_value()) << "nothing to close";
}

TEST(Errors, NameTheFileAndTheReason) {
  const Error error = open_for_reading("/nonexistent/x").error();
  EXPECT_EQ(error, (Error{Code::kNotFound, "open /nonexistent/x: No such file or directory"}));
}

TEST(Opening, NeverHangsOnAFifo) {
  const TempFolder temp;
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(open_for_reading(temp / "fifo").has_value());
  EXPECT_EQ(open_source(temp / "fifo").error().code, Code::kInvalid);
  EXPECT_EQ(open_source(temp.path()).error().code, Code::kInvalid);
}

TEST(Opening, CreatesOnlyWhatIsNew) {
  const TempFolder temp;
  EXPECT_TRUE(create_new(temp / "a").has_value());
  EXPECT_EQ(create_new(temp / "a").error().code, Code::kExists);
  stdfs::create_symlink("nowhere", temp / "link");
  EXPECT_FALSE(create_new(temp / "link").has_value()) << "not through a dangling link";
  EXPECT_FALSE(stdfs::exists(temp / "nowhere"));
}

TEST(Stat, TellsHolesFromBytes) {
  const TempFolder temp;
  const Fd fd = create_new(temp / "sparse").value();
  ASSERT_EQ(::ftruncate(fd.get(), 1 << 30), 0);
  const Stat found = stat(temp / "sparse").value();
  EXPECT_EQ(found.size_bytes, 1U << 30);
  EXPECT_LT(found.allocated_bytes, 1U << 20);
  EXPECT_TRUE(found.is_file());
  EXPECT_EQ(stat(fd, "sparse").value(), found);
}

TEST(Stat, FollowsLinksOnlyWhenAsked) {
  const TempFolder temp;
  write_file(temp / "a", "12345");
  stdfs::create_symlink("a", temp / "link");
  stdfs::create_symlink("nowhere", temp / "dangling");
  EXPECT_TRUE(stat(temp / "link").value().is_file());
  EXPECT_TRUE(link_stat(temp / "link").value().is_link());
  EXPECT_EQ(stat(temp / "dangling").error().code, Code::kNotFound);
  EXPECT_TRUE(fs::exists(temp / "dangling"));
  EXPECT_FALSE(fs::exists(temp / "nowhere"));
}

TEST(Stat, TellsAbsentFromWhatCannotBeLookedAt) {
  const TempFolder temp;
  write_file(temp / "a", "12345");
  stdfs::create_symlink("nowhere", temp / "dangling");
  stdfs::create_symlink("loop", temp / "loop");
  EXPECT_TRUE(is_there(temp / "a").value());
  EXPECT_TRUE(is_there(temp / "dangling").value());
  EXPECT_FALSE(is_there(temp / "nowhere").value());
  EXPECT_FALSE(is_there(temp / "nowhere/b").value());
  EXPECT_FALSE(is_there(temp / "a/b").value()) << "below a file lies nothing";
  EXPECT_EQ(is_there(temp / "loop/b").error().code, Code::kInvalid);
}

TEST(Stat, TakesATimeOfAnotherCenturyForTheFuture) {
  const TempFolder temp;
  testing::write_file(temp / "file", "x");
  ASSERT_EQ(testing::run("touch -d 2400-01-01 " + (temp / "file").string()).status, 0);
  // A file system that has no such years takes its own last one.
  EXPECT_GT(stat(temp / "file")->modified, system_clock().now());
}

TEST(FileSource, SeesNothingBeyondTheSizeItWasOpenedWith) {
  const TempFolder temp;
  write_file(temp / "a", "0123456789");
  const auto source = open_source(temp / "a").value();
  std::ofstream{temp / "a", std::ios::app} << "more";
  EXPECT_EQ(source->size_bytes(), 10U);
  EXPECT_EQ(content_of(*source), "0123456789");
  stdfs::resize_file(temp / "a", 4);
  EXPECT_EQ(content_of(*source), "0123") << "cut short, it ends early";
  EXPECT_GE(source->descriptor(), 0);
}

TEST(FileSink, WritesPatchesAndReportsAFullDevice) {
  const TempFolder temp;
  FileSink sink{create_new(temp / "a").value(), temp / "a"};
  ASSERT_TRUE(sink.write(as_bytes("0123456789")).has_value());
  ASSERT_TRUE(sink.patch(3, as_bytes("xyz")).has_value());
  ASSERT_TRUE(sink.write(as_bytes("end")).has_value());
  ASSERT_TRUE(sink.sync().has_value());
  ASSERT_TRUE(sink.close().has_value());
  EXPECT_EQ(testing::read_file(temp / "a"), "012xyz6789end");

  FileSink full{Fd{::open("/dev/full", O_WRONLY | O_CLOEXEC)}, "/dev/full"};
  const Error error = full.write(as_bytes("x")).error();
  EXPECT_EQ(error, (Error{Code::kNoSpace, "/dev/full: write: No space left on device"}));
}

TEST(ReadFile, HasABound) {
  const TempFolder temp;
  write_file(temp / "a", std::string(200'000, 'x'));
  EXPECT_EQ(read_file(temp / "a", 200'000).value().size(), 200'000U);
  EXPECT_EQ(read_file(temp / "a", 199'999).error().code, Code::kInvalid);
  EXPECT_EQ(read_file(temp / "none", 10).error().code, Code::kNotFound);
  EXPECT_EQ(read_file(temp.path(), 10).error().code, Code::kInvalid);
  EXPECT_FALSE(read_file("/proc/self/status", 1 << 20).value().empty()) << "stat says 0 bytes";
}

TEST(WriteFileAtomically, ReplacesAndLeavesNothingElse) {
  const TempFolder temp;
  ASSERT_TRUE(write_file_atomically(temp / "a", "one").has_value());
  ASSERT_TRUE(write_file_atomically(temp / "a", "two", 0600).has_value());
  EXPECT_EQ(testing::read_file(temp / "a"), "two");
  EXPECT_EQ(stat(temp / "a").value().mode & 07777U, 0600U);
  stdfs::create_directory(temp / "folder");
  write_file(temp / "folder/x", "");
  EXPECT_FALSE(write_file_atomically(temp / "folder", "x").has_value());
  EXPECT_FALSE(write_file_atomically(temp / "none/a", "x").has_value());
  EXPECT_EQ(walk(temp.path(), [](const auto&, const Stat&) { return true; }).value().found.size(),
            2U)
      << "no temporary file stays";
}

TEST(Folders, AreMadeWithTheirParents) {
  const TempFolder temp;
  EXPECT_TRUE(make_folders(temp / "a/b/c").has_value());
  EXPECT_TRUE(make_folders(temp / "a/b/c").has_value());
  EXPECT_EQ(make_folder(temp / "a").error().code, Code::kExists);
  write_file(temp / "file", "");
  const Error error = make_folders(temp / "file").error();
  EXPECT_NE(error.what.find("Not a directory"), std::string::npos) << error.what;
  EXPECT_FALSE(make_folders(temp / "file/x").has_value());
}

TEST(Rename, ToANewNameReplacesNothing) {
  const TempFolder temp;
  write_file(temp / "a", "a");
  write_file(temp / "b", "b");
  EXPECT_EQ(rename_to_new(temp / "a", temp / "b").error().code, Code::kExists);
  EXPECT_EQ(testing::read_file(temp / "b"), "b");
  EXPECT_TRUE(rename_to_new(temp / "a", temp / "c").has_value());
  EXPECT_TRUE(fs::rename(temp / "c", temp / "b").has_value());
  EXPECT_EQ(testing::read_file(temp / "b"), "a");
}

TEST(Rename, InOneStepReplacesNothing) {
  const TempFolder temp;
  write_file(temp / "a", "a");
  write_file(temp / "b", "b");
  stdfs::create_directory(temp / "empty");
  for (const char* taken : {"b", "empty"}) {
    EXPECT_EQ(rename_to_new_in_one_step(temp / "a", temp / taken).error().code, Code::kExists);
  }
  EXPECT_EQ(testing::read_file(temp / "b"), "b");
  EXPECT_TRUE(rename_to_new_in_one_step(temp / "a", temp / "c").has_value());
  EXPECT_EQ(testing::read_file(temp / "c"), "a");
}

TEST(Exchange, PutsEachInTheOthersPlace) {
  const TempFolder temp;
  write_file(temp / "one/x", "1");
  write_file(temp / "in/other/y", "2");
  ASSERT_TRUE(exchange(temp / "one", temp / "in/other").has_value());
  EXPECT_EQ(testing::read_file(temp / "one/y"), "2");
  EXPECT_EQ(testing::read_file(temp / "in/other/x"), "1");
  EXPECT_EQ(exchange(temp / "one", temp / "none").error().code, Code::kNotFound);
  EXPECT_TRUE(fs::exists(temp / "one/y"));
}

TEST(RemoveTree, TakesEverythingAndFollowsNoLink) {
  const TempFolder temp;
  write_file(temp / "keep/file", "x");
  write_file(temp / "tree/a/b/file", "x");
  stdfs::create_directory_symlink("../keep", temp / "tree/link");
  stdfs::permissions(temp / "tree/a", stdfs::perms::owner_read);
  EXPECT_TRUE(remove_tree(temp / "tree").has_value());
  EXPECT_FALSE(fs::exists(temp / "tree"));
  EXPECT_TRUE(fs::exists(temp / "keep/file"));
  EXPECT_TRUE(remove_tree(temp / "tree").has_value()) << "fine when absent";
  stdfs::create_directory_symlink("keep", temp / "link");
  EXPECT_TRUE(remove_tree(temp / "link").has_value());
  EXPECT_TRUE(fs::exists(temp / "keep/file"));
}

TEST(RemoveTree, WorksHoweverDeepTheTreeIs) {
  const TempFolder temp;
  ASSERT_TRUE(make_folder(temp / "tree").has_value());
  Fd at{::open((temp / "tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  for (int depth = 0; depth < 5000; ++depth) {  // deeper than there are descriptors, and PATH_MAX
    ASSERT_EQ(::mkdirat(at.get(), "d", 0777), 0);
    at = Fd{::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  }
  at = Fd{};
  EXPECT_TRUE(remove_tree(temp / "tree").has_value());
  EXPECT_FALSE(fs::exists(temp / "tree"));
}

TEST(Walk, FindsEverythingInByteOrderAndEntersNoLink) {
  const TempFolder temp;
  for (const char* name : {"b", "a/z", "a/a", "a.x", "B", "\xff"}) { write_file(temp / name, "x"); }
  stdfs::create_directory(temp / "empty");
  stdfs::create_directory_symlink("a", temp / "link");
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  write_file(temp / "skipped/x", "x");
  const Walked walked = walk(temp.path(), [](const std::string& name, const Stat&) {
                          return name != "skipped";
                        }).value();
  Names names;
  for (const Found& found : walked.found) { names.push_back(found.name); }
  EXPECT_EQ(names, (Names{"B", "a/a", "a/z", "a.x", "b", "fifo", "link", "\xff"}));
  EXPECT_TRUE(walked.unread.empty());
  EXPECT_TRUE(walked.found[6].stat.is_link());
}

TEST(Walk, ReportsWhatIsTooDeep) {
  const TempFolder temp;
  write_file(temp / "1/2/3/x", "x");
  const Walked walked = walk(
                            temp.path(), [](const auto&, const Stat&) { return true; }, 3)
                            .value();
  EXPECT_TRUE(walked.found.empty());
  ASSERT_EQ(walked.unread.size(), 1U);
  EXPECT_EQ(walked.unread[0].name, "1/2/3");
  EXPECT_EQ(walked.unread[0].error.code, Code::kUnsupported);
}

TEST(Walk, FailsOnlyWhenTheRootCantBeRead) {
  EXPECT_EQ(walk("/nonexistent", [](const auto&, const Stat&) { return true; }).error().code,
            Code::kNotFound);
}

TEST(OpenBeneath, NeverLeavesTheFolder) {
  const TempFolder temp;
  write_file(temp / "outside", "secret");
  write_file(temp / "root/sub/file", "inside");
  stdfs::create_symlink("sub/file", temp / "root/inner");
  stdfs::create_symlink("../outside", temp / "root/outer");
  stdfs::create_directory_symlink("..", temp / "root/door");
  const Fd root{::open((temp / "root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  for (const auto open : {&open_beneath, &open_beneath_step_by_step}) {
    EXPECT_TRUE(open(root, "sub/file", O_RDONLY).has_value());
    for (const char* name : {"../outside", "outer", "door/outside", "/etc/passwd",
                             "sub/../../outside", "none", "sub/file/x", "..", "/"}) {
      const auto outcome = open(root, name, O_RDONLY);
      ASSERT_FALSE(outcome.has_value()) << name;
      EXPECT_EQ(outcome.error().code, Code::kNotFound) << outcome.error().what;
    }
    EXPECT_FALSE(open(root, "outer", O_PATH).has_value()) << "not even the link itself";
  }
  EXPECT_TRUE(open_beneath(root, "inner", O_RDONLY).has_value());
  EXPECT_FALSE(open_beneath_step_by_step(root, "inner", O_RDONLY).has_value());
}

// Runs `work` in a child that then waits; ends it when it goes.
class Child {
 public:
  explicit Child(const std::function<void()>& work) {
    int ready[2];
    PV_ASSERT(::pipe(ready) == 0);
    pid_ = ::fork();
    PV_ASSERT(pid_ >= 0);
    if (pid_ == 0) {
      work();
      PV_ASSERT(::write(ready[1], "r", 1) == 1);
      for (;;) { ::pause(); }
    }
    char letter = 0;
    PV_ASSERT(::read(ready[0], &letter, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] int pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

int open_and_lock(const Path& path, short type) {
  const int number = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct ::flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  PV_ASSERT(::fcntl(number, F_SETLK, &lock) == 0);
  return number;
}

TEST(Holders, OfLocksAreOtherProcessesWithPosixLocks) {
  const TempFolder temp;
  write_file(temp / "a", "x");
  write_file(temp / "b", "x");
  EXPECT_TRUE(other_lock_holders({temp / "a", temp / "none"}).empty());
  const Child child{[&] { open_and_lock(temp / "a", F_RDLCK); }};
  const Fd own{open_and_lock(temp / "a", F_RDLCK)};
  const auto holders = other_lock_holders({temp / "a", temp / "b"});
  ASSERT_EQ(holders.size(), 1U) << "not this process itself";
  EXPECT_EQ(holders[0].pid, child.pid());
  EXPECT_EQ(holders[0].program, "pv_fs_test");
  EXPECT_TRUE(other_lock_holders({temp / "b"}).empty());
}

TEST(Holders, OpenersNeedNoLock) {
  const TempFolder temp;
  write_file(temp / "a", "x");
  const Fd own = open_for_reading(temp / "a").value();
  EXPECT_TRUE(other_openers({temp / "a"}).empty());
  const Child child{[&] { PV_ASSERT(::open((temp / "a").c_str(), O_RDONLY | O_CLOEXEC) >= 0); }};
  const auto openers = other_openers({temp / "none", temp / "a"});
  // The child of a fork has our descriptors too: once is enough.
  EXPECT_EQ(openers, (std::vector<LockHolder>{{child.pid(), "pv_fs_test"}}));
}

TEST(FileLock, BelongsToOneDescriptorAtATime) {
  const TempFolder temp;
  {
    const FileLock lock = FileLock::try_take(temp / "lock").value();
    EXPECT_EQ(FileLock::try_take(temp / "lock").error().code, Code::kBusy);
  }
  EXPECT_TRUE(FileLock::try_take(temp / "lock").has_value());
}

TEST(FileLock, IsSeenWithoutBeingTaken) {
  const TempFolder temp;
  EXPECT_FALSE(FileLock::is_held(temp / "lock"));
  EXPECT_FALSE(fs::exists(temp / "lock"));
  {
    const FileLock lock = FileLock::try_take(temp / "lock").value();
    EXPECT_TRUE(FileLock::is_held(temp / "lock"));
  }
  EXPECT_FALSE(FileLock::is_held(temp / "lock"));
  EXPECT_TRUE(FileLock::try_take(temp / "lock").has_value());
}

TEST(FileLock, IsFreedWhenItsProcessDies) {
  const TempFolder temp;
  {
    const Child child{[&] { new FileLock{FileLock::try_take(temp / "lock").value()}; }};
    EXPECT_EQ(FileLock::try_take(temp / "lock").error().code, Code::kBusy);
  }
  EXPECT_TRUE(FileLock::try_take(temp / "lock").has_value());
}

TEST(Space, IsOfTheFileSystem) {
  const TempFolder temp;
  const Space found = fs::space(temp.path()).value();
  EXPECT_GT(found.total_bytes, 0U);
  EXPECT_LE(found.free_bytes, found.total_bytes);
  EXPECT_EQ(fs::space("/nonexistent").error().code, Code::kNotFound);
}

TEST(Source, LeavesThePageCacheAsItWas) {
  constexpr std::size_t kBytes = 4 << 20;
  const pv::testing::TempFolder temp;
  pv::testing::write_file(temp / "a", std::string(kBytes, 'x'));
  const auto read_all = [&] {
    const auto source = open_source(temp / "a").value();
    std::vector<std::byte> block(1 << 20);
    for (std::uint64_t at = 0; at < kBytes; at += block.size()) {
      EXPECT_EQ(source->read_at(at, block).value(), block.size());
    }
  };
  EXPECT_EQ(pv::testing::cached_pages(temp / "a"), kBytes / 4096);
  read_all();
  EXPECT_EQ(pv::testing::cached_pages(temp / "a"), kBytes / 4096) << "others may need it";
  if (!pv::testing::drop_from_cache(temp / "a")) {
    GTEST_SKIP() << "this file system is all cache";
  }
  read_all();
  EXPECT_LT(pv::testing::cached_pages(temp / "a"), kBytes / 4096 / 4);
  // What others had read of it stays, and nothing more comes.
  ASSERT_TRUE(pv::testing::drop_from_cache(temp / "a"));
  const Fd fd = open_for_reading(temp / "a").value();
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);  // without reading ahead
  std::vector<std::byte> hot(512 << 10);
  ASSERT_EQ(read_some(fd, 1 << 20, hot).value(), hot.size());
  const std::size_t before = pv::testing::cached_pages(temp / "a");
  ASSERT_GE(before, hot.size() / 4096);
  ASSERT_LT(before, kBytes / 4096 / 2);
  read_all();
  EXPECT_GE(pv::testing::cached_pages(temp / "a"), before);
  EXPECT_LT(pv::testing::cached_pages(temp / "a"), before + kBytes / 4096 / 8);
}

TEST(PageCache, FindsADescriptorOfAFileThatIsOpen) {
  const pv::testing::TempFolder temp;
  pv::testing::write_file(temp / "a", "content");
  const Stat about = stat(temp / "a").value();
  EXPECT_EQ(descriptor_of(about), std::nullopt);
  const Fd fd = open_for_reading(temp / "a").value();
  EXPECT_EQ(descriptor_of(about), fd.get());
}

TEST(WriteBehind, TakesWhatIsOnTheDiskOutOfTheCache) {
  constexpr std::size_t kBlock = 1 << 20;
  constexpr std::size_t kBlocks = 64;
  const pv::testing::TempFolder temp;
  pv::testing::write_file(temp / "probe", std::string(kBlock, 'x'));
  if (!pv::testing::drop_from_cache(temp / "probe")) {
    GTEST_SKIP() << "this file system is all cache";
  }
  FileSink sink{create_new(temp / "a", 0600).value(), temp / "a"};
  WriteBehind behind;
  const std::string block(kBlock, 'y');
  for (std::size_t i = 0; i < kBlocks; ++i) {
    ASSERT_TRUE(sink.write(as_bytes(block)).has_value());
    behind.wrote(sink.fd(), kBlock);
  }
  EXPECT_LT(pv::testing::cached_pages(temp / "a"), kBlock * kBlocks / 4096 / 2);
}

}  // namespace
}  // namespace pv::fs
