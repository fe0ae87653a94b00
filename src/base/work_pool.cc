#include "base/work_pool.h"

#include <sched.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/guarded.h"

namespace pv {

WorkPool::WorkPool(std::size_t threads, Work on_thread) {
  PV_ASSERT(threads > 0);
  threads_.reserve(threads);
  try {
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this, on_thread] {
        if (on_thread) { on_thread(); }
        run();
      });
    }
  } catch (...) {
    end();  // no destructor comes to do so
    throw;
  }
}

WorkPool::~WorkPool() { end(); }

void WorkPool::end() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) { thread.join(); }
}

void WorkPool::submit(Work work) {
  {
    const std::lock_guard lock{mutex_};
    queue_.push_back(std::move(work));
  }
  arrived_.notify_one();
}

void WorkPool::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) { return; }
    Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it captured goes before the lock is taken
    lock.lock();
  }
}

std::size_t processor_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) {
    return std::max(1U, std::thread::hardware_concurrency());
  }
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

namespace {

// What the workers of one for_each_index share.
struct Round {
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t next = 0;
  std::size_t running = 0;
  std::optional<Error> error;
};

}  // namespace

Result<void> for_each_index(WorkPool& pool, std::size_t count, std::size_t at_once,
                            const std::function<Result<void>(std::size_t)>& work) {
  if (count == 0) { return {}; }
  Round round;
  const std::size_t workers =
      std::min({count, std::max<std::size_t>(at_once, 1), pool.thread_count()});
  const auto worker = [&] {
    std::unique_lock lock{round.mutex};
    while (round.next < count && !round.error) {
      const std::size_t index = round.next++;
      lock.unlock();
      Result<void> outcome = guarded([&] { return work(index); });
      lock.lock();
      if (!outcome.has_value() && !round.error) { round.error = std::move(outcome).error(); }
    }
    // Under the lock: the round may be gone as soon as the waiter sees zero.
    if (--round.running == 0) { round.ended.notify_all(); }
  };
  round.running = workers;
  std::size_t submitted = 0;
  const Result<void> all_submitted = guarded([&] {
    for (; submitted < workers; ++submitted) { pool.submit(worker); }
  });
  std::unique_lock lock{round.mutex};
  round.running -= workers - submitted;
  if (!all_submitted.has_value() && !round.error) { round.error = all_submitted.error(); }
  round.ended.wait(lock, [&] { return round.running == 0; });
  if (round.error) { return fail(*std::move(round.error)); }
  return {};
}

}  // namespace pv
