// Threads that go to channels: to each one at a time, to several at once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace pv::alerts {

// A thread is started when there is a channel to go to and all are on their way, `threads_max` at
// most; then they wait for the next one.
//
// Threads    Any.
class Couriers {
 public:
  // Sends what is due of one channel; on a thread of this. What it throws (of memory) ends that
  // going: what is still due is for the next one.
  using Serve = std::function<void(const std::string& channel, const std::stop_token& stop)>;
  Couriers(std::size_t threads_max, Serve serve)
      : threads_max_{threads_max}, serve_{std::move(serve)} {}
  ~Couriers();  // stop(), and waits
  Couriers(const Couriers&) = delete;
  Couriers& operator=(const Couriers&) = delete;

  // Whoever is with the channel already serves it once more.
  void go_to(const std::string& channel);
  // Nobody sets out any more, and who is on the way is told to stop.
  void stop();
  // Until all are back.
  void wait();

 private:
  void work(const std::stop_token& stop);

  const std::size_t threads_max_;
  const Serve serve_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::condition_variable back_;
  std::deque<std::string> queue_;
  std::set<std::string, std::less<>> served_;  // now
  std::set<std::string, std::less<>> again_;   // of those
  std::vector<std::jthread> threads_;
};

}  // namespace pv::alerts
