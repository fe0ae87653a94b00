// What an S3 server says when it refuses, and what to do about it.
#pragma once

#include <optional>
#include <string>

#include "curl/client.h"
#include "s3/address.h"
#include "s3/credentials.h"

namespace pv::s3 {

struct Fault {
  int status = 0;
  std::string code;     // "NoSuchKey"; empty where the answer has no body, as to HEAD
  std::string message;  // the server's, for a person; hostile
  std::string region;   // where the bucket is, when the server says so
  std::optional<WallTime> server_time;
};

[[nodiscard]] Fault read_fault(const curl::Reply& reply);

// Whether the body of a success is an error after all: S3 sends its status before it has finished a
// CompleteMultipartUpload or a copy.
[[nodiscard]] bool is_fault_in_success(const curl::Reply& reply);

enum class Remedy {
  kNone,
  kRetry,
  kCorrectClock,      // ours differs from the server's by more than it allows
  kRenewCredentials,  // they have expired
};
[[nodiscard]] Remedy remedy_for(const Fault& fault, const Credentials& credentials, WallTime now);

// In plain words, without anything secret. kNotFound: no such key or upload. kExists: a condition
// is not met. kDenied, kNoSpace, kUnavailable, kUnsupported; kDamaged: what arrived was not what
// was sent; kInvalid: bucket, region, anything else.
[[nodiscard]] Error explain(const Fault& fault, const Address& address,
                            const Credentials& credentials, WallTime now);

}  // namespace pv::s3
