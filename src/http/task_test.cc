#include "http/task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "http/http_testing.h"

namespace pv::http {
namespace {

TEST(Offload, ReturnsWhatTheWorkReturned) {
  WorkPool pool{2};
  const auto work = [&]() -> Task<std::string> {
    const auto here = std::this_thread::get_id();
    std::function<Result<std::thread::id>()> where = [] { return std::this_thread::get_id(); };
    PV_CO_TRY(const auto there, co_await offload(pool, std::move(where)));
    EXPECT_NE(there, here);
    EXPECT_EQ(std::this_thread::get_id(), here);
    std::string text(1000, 'x');
    std::function<Result<std::string>()> copy = [text] { return text; };
    co_return co_await offload(pool, std::move(copy));
  };
  EXPECT_EQ(run(work()).value(), std::string(1000, 'x'));
}

TEST(Offload, PassesErrorsAndExceptions) {
  WorkPool pool{1};
  std::function<Result<int>()> fails = [] { return fail(Code::kNoSpace, "full"); };
  EXPECT_EQ(run(offload(pool, fails)).error(), (Error{Code::kNoSpace, "full"}));
  std::function<Result<int>()> throws = []() -> Result<int> { throw std::runtime_error{"oh"}; };
  EXPECT_THROW((void)run(offload(pool, throws)), std::runtime_error);
  std::function<Result<void>()> nothing = [] { return Result<void>{}; };
  EXPECT_TRUE(run(offload(pool, nothing)).has_value());
}

TEST(Offload, DestroysTheWorkBeforeItContinues) {
  WorkPool pool{1};
  auto held = std::make_shared<int>(1);
  const auto work = [&]() -> Task<long> {
    std::function<Result<int>()> job = [copy = held] { return *copy; };
    PV_CO_TRY(const int one, co_await offload(pool, std::move(job)));
    co_return held.use_count() * one;
  };
  EXPECT_EQ(run(work()).value(), 1);
}

TEST(Offload, ManyAtATime) {
  WorkPool pool{4};
  boost::asio::io_context context;
  std::atomic<int> ran = 0;
  int resumed = 0;
  const auto one = [&](int number) -> boost::asio::awaitable<void> {
    std::function<Result<int>()> job = [&ran, number] {
      ++ran;
      return number;
    };
    const Result<int> got = co_await offload(pool, std::move(job));
    EXPECT_EQ(got.value(), number);
    ++resumed;
  };
  for (int i = 0; i < 2000; ++i) {
    boost::asio::co_spawn(context, one(i), [](const std::exception_ptr&) {});
  }
  context.run();
  EXPECT_EQ(ran, 2000);
  EXPECT_EQ(resumed, 2000);
}

TEST(Event, WakesAllWhoWaitAndThoseWhoComeLate) {
  boost::asio::io_context context;
  const Event event{context.get_executor()};
  int woken = 0;
  const auto wait = [&]() -> boost::asio::awaitable<void> {
    co_await event.wait();
    ++woken;
    co_await event.wait();  // is set already
    ++woken;
  };
  for (int i = 0; i < 3; ++i) {
    boost::asio::co_spawn(context, wait(), [](const std::exception_ptr&) {});
  }
  std::thread setter{[event] {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    event.set();
    event.set();
  }};
  context.run();
  setter.join();
  EXPECT_EQ(woken, 6);
  EXPECT_TRUE(event.is_set());
}

TEST(Event, GivesUpAfterAWhile) {
  boost::asio::io_context context;
  const Event event{context.get_executor()};
  std::vector<bool> got;
  const auto wait = [&]() -> boost::asio::awaitable<void> {
    got.push_back(co_await event.wait_for(std::chrono::milliseconds{10}));
    event.set();
    got.push_back(co_await event.wait_for(std::chrono::hours{1}));
  };
  boost::asio::co_spawn(context, wait(), [](const std::exception_ptr&) {});
  context.run();
  EXPECT_EQ(got, (std::vector<bool>{false, true}));
}

}  // namespace
}  // namespace pv::http
