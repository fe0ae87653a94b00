#include "app/ticker.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>

namespace pv::app {

Ticker::Ticker(std::function<void()> work)
    : work_{std::move(work)}, thread_{[this](const std::stop_token& stop) { run(stop); }} {}

void Ticker::run(const std::stop_token& stop) {
  using std::chrono::system_clock;
  constexpr std::chrono::seconds kEvery{1};
  while (!stop.stop_requested()) {
    try {
      work_();
    } catch (const std::exception& exception) { spdlog::error("unexpected: {}", exception.what()); }
    const auto now = system_clock::now();
    const auto left = std::chrono::floor<std::chrono::seconds>(now) + kEvery - now;
    std::unique_lock lock{mutex_};
    never_.wait_for(lock, stop, left, [] { return false; });
  }
}

}  // namespace pv::app
