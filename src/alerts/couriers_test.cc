#include "alerts/couriers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <new>

namespace pv::alerts {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// Where couriers are held up until they are let go.
class Gate {
 public:
  void pass(const std::string& channel, const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    inside_.push_back(channel);
    began_.push_back(channel);
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return is_open_; });
    std::erase(inside_, channel);
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return inside_.size() == count; });
    return inside_;
  }
  void open() {
    const std::lock_guard lock{mutex_};
    is_open_ = true;
    changed_.notify_all();
  }
  std::vector<std::string> began() {
    const std::lock_guard lock{mutex_};
    return began_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_open_ = false;
  std::vector<std::string> inside_;
  std::vector<std::string> began_;
};

TEST(Couriers, GoToSeveralAtOnceAndToNoMoreThanTheyAre) {
  Gate gate;
  Couriers couriers{2, [&](const auto& channel, const auto& stop) { gate.pass(channel, stop); }};
  for (const char* channel : {"a", "b", "c", "c"}) { couriers.go_to(channel); }
  EXPECT_THAT(gate.wait_for(2), UnorderedElementsAre("a", "b"));
  gate.open();
  couriers.wait();
  EXPECT_EQ(gate.began().size(), 3U);
  EXPECT_EQ(gate.began().back(), "c");
}

TEST(Couriers, ServeAChannelOnceMoreWhoseNewsCameMeanwhile) {
  Gate gate;
  Couriers couriers{2, [&](const auto& channel, const auto& stop) { gate.pass(channel, stop); }};
  couriers.go_to("a");
  gate.wait_for(1);
  couriers.go_to("a");
  couriers.go_to("a");
  couriers.go_to("b");
  gate.wait_for(2);
  gate.open();
  couriers.wait();
  EXPECT_THAT(gate.began(), ElementsAre("a", "b", "a"));
}

TEST(Couriers, GoAgainWhateverWasThrown) {
  std::atomic<int> calls = 0;
  Couriers couriers{1, [&](const auto& /*channel*/, const auto& /*stop*/) {
                      if (++calls == 1) { throw std::bad_alloc{}; }
                    }};
  for (int i = 0; i < 2; ++i) {
    couriers.go_to("a");
    couriers.wait();
  }
  EXPECT_EQ(calls, 2);
}

TEST(Couriers, ComeBackWhenTheyAreStoppedAndSetOutNoMore) {
  Gate gate;
  Couriers couriers{1, [&](const auto& channel, const auto& stop) { gate.pass(channel, stop); }};
  couriers.go_to("a");
  couriers.go_to("b");
  gate.wait_for(1);
  couriers.stop();
  couriers.wait();
  couriers.go_to("c");
  EXPECT_THAT(gate.began(), ElementsAre("a"));
}

}  // namespace
}  // namespace pv::alerts
