#include "jobs/other_users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/vault_rig_testing.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::OtherProcess;
using testing::TempFolder;
using testing::unpack_pb_data;

// Opens `path` with Python's SQLite, reads, does `more`, then waits.
std::string database_user(const fs::Path& path, const std::string& more = "") {
  return "import sqlite3\nc = sqlite3.connect('" + path.string() +
         "', isolation_level=None)\nc.execute('SELECT * FROM _params').fetchall()\n" + more +
         "print('ready', flush=True)\ninput()\n";
}

// As PocketBase's backup does: each file read as a plain file, and closed.
std::string lose_locks(const fs::Path& path) {
  return "for s in ('', '-wal', '-shm'): open('" + path.string() + "' + s, 'rb').close()\n";
}

class OtherUsers : public ::testing::Test {
 protected:
  TempFolder folder;
  fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  fs::Path data = pb_data / "data.db";
};

TEST_F(OtherUsers, AreNamedWithTheWaysToGoOn) {
  OtherProcess other{database_user(data)};
  ASSERT_EQ(other.hear(), "ready");
  const Result<void> refused = refuse_other_users(pb_data, Exchange::kRestore);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kBusy);
  EXPECT_THAT(refused.error().what,
              HasSubstr("in use by python3 (process " + std::to_string(other.pid())));
  EXPECT_THAT(refused.error().what, HasSubstr("Stop that first: "));
  EXPECT_THAT(refused.error().what, HasSubstr("--to DIR"));
  const Result<void> undo = refuse_other_users(pb_data, Exchange::kUndo);
  ASSERT_FALSE(undo.has_value());
  EXPECT_THAT(undo.error().what, Not(HasSubstr("--to DIR")));
  const Result<void> recovery = refuse_other_users(pb_data, Exchange::kRecovery);
  ASSERT_FALSE(recovery.has_value());
  EXPECT_THAT(recovery.error().what, HasSubstr("start pocketvault again"));
  other.say("");
  other.finish();
  EXPECT_TRUE(refuse_other_users(pb_data, Exchange::kRestore).has_value());
}

TEST_F(OtherUsers, CountWithoutAnyLock) {
  OtherProcess other{database_user(data, lose_locks(data))};
  ASSERT_EQ(other.hear(), "ready");
  ASSERT_THAT(fs::other_lock_holders({data}), IsEmpty());
  EXPECT_THAT(refuse_other_users(pb_data, Exchange::kRestore).error().what,
              HasSubstr("in use by python3"));
}

TEST_F(OtherUsers, AreNotThoseWhoReadStoredFiles) {
  std::string stored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{pb_data / "storage"}) {
    if (entry.is_regular_file()) { stored = entry.path(); }
  }
  ASSERT_FALSE(stored.empty());
  OtherProcess other{"f = open('" + stored + "', 'rb')\nprint('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(other.hear(), "ready");
  EXPECT_TRUE(refuse_other_users(pb_data, Exchange::kRestore).has_value());
}

TEST_F(OtherUsers, OfOtherDatabasesCountWhereTheseAreExchanged) {
  std::filesystem::create_directory(pb_data / "sub");
  for (const char* name : {"custom.db", "sub/app.sqlite"}) {
    std::filesystem::copy_file(data, pb_data / name);
    OtherProcess other{database_user(pb_data / name)};
    ASSERT_EQ(other.hear(), "ready");
    const auto refused = [&](const std::vector<std::string>& units) {
      const auto databases = other_databases(pb_data, units);
      const Result<void> visible = refuse_users_of(pb_data, databases, Exchange::kRestore);
      const Result<void> hidden = refuse_hidden_users_of(databases);
      EXPECT_EQ(visible.has_value(), hidden.has_value());
      if (!visible.has_value()) {
        EXPECT_EQ(visible.error().code, Code::kBusy);
        EXPECT_THAT(visible.error().what, HasSubstr("in use by python3"));
        EXPECT_EQ(hidden.error().code, Code::kBusy);
        EXPECT_THAT(hidden.error().what, HasSubstr(std::string{name} + " is in use by a process"));
      }
      return !visible.has_value();
    };
    EXPECT_TRUE(refused({"a", name})) << name;
    // A dry run says so too.
    EXPECT_THAT(tell_of_other_programs(pb_data, {"a", name}), HasSubstr("in use by python3"));
    EXPECT_EQ(tell_of_other_programs(pb_data, {"data.db", "storage"}), "");
    const bool is_at_top = std::string_view{name} == "custom.db";
    EXPECT_NE(refused({"data.db", "sub"}), is_at_top);
    EXPECT_EQ(refused({}), is_at_top);
    EXPECT_FALSE(refused({"data.db", "storage"}));
    EXPECT_TRUE(refuse_other_users(pb_data, Exchange::kRestore).has_value());
    other.say("");
    other.finish();
    EXPECT_FALSE(refused({name})) << name;
  }
}

TEST_F(OtherUsers, OtherDatabasesAreFoundByTheirNamesAndByWhatLiesBesideThem) {
  for (const char* name : {"storage/x.db", "storage/deep/er/y", "storage/deep/er/y-shm", "top.db",
                           "storage/z.sqlite3", "storage/w", "storage/plain-wal"}) {
    std::filesystem::create_directories((pb_data / name).parent_path());
    std::filesystem::copy_file(data, pb_data / name);
  }
  testing::write_file(pb_data / "storage/no.sqlite", "something else");
  std::filesystem::create_hard_link(data, pb_data / "storage/data-linked.db");
  const auto found = [&](const std::vector<std::string>& units) {
    std::vector<std::string> names;
    for (const fs::Path& path : other_databases(pb_data, units)) {
      names.push_back(path.lexically_relative(pb_data));
    }
    return names;
  };
  EXPECT_THAT(found({}), ElementsAre("top.db"));
  EXPECT_THAT(found({"storage"}),
              ElementsAre("storage/deep/er/y", "storage/x.db", "storage/z.sqlite3"));
  EXPECT_THAT(found({"storage/deep", "storage/w", "storage/no.sqlite", "data.db", "none"}),
              ElementsAre("storage/deep/er/y", "storage/w"));
}

TEST_F(OtherUsers, WithoutLocksAreToldFromThoseWhoHaveThem) {
  EXPECT_THAT(users_without_locks(pb_data), IsEmpty());
  OtherProcess sound{database_user(data)};
  ASSERT_EQ(sound.hear(), "ready");
  EXPECT_THAT(users_without_locks(pb_data), IsEmpty());
  OtherProcess defective{database_user(data, lose_locks(data))};
  ASSERT_EQ(defective.hear(), "ready");
  const auto found = users_without_locks(pb_data);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().pid, defective.pid());
  EXPECT_EQ(tell_of_lost_locks({}), "");
}

TEST_F(OtherUsers, WithoutLocksAreWarnedOfInABackup) {
  VaultRig rig{{.pb_data = pb_data, .owner = false}};
  EXPECT_THAT(rig.back_up("a.zip").warnings, IsEmpty());
  OtherProcess other{database_user(data, lose_locks(data))};
  ASSERT_EQ(other.hear(), "ready");
  const Status status = rig.back_up("b.zip");
  ASSERT_EQ(status.state, State::kSucceeded) << why(status);
  ASSERT_EQ(status.warnings.size(), 1U);
  EXPECT_THAT(status.warnings.front().what, HasSubstr("python3 (process "));
  EXPECT_THAT(status.warnings.front().what, HasSubstr("lost its locks"));
}

}  // namespace
}  // namespace pv::jobs
