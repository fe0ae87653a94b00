#include "app/service_manager.h"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "base/text.h"

namespace pv::app {
namespace {

void say(const std::string& what) { (void)::sd_notify(/*unset_environment=*/0, what.c_str()); }

// A line ends an assignment.
std::string assign(std::string_view name, std::string_view value) {
  return std::string{name} + "=" + printable(value) + "\n";
}

}  // namespace

ServiceManager::ServiceManager() {
  std::uint64_t time_us = 0;
  if (::sd_watchdog_enabled(/*unset_environment=*/0, &time_us) > 0) {
    watch_time_ = std::chrono::microseconds{time_us};
  }
}

void ServiceManager::ready(std::string_view status) const {
  say("READY=1\n" + assign("STATUS", status));
}

void ServiceManager::status(std::string_view status) const { say(assign("STATUS", status)); }

void ServiceManager::reloading() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();  // CLOCK_MONOTONIC
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us) + "\n");
}

void ServiceManager::stopping() const { say("STOPPING=1\n" + assign("STATUS", "stopping")); }

void ServiceManager::alive() const { say("WATCHDOG=1\n"); }

}  // namespace pv::app
