// What keeps a process running, and would have to be told to stop it.
#pragma once

#include <string>
#include <string_view>

namespace pv::fs {

// Each is empty where there is none or it can't be told.
struct Supervisor {
  std::string unit;         // systemd's: "pocketbase.service"
  bool is_of_user = false;  // the unit belongs to a user's own systemd (systemctl --user)
  std::string container;    // the first 12 digits of its id
  std::string runtime;      // of the container: "docker", "podman", "kubernetes"
  friend bool operator==(const Supervisor&, const Supervisor&) = default;
};

// From the text of /proc/PID/cgroup. Names with letters that systemd gives to no unit are not
// taken: a cgroup's owner names it, and the answer is printed as part of a command.
[[nodiscard]] Supervisor parse_cgroup(std::string_view text);

[[nodiscard]] Supervisor supervisor_of(int pid);

}  // namespace pv::fs
