#include "s3/signature.h"

#include <gtest/gtest.h>

namespace pv::s3 {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string signature_of(const std::string& authorization) {
  return authorization.substr(authorization.find("Signature=") + 10);
}

// The Signature Version 4 test suite that AWS publishes (aws-sig-v4-test-suite): its folder names,
// and the signature of each folder's .authz file.
struct SuiteCase {
  const char* folder;
  const char* method;
  const char* path;  // not encoded
  Query query;
  std::vector<curl::Header> more_headers;
  const char* signature;
};

const SuiteCase kSuite[] = {
    {"get-vanilla",
     "GET",
     "/",
     {},
     {},
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-empty-query-key",
     "GET",
     "/",
     {{"Param1", "value1"}},
     {},
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     {{"Param2", "value2"}, {"Param1", "value1"}},
     {},
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-unreserved",
     "GET",
     "/",
     {{"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}},
     {},
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query",
     "GET",
     "/",
     {{"ሴ", "bar"}},
     {},
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-utf8",
     "GET",
     "/ሴ",
     {},
     {},
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-unreserved",
     "GET",
     "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     {},
     {},
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-space",
     "GET",
     "/example space/",
     {},
     {},
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-header-value-trim",
     "GET",
     "/",
     {},
     {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-vanilla",
     "POST",
     "/",
     {},
     {},
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
};

TEST(Signature, AgreesWithTheTestSuiteOfAws) {
  const Credentials who{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {}, {}};
  const WallTime when{1440938160s};  // 2015-08-30 12:36:00
  for (const SuiteCase& given : kSuite) {
    Signable request{given.method, encode_path(given.path), given.query, given.more_headers,
                     std::string{kEmptyHash}};
    request.headers.emplace_back("Host", "example.amazonaws.com");
    request.headers.emplace_back("X-Amz-Date", "20150830T123600Z");
    const std::string line = authorization(request, who, {"us-east-1", "service"}, when);
    EXPECT_EQ(signature_of(line), given.signature) << given.folder << ": " << line;
  }
}

// "Examples: Signature Calculations", in "Authenticating Requests: Using the Authorization Header
// (AWS Signature Version 4)" of the Amazon S3 API Reference.
struct ExampleCase {
  const char* label;
  const char* method;
  const char* path;
  Query query;
  std::vector<curl::Header> more_headers;
  std::string_view payload;
  const char* signature;
};

const ExampleCase kExamples[] = {
    {"GET Object",
     "GET",
     "/test.txt",
     {},
     {{"Range", "bytes=0-9"}},
     "",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT Object",
     "PUT",
     "/test$file.text",
     {},
     {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     "Welcome to Amazon S3.",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET Bucket Lifecycle",
     "GET",
     "/",
     {{"lifecycle", ""}},
     {},
     "",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"Get Bucket (List Objects)",
     "GET",
     "/",
     {{"max-keys", "2"}, {"prefix", "J"}},
     {},
     "",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

TEST(Signature, AgreesWithTheExamplesForS3) {
  const Credentials who{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}, {}};
  const WallTime when{1369353600s};  // 2013-05-24 00:00:00
  for (const ExampleCase& given : kExamples) {
    Signable request{given.method, encode_path(given.path), given.query, given.more_headers,
                     sha256_hex(as_bytes(given.payload))};
    request.headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
    request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
    request.headers.emplace_back("x-amz-date", amz_date(when));
    const std::string line = authorization(request, who, {"us-east-1"}, when);
    EXPECT_EQ(signature_of(line), given.signature) << given.label << ": " << line;
    EXPECT_TRUE(
        line.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                         "us-east-1/s3/aws4_request, SignedHeaders="));
  }
}

TEST(Signature, EncodesKeysOnceAndSortsParametersByTheirEncodedForm) {
  EXPECT_EQ(encode_path("/b/a b+c%2F日~.zip"), "/b/a%20b%2Bc%252F%E6%97%A5~.zip");
  EXPECT_EQ(encode_path(""), "");
  EXPECT_EQ(encode_path("//"), "//");
  EXPECT_EQ(encode_query({{"uploads", ""}, {"a", "2"}, {"a", "1"}, {"Z", "x/y z"}}),
            "Z=x%2Fy%20z&a=1&a=2&uploads=");
}

}  // namespace
}  // namespace pv::s3
