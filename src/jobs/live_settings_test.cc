#include "jobs/live_settings.h"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "jobs/vault_rig_testing.h"
#include "testing/fake_clock.h"
#include "testing/fixtures.h"
#include "testing/other_process.h"

namespace pv::jobs {
namespace {

namespace json = boost::json;

class LiveSettingsTest : public ::testing::Test {
 protected:
  Result<SettingsChange> change(std::string_view text) {
    return settings.change({json::parse(text).get_object()}, settings::Edition::k039);
  }

  testing::TempFolder folder;
  testing::FakeClock clock;
  VaultRig rig{{.pb_data = testing::unpack_pb_data("0.39.11", folder.path()), .clock = clock}};
  LiveSettings settings{*rig.directory, "", clock, system_random()};
};

TEST_F(LiveSettingsTest, AreReadAtTheStartAndFollowOwnChanges) {
  EXPECT_EQ(settings.now()->app_name, "Corner Shop");
  const auto before = settings.now();
  ASSERT_TRUE(change(R"({"meta":{"appName":"New"}})").has_value());
  EXPECT_EQ(settings.now()->app_name, "New");
  EXPECT_EQ(before->app_name, "Corner Shop") << "who has them keeps them";
  EXPECT_FALSE(settings.refresh()) << "known already";
  const auto same = settings.now();
  rig.change("UPDATE users SET updated = updated");
  EXPECT_FALSE(settings.refresh());
  EXPECT_EQ(settings.now(), same) << "the same object, for nothing of it changed";
}

TEST_F(LiveSettingsTest, AnotherProcessesChangeIsNoticed) {
  testing::OtherProcess other{
      "import sqlite3\nc = sqlite3.connect('" + (rig.directory->path() / "data.db").string() +
      "', isolation_level=None)\n"
      "c.execute(\"UPDATE _params SET value = json_set(CAST(value AS TEXT), '$.meta.appName', "
      "'Other') WHERE id = 'settings'\")\nprint('done', flush=True)\n"};
  ASSERT_EQ(other.hear(), "done");
  EXPECT_TRUE(settings.refresh());
  EXPECT_EQ(settings.now()->app_name, "Other");
}

TEST_F(LiveSettingsTest, FaultsChangeNothing) {
  const auto changed = change(R"({"meta":{"appName":"New"},"backups":{"cron":"x"}})");
  ASSERT_TRUE(changed.has_value());
  ASSERT_EQ(changed->faults.size(), 1U);
  EXPECT_FALSE(changed->is_unreadable);
  EXPECT_TRUE(change(R"({"meta":{"appName":1}})")->is_unreadable);
  EXPECT_EQ(rig.ask("SELECT json_extract(CAST(value AS TEXT), '$.meta.appName') FROM _params"),
            "Corner Shop");
}

TEST_F(LiveSettingsTest, AreKeptWhileTheyCannotBeRead) {
  for (const char* row : {"no settings", R"({"superuserIPs":"10.0.0.1"})"}) {
    rig.change("UPDATE _params SET value = '" + std::string{row} + "'");
    EXPECT_FALSE(settings.refresh()) << row;
    EXPECT_EQ(settings.now()->app_name, "Corner Shop") << row;
    EXPECT_FALSE(change(R"({"meta":{"appName":"New"}})").has_value()) << row;
    EXPECT_EQ(rig.ask("SELECT CAST(value AS TEXT) FROM _params WHERE id = 'settings'"), row)
        << "never over what is unknown";
  }
}

// PocketBase watches for files settings@ID that come into .notify.
TEST_F(LiveSettingsTest, AChangeIsAnnouncedToAnApp) {
  const fs::Path notify = rig.directory->path() / ".notify";
  std::filesystem::remove_all(notify);
  ASSERT_TRUE(change(R"({"meta":{"appName":"A"}})").has_value()) << "nobody listens: no folder";
  EXPECT_FALSE(fs::exists(notify));
  ASSERT_TRUE(fs::make_folder(notify).has_value());
  const int watch = ::inotify_init1(IN_NONBLOCK);
  ASSERT_GE(::inotify_add_watch(watch, notify.c_str(), IN_CREATE), 0);
  ASSERT_TRUE(change(R"({"meta":{"appName":"B"}})").has_value());
  alignas(::inotify_event) std::array<char, 4096> buffer{};
  const ssize_t count = ::read(watch, buffer.data(), buffer.size());
  ::close(watch);
  ASSERT_GT(count, 0);
  const auto* event = reinterpret_cast<const ::inotify_event*>(buffer.data());
  const std::string name = event->name;
  EXPECT_EQ(name.substr(0, 9), "settings@");
  EXPECT_EQ(name.size(), 19U);
  EXPECT_TRUE(std::filesystem::is_empty(notify));
}

}  // namespace
}  // namespace pv::jobs
