#include "http/event.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

namespace pv::http {

namespace asio = boost::asio;

struct Event::State {
  asio::any_io_executor executor;
  std::atomic<bool> set = false;
  std::vector<asio::steady_timer*> waiting;  // executor's thread only
};

namespace {

// One waiter's timer, in the list for as long as it waits.
class Waiter {
 public:
  Waiter(std::vector<asio::steady_timer*>& list, asio::steady_timer& timer)
      : list_{list}, timer_{timer} {
    list_.push_back(&timer_);
  }
  ~Waiter() { std::erase(list_, &timer_); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 private:
  std::vector<asio::steady_timer*>& list_;
  asio::steady_timer& timer_;
};

}  // namespace

Event::Event(asio::any_io_executor executor) : state_{std::make_shared<State>()} {
  state_->executor = std::move(executor);
}

void Event::set() const {
  if (state_->set.exchange(true)) { return; }
  asio::post(state_->executor, [state = state_] {
    for (asio::steady_timer* timer : state->waiting) { timer->cancel(); }
  });
}

bool Event::is_set() const { return state_->set; }

asio::awaitable<void> Event::wait() const {
  const std::shared_ptr<State> state = state_;
  while (!state->set) {
    asio::steady_timer timer{state->executor, asio::steady_timer::time_point::max()};
    const Waiter waiter{state->waiting, timer};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<bool> Event::wait_for(std::chrono::milliseconds at_most) const {
  const std::shared_ptr<State> state = state_;
  if (!state->set) {
    asio::steady_timer timer{state->executor, at_most};
    const Waiter waiter{state->waiting, timer};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return state->set.load();
}

}  // namespace pv::http
