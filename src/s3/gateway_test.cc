// Against a server that others wrote.
#include <gtest/gtest.h>

#include "s3/checksum.h"
#include "s3/client.h"
#include "s3/s3_testing.h"

namespace pv::s3 {
namespace {

using pv::testing::S3Gateway;
using pv::testing::TempFolder;

constexpr std::size_t kPartBytes = 5 << 20;

std::string noise(std::size_t size_bytes) {
  std::string bytes(size_bytes, '\0');
  system_random().fill(std::as_writable_bytes(std::span{bytes}));
  return bytes;
}

std::string read_all(Client& client, const std::string& key) {
  const Object object = client.head(key).value();
  std::string into(static_cast<std::size_t>(object.size_bytes), '\0');
  EXPECT_TRUE(
      client.read({key, object.etag, 0, object.size_bytes}, std::as_writable_bytes(std::span{into}))
          .has_value());
  return into;
}

#define PV_NEED_GATEWAY() \
  if (S3Gateway::is_missing()) { GTEST_SKIP() << S3Gateway::kMissing; }

TEST(Gateway, TakesAndGivesBackObjectsWhateverTheirKeys) {
  PV_NEED_GATEWAY();
  const S3Gateway gateway;
  Client client{options_for("http://" + gateway.host(), test_credentials())};
  for (const char* key : {"a.zip", "with space.zip", "plus+and&and=.zip", "sub/folder.zip",
                          "percent%2F.zip", "日本語.zip", "a'b\"c<d>.zip", "~$!*().zip", "100%"}) {
    const std::string content = noise(1000);
    ASSERT_TRUE(
        client.put(key, as_bytes(content), {"application/zip", key, "tag"}, IfTaken::kRefuse)
            .has_value())
        << key;
    const Object object = client.head(key).value();
    EXPECT_EQ(object.size_bytes, 1000U);
    EXPECT_EQ(object.attributes, (Attributes{"application/zip", key}));
    EXPECT_EQ(object.tag, "tag");
    EXPECT_EQ(read_all(client, key), content);
    const ListPage page = client.list("", "").value();
    ASSERT_EQ(page.objects.size(), 1U) << key;
    EXPECT_EQ(page.objects[0].key, key);
    EXPECT_EQ(page.objects[0].etag, object.etag);
    EXPECT_EQ(client.put(key, as_bytes("x"), {}, IfTaken::kRefuse).error().code, Code::kExists);
    EXPECT_TRUE(client.remove(key).has_value());
    EXPECT_TRUE(client.remove(key).has_value()) << "gone already";
    EXPECT_EQ(client.head(key).error().code, Code::kNotFound);
  }
}

TEST(Gateway, MakesObjectsOfPartsAndOfRangesOfOthers) {
  PV_NEED_GATEWAY();
  const S3Gateway gateway;
  Client client{options_for("http://" + gateway.host(), test_credentials())};
  const std::string first = noise(kPartBytes);
  const std::string last = noise(77);
  const NewObject object{"application/zip", "a.zip", "tag"};
  const Multipart upload = client.start("a.zip", object).value();
  EXPECT_EQ(upload.check, Multipart::Check::kWhole);
  const Part one = client.put_part(upload, 1, as_bytes(first)).value();
  const Part two = client.put_part(upload, 2, as_bytes(last)).value();
  const std::string all = first + last;
  const Whole whole{all.size(), crc32c(as_bytes(all))};
  EXPECT_EQ(client.head("a.zip").error().code, Code::kNotFound)
      << "not there before it is complete";
  const Object made = client.complete(upload, {one, two}, whole, object, IfTaken::kRefuse).value();
  EXPECT_EQ(read_all(client, "a.zip"), all);

  const Multipart second = client.start("b.zip", object, Multipart::Check::kMd5).value();
  const Part copied = client.copy_part(second, 1, {"a.zip", made.etag, 10, kPartBytes}).value();
  const Part tail = client.put_part(second, 2, as_bytes(last)).value();
  const std::string mixed = all.substr(10, kPartBytes) + last;
  EXPECT_EQ(client.copy_part(second, 3, {"a.zip", "\"other\"", 0, kPartBytes}).error().code,
            Code::kDamaged);
  const auto outcome = client.complete(
      second, {copied, tail}, {mixed.size(), crc32c(as_bytes(mixed))}, object, IfTaken::kRefuse);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().what;
  EXPECT_EQ(read_all(client, "b.zip"), mixed);
}

TEST(Gateway, RefusesWhatHasOtherBytesThanItWasTold) {
  PV_NEED_GATEWAY();
  const S3Gateway gateway;
  Client client{options_for("http://" + gateway.host(), test_credentials())};
  const NewObject object{"application/zip", "a.zip", "tag"};
  const Multipart upload = client.start("a.zip", object).value();
  const Part part = client.put_part(upload, 1, as_bytes("bytes")).value();
  const auto outcome =
      client.complete(upload, {part}, {5, crc32c(as_bytes("other"))}, object, IfTaken::kRefuse);
  EXPECT_EQ(outcome.error().code, Code::kDamaged) << outcome.error().what;
  EXPECT_EQ(client.head("a.zip").error().code, Code::kNotFound);
  EXPECT_TRUE(client.abort(upload).has_value());
  EXPECT_TRUE(client.abort(upload).has_value()) << "gone already";
  EXPECT_EQ(client.put_part(upload, 1, as_bytes("bytes")).error().code, Code::kNotFound);
}

TEST(Gateway, KeepsToConditions) {
  PV_NEED_GATEWAY();
  const S3Gateway gateway;
  Client client{options_for("http://" + gateway.host(), test_credentials())};
  EXPECT_TRUE(client.refuses_to_replace(".scratch").value());
  EXPECT_TRUE(client.list("", "").value().objects.empty());
}

TEST(Gateway, ListsPageByPage) {
  PV_NEED_GATEWAY();
  const S3Gateway gateway;
  Client client{options_for("http://" + gateway.host(), test_credentials())};
  for (int i = 0; i < 1005; ++i) {
    pv::testing::write_file(gateway.folder() / ("n" + std::to_string(10'000 + i)), "x");
  }
  pv::testing::write_file(gateway.folder() / "other", "x");
  const ListPage first = client.list("n", "").value();
  ASSERT_EQ(first.objects.size(), 1000U);
  const ListPage second = client.list("n", first.next).value();
  EXPECT_EQ(second.objects.size(), 5U);
  EXPECT_EQ(second.objects.back().key, "n11004");
  EXPECT_EQ(second.next, "");
}

TEST(Gateway, SaysWhatIsWrongWithTheSettings) {
  PV_NEED_GATEWAY();
  const S3Gateway gateway;
  const auto error_of = [&](const Options& options) {
    return Client{options}.list("", "").error();
  };
  const Options right = options_for("http://" + gateway.host(), test_credentials());
  const Error unknown =
      error_of(options_for("http://" + gateway.host(), {"nobody", "wrong-secret", {}, {}}));
  EXPECT_NE(unknown.what.find("the access key is not known there"), std::string::npos)
      << unknown.what;
  EXPECT_NE(error_of(options_for("http://" + gateway.host(),
                                 {S3Gateway::kAccessKey, "wrong-secret", {}, {}}))
                .what.find("the secret does not fit the access key"),
            std::string::npos);
  Options elsewhere = right;
  elsewhere.address =
      Address::parse({"http://" + gateway.host(), "missing", S3Gateway::kRegion, true}).value();
  EXPECT_NE(error_of(elsewhere).what.find("there is no bucket missing"), std::string::npos);
  elsewhere.address =
      Address::parse({"http://" + gateway.host(), "backups", "us-east-9", true}).value();
  EXPECT_NE(error_of(elsewhere).what.find("not in the region us-east-9"), std::string::npos)
      << error_of(elsewhere).what;
}

TEST(Gateway, AnswersInVirtualHostStyle) {
  PV_NEED_GATEWAY();
  const S3Gateway gateway{{"--virtual-domain", "s3.localhost"}};
  const std::string endpoint = "http://s3.localhost:" + std::to_string(gateway.port());
  Client client{options_for(endpoint, test_credentials(), false)};
  ASSERT_TRUE(client.put("a b.zip", as_bytes("x"), {}, IfTaken::kRefuse).has_value());
  EXPECT_EQ(client.list("", "").value().objects.at(0).key, "a b.zip");
}

TEST(Gateway, IsTrustedOverTlsOnlyWithItsAuthority) {
  PV_NEED_GATEWAY();
  const TempFolder folder;
  const std::string certificate = folder / "cert.pem";
  const std::string key = folder / "key.pem";
  const auto made = pv::testing::run(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout '" +
      key + "' -out '" + certificate + "'");
  ASSERT_EQ(made.status, 0) << made.output;
  const S3Gateway gateway{{"--cert", certificate, "--key", key}};
  Options options = options_for("https://" + gateway.host(), test_credentials());
  const Error error = Client{options}.list("", "").error();
  EXPECT_EQ(error.code, Code::kDenied) << error.what;
  EXPECT_NE(error.what.find("certificate"), std::string::npos) << error.what;
  options.ca_file = certificate;
  Client trusting{options};
  const std::string content = noise(100'000);
  ASSERT_TRUE(trusting.put("a.zip", as_bytes(content), {}, IfTaken::kRefuse).has_value());
  EXPECT_EQ(read_all(trusting, "a.zip"), content);
}

}  // namespace
}  // namespace pv::s3
