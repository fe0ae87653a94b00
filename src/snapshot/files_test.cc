// What becomes of everything in a data directory that is not a database.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "snapshot/snapshot_testing.h"

namespace pv::snapshot {
namespace {

namespace stdfs = std::filesystem;
using pv::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Files : public ::testing::Test {
 protected:
  Files() : app_{app_connection(directory_ / "data.db")} {
    fill(app_, 3);
    stdfs::create_directories(directory_ / "storage/c/r");
  }

  [[nodiscard]] stdfs::path storage(const std::string& name) const {
    return directory_ / "storage/c/r" / name;
  }
  void take() { snapshot_ = must(directory_.take()); }
  [[nodiscard]] std::string warning(const std::string& name) const {
    return warning_of(snapshot_->warnings(), name);
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return find_item(*snapshot_, name) != nullptr;
  }
  // Names of all items but data.db.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const Item& item : snapshot_->items()) {
      if (!item.is_database) { result.push_back(item.name); }
    }
    return result;
  }

  Directory directory_;
  sqlite::Connection app_;
  std::unique_ptr<Snapshot> snapshot_;
};

TEST_F(Files, AreTakenUnderTheNamesTheyHave) {
  const std::vector<std::string> all = {" leading",
                                        "a b.txt",
                                        "日本 é.png",
                                        "in\xff\xfevalid",
                                        "new\nline",
                                        "back\\slash",
                                        ".hidden",
                                        "*?[x]",
                                        "-rf",
                                        "x.attrs",
                                        "long_" + std::string(250, 'n')};
  for (const std::string& name : all) { write_file(storage(name), "content of " + name); }
  take();
  EXPECT_THAT(snapshot_->warnings(), IsEmpty());
  for (const std::string& name : all) {
    EXPECT_EQ(content(*snapshot_, "storage/c/r/" + name), "content of " + name);
  }
  EXPECT_EQ(names().size(), all.size());
}

TEST_F(Files, KeepSizeModeAndTime) {
  write_file(storage("a"), "12345");
  stdfs::permissions(storage("a"), stdfs::perms{0640});
  const ::timespec times[2] = {{1'600'000'000, 7}, {1'600'000'000, 123'456'789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, storage("a").c_str(), times, 0), 0);
  take();
  const Item* item = find_item(*snapshot_, "storage/c/r/a");
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(item->size_bytes, 5U);
  EXPECT_EQ(item->mode, 0100640U);
  EXPECT_EQ(item->modified.time_since_epoch().count(), 1'600'000'000'123'456'789);
}

TEST_F(Files, LeaveOutWhatPocketBaseLeavesOut) {
  for (const std::string name :
       {"backups/a.zip", ".pb_temp_to_delete/x", ".autocert_cache/x", "lost+found/x", ".notify/x",
        ".pocketvault/vault.db", ".pocketvault-restore/restore-x/y",
        "storage/.pocketvault-restore/replaced-x/pb_data/y"}) {
    write_file(directory_ / name, "x");
  }
  for (const std::string name : {"backupsX/a", "sub/backups/a", ".hidden", "types.d.ts",
                                 "storage/.pocketvault", "data.db-old", "data.db.bak"}) {
    write_file(directory_ / name, "x");
  }
  auto other = app_connection(directory_ / "other.db");
  must(other.exec("PRAGMA journal_mode=PERSIST; CREATE TABLE t (a)"));
  ASSERT_TRUE(stdfs::exists(directory_ / "other.db-journal"));
  take();
  EXPECT_THAT(snapshot_->warnings(), IsEmpty());
  EXPECT_THAT(names(), ElementsAre(".hidden", "backupsX/a", "data.db-old", "data.db.bak",
                                   "storage/.pocketvault", "sub/backups/a", "types.d.ts"));
}

TEST_F(Files, SayWhatWasLeftOutAndWhy) {
  write_file(storage("good"), "good");
  ASSERT_EQ(::mkfifo(storage("fifo").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, storage("socket").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<::sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  stdfs::create_symlink("none", storage("dangling"));
  stdfs::create_symlink("circle", storage("circle"));
  stdfs::create_symlink("/dev/null", storage("device"));
  stdfs::create_symlink("fifo", storage("to_fifo"));
  stdfs::create_symlink("/proc/self/environ", storage("kernel"));
  stdfs::create_symlink("../..", storage("folder"));
  stdfs::create_symlink("/", storage("everything"));
  write_file(directory_ / "backups/big.zip", "zip");
  stdfs::create_symlink("../../../backups/big.zip", storage("backup"));
  take();
  EXPECT_THAT(names(), ElementsAre("storage/c/r/good"));
  const auto why = [&](const std::string& name) { return warning("storage/c/r/" + name); };
  EXPECT_EQ(why("fifo"), "left out: a FIFO");
  EXPECT_EQ(why("socket"), "left out: a socket");
  EXPECT_EQ(why("dangling"), "left out: a link to what does not exist: none");
  EXPECT_THAT(why("circle"), HasSubstr("a link that can't be followed"));
  EXPECT_EQ(why("device"), "left out: a link to a device: /dev/null");
  EXPECT_EQ(why("to_fifo"), "left out: a link to a FIFO: fifo");
  EXPECT_THAT(why("kernel"), HasSubstr("a file of the kernel"));
  EXPECT_EQ(why("folder"), "left out: a link to a folder: ../..");
  EXPECT_EQ(why("everything"), "left out: a link to a folder: /");
  EXPECT_THAT(why("backup"), HasSubstr("no part of a backup"));
  EXPECT_EQ(snapshot_->warnings().size(), 10U);
}

TEST_F(Files, FollowLinksToFiles) {
  write_file(storage("real"), "inside");
  write_file(directory_.outside() / "elsewhere", "outside");
  stdfs::permissions(directory_.outside() / "elsewhere", stdfs::perms{0604});
  stdfs::create_symlink("real", storage("in"));
  stdfs::create_symlink(directory_.outside() / "elsewhere", storage("out"));
  stdfs::create_symlink("out", storage("over_two"));
  take();
  EXPECT_THAT(snapshot_->warnings(), IsEmpty());
  EXPECT_EQ(content(*snapshot_, "storage/c/r/in"), "inside");
  EXPECT_EQ(content(*snapshot_, "storage/c/r/out"), "outside");
  EXPECT_EQ(content(*snapshot_, "storage/c/r/over_two"), "outside");
  EXPECT_EQ(find_item(*snapshot_, "storage/c/r/out")->mode, 0100604U);  // no longer a link
}

TEST_F(Files, FollowStorageToAnotherVolume) {
  const auto volume = directory_.outside() / "volume";
  stdfs::rename(directory_ / "storage", volume);
  stdfs::create_symlink(volume, directory_ / "storage");
  write_file(volume / "c/r/photo", "jpeg");
  stdfs::create_symlink(directory_ / "data.db", volume / "c/trap");
  take();
  EXPECT_EQ(content(*snapshot_, "storage/c/r/photo"), "jpeg");
  EXPECT_THAT(names(), ElementsAre("storage/c/r/photo"));
  EXPECT_THAT(warning("storage/c/trap"), HasSubstr("no part of a backup"));
  EXPECT_EQ(snapshot_->warnings().size(), 1U);
}

TEST_F(Files, DoNotFollowStorageIntoACircle) {
  stdfs::remove_all(directory_ / "storage");
  for (const std::string target : {".", "..", "/", "backups"}) {
    stdfs::create_directories(directory_ / "backups");
    stdfs::create_symlink(target, directory_ / "storage");
    take();
    EXPECT_THAT(names(), IsEmpty()) << target;
    EXPECT_THAT(warning("storage"), HasSubstr("left out: ")) << target;
    stdfs::remove(directory_ / "storage");
  }
  stdfs::create_symlink("/mnt/not/mounted", directory_ / "storage");
  take();
  EXPECT_EQ(warning("storage"), "left out: a link to what does not exist: /mnt/not/mounted");
}

TEST_F(Files, ReadHolesAsZeros) {
  write_file(storage("sparse"), "");
  stdfs::resize_file(storage("sparse"), 50'000'000);
  {
    std::ofstream file{storage("sparse"), std::ios::in | std::ios::out};
    file.seekp(30'000'000);
    file << "middle";
  }
  take();
  std::string expected(50'000'000, '\0');
  expected.replace(30'000'000, 6, "middle");
  EXPECT_TRUE(content(*snapshot_, "storage/c/r/sparse") == expected);
}

TEST_F(Files, CoveredByAPatternStayOutAndAreCounted) {
  for (const char* name : {"storage/c/r/a", "storage/c/r/b", "storage/c/keep/a", "storage/d/r/a",
                           "types.d.ts", "backups/old.zip"}) {
    write_file(directory_ / name, "1234567");
  }
  stdfs::create_symlink("nowhere", storage("dangling"));
  auto other = app_connection(directory_ / "cache.db");
  fill(other, 1);
  auto options = directory_.options();
  for (const char* pattern : {"storage/c/r", "**.ts", "cache.db", "backups"}) {
    options.exclude.push_back(must(Glob::parse(pattern)));
  }
  snapshot_ = must(Snapshot::take(directory_.data(), options, {}));
  EXPECT_THAT(names(), ElementsAre("storage/c/keep/a", "storage/d/r/a"));
  EXPECT_FALSE(has("cache.db"));
  EXPECT_FALSE(has("cache.db-wal")) << "no database, no log of it";
  EXPECT_THAT(snapshot_->warnings(), IsEmpty()) << "it was asked for";
  const LeftOut& left_out = snapshot_->left_out();
  EXPECT_THAT(left_out.names,
              ::testing::UnorderedElementsAre("cache.db", "storage/c/r/a", "storage/c/r/b",
                                              "storage/c/r/dangling", "types.d.ts"));
  EXPECT_EQ(left_out.files, 5U);
  EXPECT_EQ(left_out.bytes, 3 * 7 + stdfs::file_size(directory_ / "cache.db"));
}

TEST_F(Files, OfOtherFoldersAreStoredBelowANameOfTheirOwn) {
  write_file(directory_.outside() / "pb_hooks/sub/a.js", "hook");
  write_file(directory_.outside() / "pb_hooks/backups/b.js", "left out nowhere but in the root");
  write_file(directory_.outside() / "pb_hooks/skip.js", "skip");
  stdfs::create_symlink("../pb_data/data.db", directory_.outside() / "pb_hooks/database");
  write_file(directory_ / ".pocketvault-code/old.js", "of a restore by PocketBase");
  auto options = directory_.options();
  options.extras = {{directory_.outside() / "pb_hooks", ".pocketvault-code/pb_hooks"},
                    {directory_.outside() / "none", ".pocketvault-code/none"},
                    {directory_ / "data.db", ".pocketvault-code/file"}};
  options.exclude = {must(Glob::parse("**/skip.js"))};
  snapshot_ = must(Snapshot::take(directory_.data(), options, {}));
  EXPECT_THAT(names(), ElementsAre(".pocketvault-code/pb_hooks/backups/b.js",
                                   ".pocketvault-code/pb_hooks/sub/a.js"));
  EXPECT_EQ(content(*snapshot_, ".pocketvault-code/pb_hooks/sub/a.js"), "hook");
  EXPECT_THAT(warning(".pocketvault-code/pb_hooks/database"), HasSubstr("left out"));
  EXPECT_EQ(warning(".pocketvault-code/file"), "left out: it is not a folder");
  EXPECT_EQ(snapshot_->left_out().files, 1U);
}

TEST_F(Files, ThatVanishFailToOpenWithoutHarm) {
  write_file(storage("gone"), "x");
  write_file(storage("replaced"), "x");
  write_file(storage("fifo_now"), "x");
  write_file(storage("stays"), "x");
  take();
  stdfs::remove(storage("gone"));
  stdfs::remove(storage("replaced"));
  stdfs::create_symlink("stays", storage("replaced"));
  stdfs::remove(storage("fifo_now"));
  ASSERT_EQ(::mkfifo(storage("fifo_now").c_str(), 0600), 0);
  for (const std::string name : {"gone", "replaced", "fifo_now"}) {
    const auto source = snapshot_->open(*find_item(*snapshot_, "storage/c/r/" + name));
    ASSERT_FALSE(source.has_value()) << name;
    EXPECT_EQ(source.error().code, Code::kNotFound) << name << ": " << source.error().what;
  }
  EXPECT_EQ(content(*snapshot_, "storage/c/r/stays"), "x");
}

// A folder that turned into a link after it was listed must not lead outside.
TEST_F(Files, AreNotLookedForBehindNewLinks) {
  write_file(storage("a"), "ours");
  write_file(directory_.outside() / "secret/a", "theirs");
  take();
  stdfs::remove_all(directory_ / "storage/c/r");
  stdfs::create_symlink(directory_.outside() / "secret", directory_ / "storage/c/r");
  EXPECT_EQ(snapshot_->open(*find_item(*snapshot_, "storage/c/r/a")).error().code, Code::kNotFound);
}

// Swapped for the database after the walk: opening it would cost us its locks.
TEST_F(Files, ThatBecomeADatabaseAreNotOpened) {
  write_file(storage("a"), "x");
  take();
  stdfs::remove(storage("a"));
  stdfs::create_hard_link(directory_ / "data.db", storage("a"));
  EXPECT_EQ(snapshot_->open(*find_item(*snapshot_, "storage/c/r/a")).error().code, Code::kDenied);
}

TEST_F(Files, ThatChangeWhileReadAreReported) {
  for (const std::string name : {"longer", "shorter", "other", "same"}) {
    write_file(storage(name), std::string(1000, 'a'));
    const ::timespec times[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, storage(name).c_str(), times, 0), 0);
  }
  take();
  std::vector<std::unique_ptr<Source>> sources;
  for (const std::string name : {"longer", "shorter", "other", "same"}) {
    sources.push_back(must(snapshot_->open(*find_item(*snapshot_, "storage/c/r/" + name))));
  }
  write_file(storage("longer"), std::string(2000, 'b'));
  stdfs::resize_file(storage("shorter"), 10);
  {
    std::ofstream file{storage("other"), std::ios::in | std::ios::out};
    file << "b";
  }
  EXPECT_EQ(read_all(*sources[0]).size(), 1000U);  // not beyond the size at the start
  EXPECT_EQ(read_all(*sources[1]).size(), 10U);    // ends early
  sources.clear();
  const auto late = snapshot_->late_warnings();
  EXPECT_THAT(warning_of(late, "storage/c/r/longer"), HasSubstr("changed while"));
  EXPECT_THAT(warning_of(late, "storage/c/r/shorter"), HasSubstr("changed while"));
  EXPECT_THAT(warning_of(late, "storage/c/r/other"), HasSubstr("changed while"));
  EXPECT_EQ(late.size(), 3U);
}

TEST_F(Files, AppearingDatabasesAreLeftOut) {
  auto options = directory_.options();
  options.on_pinned = [&] {
    auto late = app_connection(directory_ / "late.db");
    fill(late, 1);
    write_file(directory_ / "late.txt", "a file may come later");
  };
  snapshot_ = must(Snapshot::take(directory_.data(), options, {}));
  EXPECT_THAT(names(), ElementsAre("late.txt"));
  EXPECT_THAT(warning("late.db"), HasSubstr("after the moment"));
}

TEST_F(Files, NestedTooDeepAreReported) {
  stdfs::path deep = directory_ / "storage";
  for (int i = 0; i < 140; ++i) { deep /= "d"; }
  stdfs::create_directories(deep);
  write_file(deep / "file", "x");
  take();
  ASSERT_EQ(snapshot_->warnings().size(), 1U);
  EXPECT_THAT(snapshot_->warnings()[0].what, HasSubstr("nested"));
}

// As a user whom permissions bind: root reads everything.
int as_nobody(const std::function<int()>& work) {
  return in_child([&] {
    if (::geteuid() == 0 && (::setgid(65'534) != 0 || ::setuid(65'534) != 0)) { return 124; }
    return work();
  });
}

// The data directory as somebody else's: nobody may read it, but not write.
void make_readable_only(const Directory& directory) {
  stdfs::permissions(directory.outside(), stdfs::perms{0755});
  stdfs::permissions(directory.temporary(), stdfs::perms{0777});
  for (const auto& entry : stdfs::recursive_directory_iterator{directory.data()}) {
    stdfs::permissions(entry, stdfs::perms{entry.is_directory() ? 0555U : 0444U});
  }
  stdfs::permissions(directory.data(), stdfs::perms{0555});
}

void make_removable(const Directory& directory) {
  stdfs::permissions(directory.data(), stdfs::perms{0755});
  for (const auto& entry : stdfs::recursive_directory_iterator{directory.data()}) {
    if (entry.is_directory()) { stdfs::permissions(entry, stdfs::perms{0755}); }
  }
}

TEST_F(Files, ThatCannotBeReadAreReported) {
  write_file(storage("open"), "x");
  write_file(storage("closed"), "x");
  write_file(directory_ / "storage/shut/inside", "x");
  stdfs::permissions(directory_.outside(), stdfs::perms{0755});
  stdfs::permissions(directory_.data(), stdfs::perms{0777});
  stdfs::permissions(directory_.temporary(), stdfs::perms{0777});
  for (const std::string name : {"data.db", "data.db-wal", "data.db-shm"}) {
    stdfs::permissions(directory_ / name, stdfs::perms{0666});
  }
  stdfs::permissions(storage("closed"), stdfs::perms::none);
  stdfs::permissions(directory_ / "storage/shut", stdfs::perms::none);
  const int status = as_nobody([&] {
    take();
    if (names() != std::vector<std::string>{"storage/c/r/open"}) { return 1; }
    if (warning("storage/c/r/closed") != "left out: not readable: Permission denied") { return 2; }
    if (warning("storage/shut").find("Permission denied") == std::string::npos) { return 3; }
    return snapshot_->warnings().size() == 2 ? 0 : 4;
  });
  stdfs::permissions(directory_ / "storage/shut", stdfs::perms{0755});
  EXPECT_EQ(status, 0);
}

// A side car that may only read the volume of a running app.
TEST(ReadOnly, CopiesBesideARunningApp) {
  const Directory directory;
  auto app = app_connection(directory / "data.db");
  auto auxiliary = app_connection(directory / "auxiliary.db");
  fill(app, 200);
  fill(auxiliary, 5);
  make_readable_only(directory);
  const int status = as_nobody([&] {
    const auto snapshot = must(directory.take());
    for (const Database& database : snapshot->databases()) {
      if (database.way != Way::kCopied || database.why_copied != "it is read-only here") {
        return 1;
      }
    }
    int wrong = 0;
    const auto folder = directory.temporary() / "opened";
    pv::testing::write_file(folder / "a.db", content(*snapshot, "data.db"));
    auto db = must(sqlite::Connection::open(folder / "a.db", {}));
    wrong += number(db, "SELECT count(*) FROM t") == 200 ? 0 : 2;
    wrong += must(sqlite::check(db, sqlite::Check::kIntegrity)) == "ok" ? 0 : 4;
    return wrong;
  });
  make_removable(directory);
  EXPECT_EQ(status, 0);
}

TEST(ReadOnly, SaysWhatIsMissingWithoutTheApp) {
  const Directory directory;
  {
    auto app = app_connection(directory / "data.db");
    fill(app, 5);
    must(app.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  stdfs::remove(directory / "data.db-wal");
  stdfs::remove(directory / "data.db-shm");
  make_readable_only(directory);
  const int status = as_nobody([&] {
    const auto taken = directory.take();
    if (taken.has_value()) { return 1; }
    if (taken.error().code != Code::kDenied) { return 2; }
    return taken.error().what.find("data.db-shm") != std::string::npos ? 0 : 3;
  });
  make_removable(directory);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace pv::snapshot
