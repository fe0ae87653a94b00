#include "jobs/startup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs/archive.h"
#include "jobs/lease.h"
#include "jobs/vault_rig_testing.h"
#include "jobs/workers.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempFolder;
using testing::unpack_pb_data;

// Ends the process, as a crash would, at its n-th rename: before it, or after it when it is an
// exchange of two names.
class CrashingDisk final : public restore::Disk {
 public:
  explicit CrashingDisk(int rename) : left_{rename} {}
  [[nodiscard]] Result<void> rename(const fs::Path& from, const fs::Path& to) override {
    if (--left_ == 0) { ::_exit(77); }
    return Disk::rename(from, to);
  }
  [[nodiscard]] Result<void> exchange(const fs::Path& one, const fs::Path& other) override {
    Result<void> done = Disk::exchange(one, other);
    if (--left_ == 0) { ::_exit(77); }
    return done;
  }

 private:
  int left_;
};

// Restores fixture.zip, or a part of it, in a process of its own; its exit status, 0 when it got to
// the end.
int restore_and_crash(const fs::Path& pb_data, int rename,
                      const std::vector<std::string>& only = {}) {
  const pid_t pid = ::fork();
  PV_ASSERT(pid >= 0);
  if (pid == 0) {
    WorkPool pool{2};
    const auto archive = ZipArchive::open(
        {"fixture.zip", [&] { return fs::open_source(pb_data / "backups" / "fixture.zip"); }});
    const auto plan = restore::plan(**archive, *restore::Scope::parse(only));
    const auto staged =
        restore::stage(**archive, *plan, pb_data, pool, system_random(), {}, check_data_db, {});
    CrashingDisk disk{rename};
    const auto swapped = restore::swap(pb_data, *staged, "fixture.zip", system_clock().now(), disk);
    ::_exit(swapped.has_value() ? 0 : 1);
  }
  int status = 0;
  PV_ASSERT(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void expect_in_use_by(int pid, const fs::Path& pb_data) {
  const auto refused = open_directory(pb_data, {}, system_clock(), system_random());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kBusy);
  EXPECT_THAT(refused.error().what, HasSubstr("python3 (process " + std::to_string(pid)));
}

TEST(OpenDirectory, FindsTheOldDataOrTheNewAfterACrashAtAnyRename) {
  int taken_back = 0;
  int finished = 0;
  for (int rename = 1;; ++rename) {
    ASSERT_LT(rename, 100);
    const TempFolder folder;
    const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
    {
      VaultRig rig{{.pb_data = pb_data}};
      rig.change("DELETE FROM products");
    }
    const int status = restore_and_crash(pb_data, rename);
    if (status == 0) { break; }
    ASSERT_EQ(status, 77);
    VaultRig rig{{.pb_data = pb_data}};
    const std::string rows = rig.ask("SELECT count(*) FROM products");
    EXPECT_EQ(rig.ask("PRAGMA quick_check"), "ok");
    if (rig.notes.empty()) {
      EXPECT_EQ(rows, "0") << rename << ": nothing was moved yet";
    } else if (rig.notes.front().starts_with("took back")) {
      EXPECT_EQ(rows, "0") << rename;
      ++taken_back;
    } else {
      EXPECT_EQ(rig.notes, std::vector<std::string>{"finished a restore that was interrupted"});
      EXPECT_EQ(rows, "40") << rename;
      ++finished;
    }
    EXPECT_EQ(rig.restore("fixture.zip").state, State::kSucceeded) << rename;
  }
  EXPECT_GT(taken_back + finished, 3);
}

TEST(OpenDirectory, RepairsNothingUnderAProcessThatHasTheDatabasesOpen) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  constexpr int kLastRename = 3;  // data.db has left
  ASSERT_EQ(restore_and_crash(pb_data, kLastRename), 77);
  ASSERT_TRUE(restore::is_cut_off(pb_data));
  ASSERT_FALSE(fs::exists(pb_data / "data.db"));
  const fs::Path journal = pb_data / ".pocketvault" / "restore.journal";
  const std::string before = testing::read_file(journal);
  // As an app does that was started in between.
  testing::OtherProcess app{"import sqlite3\nc = sqlite3.connect('" +
                            (pb_data / "data.db").string() +
                            "')\nc.execute('CREATE TABLE t (a)')\nc.commit()\n"
                            "print('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(app.hear(), "ready");
  expect_in_use_by(app.pid(), pb_data);
  EXPECT_EQ(testing::read_file(journal), before);
  app.say("");
  app.finish();
  VaultRig rig{{.pb_data = pb_data}};
  EXPECT_THAT(rig.notes, ElementsAre("finished a restore that was interrupted",
                                     HasSubstr("is kept in the folder stray of ")));
  EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "40");
}

// An app goes on beside a restore of files alone, and beside what makes it whole again.
TEST(OpenDirectory, RepairsFilesUnderAProcessThatHasTheDatabasesOpen) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  constexpr int kAfterTheExchange = 2;
  ASSERT_EQ(restore_and_crash(pb_data, kAfterTheExchange, {"storage"}), 77);
  ASSERT_TRUE(restore::is_cut_off(pb_data));
  testing::OtherProcess app{"import sqlite3\nc = sqlite3.connect('" +
                            (pb_data / "data.db").string() +
                            "')\nc.execute('SELECT * FROM products').fetchall()\n"
                            "print('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(app.hear(), "ready");
  const VaultRig rig{{.pb_data = pb_data}};
  EXPECT_EQ(rig.notes, std::vector<std::string>{"finished a restore that was interrupted"});
  EXPECT_TRUE(fs::exists(pb_data / "storage"));
}

TEST(OpenDirectory, RepairsNoFilesThatAreADatabaseInUse) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  const fs::Path database = pb_data / "storage" / "hook.db";
  std::filesystem::copy_file(pb_data / "data.db", database);
  constexpr int kAfterTheExchange = 2;
  ASSERT_EQ(restore_and_crash(pb_data, kAfterTheExchange, {"storage"}), 77);
  ASSERT_TRUE(restore::is_cut_off(pb_data));
  std::filesystem::copy_file(pb_data / "data.db", database,
                             std::filesystem::copy_options::overwrite_existing);
  testing::OtherProcess app{"import sqlite3\nc = sqlite3.connect('" + database.string() +
                            "')\nc.execute('SELECT * FROM products').fetchall()\n"
                            "print('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(app.hear(), "ready");
  expect_in_use_by(app.pid(), pb_data);
  EXPECT_TRUE(restore::is_cut_off(pb_data));
  app.say("");
  app.finish();
  const VaultRig rig{{.pb_data = pb_data}};
  EXPECT_EQ(rig.notes, std::vector<std::string>{"finished a restore that was interrupted"});
}

// An app goes on after the crash, and makes a file of the folder that a restored one was in.
TEST(OpenDirectory, SaysWhereItKeepsWhatWasInTheWayOfARecovery) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  fs::Path file;
  for (const auto& item : std::filesystem::recursive_directory_iterator{pb_data / "storage"}) {
    if (item.is_regular_file() && item.path().extension() != ".attrs") { file = item.path(); }
  }
  ASSERT_EQ(restore_and_crash(pb_data, 1, {file.lexically_relative(pb_data).string()}), 77);
  ASSERT_TRUE(restore::is_cut_off(pb_data));
  std::filesystem::remove_all(file.parent_path());
  testing::write_file(file.parent_path(), "theirs");
  const VaultRig rig{{.pb_data = pb_data}};
  ASSERT_EQ(rig.notes.size(), 2U);
  EXPECT_THAT(rig.notes[0], HasSubstr("took back a restore"));
  EXPECT_THAT(rig.notes[1], HasSubstr("is kept in the folder stray of " + pb_data.string() +
                                      "/.pocketvault/replaced-"));
}

TEST(OpenDirectory, RemovesWhatAKilledRestoreLeft) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  const fs::Path left = pb_data / ".pocketvault" / "restore-abc" / "storage" / "x";
  testing::write_file(left, "x");
  const VaultRig rig{{.pb_data = pb_data}};
  EXPECT_FALSE(fs::exists(pb_data / ".pocketvault" / "restore-abc"));
}

TEST(OpenDirectory, MakesNothingWhereNothingIs) {
  const TempFolder folder;
  for (const fs::Path& path : {folder.path(), folder / "absent"}) {
    const auto opened = open_directory(path, {}, system_clock(), system_random());
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Code::kNotFound);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Sweep, KeepsOffWhileAnotherIsAtWork) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  const fs::Path part = pb_data / "backups" / ".pocketvault-0123456789.part";
  testing::write_file(part, "x");
  {
    const auto lease = Lease::take(rig.directory->vault_folder(),
                                   {.pid = 1, .kind = "backup", .name = "a.zip", .since = {}});
    const auto notes = sweep(*rig.directory, rig.store, system_clock(), std::chrono::hours{24});
    EXPECT_THAT(notes, ElementsAre(HasSubstr("a backup (a.zip) is at work")));
    EXPECT_TRUE(fs::exists(part));
  }
  const auto notes = sweep(*rig.directory, rig.store, system_clock(), std::chrono::hours{24});
  EXPECT_THAT(notes, ElementsAre(HasSubstr("removed 1 unfinished backups")));
  EXPECT_FALSE(fs::exists(part));
  EXPECT_THAT(sweep(*rig.directory, rig.store, system_clock(), std::chrono::hours{24}), IsEmpty());
}

}  // namespace
}  // namespace pv::jobs
