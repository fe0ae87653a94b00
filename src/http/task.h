// Coroutines: in http/ and api/ alone.
//
// g++ 12 destroys some temporaries twice in expressions with co_await: make no capturing lambda, no
// Braced{...} aggregate, no initializer list and no ?: of objects there. Name it on the line
// before.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/work_pool.h"
#include "http/event.h"

namespace pv::http {

template <class T>
using Task = boost::asio::awaitable<Result<T>>;

// Runs `work` (Result<T>()) on the pool and continues here with what it returned; what it threw is
// thrown here. Blocking calls go through this and nothing else does. `work` is destroyed on the
// pool's thread, and what it refers to must live until then: it always does when that belongs to
// the waiting coroutine, because nothing ends the wait early.
template <class T>
Task<T> offload(WorkPool& pool, std::function<Result<T>()> work) {
  struct Outcome {
    std::optional<Result<T>> result;
    std::exception_ptr thrown;
  };
  const auto outcome = std::make_shared<Outcome>();
  const Event ended{co_await boost::asio::this_coro::executor};
  WorkPool::Work job = [outcome, ended, work = std::move(work)]() mutable {
    try {
      outcome->result.emplace(work());
    } catch (...) { outcome->thrown = std::current_exception(); }
    work = nullptr;  // what it captured goes before the coroutine continues
    ended.set();
  };
  pool.submit(std::move(job));
  co_await ended.wait();
  if (outcome->thrown) { std::rethrow_exception(outcome->thrown); }
  co_return std::move(*outcome->result);
}

}  // namespace pv::http

// co_return the error, else go on with the value. Statements, never expressions.
#define PV_CO_TRY(declaration, expression)                                    \
  auto PV_CONCAT(pv_result_, __LINE__) = (expression);                        \
  if (!PV_CONCAT(pv_result_, __LINE__).has_value()) {                         \
    co_return ::pv::fail(std::move(PV_CONCAT(pv_result_, __LINE__)).error()); \
  }                                                                           \
  declaration = std::move(*PV_CONCAT(pv_result_, __LINE__))

#define PV_CO_CHECK(expression)                                               \
  auto PV_CONCAT(pv_result_, __LINE__) = (expression);                        \
  if (!PV_CONCAT(pv_result_, __LINE__).has_value()) {                         \
    co_return ::pv::fail(std::move(PV_CONCAT(pv_result_, __LINE__)).error()); \
  }                                                                           \
  static_assert(true, "so that a semicolon must follow")
