// What tells whoever watches over the server how it is: /healthz, /readyz, /metrics.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/pools.h"
#include "http/message.h"

namespace pv::api {

// Made by app/. What is absent is answered as an unknown route.
struct Watch {
  // All metrics, and the type of that text. Blocks for a bounded time.
  std::function<std::string()> metrics = {};
  std::string metrics_type = {};
  // Why requests can't be served now, without anything secret; empty: they can. Blocks for a
  // bounded time.
  std::function<std::vector<std::string>()> unready = {};
  // Told of each request that is answered, and by which kind of route, one of few words.
  std::function<void(std::string_view route, unsigned status, std::chrono::nanoseconds took)>
      on_request = {};
};

// {"alive":true}: the thread of all connections goes on. Nothing else is looked at.
[[nodiscard]] http::Response alive_answer();
// {"ready":true,"reasons":[]}; 503 with reasons.
[[nodiscard]] boost::asio::awaitable<http::Response> ready_answer(const Watch& watch,
                                                                  WorkPool& pool);
[[nodiscard]] boost::asio::awaitable<http::Response> metrics_answer(const Watch& watch,
                                                                    WorkPool& pool);

// For a listener of its own: these three paths for whoever can reach it, 404 for all others, 405
// for all but GET and HEAD. `watch` and `pools` outlive the request.
[[nodiscard]] boost::asio::awaitable<http::Response> watch_answer(const Watch& watch, Pools& pools,
                                                                  http::Request request);

}  // namespace pv::api
