// Signed requests to one bucket, with another try where that may help.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "curl/pool.h"
#include "s3/fault.h"
#include "s3/options.h"
#include "s3/signature.h"

namespace pv::s3 {

struct Call {
  std::string method = "GET";
  std::string key{};  // "": the bucket itself
  Query query{};
  std::vector<curl::Header> headers{};
  Bytes body{};               // of PUT and POST; outlives the call
  bool is_transfer = false;   // bytes of a backup: a longer deadline
  bool is_long_work = false;  // the server may be silent for minutes before it answers
  // For all tries together, where that is less than the limits say.
  std::optional<std::chrono::milliseconds> time_max = std::nullopt;

  // For a download: where a success goes instead of Reply::body. Before each try `before_try` may
  // change the headers, e.g. ask for what is still missing.
  Sink* sink = nullptr;
  std::function<void(std::vector<curl::Header>&)> before_try{};
  // Once a try, before the first byte goes to the sink.
  std::function<Result<void>(int status, const std::vector<curl::Header>&)> on_answer{};
};

// Another try is made, after a random and growing wait or the one that the server asks for: when
// the connection fails, when the server is overloaded or fails, when bytes were changed on their
// way; and once each with the server's time or renewed credentials.
//
// Over plain http the body's hash is signed, so that it can't be changed; over https TLS does that.
//
// Threads    Any method, from any thread; at most Limits::at_once requests go at a time.
// Errors     As fault.h explains; those of curl::Client, so kCancelled soon after a stop was
//            requested; what `sink` and `on_answer` report is passed on as it is, after another try
//            where it is kUnavailable. No secret in any.
class Requester {
 public:
  explicit Requester(Options options);

  // The reply to a success. `tries`: how many it took.
  [[nodiscard]] Result<curl::Reply> send(const Call& call, std::stop_token stop,
                                         int* tries = nullptr);

  [[nodiscard]] const Options& options() const { return options_; }
  // By the server's clock, as far as it has been heard of.
  [[nodiscard]] WallTime server_now() const;

 private:
  struct Failure;
  class Attempts;
  [[nodiscard]] tl::expected<curl::Reply, Failure> try_once(const Call& call,
                                                            const Attempts& attempts,
                                                            const std::stop_token& stop);
  [[nodiscard]] curl::Request sign(const Call& call, const Credentials& credentials) const;
  [[nodiscard]] Failure failure_of(const curl::Reply& reply, const Credentials& credentials);

  const Options options_;
  CredentialCache credentials_;
  curl::ClientPool clients_;
  std::atomic<std::chrono::seconds::rep> skew_seconds_ = 0;  // the server's clock less ours
};

}  // namespace pv::s3
