#include "fs/supervisor.h"

#include <algorithm>
#include <optional>

#include "fs/file.h"

namespace pv::fs {
namespace {

constexpr std::size_t kContainerIdLength = 64;
constexpr std::size_t kContainerIdShown = 12;  // as docker and podman show it
constexpr std::size_t kUnitBytesMax = 255;     // systemd's own limit
constexpr std::uint64_t kCgroupBytesMax = 64 << 10;

// The path of the hierarchy that systemd keeps: "0::/system.slice/x.service" (unified), or
// "1:name=systemd:/..." before that.
std::string_view path_in(std::string_view line) {
  for (const std::string_view start : {"0::", "name=systemd:"}) {
    const std::size_t at = line.find(start);
    if (at == std::string_view::npos) { continue; }
    if (start == "0::" && at != 0) { continue; }
    return line.substr(at + start.size());
  }
  return {};
}

bool is_unit_name(std::string_view name) {
  const auto allowed = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') ||
           std::string_view{":-_.\\@"}.find(letter) != std::string_view::npos;
  };
  return name.ends_with(".service") && name.size() <= kUnitBytesMax && !name.starts_with('-') &&
         std::all_of(name.begin(), name.end(), allowed);
}

// "docker-<64 digits>.scope", "libpod-<64 digits>.scope", or the bare digits.
std::optional<std::string_view> container_id_in(std::string_view component) {
  if (component.ends_with(".scope")) { component.remove_suffix(std::size(".scope") - 1); }
  component.remove_prefix(component.rfind('-') + 1);  // npos + 1 is 0
  const auto is_digit = [](char letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
  };
  if (component.size() != kContainerIdLength ||
      !std::all_of(component.begin(), component.end(), is_digit)) {
    return std::nullopt;
  }
  return component.substr(0, kContainerIdShown);
}

std::string_view runtime_in(std::string_view path) {
  if (path.find("kubepods") != std::string_view::npos) { return "kubernetes"; }
  if (path.find("libpod") != std::string_view::npos) { return "podman"; }
  if (path.find("docker") != std::string_view::npos) { return "docker"; }
  return "";
}

// Units that run other people's processes: to stop them is not what helps.
bool is_host_of_others(std::string_view unit) {
  return unit.starts_with("user@") || unit == "docker.service" || unit == "containerd.service" ||
         unit == "podman.service" || unit == "crio.service" || unit == "kubelet.service";
}

Supervisor of_path(std::string_view path) {
  Supervisor found;
  bool is_of_user = false;
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view component = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (component.starts_with("user@") && component.ends_with(".service")) { is_of_user = true; }
    if (is_unit_name(component) && !is_host_of_others(component)) {
      found.unit = component;
      found.is_of_user = is_of_user;
    }
    if (const auto id = container_id_in(component)) { found.container = *id; }
  }
  if (!found.container.empty()) { found.runtime = runtime_in(path); }
  return found;
}

}  // namespace

Supervisor parse_cgroup(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view path = path_in(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (path.empty()) { continue; }
    const Supervisor found = of_path(path);
    if (found != Supervisor{}) { return found; }
  }
  return {};
}

Supervisor supervisor_of(int pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup", kCgroupBytesMax);
  return text.has_value() ? parse_cgroup(*text) : Supervisor{};
}

}  // namespace pv::fs
