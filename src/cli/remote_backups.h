#pragma once

#include "cli/backups.h"
#include "curl/client.h"

namespace pv::cli {

struct RemoteOptions {
  std::string url;  // without a slash at the end
  // A superuser's token; asked again once when the server refuses the one before, as it does after
  // a restore of other accounts. Not logged.
  std::function<Result<std::string>()> token;
  // ServerNote::command_key of a server of this machine; empty elsewhere.
  std::string command_key = {};
  std::function<void(const std::string&)> say;  // what a person should know on the way
  std::chrono::milliseconds poll_every{300};
};

// On a pocketvault server, or on a plain PocketBase as far as its API goes. `client` and `clock`
// outlive it.
[[nodiscard]] std::unique_ptr<Backups> make_remote_backups(curl::Client& client, const Clock& clock,
                                                           RemoteOptions options);

// Whether a PocketBase or a pocketvault answers there.
[[nodiscard]] bool answers_health(curl::Client& client, const std::string& url);

// The error that an answer of PocketBase's API says; never for a success.
[[nodiscard]] Error error_of(const curl::Reply& reply);

}  // namespace pv::cli
