// Threads for ordinary blocking work.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"

namespace pv {

// A fixed number of threads that run what is submitted, first come, first served.
//
// Threads    submit() from any thread, the pool's own too. Work throws nothing, and does not wait
//            for other work of the same pool, or all threads may end up waiting.
// Lifetime   The destructor runs what was submitted, then joins.
class WorkPool {
 public:
  using Work = std::function<void()>;

  // `on_thread` is called by each thread before all else.
  // Throws what std::thread does where there is no thread to be had.
  explicit WorkPool(std::size_t threads, Work on_thread = {});
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // The queue has no bound of its own: who submits keeps count of what is in flight.
  void submit(Work work);

  [[nodiscard]] std::size_t thread_count() const { return threads_.size(); }

 private:
  void run();
  void end();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Work> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// How many threads compute at once is worth: the processors this process may use, at least 1.
[[nodiscard]] std::size_t processor_count();

// Runs work(i) for each i below `count` on the pool and waits for all; at most `at_once` at a time.
// After the first error no further ones start; that error is returned. Not from a pool's thread.
[[nodiscard]] Result<void> for_each_index(WorkPool& pool, std::size_t count, std::size_t at_once,
                                          const std::function<Result<void>(std::size_t)>& work);

}  // namespace pv
