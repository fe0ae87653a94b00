#include "app/sender.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>

#include "base/text.h"

namespace pv::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr seconds kLookEvery = 5s;  // at a folder of this machine
constexpr seconds kMirrorEvery = 15min;
constexpr seconds kPauseMax = 15min;

seconds pause_after(int failures, seconds first) {
  return std::min(kPauseMax, first * (1 << std::min(failures - 1, 10)));
}

bool is_nothing(const Error& error) {
  return error.code == Code::kBusy || error.code == Code::kCancelled;
}

}  // namespace

Errand::Errand(Work work, seconds pause_first)
    : work_{std::move(work)},
      pause_first_{pause_first},
      thread_{[this](const std::stop_token& stop) { run(stop); }} {}

void Errand::wake() {
  const std::lock_guard lock{mutex_};
  is_due_ = true;
  woken_.notify_all();
}

// What has failed waits for its time, whatever happens meanwhile.
void Errand::run(const std::stop_token& stop) {
  int failures = 0;
  while (!stop.stop_requested()) {
    {
      const std::lock_guard lock{mutex_};
      is_due_ = false;
    }
    const seconds next_try = pause_after(failures + 1, pause_first_);
    std::optional<seconds> rest;
    try {
      rest = work_(stop, next_try);
    } catch (const std::exception& exception) { spdlog::error("unexpected: {}", exception.what()); }
    failures = rest ? 0 : failures + 1;
    std::unique_lock lock{mutex_};
    const bool may_be_woken = rest.has_value();
    woken_.wait_for(lock, stop, rest.value_or(next_try), [&] { return may_be_woken && is_due_; });
  }
}

Errand::Work send_from_spool(jobs::Vault& vault) {
  return [&vault](const std::stop_token& stop, seconds next_try) -> std::optional<seconds> {
    const auto waiting = vault.waiting();
    if (!waiting.has_value() || waiting->empty()) { return kLookEvery; }
    const auto sent = vault.send_waiting(nullptr, stop);
    if (sent.has_value()) {
      for (const store::BackupName& name : *sent) {
        spdlog::info("sent {}, which had waited for the store", printable(name.text()));
      }
      return kLookEvery;
    }
    if (is_nothing(sent.error())) { return kLookEvery; }
    spdlog::warn("{} backups wait to be sent; the next try is in {} s: {}", waiting->size(),
                 next_try.count(), sent.error().what);
    return std::nullopt;
  };
}

Errand::Work fill_mirror(jobs::Vault& vault) {
  return [&vault](const std::stop_token& stop, seconds next_try) -> std::optional<seconds> {
    const auto copied = vault.fill_mirror(nullptr, stop);
    if (copied.has_value()) {
      for (const store::BackupName& name : *copied) {
        spdlog::info("copied {} to the mirror", printable(name.text()));
      }
      return kMirrorEvery;
    }
    // Who fills it now may have begun before the backup that we were woken for.
    if (is_nothing(copied.error())) { return kLookEvery; }
    spdlog::warn("the mirror lacks backups; the next try is in {} s: {}", next_try.count(),
                 copied.error().what);
    return std::nullopt;
  };
}

// What could not be sent has a pause of its own, so the errand itself never fails.
Errand::Work send_alerts(alerts::Alerts& alerts) {
  return [&alerts](const std::stop_token& stop, seconds /*next_try*/) -> std::optional<seconds> {
    return alerts.run(stop);
  };
}

}  // namespace pv::app
