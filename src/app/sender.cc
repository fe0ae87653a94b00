#include "app/sender.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/text.h"

namespace pv::app {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLookEvery = 5s;  // at a folder of this machine
constexpr std::chrono::seconds kPauseFirst = 30s;
constexpr std::chrono::seconds kPauseMax = 15min;

std::chrono::seconds pause_after(int failures) {
  return std::min(kPauseMax, kPauseFirst * (1 << std::min(failures - 1, 10)));
}

}  // namespace

Sender::Sender(jobs::Vault& vault)
    : vault_{vault}, thread_{[this](const std::stop_token& stop) { run(stop); }} {}

void Sender::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::chrono::seconds pause = look(stop);
    std::unique_lock lock{mutex_};
    never_.wait_for(lock, stop, pause, [] { return false; });
  }
}

std::chrono::seconds Sender::look(const std::stop_token& stop) {
  const auto waiting = vault_.waiting();
  if (!waiting.has_value() || waiting->empty()) {
    failures_ = 0;
    return kLookEvery;
  }
  const auto sent = vault_.send_waiting(nullptr, stop);
  if (sent.has_value()) {
    for (const store::BackupName& name : *sent) {
      spdlog::info("sent {}, which had waited for the store", printable(name.text()));
    }
    failures_ = 0;
    return kLookEvery;
  }
  const Error& error = sent.error();
  if (error.code == Code::kBusy || error.code == Code::kCancelled) { return kLookEvery; }
  const std::chrono::seconds pause = pause_after(++failures_);
  spdlog::warn("{} backups wait to be sent; the next try is in {} s: {}", waiting->size(),
               pause.count(), error.what);
  return pause;
}

}  // namespace pv::app
