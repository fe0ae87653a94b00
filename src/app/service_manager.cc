#include "app/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "fs/file.h"

namespace pv::app {
namespace {

using std::chrono::milliseconds;

// All services of a system speak to one socket, so it may be full for a moment: what starts, ends
// or reloads us is worth some waiting.
constexpr milliseconds kPatience{1'000};
// What is said again soon is not: nobody here is held up by a manager that does not read.
constexpr milliseconds kNoPatience{0};

// sd_notify() would wait for ever for a manager that does not read.
void say(const std::string& what, milliseconds patience) {
  const char* const place = std::getenv("NOTIFY_SOCKET");
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view path = place == nullptr ? "" : place;
  if (path.size() < 2 || path.size() >= sizeof(address.sun_path)) { return; }
  path.copy(address.sun_path, path.size());
  if (path.front() == '@') { address.sun_path[0] = '\0'; }  // in the abstract name space
  const fs::Fd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket.is_open()) { return; }
  const ::timeval wait{.tv_sec = patience / std::chrono::seconds{1}, .tv_usec = 0};
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
  const int flags = MSG_NOSIGNAL | (patience == kNoPatience ? MSG_DONTWAIT : 0);
  const auto size = static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + path.size());
  (void)::sendto(socket.get(), what.data(), what.size(), flags,
                 reinterpret_cast<const ::sockaddr*>(&address), size);
}

// A line ends an assignment.
std::string assign(std::string_view name, std::string_view value) {
  return std::string{name} + "=" + printable(value) + "\n";
}

// What the environment says under that name; nullopt when that is no number.
std::optional<std::int64_t> number_in(const char* name) {
  const char* const value = std::getenv(name);
  const std::string_view text = value == nullptr ? "" : value;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) { return std::nullopt; }
  return number;
}

}  // namespace

// As sd_watchdog_enabled(3): libsystemd, and the six libraries that it brings, would be loaded for
// two variables.
ServiceManager::ServiceManager() {
  const std::optional<std::int64_t> time_us = number_in("WATCHDOG_USEC");
  const bool is_for_us =
      std::getenv("WATCHDOG_PID") == nullptr || number_in("WATCHDOG_PID") == ::getpid();
  if (time_us > 0 && is_for_us) { watch_time_ = std::chrono::microseconds{*time_us}; }
}

void ServiceManager::ready(std::string_view status) const {
  say("READY=1\n" + assign("STATUS", status), kPatience);
}

void ServiceManager::status(std::string_view status) const {
  say(assign("STATUS", status), kNoPatience);
}

void ServiceManager::reloading() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();  // CLOCK_MONOTONIC
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us) + "\n", kPatience);
}

void ServiceManager::stopping() const {
  say("STOPPING=1\n" + assign("STATUS", "stopping"), kPatience);
}

void ServiceManager::alive() const { say("WATCHDOG=1\n", kNoPatience); }

}  // namespace pv::app
