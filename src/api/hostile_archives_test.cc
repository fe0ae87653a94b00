// Hostile archives over the API: told in PocketBase's shape, and the data is as it was.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/server_testing.h"
#include "jobs/hostile_databases_testing.h"

namespace pv::api {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(HostileArchivesOverTheApi, AreRefusedWithTheDataAsItWas) {
  TestServer server;
  const fs::Path folder = server.path() / "backups";
  std::filesystem::create_directories(folder);
  server.sql("CREATE TABLE kept (n); INSERT INTO kept VALUES (42)");
  for (const jobs::HostileArchive& hostile : jobs::all_hostile(jobs::crafted::good_data_db())) {
    SCOPED_TRACE(hostile.label);
    testing::write_file(folder / "hostile.zip", hostile.bytes);
    const Got got = server.admin_call("POST", "/api/backups/hostile.zip/restore");
    EXPECT_EQ(got.status, 400U) << got.body;
    EXPECT_THAT(got.message(), StartsWith("Failed to restore backup. Raw error: \n"));
    EXPECT_TRUE(got.json().at("data").as_object().empty());
    EXPECT_EQ(got.json().at("status").to_number<int>(), 400);
    const auto kept = server.directory().read<bool>([](sqlite::Connection& data) -> Result<bool> {
      PV_TRY(const auto rows, data.all("SELECT n FROM kept WHERE n = 42"));
      return rows.size() == 1;
    });
    EXPECT_TRUE(kept.value_or(false));
    for (const auto& left : std::filesystem::directory_iterator{server.path() / ".pocketvault"}) {
      EXPECT_FALSE(left.path().filename().string().starts_with("re")) << left.path();
    }
  }
}

}  // namespace
}  // namespace pv::api
