// What the service manager is told that started us: systemd, or whatever speaks sd_notify(3).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace pv::app {

// Speaks to $NOTIFY_SOCKET; without one nothing is said. A manager that does not listen, or
// does not read, is no trouble of ours: what it has no room for is dropped, at the start, the end
// and a reload after a second.
//
// Threads    All methods from any thread.
class ServiceManager {
 public:
  ServiceManager();

  // Requests are answered from now on. `status` is a line for people, as `systemctl status` shows.
  void ready(std::string_view status) const;
  void status(std::string_view status) const;
  // Options are read anew; ends with ready().
  void reloading() const;
  void stopping() const;

  // Within which time alive() is to be said again and again, or the manager takes us for stuck;
  // nullopt: it does not watch.
  [[nodiscard]] std::optional<std::chrono::microseconds> watch_time() const { return watch_time_; }
  void alive() const;

 private:
  std::optional<std::chrono::microseconds> watch_time_;
};

}  // namespace pv::app
