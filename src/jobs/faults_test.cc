// Whatever fails, a job says so clearly and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <set>

#include "jobs/space_guard.h"
#include "jobs/vault_rig_testing.h"
#include "testing/fixtures.h"

namespace pv::jobs {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempFolder;
using testing::unpack_pb_data;

// Fails the n-th call of those that it counts.
struct FailAt {
  int call = 0;
  Code code = Code::kUnavailable;
  std::atomic<int> calls = 0;
  std::atomic<int> faults = 0;

  places::StoreHook hook() {
    return [this](std::string_view name) -> Result<void> {
      if (++calls != call) { return {}; }
      ++faults;
      return fail(code, "injected at " + std::string{name});
    };
  }
};

TEST(BackupJob, LeavesNothingBehindWhicheverCallFails) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  // What is asked for the better of it only: a backup goes on without. "list", "open" and "read"
  // look for the backup before.
  const std::set<std::string> helpful{"sweep", "free_bytes", "list", "open", "read"};
  for (int call = 1;; ++call) {
    ASSERT_LT(call, 1000);
    FailAt fault{.call = call};
    std::string failed;
    const places::StoreHook counted = fault.hook();
    VaultRig rig{{.pb_data = pb_data, .hook = [&](std::string_view name) {
                    Result<void> outcome = counted(name);
                    if (!outcome.has_value()) { failed = name; }
                    return outcome;
                  }}};
    const Status status = rig.back_up("a.zip");
    if (fault.faults == 0) {
      EXPECT_EQ(status.state, State::kSucceeded) << why(status);
      EXPECT_GT(call, 5) << "nothing was tried";
      break;
    }
    EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty()) << failed;
    if (helpful.contains(failed)) {
      EXPECT_EQ(status.state, State::kSucceeded) << failed << why(status);
      ASSERT_TRUE(rig.vault->remove(store::BackupName::parse("a.zip").value()).has_value());
      continue;
    }
    EXPECT_EQ(status.state, State::kFailed) << failed;
    EXPECT_THAT(why(status), HasSubstr("injected at " + failed));
    EXPECT_THAT(rig.names(), ElementsAre("fixture.zip")) << failed;
    EXPECT_THAT(left_in(pb_data / "backups"), ElementsAre("fixture.zip", "fixture.zip.attrs"))
        << failed;
    EXPECT_FALSE(rig.vault->busy()) << failed;
  }
}

TEST(RestoreJob, LeavesTheDataWhicheverCallFails) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  for (int call = 1;; ++call) {
    ASSERT_LT(call, 10'000);
    FailAt fault{.call = call};
    VaultRig rig{{.pb_data = pb_data, .hook = fault.hook()}};
    rig.change("UPDATE products SET title = 'kept " + std::to_string(call) + "'");
    const Status status = rig.restore("fixture.zip");
    if (fault.faults == 0) {
      EXPECT_EQ(status.state, State::kSucceeded) << why(status);
      EXPECT_GT(call, 3) << "nothing was tried";
      break;
    }
    EXPECT_EQ(status.state, State::kFailed) << call;
    EXPECT_THAT(why(status), HasSubstr("injected")) << call;
    EXPECT_EQ(rig.ask("SELECT title FROM products"), "kept " + std::to_string(call));
    EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty()) << call;
  }
}

TEST(BackupJob, RefusesWhatCanHardlyFit) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  rig.store.pretend_free(1000);
  const Status status = rig.back_up("a.zip");
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kNoSpace);
  EXPECT_THAT(why(status), HasSubstr("1.0 kB are free"));
  EXPECT_THAT(rig.names(), ElementsAre("fixture.zip"));
}

// A sink that keeps nothing.
class NullUpload final : public store::Upload {
 public:
  [[nodiscard]] Result<void> write(Bytes /*bytes*/) override { return {}; }
  [[nodiscard]] Result<store::Backup> commit() override { return fail(Code::kInternal, "unused"); }
};

TEST(SpaceGuard, StopsBeforeTheAppHasNoSpaceLeft) {
  const TempFolder folder;
  const auto inner = store::make_folder_store(folder.path());
  places::HookedStore store{*inner, [](std::string_view) { return Result<void>{}; }};
  store.pretend_free(std::uint64_t{1} << 30U);
  NullUpload upload;
  Job job{"id", Kind::kBackup, "a.zip", {}};
  job.set_total(100'000'000);
  SpaceGuard guard{upload, store, job};
  const std::string block(4 << 20, 'x');
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(guard.write(as_bytes(block)).has_value());
    job.add_done(10'000'000);
  }
  store.pretend_free(17 << 20);  // 16 MiB are kept, and 8 MiB are about to be written
  Result<void> outcome = guard.write(as_bytes(block));
  if (outcome.has_value()) { outcome = guard.write(as_bytes(block)); }
  ASSERT_FALSE(outcome.has_value());
  const Error error = guard.explain(outcome.error());
  EXPECT_EQ(error.code, Code::kNoSpace);
  EXPECT_THAT(error.what, HasSubstr("17.8 MB left"));
  EXPECT_THAT(error.what, HasSubstr("for 40.0 MB of 100.0 MB of data"));
  EXPECT_THAT(error.what, HasSubstr("more are needed"));
}

TEST(BackupJob, RefusesADamagedDatabase) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  VaultRig rig{{.pb_data = pb_data}};
  // Under the open connection, as a dying disk would.
  std::fstream file{pb_data / "auxiliary.db", std::ios::in | std::ios::out | std::ios::binary};
  file.write("garbage garbage garbage garbage", 31);
  file.close();
  const Status status = rig.back_up("a.zip");
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kDamaged) << why(status);
  EXPECT_THAT(why(status), HasSubstr("auxiliary.db"));
  EXPECT_THAT(rig.names(), ElementsAre("fixture.zip"));
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
}

// Overwrites the root page of an index that nobody needs to open the directory, as a dying disk
// would. The database is closed, and has no WAL that would hide the page.
void break_an_index(const fs::Path& database) {
  std::int64_t page = 0;
  {
    auto db = sqlite::Connection::open(database, {.checkpoints = sqlite::Checkpoints::kOwner});
    const auto row =
        db->one("SELECT max(rootpage) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");
    page = sqlite::to_int(row->value().front());
  }
  ASSERT_GT(page, 1);
  constexpr std::streamoff kPageBytes = 4096;
  std::fstream file{database, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp((page - 1) * kPageBytes);
  file.write(std::string(64, '\xee').data(), 64);
  ASSERT_TRUE(file.good());
}

void expect_stored_though_damaged(const Status& status, const std::string& database) {
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  ASSERT_EQ(status.warnings.size(), 1U);
  EXPECT_EQ(status.warnings.front().name, database);
  EXPECT_EQ(status.report.structure, database + " damaged");
}

TEST(BackupJob, RefusesADataDbThatIsBrokenInside) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  break_an_index(pb_data / "data.db");
  VaultRig rig{{.pb_data = pb_data}};
  const Status status = rig.back_up("a.zip");
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kDamaged) << why(status);
  EXPECT_THAT(why(status), AllOf(HasSubstr("data.db is damaged"), HasSubstr("--allow-damaged")));
  EXPECT_THAT(rig.names(), ElementsAre("fixture.zip"));
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());

  expect_stored_though_damaged(
      VaultRig::ended(rig.vault->start_backup({.name = "b.zip", .allow_damaged = true})),
      "data.db");
  EXPECT_EQ(rig.verify("b.zip").error->code, Code::kDamaged);
}

// The logs are not worth the backup of everything else.
TEST(BackupJob, WarnsOfAnAuxiliaryDbThatIsBrokenInside) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  break_an_index(pb_data / "auxiliary.db");
  VaultRig rig{{.pb_data = pb_data}};
  expect_stored_though_damaged(rig.back_up("a.zip"), "auxiliary.db");
}

// A file system of its own; not everybody may mount one.
class Mount {
 public:
  Mount(fs::Path at, const std::string& options, unsigned long flags) : at_{std::move(at)} {
    std::filesystem::create_directories(at_);
    mounted_ = ::mount("none", at_.c_str(), "tmpfs", flags, options.c_str()) == 0;
  }
  ~Mount() {
    if (mounted_) { ::umount2(at_.c_str(), MNT_DETACH); }
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  fs::Path at_;
  bool mounted_ = false;
};

// 4 MB that do not compress.
void add_photo(const fs::Path& pb_data) {
  const auto made = testing::run("head -c 4000000 /dev/urandom > '" +
                                 (pb_data / "storage" / "photo.jpg").string() + "'");
  PV_ASSERT(made.status == 0);
}

TEST(FullDisk, FailsABackupClearlyAndLeavesNoPart) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  add_photo(pb_data);
  const Mount disk{folder / "small", "size=2m", 0};
  if (!disk.mounted()) { GTEST_SKIP() << "may not mount"; }
  VaultRig rig{{.pb_data = pb_data, .backups = folder / "small"}};
  const Status status = rig.back_up("a.zip");
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kNoSpace) << why(status);
  EXPECT_THAT(why(status), HasSubstr("no space for the backup"));
  EXPECT_THAT(why(status), HasSubstr("more are needed"));
  EXPECT_THAT(rig.names(), IsEmpty());
  EXPECT_THAT(left_in(folder / "small"), IsEmpty());
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
}

TEST(FullDisk, FailsARestoreBeforeItBegins) {
  const TempFolder folder;
  const Mount disk{folder / "small", "size=8m", 0};
  if (!disk.mounted()) { GTEST_SKIP() << "may not mount"; }
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder / "small");
  const fs::Path big = unpack_pb_data("0.36.6", folder.path());
  add_photo(big);
  add_photo(pb_data);
  {
    VaultRig maker{{.pb_data = big}};
    ASSERT_EQ(maker.back_up("big.zip").state, State::kSucceeded);
  }
  VaultRig rig{{.pb_data = pb_data}};
  const Status status = VaultRig::ended(rig.vault->start_restore_file(big / "backups" / "big.zip"));
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kNoSpace) << why(status);
  EXPECT_EQ(rig.ask("SELECT count(*) FROM products"), "40");
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
}

TEST(FullDisk, ARestoreSaysHowMuchReplacedDataHolds) {
  const TempFolder folder;
  const Mount disk{folder / "small", "size=8m", 0};
  if (!disk.mounted()) { GTEST_SKIP() << "may not mount"; }
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder / "small");
  const fs::Path big = unpack_pb_data("0.36.6", folder.path());
  add_photo(big);
  {
    VaultRig maker{{.pb_data = big}};
    ASSERT_EQ(maker.back_up("big.zip").state, State::kSucceeded);
  }
  VaultRig rig{{.pb_data = pb_data}};
  const fs::Path file = big / "backups" / "big.zip";
  const Status first = rig.restore("fixture.zip");
  ASSERT_EQ(first.state, State::kSucceeded) << why(first);
  add_photo(pb_data);
  const Status status = VaultRig::ended(rig.vault->start_restore_file(file));
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kNoSpace) << why(status);
  EXPECT_THAT(why(status), HasSubstr("are missing; data that earlier restores replaced"));
  EXPECT_THAT(why(status), HasSubstr("pocketvault replaced delete --all"));
}

TEST(ReadOnlyFolder, FailsABackupClearly) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  const Mount disk{folder / "fixed", "", MS_RDONLY};
  if (!disk.mounted()) { GTEST_SKIP() << "may not mount"; }
  VaultRig rig{{.pb_data = pb_data, .backups = folder / "fixed"}};
  const Status status = rig.back_up("a.zip");
  ASSERT_EQ(status.state, State::kFailed);
  EXPECT_EQ(status.error->code, Code::kDenied) << why(status);
  EXPECT_THAT(why(status), HasSubstr((folder / "fixed").string()));
  EXPECT_THAT(left_in(pb_data / ".pocketvault"), IsEmpty());
}

// The whole directory, as a snapshot of a volume is mounted to get something back.
TEST(ReadOnlyFolder, LetsItsBackupsBeSeenAndChecked) {
  const TempFolder folder;
  const Mount disk{folder / "volume", "", 0};
  if (!disk.mounted()) { GTEST_SKIP() << "may not mount"; }
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder / "volume");
  { const VaultRig used{{.pb_data = pb_data}}; }
  ASSERT_EQ(::mount("none", (folder / "volume").c_str(), nullptr, MS_REMOUNT | MS_RDONLY, ""), 0);
  const auto opened =
      open_directory(pb_data, {.tolerate_damage = true}, system_clock(), system_random());
  ASSERT_TRUE(opened.has_value()) << opened.error().what;
  const auto store = store::make_folder_store(pb_data / "backups");
  WorkPool pool{1};
  Vault vault{*opened->directory, *store, pool, system_clock(), system_random(), {}};
  const auto name = store::BackupName::parse("fixture.zip").value();
  EXPECT_TRUE(vault.summarize(name)->has_data_db);
  EXPECT_EQ(vault.start_backup({}).error().code, Code::kDenied);
}

}  // namespace
}  // namespace pv::jobs
