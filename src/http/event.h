// Something that happens once, on any thread, and that coroutines wait for.
//
// For what reports by a callback: hand the callback a copy of the event and let it call set().
//
//   const Event finished{co_await boost::asio::this_coro::executor};
//   job.on_finished([finished] { finished.set(); });
//   co_await finished.wait();
//
// Threads    set() from any; everything else on the thread that runs the executor.
// Lifetime   Copies are one event, kept alive by the last of them and by who waits. The io_context
//            must still exist at set().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>

namespace pv::http {

class Event {
 public:
  explicit Event(boost::asio::any_io_executor executor);

  void set() const;  // the second time does nothing
  [[nodiscard]] bool is_set() const;

  // Any number may wait; each continues on the event's executor. At once when it is set already.
  [[nodiscard]] boost::asio::awaitable<void> wait() const;
  // false: `at_most` passed first.
  [[nodiscard]] boost::asio::awaitable<bool> wait_for(std::chrono::milliseconds at_most) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pv::http
