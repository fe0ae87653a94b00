#include "jobs/overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "jobs/other_users.h"
#include "restore/restore.h"
#include "store/folder_store.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;
using testing::TempFolder;
using testing::write_file;

const WallTime kNow{std::chrono::seconds{1'795'222'487}};

class Look : public ::testing::Test {
 protected:
  [[nodiscard]] Overview overview() {
    const auto store = store::make_folder_store(folder / "backups");
    auto looked = look_over(folder.path(), *store, 24h);
    EXPECT_TRUE(looked.has_value());
    return looked.value_or(Overview{});
  }
  [[nodiscard]] fs::Path vault() const { return folder / ".pocketvault"; }

  TempFolder folder;
};

TEST_F(Look, AtAnEmptyDirectoryChangesNothing) {
  const Overview empty = overview();
  EXPECT_EQ(empty.newest, std::nullopt);
  EXPECT_EQ(empty.backups, 0U);
  EXPECT_TRUE(empty.kept.empty() && empty.users.empty());
  EXPECT_FALSE(empty.job || empty.is_cut_off);
  EXPECT_GT(empty.data_free_bytes.value_or(0), 0U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(Look, CountsBackupsAndOpensNone) {
  // No archives at all: whoever opens one fails.
  write_file(folder / "backups/old.zip", "1234567");
  write_file(folder / "backups/new.zip", "12345");
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(folder / "backups/old.zip", now - 2h);
  std::filesystem::last_write_time(folder / "backups/new.zip", now - 1h);
  const Overview found = overview();
  EXPECT_EQ(found.backups, 2U);
  EXPECT_EQ(found.backups_bytes, 12U);
  ASSERT_TRUE(found.newest.has_value());
  EXPECT_EQ(found.newest->name.text(), "new.zip");
  EXPECT_EQ(found.newest_is_sound, std::nullopt);
}

TEST_F(Look, SeesTheJobAtWork) {
  std::filesystem::create_directory(vault());
  {
    const Result<Lease> lease =
        Lease::take(vault(), {.pid = ::getpid(), .kind = "backup", .name = "a.zip", .since = kNow});
    ASSERT_TRUE(lease.has_value());
    const Overview found = overview();
    ASSERT_TRUE(found.job.has_value());
    EXPECT_EQ(found.job->kind, "backup");
    EXPECT_EQ(found.job->name, "a.zip");
  }
  EXPECT_EQ(overview().job, std::nullopt);
}

TEST_F(Look, TellsASwapThatDiedFromOneThatGoesOn) {
  std::filesystem::create_directory(vault());
  write_file(vault() / "restore.journal", "whatever it says");
  EXPECT_TRUE(overview().is_cut_off);
  {
    const auto swapping = take_swap_lock(vault(), 0ms);
    ASSERT_TRUE(swapping.has_value());
    EXPECT_FALSE(overview().is_cut_off);
  }
  EXPECT_TRUE(overview().is_cut_off);
  EXPECT_TRUE(fs::exists(vault() / "restore.journal")) << "looking repairs nothing";
}

TEST_F(Look, NamesWhoHasTheDatabasesOpen) {
  write_file(folder / "data.db", "");
  testing::OtherProcess other{"f = open('" + (folder / "data.db").string() +
                              "', 'rb')\nprint('ready', flush=True)\ninput()\n"};
  ASSERT_EQ(other.hear(), "ready");
  const Overview found = overview();
  ASSERT_EQ(found.users.size(), 1U);
  EXPECT_EQ(found.users[0].pid, other.pid());
  EXPECT_EQ(found.users[0].program, "python3");
}

TEST_F(Look, IsToldAsJson) {
  Overview overview;
  overview.newest = store::Backup{store::BackupName::parse("a.zip").value(), 7, kNow - 90s, {}};
  overview.newest_is_sound = true;
  overview.backups = 2;
  overview.backups_bytes = 9;
  overview.data_free_bytes = 5;
  overview.kept = {{.id = "id1",
                    .from = "x\xff.zip",
                    .at = kNow,
                    .until = kNow + 1h,
                    .bytes = {},
                    .units = {"storage/a"}}};
  overview.users = {{12, "pocketbase"}};
  EXPECT_EQ(boost::json::serialize(to_json(overview, kNow)),
            R"({"newest":{"key":"a.zip","size":7,"modified":"2026-11-21 00:53:17.000Z",)"
            R"("ageSeconds":90,"sound":true},"backups":{"count":2,"size":9,"free":null},)"
            R"("data":{"free":5},"replaced":[{"id":"id1","from":"x)"
            "\xEF\xBF\xBD"
            R"(.zip",)"
            R"("at":"2026-11-21 00:54:47.000Z","until":"2026-11-21 01:54:47.000Z","size":null,)"
            R"("only":["storage/a"]}],)"
            R"("cutOff":false,"job":null,"users":[{"pid":12,"program":"pocketbase"}]})");
}

}  // namespace
}  // namespace pv::jobs
