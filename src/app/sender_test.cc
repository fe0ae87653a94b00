#include "app/sender.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <new>

namespace pv::app {
namespace {

using namespace std::chrono_literals;

TEST(Errand, IsRunAgainAfterWhateverWasThrown) {
  std::atomic<int> calls = 0;
  std::promise<void> again;
  const Errand errand{
      [&](const std::stop_token& /*stop*/,
          std::chrono::seconds /*next_try*/) -> std::optional<std::chrono::seconds> {
        if (++calls == 1) { throw std::bad_alloc{}; }
        again.set_value();
        return 1h;
      },
      0s};
  again.get_future().wait();
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace pv::app
