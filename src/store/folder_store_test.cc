#include "store/folder_store.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "base/random.h"
#include "s3/sidecar.h"
#include "store/folder_listing.h"
#include "store/part.h"
#include "testing/fixtures.h"
#include "testing/loop_mount.h"
#include "testing/memory_io.h"
#include "testing/store_contract.h"

namespace pv::testing {
namespace {

namespace stdfs = std::filesystem;

class FolderFactory {
 public:
  std::unique_ptr<store::BackupStore> open() { return store::make_folder_store(temp_ / "backups"); }
  [[nodiscard]] bool is_empty() { return stdfs::is_empty(temp_ / "backups"); }

 private:
  TempFolder temp_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Folder, StoreContract, FolderFactory);

class FolderStore : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : stdfs::recursive_directory_iterator{folder_}) {
      names.push_back(entry.path().lexically_relative(folder_).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TempFolder temp_;
  stdfs::path folder_ = temp_ / "backups";
  std::unique_ptr<store::BackupStore> store_ = store::make_folder_store(folder_);
};

using Names = std::vector<std::string>;

TEST_F(FolderStore, TellsTheSameNamesAloneAsWithSizes) {
  for (const char* name : {"b.zip", "a.zip", ".hidden.zip", ".known.zip", "sub/c.zip",
                           "sub/.deep/d.zip", "x.zip.18b3c0ffee123456.tmp"}) {
    testing::write_file(folder_ / name, "zip");
  }
  testing::write_file(folder_ / ".known.zip.attrs", "{}");
  testing::write_file(folder_ / "a.zip.attrs", "{}");
  stdfs::create_symlink("a.zip", folder_ / "link.zip");
  stdfs::create_symlink("/etc/hostname", folder_ / "out.zip");
  const auto names_in = [](const std::vector<store::Backup>& backups) {
    std::vector<std::string> names;
    for (const store::Backup& one : backups) { names.push_back(one.name.text()); }
    return names;
  };
  const std::vector<std::string> names{".known.zip", "a.zip", "b.zip", "link.zip", "sub/c.zip"};
  EXPECT_EQ(names_in(store_->list().value()), names);
  std::vector<std::string> alone;
  const auto told = store_->each_name([&](std::string_view name) { alone.emplace_back(name); });
  EXPECT_TRUE(told.has_value() && *told);
  std::ranges::sort(alone);
  EXPECT_EQ(alone, names);
}

TEST_F(FolderStore, ListsThousandsInTheOrderOfTheirBytes) {
  std::map<std::string, std::uint64_t> expected;
  const auto add = [&](const std::string& name) {
    const std::uint64_t size = expected.size() % 4000;
    testing::write_file(folder_ / name, std::string(size, 'x'));
    expected[name] = size;
  };
  for (int i = 0; i < 2100; ++i) { add("nightly_" + std::to_string(i * 7919 % 2100) + ".zip"); }
  for (int i = 0; i < 1100; ++i) { add("sub/" + std::to_string(i)); }
  // One the start of another, bytes above 127, and what compares otherwise as a signed number.
  for (const char* name : {"nightly_", "nightly_1", "nightly_10.zip.old", "nightly_\xC3\xA9.zip",
                           "nightly_~", "nightly_12345678", "nightly_123456789"}) {
    add(name);
  }
  // Each the start of the next.
  for (char letter = 'a'; letter < 'k'; ++letter) {
    for (std::size_t i = 1; i < 70; ++i) { add(std::string(i, letter)); }
  }
  stdfs::create_directory(folder_ / "nightly_folder.zip");
  const auto listed = store_->list();
  ASSERT_TRUE(listed.has_value());
  ASSERT_EQ(listed->size(), expected.size());
  auto next = expected.begin();
  for (const store::Backup& one : *listed) {
    ASSERT_EQ(one.name.text(), next->first);
    ASSERT_EQ(one.size_bytes, next->second) << next->first;
    ASSERT_GT(one.modified, WallTime{}) << next->first;
    ++next;
  }
}

TEST_F(FolderStore, ListsWhatIsThereWhileOthersRemoveIt) {
  constexpr int kFiles = 3000;
  const auto name = [](int i) { return std::to_string(i) + ".zip"; };
  for (int i = 0; i < kFiles; ++i) { testing::write_file(folder_ / name(i), "zip"); }
  std::thread remover{[&] {
    for (int i = 1; i < kFiles; i += 2) { stdfs::remove(folder_ / name(i)); }
  }};
  std::set<std::string> listed;
  while (listed.size() != kFiles / 2) {
    listed.clear();
    const std::vector<store::Backup> backups = store_->list().value();
    for (const store::Backup& one : backups) {
      EXPECT_EQ(one.size_bytes, 3U);
      EXPECT_TRUE(listed.insert(one.name.text()).second) << one.name.text();
    }
    for (int i = 0; i < kFiles; i += 2) { ASSERT_TRUE(listed.contains(name(i))) << i; }
  }
  remover.join();
}

TEST_F(FolderStore, MakesItsFolderWhenItIsFirstNeeded) {
  EXPECT_TRUE(keys(*store_).empty());
  EXPECT_FALSE(stdfs::exists(folder_)) << "listing needs no folder";
  EXPECT_GT(store_->free_bytes().value().value(), 0U);
  const auto deep = store::make_folder_store(temp_ / "x/y/z");
  EXPECT_TRUE(put(*deep, "a.zip", "a").has_value());
  EXPECT_TRUE(stdfs::exists(temp_ / "x/y/z/a.zip"));
}

TEST_F(FolderStore, WritesTheSideFileOfPocketBase) {
  auto upload = store_->create(name_of("a.zip"), {"My \"old\" backup.zip"}).value();
  ASSERT_TRUE(upload->commit().has_value());
  EXPECT_EQ(files(), (Names{"a.zip", "a.zip.attrs"}));
  EXPECT_EQ(read_file(folder_ / "a.zip.attrs"),
            R"({"user.cache_control":"","user.content_disposition":"","user.content_encoding":"",)"
            R"("user.content_language":"","user.content_type":"application/zip",)"
            R"("user.metadata":{"original-filename":"My \"old\" backup.zip"},"md5":null})"
            "\n");
  EXPECT_TRUE(store_->remove(name_of("a.zip")).has_value());
  EXPECT_TRUE(files().empty());
}

TEST_F(FolderStore, ReadsABackupThatPocketBaseMade) {
  const stdfs::path data = unpack_pb_data("0.36.6", temp_.path());
  const auto store = store::make_folder_store(data / "backups");
  EXPECT_EQ(keys(*store), (Names{"fixture.zip"}));
  EXPECT_EQ(store->stat(name_of("fixture.zip")).value().content_type, "application/zip");
  EXPECT_EQ(get(*store, "fixture.zip").value(), read_file(data / "backups/fixture.zip"));
}

TEST_F(FolderStore, TakesTheTypeFromTheSideFileAndIsLenient) {
  struct SideCase {
    const char* label;
    std::optional<std::string> content;
    std::string type;
  };
  const SideCase kCases[] = {
      {"none, copied in by hand", std::nullopt, "application/octet-stream"},
      {"another type", R"({"user.content_type":"text/plain"})", "text/plain"},
      {"not JSON", "{", "application/octet-stream"},
      {"empty", "", "application/octet-stream"},
      {"no object", "[]", "application/octet-stream"},
      {"no type", "{}", "application/octet-stream"},
      {"wrong kind", R"({"user.content_type":5})", "application/octet-stream"},
      {"a header smuggled in", R"({"user.content_type":"a/b\r\nSet-Cookie: x"})",
       "a/b  Set-Cookie: x"},
      {"deep nesting", std::string(5000, '['), "application/octet-stream"},
      {"larger than any side file", std::string(1 << 20, ' '), "application/octet-stream"},
  };
  for (const SideCase& given : kCases) {
    write_file(folder_ / "a.zip", "PK");
    stdfs::remove(folder_ / "a.zip.attrs");
    if (given.content) { write_file(folder_ / "a.zip.attrs", *given.content); }
    EXPECT_EQ(store_->stat(name_of("a.zip")).value().content_type, given.type) << given.label;
  }
}

TEST_F(FolderStore, ListsBackupsAndNothingElse) {
  for (const char* name :
       {"a.zip", "a.zip.attrs", "sub/n.zip", "sub/n.zip.attrs", "foreign.txt", ".hidden",
        ".uploaded", ".uploaded.attrs", ".folder/x.zip", "lost+found/x.zip",
        "b.zip.18b3c0ffee123456.tmp", "c.zip.18b3c0ffee123456.tmp",
        "c.zip.18b3c0ffee123456.tmp.attrs", "short.tmp", ".pocketvault-0123456789.part",
        ".pocketvault-abcdefghij.part", ".pocketvault-abcdefghij.part.attrs"}) {
    write_file(folder_ / name, "x");
  }
  ASSERT_EQ(::mkfifo((folder_ / "fifo.zip").c_str(), 0600), 0);
  stdfs::create_directory(folder_ / "folder.zip");
  write_file(folder_ / "\xff.zip", "x");
  write_file(folder_ / "new\nline.zip", "x");
  const Names expected{".uploaded",   "a.zip",     "c.zip.18b3c0ffee123456.tmp",
                       "foreign.txt", "short.tmp", "sub/n.zip"};
  EXPECT_EQ(keys(*store_), expected);
  for (const std::string& key : expected) {
    EXPECT_TRUE(store_->stat(name_of(key)).has_value()) << key;
  }
  for (const char* key : {".hidden", ".folder/x.zip", "b.zip.18b3c0ffee123456.tmp", "fifo.zip",
                          ".pocketvault-abcdefghij.part", "folder.zip", "sub", "a.zip/x"}) {
    EXPECT_EQ(store_->stat(name_of(key)).error().code, Code::kNotFound) << key;
    EXPECT_EQ(store_->open(name_of(key)).error().code, Code::kNotFound) << key;
    EXPECT_EQ(store_->remove(name_of(key)).error().code, Code::kNotFound) << key;
  }
}

TEST_F(FolderStore, ABackupOfAnotherCenturyIsOfTheFuture) {
  testing::write_file(folder_ / "a.zip", "zip");
  ASSERT_EQ(testing::run("touch -d 2400-01-01 " + (folder_ / "a.zip").string()).status, 0);
  const WallTime now = system_clock().now();
  EXPECT_GT(store_->list().value().front().modified, now);
  EXPECT_GT(store_->stat(store::BackupName::parse("a.zip").value())->modified, now);
}

TEST_F(FolderStore, FollowsLinksOnlyWhileTheyStayInside) {
  write_file(temp_ / "secret.zip", "secret");
  write_file(temp_ / "outside/x.zip", "secret");
  write_file(folder_ / "sub/real.zip", "inside");
  const auto link = [&](const std::string& target, const char* name) {
    stdfs::create_symlink(target, folder_ / name);
  };
  link("sub/real.zip", "inside.zip");
  link("../secret.zip", "up.zip");
  link((temp_ / "secret.zip").string(), "absolute.zip");
  link((folder_ / "sub/real.zip").string(), "absolute-inside.zip");
  link("/proc/self/environ", "proc.zip");
  link("nowhere", "dangling.zip");
  link("loop.zip", "loop.zip");
  link("../outside", "door");
  link("sub", "alias");
  EXPECT_EQ(keys(*store_), (Names{"inside.zip", "sub/real.zip"}));
  EXPECT_EQ(get(*store_, "inside.zip").value(), "inside");
  EXPECT_EQ(get(*store_, "alias/real.zip").value(), "inside");
  for (const char* key : {"up.zip", "absolute.zip", "absolute-inside.zip", "proc.zip",
                          "dangling.zip", "loop.zip", "door/x.zip", "door"}) {
    EXPECT_EQ(store_->stat(name_of(key)).error().code, Code::kNotFound) << key;
    EXPECT_EQ(store_->open(name_of(key)).error().code, Code::kNotFound) << key;
    EXPECT_EQ(store_->remove(name_of(key)).error().code, Code::kNotFound) << key;
  }
  EXPECT_FALSE(store_->create(name_of("door/new.zip"), {}).has_value());
  EXPECT_FALSE(store_->create(name_of("door/deeper/new.zip"), {}).has_value());
  EXPECT_EQ(store_->create(name_of("dangling.zip"), {}).error().code, Code::kExists);
  EXPECT_FALSE(stdfs::exists(temp_ / "outside/new.zip"));
  EXPECT_FALSE(stdfs::exists(temp_ / "outside/deeper"));
  EXPECT_TRUE(store_->remove(name_of("inside.zip")).has_value());
  EXPECT_EQ(get(*store_, "sub/real.zip").value(), "inside") << "the link goes, not its target";
}

TEST_F(FolderStore, NeverRemovesAFolder) {
  put(*store_, "sub/n.zip", "x").value();
  EXPECT_TRUE(store_->remove(name_of("sub/n.zip")).has_value());
  EXPECT_EQ(store_->remove(name_of("sub")).error().code, Code::kNotFound);
  EXPECT_EQ(files(), (Names{"sub"}));
}

TEST_F(FolderStore, AnUploadIntoAFolderThatWasMovedAwayFails) {
  struct Moved {
    const char* label;
    const char* name;
    const char* what;
    bool comes_again;
  };
  const Moved kCases[] = {{"replaced", "b.zip", "", true},
                          {"gone", "b.zip", "", false},
                          {"a folder in it", "sub/b.zip", "sub", true}};
  for (const Moved& it : kCases) {
    put(*store_, "sub/a.zip", "before").value();
    auto upload = store_->create(name_of(it.name), {}).value();
    ASSERT_TRUE(upload->write(as_bytes("content")).has_value());
    const fs::Path moved = *it.what == '\0' ? folder_ : folder_ / it.what;
    stdfs::rename(moved, temp_ / "away");
    if (it.comes_again) { stdfs::create_directories(moved); }
    const auto stored = upload->commit();
    ASSERT_FALSE(stored.has_value()) << it.label;
    EXPECT_EQ(stored.error().code, Code::kUnavailable) << it.label;
    EXPECT_NE(stored.error().what.find("was moved, removed or replaced"), std::string::npos)
        << stored.error().what;
    for (const auto& left : stdfs::recursive_directory_iterator{temp_ / "away"}) {
      EXPECT_EQ(left.path().filename().string().find("b.zip"), std::string::npos) << it.label;
      EXPECT_FALSE(store::is_part_name(left.path().filename().string())) << it.label;
    }
    stdfs::remove_all(temp_ / "away");
    stdfs::remove_all(folder_);
  }
}

TEST_F(FolderStore, MayItselfBeALink) {
  stdfs::create_directory(temp_ / "elsewhere");
  stdfs::create_directory_symlink("elsewhere", folder_);
  put(*store_, "a.zip", "x").value();
  EXPECT_EQ(keys(*store_), (Names{"a.zip"}));
  EXPECT_TRUE(stdfs::exists(temp_ / "elsewhere/a.zip"));
}

TEST_F(FolderStore, SaysClearlyWhenItsFolderIsNone) {
  write_file(folder_, "a regular file");
  for (const Error& error :
       {store_->list().error(), store_->stat(name_of("a.zip")).error(),
        store_->open(name_of("a.zip")).error(), store_->create(name_of("a.zip"), {}).error(),
        store_->remove(name_of("a.zip")).error(), store_->sweep().error()}) {
    EXPECT_NE(error.code, Code::kNotFound) << error.what;
    EXPECT_NE(error.what.find("backups: Not a directory"), std::string::npos) << error.what;
  }
  EXPECT_EQ(read_file(folder_), "a regular file");
}

TEST_F(FolderStore, RefusesNamesTooLongForAFile) {
  EXPECT_TRUE(put(*store_, std::string(249, 'a'), "x").has_value());
  EXPECT_EQ(put(*store_, std::string(250, 'a'), "x").error().code, Code::kInvalid);
  EXPECT_EQ(put(*store_, std::string(1000, 'a'), "x").error().code, Code::kInvalid);
  EXPECT_EQ(store_->stat(name_of(std::string(1000, 'a'))).error().code, Code::kNotFound);
  EXPECT_EQ(put(*store_, ".pocketvault-0123456789.part", "x").error().code, Code::kInvalid);
  EXPECT_EQ(put(*store_, ".hidden/a.zip", "x").error().code, Code::kInvalid);
}

// Writes through `store` until it fails, as a full disk or a file size limit makes it.
Error fill_up(store::BackupStore& store) {
  auto upload = store.create(name_of("big.zip"), {});
  if (!upload.has_value()) { return upload.error(); }
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) {
    const auto outcome = (*upload)->write(as_bytes(block));
    if (!outcome.has_value()) { return outcome.error(); }
  }
  return Error{Code::kInternal, "64 MiB fitted"};
}

TEST_F(FolderStore, LeavesNothingBehindOnAFullDisk) {
  stdfs::create_directory(folder_);
  if (::mount("none", folder_.c_str(), "tmpfs", 0, "size=4m") != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  put(*store_, "small.zip", "x").value();
  const Error error = fill_up(*store_);
  EXPECT_EQ(error.code, Code::kNoSpace) << error.what;
  EXPECT_NE(error.what.find("big.zip"), std::string::npos) << error.what;
  EXPECT_EQ(files(), (Names{"small.zip", "small.zip.attrs"}));
  EXPECT_TRUE(put(*store_, "again.zip", "x").has_value()) << "there is room again";
  EXPECT_EQ(::umount(folder_.c_str()), 0);
}

TEST_F(FolderStore, LeavesNothingBehindWhenFilesMayNotGrow) {
  ::rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  ::rlimit small = before;
  small.rlim_cur = 2 << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Error error = fill_up(*store_);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_NE(error.code, Code::kInternal) << error.what;
  EXPECT_NE(error.what.find("too large"), std::string::npos) << error.what;
  EXPECT_TRUE(files().empty());
}

TEST_F(FolderStore, SaysThatAFolderIsReadOnly) {
  stdfs::create_directory(folder_);
  if (::mount("none", folder_.c_str(), "tmpfs", MS_RDONLY, "size=1m") != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  const Error error = store_->create(name_of("a.zip"), {}).error();
  EXPECT_EQ(error.code, Code::kDenied) << error.what;
  EXPECT_NE(error.what.find("Read-only file system"), std::string::npos) << error.what;
  EXPECT_TRUE(keys(*store_).empty());
  EXPECT_EQ(::umount(folder_.c_str()), 0);
}

TEST_F(FolderStore, SweepsWhatACrashLeft) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // dies in the middle of an upload
    auto upload = store_->create(name_of("sub/a.zip"), {});
    std::ignore = (*upload)->write(as_bytes("half"));
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_EQ(files().size(), 2U) << "sub and the part in it";
  EXPECT_TRUE(keys(*store_).empty());
  write_file(folder_ / "b.zip.18b3c0ffee123456.tmp", "PocketBase may be writing it");
  write_file(folder_ / ".mine", "not ours to remove");
  EXPECT_EQ(store_->sweep().value(), 1U);
  EXPECT_EQ(files(), (Names{".mine", "b.zip.18b3c0ffee123456.tmp", "sub"}));
}

TEST_F(FolderStore, SweepSparesAnUploadOfAnotherProcess) {
  int ready[2];
  int go[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(go), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto upload = store_->create(name_of("a.zip"), {});
    char letter = 0;
    std::ignore = ::write(ready[1], "r", 1);
    std::ignore = ::read(go[0], &letter, 1);
    ::_exit((*upload)->commit().has_value() ? 0 : 1);
  }
  char letter = 0;
  ASSERT_EQ(::read(ready[0], &letter, 1), 1);
  EXPECT_EQ(store_->sweep().value(), 0U);
  ASSERT_EQ(::write(go[1], "g", 1), 1);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(keys(*store_), (Names{"a.zip"}));
}

TEST_F(FolderStore, ASweepThatComesBetweenCreatingAndLockingDoesNoHarm) {
  stdfs::create_directory(folder_);
  const auto other = store::make_folder_store(folder_);
  std::atomic<bool> done = false;
  std::thread sweeper{[&] {
    while (!done) { std::ignore = other->sweep(); }
  }};
  constexpr int kUploads = 500;
  for (int i = 0; i < kUploads; ++i) {
    const auto outcome = put(*store_, "a" + std::to_string(i) + ".zip", "content");
    ASSERT_TRUE(outcome.has_value()) << outcome.error().what;
  }
  done = true;
  sweeper.join();
  EXPECT_EQ(keys(*store_).size(), std::size_t{kUploads});
  EXPECT_EQ(files().size(), std::size_t{2 * kUploads}) << "each with its side file, nothing else";
}

TEST(FolderListing, KnowsFilesThatPocketBaseIsWriting) {
  EXPECT_TRUE(store::is_pocketbase_part("a.zip.18b3c0ffee123456.tmp"));
  for (const char* name : {"a.zip", "a.tmp", "a.zip.tmp", "a.zip.XYZ.tmp", ".18b3c0ffee123456.tmp",
                           "a.zip.18b3.tmp", "18b3c0ffee123456.tmp"}) {
    EXPECT_FALSE(store::is_pocketbase_part(name)) << name;
  }
}

std::string read_all(store::BackupStore& store, const char* name) {
  const auto source = store.open(store::BackupName::parse(name).value()).value();
  std::string content(source->size_bytes(), '\0');
  EXPECT_EQ(source->read_at(0, std::as_writable_bytes(std::span{content})).value(), content.size());
  return content;
}

// Of an XFS or btrfs of its own, as root may mount one.
class FolderStoreThatClones : public ::testing::TestWithParam<const char*> {};

TEST_P(FolderStoreThatClones, SharesBlocksWithTheBackupBefore) {
  const LoopMount mount{GetParam()};
  if (!mount.why_not().empty()) { GTEST_SKIP() << mount.why_not(); }
  const auto store = store::make_folder_store(mount.path() / "backups");
  const std::string content = random_text(system_random(), kAlphanumeric, 8 << 20);
  ASSERT_TRUE(put(*store, "a.zip", content).has_value());
  const auto before = store->open(store::BackupName::parse("a.zip").value()).value();
  const std::uint64_t free_before = store->free_bytes().value().value();

  const auto upload = store->create(store::BackupName::parse("b.zip").value(), {}).value();
  const std::uint64_t block = upload->clone_block_bytes();
  ASSERT_EQ(block, 4096U);
  const std::string head(block, 'h');
  ASSERT_TRUE(upload->write(as_bytes(head)).has_value());
  const ByteRange range{.offset = 3 * block, .size_bytes = (8 << 20) - 3 * block};
  ASSERT_TRUE(upload->clone(*before, range).value());
  ASSERT_TRUE(upload->write(as_bytes("tail")).has_value());
  ASSERT_TRUE(upload->patch(3, as_bytes("H")).has_value());
  EXPECT_FALSE(upload->clone(*before, {.offset = 0, .size_bytes = block}).value())
      << "behind a tail that fills no block";
  ASSERT_TRUE(upload->write(as_bytes("end")).has_value());
  ASSERT_TRUE(upload->commit().has_value());

  std::string expected = head + content.substr(range.offset) + "tailend";
  expected[3] = 'H';
  EXPECT_TRUE(read_all(*store, "b.zip") == expected);
  EXPECT_TRUE(read_all(*store, "a.zip") == content);
  EXPECT_LT(free_before - std::min(free_before, store->free_bytes().value().value()), 2U << 20U);
}

INSTANTIATE_TEST_SUITE_P(FileSystems, FolderStoreThatClones, ::testing::Values("xfs", "btrfs"),
                         [](const auto& instance) { return std::string{instance.param}; });

TEST_F(FolderStore, ClonesNothingOfWhatIsNoFile) {
  const auto upload = store_->create(store::BackupName::parse("a.zip").value(), {}).value();
  MemorySource memory{std::string(8192, 'x')};
  EXPECT_FALSE(upload->clone(memory, {.offset = 0, .size_bytes = 4096}).value());
  ASSERT_TRUE(upload->write(as_bytes("all")).has_value());
  ASSERT_TRUE(upload->commit().has_value());
  EXPECT_EQ(read_all(*store_, "a.zip"), "all");
}

}  // namespace
}  // namespace pv::testing
