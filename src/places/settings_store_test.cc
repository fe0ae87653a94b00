#include "places/settings_store.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <fstream>

#include "places/bucket.h"
#include "testing/s3_gateway.h"
#include "testing/scripted_server.h"

namespace pv::places {
namespace {

namespace json = boost::json;
using testing::S3Gateway;
using testing::ScriptedServer;

settings::S3 section_at(const std::string& endpoint) {
  return {.enabled = true,
          .bucket = "backups",
          .region = S3Gateway::kRegion,
          .endpoint = endpoint,
          .access_key = S3Gateway::kAccessKey,
          .secret = S3Gateway::kSecret,
          .force_path_style = true};
}

json::object to_json(const settings::S3& section) {
  return {{"enabled", section.enabled},
          {"bucket", section.bucket},
          {"region", section.region},
          {"endpoint", section.endpoint},
          {"accessKey", section.access_key},
          {"secret", section.secret},
          {"forcePathStyle", section.force_path_style}};
}

store::BackupName name_of(const std::string& text) {
  return store::BackupName::parse(text).value();
}

// One try, so that no test waits.
void hurry(s3::Options& options) { options.limits.tries_max = 1; }

// A data directory and the store that its settings choose.
class SettingsStoreTest : public ::testing::Test {
 protected:
  SettingsStoreTest() { store_ = make_store(); }

  std::unique_ptr<SettingsStore> make_store() {
    return std::make_unique<SettingsStore>(*directory_, "", pb_data_ / "backups", hurry);
  }

  void save(const std::string& document) {
    const auto saved = directory_->write<std::int64_t>([&](sqlite::Connection& data) {
      const std::array<sqlite::Value, 1> parameters{document};
      return data.run("UPDATE _params SET value = ?1 WHERE id = 'settings'", parameters);
    });
    ASSERT_TRUE(saved.has_value()) << saved.error().what;
  }
  void save(const settings::S3& section) {
    save(json::serialize(json::object{{"backups", json::object{{"s3", to_json(section)}}}}));
  }

  static Result<store::Backup> put(store::BackupStore& store, const std::string& name) {
    PV_TRY(const auto upload, store.create(name_of(name), {}));
    PV_CHECK(upload->write(as_bytes("bytes of " + name)));
    return upload->commit();
  }
  static std::vector<std::string> names_in(store::BackupStore& store) {
    std::vector<std::string> names;
    const auto backups = store.list();
    EXPECT_TRUE(backups.has_value()) << backups.error().what;
    if (!backups.has_value()) { return names; }
    for (const store::Backup& backup : *backups) { names.push_back(backup.name.text()); }
    return names;
  }

  testing::TempFolder folder_;
  fs::Path pb_data_ = testing::unpack_pb_data("0.39.11", folder_.path());
  std::unique_ptr<datadir::DataDir> directory_ = *datadir::DataDir::open(
      pb_data_, {.tolerate_damage = true, .owner = true}, system_clock(), system_random());
  std::unique_ptr<SettingsStore> store_;
};

TEST_F(SettingsStoreTest, NoticesEachChange) {
  if (S3Gateway::is_missing()) { GTEST_SKIP() << S3Gateway::kMissing; }
  const S3Gateway gateway;
  ASSERT_TRUE(put(*store_, "local.zip").has_value());
  EXPECT_FALSE(store_->is_remote());
  settings::S3 section = section_at("http://" + gateway.host());
  save(section);
  EXPECT_TRUE(store_->is_remote());
  EXPECT_EQ(store_->describe(), "S3 bucket backups at http://" + gateway.host());
  EXPECT_EQ(names_in(*store_), std::vector<std::string>{});
  ASSERT_TRUE(put(*store_, "far.zip").has_value());
  EXPECT_EQ(names_in(*store_), std::vector<std::string>{"far.zip"});
  EXPECT_EQ(store_->free_bytes().value(), std::nullopt)
      << "the disk here has nothing to do with it";
  EXPECT_EQ(names_in(*store_of_closed(pb_data_, "", pb_data_ / "backups")->store),
            std::vector<std::string>{"far.zip"});

  // What was begun in the bucket goes on there.
  const auto upload = store_->create(name_of("slow.zip"), {});
  const auto source = store_->open(name_of("far.zip"));
  section.enabled = false;
  save(section);
  EXPECT_EQ(names_in(*store_), (std::vector<std::string>{"fixture.zip", "local.zip"}));
  ASSERT_TRUE((*upload)->write(as_bytes("slow")).has_value());
  ASSERT_TRUE((*upload)->commit().has_value());
  EXPECT_EQ((*source)->size_bytes(), std::string{"bytes of far.zip"}.size());
  EXPECT_EQ(gateway.leftovers(), (std::vector<std::string>{"far.zip", "slow.zip"}));
}

TEST_F(SettingsStoreTest, NamesTheSettingThatIsMissing) {
  const settings::S3 whole = section_at("http://127.0.0.1:1");
  struct Case {
    const char* name;
    std::string settings::S3::*member;
  };
  for (const auto& [name, member] :
       {Case{"endpoint", &settings::S3::endpoint}, Case{"bucket", &settings::S3::bucket},
        Case{"region", &settings::S3::region}, Case{"accessKey", &settings::S3::access_key},
        Case{"secret", &settings::S3::secret}}) {
    settings::S3 section = whole;
    section.*member = "";
    save(section);
    const auto backups = store_->list();
    ASSERT_FALSE(backups.has_value()) << name;
    EXPECT_EQ(backups.error(),
              (Error{Code::kInvalid, std::string{"the S3 settings have no "} + name}));
    EXPECT_FALSE(put(*store_, "a.zip").has_value()) << "not into the folder instead";
  }
}

TEST_F(SettingsStoreTest, StaysWithWhatTheSettingsSaidLast) {
  save(section_at("http://127.0.0.1:1"));
  EXPECT_TRUE(store_->is_remote());
  save("no settings at all");
  EXPECT_TRUE(store_->is_remote());
  EXPECT_EQ(store_->doubt(), "");

  const auto other = make_store();
  EXPECT_FALSE(other->is_remote());
  EXPECT_NE(other->doubt().find("settings row"), std::string::npos) << other->doubt();
  EXPECT_EQ(names_in(*other), std::vector<std::string>{"fixture.zip"});
  const auto closed = store_of_closed(pb_data_, "", pb_data_ / "backups").value();
  EXPECT_EQ(names_in(*closed.store), std::vector<std::string>{"fixture.zip"});
  EXPECT_NE(closed.doubt.find("settings row"), std::string::npos) << closed.doubt;
}

TEST_F(SettingsStoreTest, SaysThatABucketIsAway) {
  save(section_at("http://127.0.0.1:1"));
  const auto backups = store_->list();
  ASSERT_FALSE(backups.has_value());
  EXPECT_EQ(backups.error().code, Code::kUnavailable);
  EXPECT_EQ(backups.error().what.find(S3Gateway::kSecret), std::string::npos);
}

// ------------------------------------------------------------------------------ try_bucket

s3::Options bucket_at(const std::string& endpoint) { return *bucket_of(section_at(endpoint)); }

TEST(TryBucket, LeavesNothingBehind) {
  if (S3Gateway::is_missing()) { GTEST_SKIP() << S3Gateway::kMissing; }
  const S3Gateway gateway;
  const auto tried = try_bucket(bucket_at("http://" + gateway.host()), system_random());
  EXPECT_TRUE(tried.has_value()) << tried.error().what;
  EXPECT_EQ(gateway.leftovers(), std::vector<std::string>{});
}

TEST(TryBucket, RemovesTheObjectThatItMayNotList) {
  const ScriptedServer server{[](const std::string& request) {
    return testing::http_answer(request.starts_with("GET") ? 403 : 200, "");
  }};
  const auto tried = try_bucket(bucket_at(server.url()), system_random());
  ASSERT_FALSE(tried.has_value());
  EXPECT_TRUE(tried.error().what.starts_with("failed to delete a test file: [key: pb_settings_"))
      << tried.error().what;
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_TRUE(requests[2].starts_with("DELETE /backups/pb_settings_test_")) << requests[2];
}

TEST(TryBucket, RemovesTheObjectWhoseReplyWasLost) {
  const ScriptedServer server{[](const std::string& request) {
    return request.starts_with("PUT") ? std::string{} : testing::http_answer(204, "");
  }};
  const auto tried = try_bucket(bucket_at(server.url()), system_random());
  ASSERT_FALSE(tried.has_value());
  EXPECT_EQ(tried.error().code, Code::kUnavailable);
  EXPECT_TRUE(server.requests().back().starts_with("DELETE /backups/pb_settings_test_"));
}

}  // namespace
}  // namespace pv::places
