// AWS Signature Version 4, as S3 wants it: the path is encoded once and not normalised.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/io.h"
#include "curl/client.h"
#include "s3/credentials.h"

namespace pv::s3 {

// Parameters as they are meant, not encoded.
using Query = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// One request as it goes over the wire. All headers given are signed; Host must be among them.
struct Signable {
  std::string method;
  std::string path;  // encoded: "/bucket/a%20b.zip"
  Query query;
  std::vector<curl::Header> headers;
  std::string payload_hash;  // of the body: SHA-256 in lower-case hex, or kUnsignedPayload
};

struct Scope {
  std::string region;
  std::string service = "s3";
};

// The value of the Authorization header. The caller has put X-Amz-Date (amz_date(time)),
// X-Amz-Content-Sha256 and X-Amz-Security-Token among the headers.
[[nodiscard]] std::string authorization(const Signable& request, const Credentials& credentials,
                                        const Scope& scope, WallTime time);

// "20130524T000000Z".
[[nodiscard]] std::string amz_date(WallTime time);

// Percent-encoded but for unreserved characters and '/'.
[[nodiscard]] std::string encode_path(std::string_view path);

// "a=1&b=x%20y", in the order in which it is signed; the same text is sent.
[[nodiscard]] std::string encode_query(const Query& query);

[[nodiscard]] std::string sha256_hex(Bytes bytes);

}  // namespace pv::s3
