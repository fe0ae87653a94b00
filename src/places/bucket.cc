#include "places/bucket.h"

#include <array>
#include <cstdlib>

#include "base/text.h"
#include "s3/client.h"

namespace pv::places {
namespace {

using namespace std::chrono_literals;

Result<void> remove_all(s3::Client& client, const std::string& prefix) {
  PV_TRY(const s3::ListPage page, client.list(prefix, {}));
  for (const s3::Object& object : page.objects) {
    if (object.key.starts_with(prefix)) { PV_CHECK(client.remove(object.key)); }
  }
  return {};
}

}  // namespace

Result<s3::Options> bucket_of(const settings::S3& section) {
  struct Needed {
    const char* name;
    const std::string& value;
  };
  for (const auto& [name, value] : {Needed{"endpoint", section.endpoint},
                                    {"bucket", section.bucket},
                                    {"region", section.region},
                                    {"accessKey", section.access_key},
                                    {"secret", section.secret}}) {
    if (value.empty()) {
      return fail(Code::kInvalid, std::string{"the S3 settings have no "} + name);
    }
  }
  auto address = s3::Address::parse(
      {section.endpoint, section.bucket, section.region, section.force_path_style});
  if (!address.has_value()) { return fail(address.error().within("the S3 settings")); }
  s3::Options options{
      .address = *std::move(address),
      .credentials = s3::fixed_credentials({section.access_key, section.secret, {}, std::nullopt})};
  options.limits.control_timeout = kBucketPatience;
  return options;
}

Result<void> try_bucket(s3::Options bucket, Random& random) {
  constexpr std::size_t kMarkLength = 5;
  bucket.limits.tries_max = 2;
  bucket.limits.control_timeout = 10s;
  bucket.limits.transfer_timeout = 10s;
  s3::Client client{std::move(bucket)};
  const std::string prefix =
      "pb_settings_test_" + random_text(random, kLowerAlphanumeric, kMarkLength);
  const std::string key = prefix + "/test.txt";
  const s3::NewObject object{
      .content_type = "text/plain; charset=utf-8", .original_name = {}, .tag = {}};
  const auto put = client.put(key, as_bytes("test"), object, s3::IfTaken::kReplace);
  if (!put.has_value()) {
    // It may be there all the same, where only the reply was lost.
    if (put.error().code == Code::kUnavailable) { (void)client.remove(key); }
    return fail(put.error().within("failed to upload a test file: [key: " + key + "]"));
  }
  auto removed = remove_all(client, prefix);
  if (removed.has_value()) { return {}; }
  (void)client.remove(key);  // also when it may not be listed
  return fail(removed.error().within("failed to delete a test file: [key: " + key + "]"));
}

}  // namespace pv::places
