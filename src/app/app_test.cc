#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/banner.h"
#include "app/local.h"
#include "app/log.h"
#include "testing/fixtures.h"

namespace pv::app {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TempFolder;
using testing::unpack_pb_data;

TEST(Banner, SaysWhereToGoAndHowToBegin) {
  Banner banner{.now = WallTime{std::chrono::seconds{1'795'222'487}},
                .url = "http://127.0.0.1:8090",
                .backups = "folder pb_data/backups",
                .has_superuser = false,
                .program = "./pocketvault",
                .dir = "my data"};
  const std::string text = banner_text(cli::Words{Language::kEnglish}, banner);
  EXPECT_THAT(text, HasSubstr(" Server started at http://127.0.0.1:8090\n"
                              "├─ REST API: http://127.0.0.1:8090/api/\n"
                              "└─ Backups:  folder pb_data/backups\n"));
  EXPECT_THAT(text, HasSubstr("./pocketvault superuser upsert EMAIL --dir 'my data'\n"));
  banner.has_superuser = true;
  EXPECT_THAT(banner_text(cli::Words{Language::kEnglish}, banner), Not(HasSubstr("superuser")));
  banner.has_superuser = false;
  const std::string chinese = banner_text(cli::Words{Language::kChinese}, banner);
  EXPECT_THAT(chinese, HasSubstr(" 服务器已启动：http://127.0.0.1:8090\n"
                                 "├─ REST API: http://127.0.0.1:8090/api/\n"
                                 "└─ 备份：    文件夹 pb_data/backups\n"));
  EXPECT_THAT(chinese, HasSubstr("还没有超级用户"));
}

TEST(Log, IsOneJsonObjectALine) {
  const WallTime time{std::chrono::milliseconds{1'795'222'487'907}};
  EXPECT_EQ(json_line(time, "info", "listening"),
            R"({"time":"2026-11-21T00:54:47.907Z","level":"info","message":"listening"})");
  EXPECT_EQ(json_line(time, "warning", "a \"b\"\n\xff"),
            "{\"time\":\"2026-11-21T00:54:47.907Z\",\"level\":\"warning\","
            "\"message\":\"a \\\"b\\\" \xEF\xBF\xBD\"}");
}

TEST(Banner, WritesAddressesAsUrls) {
  EXPECT_EQ(url_of("127.0.0.1", 8090), "http://127.0.0.1:8090");
  EXPECT_EQ(url_of("::1", 80), "http://[::1]:80");
  EXPECT_EQ(local_url_of("0.0.0.0", 80), "http://127.0.0.1:80");
  EXPECT_EQ(local_url_of("::", 80), "http://[::1]:80");
  EXPECT_EQ(local_url_of("10.0.0.1", 80), "http://10.0.0.1:80");
}

TEST(Log, TellsHowAJobWent) {
  jobs::Status status;
  status.kind = jobs::Kind::kBackup;
  status.name = "nightly.zip";
  status.started = WallTime{std::chrono::seconds{1'795'222'487}};
  EXPECT_EQ(describe(status), "backup nightly.zip started");
  status.finished = status.started + 1240ms;
  status.state = jobs::State::kSucceeded;
  status.report = {.entries = 2503,
                   .raw_bytes = 770'000'000,
                   .archive_bytes = 397'200'000,
                   .pause = 210us,
                   .way = "pinned",
                   .structure = "sound",
                   .replaced_id = {}};
  status.warnings = {{"storage/a", "left out: permission denied"}, {"storage/b", "cut short"}};
  EXPECT_EQ(describe(status),
            "backup nightly.zip done in 1.24 s: 2503 files, 770.0 MB in an archive of 397.2 MB, "
            "writers paused for 0.21 ms (pinned), databases sound, 2 warnings");
  status.state = jobs::State::kFailed;
  status.error = Error{Code::kNoSpace, "disk\nfull"};
  EXPECT_EQ(describe(status), "backup nightly.zip failed after 1.24 s: disk full");
  status.state = jobs::State::kCancelled;
  EXPECT_EQ(describe(status), "backup nightly.zip cancelled after 1.24 s");
}

Result<Local> open_with(const fs::Path& dir, const fs::Path& backups) {
  LocalSetup setup;
  setup.options.dir = dir;
  setup.options.backups_dir = backups;
  return open_local(std::move(setup));
}

TEST(OpenLocal, RefusesABackupsFolderThatABackupWouldContain) {
  const TempFolder folder;
  const fs::Path pb_data = unpack_pb_data("0.39.11", folder.path());
  std::filesystem::create_directory_symlink(pb_data / "storage", folder / "link");
  for (const fs::Path& inside : {pb_data, pb_data / "x", pb_data / "storage" / "deep",
                                 folder / "link" / "x", pb_data / "backups" / ".." / "y"}) {
    const auto opened = open_with(pb_data, inside);
    ASSERT_FALSE(opened.has_value()) << inside;
    EXPECT_EQ(opened.error().code, Code::kInvalid) << inside;
  }
  const fs::Path linked = folder / "linked";
  std::filesystem::copy(pb_data, linked, std::filesystem::copy_options::recursive);
  std::filesystem::rename(linked / "backups", linked / "bk");
  std::filesystem::create_directory_symlink("bk", linked / "backups");
  EXPECT_FALSE(open_with(linked, {}).has_value()) << "the link backups leads to what is data";
  std::filesystem::rename(linked / "storage", folder / "volume");
  std::filesystem::create_directory_symlink(folder / "volume", linked / "storage");
  EXPECT_FALSE(open_with(linked, folder / "volume" / "backups").has_value())
      << "the link storage makes it data";
  for (const fs::Path& good : {fs::Path{}, pb_data / "backups", pb_data / "backups" / "old",
                               folder / "pb_data2", folder / "elsewhere"}) {
    EXPECT_TRUE(open_with(pb_data, good).has_value()) << good;
  }
}

}  // namespace
}  // namespace pv::app
