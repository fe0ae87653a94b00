// Who signs the requests, and where that is told.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace pv::s3 {

struct Credentials {
  std::string access_key;
  std::string secret;               // never in a log, an error or an answer
  std::string session_token;        // so neither; empty: none
  std::optional<WallTime> expires;  // nullopt: never
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// Threads    Any method, from any thread.
// Errors     kNotFound: nothing is configured. kDenied: refused. kUnavailable: a service that gives
//            credentials fails now. kInvalid: a file or an answer that makes no sense.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Fresh ones, asked for anew; may wait for a service, for a bounded time.
  [[nodiscard]] virtual Result<Credentials> fetch(std::stop_token stop) = 0;
};

// Those given, e.g. by the settings.
[[nodiscard]] std::unique_ptr<CredentialSource> fixed_credentials(Credentials credentials);

// The value of an environment variable; nullopt where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment process_environment();

// The first that the environment tells, in the order that AWS's own programs have:
//   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN;
//   the profile AWS_PROFILE (else "default") of AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials),
//     then of AWS_CONFIG_FILE (~/.aws/config);
//   AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with AWS_CONTAINER_AUTHORIZATION_TOKEN
//     or _TOKEN_FILE: a container's endpoint;
//   the instance's metadata service (IMDSv2 only) at AWS_EC2_METADATA_SERVICE_ENDPOINT, unless
//     AWS_EC2_METADATA_DISABLED is "true".
[[nodiscard]] std::unique_ptr<CredentialSource> environment_credentials(Environment environment);

// Remembers what a source gave, until five minutes before it expires. A refresh that fails while
// the old ones are still good is passed over.
class CredentialCache {
 public:
  CredentialCache(std::shared_ptr<CredentialSource> source, const Clock& clock);
  ~CredentialCache();
  [[nodiscard]] Result<Credentials> get(std::stop_token stop);
  // A server refused `refused` as expired: the next get() asks anew, unless that has happened.
  void forget(const Credentials& refused);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pv::s3
