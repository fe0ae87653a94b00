// What an S3 client is made of.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/wait.h"
#include "s3/address.h"
#include "s3/credentials.h"

namespace pv::s3 {

struct Limits {
  std::size_t at_once = 8;  // requests on their way, each on a connection that is kept
  int tries_max = 6;        // of one operation
  // Before the n-th further try: a random span up to first * 2^n, at most max.
  std::chrono::milliseconds wait_first{200};
  std::chrono::milliseconds wait_max{20'000};
  std::chrono::milliseconds retry_after_max{60'000};  // a server that asks for more has failed
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds stall_timeout{30};  // without a byte moving either way
  // For one operation with all its tries and waits: without and with bytes of a backup.
  std::chrono::seconds control_timeout{60};
  std::chrono::seconds transfer_timeout{900};
};

// What tests decide.
struct World {
  const Clock* clock = &system_clock();
  Random* random = &system_random();
  std::function<void(std::chrono::milliseconds, const std::stop_token&)> wait = &pv::wait;
};

// One request that went to the server.
struct Tried {
  std::string method;
  int status = 0;         // 0: no answer
  bool is_again = false;  // not the first try of its call
};

struct Options {
  Address address;
  std::shared_ptr<CredentialSource> credentials;
  std::string ca_file{};  // PEM: whom to trust instead of the system's authorities
  Limits limits{};
  World world{};
  // Told of each request, from the thread that sent it; must not block.
  std::function<void(const Tried&)> on_try{};
};

}  // namespace pv::s3
