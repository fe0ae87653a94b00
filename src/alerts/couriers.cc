#include "alerts/couriers.h"

#include <algorithm>
#include <tuple>

#include "base/guarded.h"

namespace pv::alerts {

Couriers::~Couriers() {
  stop();
  threads_.clear();  // joins; nobody else has a part in them any more
}

void Couriers::stop() {
  stop_.request_stop();  // not under the lock: it calls those who wait
  const std::lock_guard lock{mutex_};
  back_.notify_all();
}

void Couriers::go_to(const std::string& channel) {
  const std::lock_guard lock{mutex_};
  if (stop_.stop_requested()) { return; }
  if (served_.contains(channel)) {
    again_.insert(channel);
    return;
  }
  if (std::ranges::find(queue_, channel) != queue_.end()) { return; }
  queue_.push_back(channel);
  const bool is_anybody_free = threads_.size() >= served_.size() + queue_.size();
  if (!is_anybody_free && threads_.size() < threads_max_) {
    const auto started =
        guarded([this] { threads_.emplace_back([this] { work(stop_.get_token()); }); });
    // Without any thread nobody would come back: it is gone to when it is next asked for.
    if (!started.has_value() && threads_.empty()) {
      queue_.pop_back();
      return;
    }
  }
  woken_.notify_one();
}

void Couriers::wait() {
  std::unique_lock lock{mutex_};
  back_.wait(lock, [&] { return served_.empty() && (queue_.empty() || stop_.stop_requested()); });
}

void Couriers::work(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (woken_.wait(lock, stop, [&] { return !queue_.empty(); }) && !stop.stop_requested()) {
    const std::string channel = std::move(queue_.front());
    queue_.pop_front();
    served_.insert(channel);
    do {
      again_.erase(channel);
      lock.unlock();
      std::ignore = guarded([&] { serve_(channel, stop); });
      lock.lock();
    } while (again_.contains(channel) && !stop.stop_requested());
    again_.erase(channel);
    served_.erase(channel);
    back_.notify_all();
  }
}

}  // namespace pv::alerts
