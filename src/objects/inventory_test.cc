#include "objects/inventory.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "objects/objects_testing.h"
#include "testing/scripted_server.h"

namespace pv::objects {
namespace {

using testing::http_answer;
using testing::ScriptedServer;
using Names = std::vector<std::string>;

std::string listed(const Names& keys, const std::string& next = {}) {
  std::string body = "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>" +
                     std::string{next.empty() ? "false" : "true"} +
                     "</IsTruncated><NextContinuationToken>" + next + "</NextContinuationToken>";
  for (const std::string& key : keys) {
    const bool is_folder = key.ends_with('/');
    body +=
        "<Contents><Key>" + curl::escape(key) +
        "</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>&quot;e&quot;</ETag><Size>" +
        (is_folder ? "0" : "10") + "</Size></Contents>";
  }
  return http_answer(200, body + "</ListBucketResult>");
}

bool everything(const s3::Object&) { return true; }

Result<Inventory> inventory_of(const ScriptedServer::Script& script,
                               const std::function<bool(const s3::Object&)>& wants = everything) {
  const ScriptedServer server{script};
  s3::Client client{options_at(server.url())};
  return take_inventory(client, wants, {});
}

Inventory inventory_of(const Names& keys) {
  return inventory_of([&](const auto&) { return listed(keys); }).value();
}

Names keys_of(const Inventory& inventory) {
  Names keys;
  for (const s3::Object& object : inventory.objects) { keys.push_back(object.key); }
  return keys;
}

TEST(Inventory, FollowsPagesAndSorts) {
  const auto found = inventory_of([](const std::string& request) {
    if (request.find("continuation-token=two") != std::string::npos) {
      return listed({"a/b", "c/d"});
    }
    return listed({"b/c", "c/d", "folder/"}, "two");
  });
  EXPECT_EQ(keys_of(*found), (Names{"a/b", "b/c", "c/d"}));
  EXPECT_EQ(found->bytes, 30U);
  EXPECT_EQ(found->refused_count, 0U);
}

TEST(Inventory, TakesWhatIsWanted) {
  const auto found = inventory_of(
      [](const auto&) {
        return listed({"a/b", "skip/c"});
      },
      [](const s3::Object& object) { return !object.key.starts_with("skip"); });
  EXPECT_EQ(keys_of(*found), (Names{"a/b"}));
}

TEST(Inventory, RefusesKeysThatNoFolderCanHold) {
  for (const std::string& key :
       {std::string{".."}, std::string{"../x"}, std::string{"a/../../x"},
        std::string{"/etc/passwd"}, std::string{"a//b"}, std::string{"a/."}, std::string{"a\\b"},
        std::string{"a\0b", 3}, std::string{"a/b/"}, "a/" + std::string(300, 'n'),
        std::string{".pocketvault-restore/x"}}) {
    if (key == "a/b/") {
      EXPECT_FALSE(fault_of_key(key).empty());
      continue;
    }
    const Inventory found = inventory_of({"good/one", key});
    EXPECT_EQ(keys_of(found), (Names{"good/one"})) << key;
    ASSERT_EQ(found.refused.size(), 1U) << key;
    EXPECT_EQ(found.refused[0].key, key);
    EXPECT_FALSE(found.refused[0].why.empty());
  }
  for (const char* key : {"c/r/photo.png", "a b/ü/..c", "...", "report.pdf"}) {
    EXPECT_EQ(fault_of_key(key), "") << key;
  }
  std::string deep = "a";
  for (int i = 0; i < 200; ++i) { deep += "/a"; }
  EXPECT_FALSE(fault_of_key(deep).empty());
}

TEST(Inventory, RefusesKeysThatClashAsFiles) {
  const Inventory found =
      inventory_of({"a", "a-b", "a/b", "f.png", "f.png.attrs", "lone.attrs", "x", "x/y", "x/y/z"});
  EXPECT_EQ(keys_of(found), (Names{"a-b", "a/b", "f.png", "lone.attrs", "x/y/z"}));
  Names refused;
  for (const Refused& one : found.refused) { refused.push_back(one.key); }
  EXPECT_EQ(refused, (Names{"a", "f.png.attrs", "x", "x/y"}));
}

TEST(Inventory, KeepsTheFirstOfManyRefusals) {
  Names keys;
  for (int i = 0; i < 1500; ++i) { keys.push_back("../" + std::to_string(i)); }
  const Inventory found = inventory_of(keys);
  EXPECT_EQ(found.refused.size(), Inventory::kRefusedMax);
  EXPECT_EQ(found.refused_count, 1500U);
}

TEST(Inventory, AListWithoutAnEndEnds) {
  EXPECT_EQ(inventory_of([](const auto&) { return listed({"a"}, "again"); }).error().code,
            Code::kInvalid);
}

}  // namespace
}  // namespace pv::objects
