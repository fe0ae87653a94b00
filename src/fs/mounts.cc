// The mount table.
#include "fs/mounts.h"

#include <algorithm>

namespace pv::fs {
namespace {

// mountinfo writes blanks, tabs, line ends and backslashes of names as "\ooo".
std::string unescape_octal(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto is_octal = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '7'; };
    if (text[at] == '\\' && text.size() - at > 3 && is_octal(at + 1) && is_octal(at + 2) &&
        is_octal(at + 3)) {
      result += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                  (text[at + 3] - '0'));
      at += 3;
    } else {
      result += text[at];
    }
  }
  return result;
}

std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

struct Mount {
  std::string device;
  Path root;   // the folder of the file system that is mounted
  Path point;  // where
};

// A line: "36 35 98:0 /mnt1 /mnt2 rw,noatime ...".
Mount mount_in(std::string_view line) {
  (void)take_until(line, ' ');
  (void)take_until(line, ' ');
  Mount mount;
  mount.device = take_until(line, ' ');
  mount.root = unescape_octal(take_until(line, ' '));
  mount.point = unescape_octal(take_until(line, ' '));
  return mount;
}

std::vector<Mount> mounts() {
  constexpr std::uint64_t kMountsBytesMax = 16 << 20;
  std::vector<Mount> found;
  const auto table = read_file("/proc/self/mountinfo", kMountsBytesMax);
  if (!table.has_value()) { return found; }
  for (std::string_view lines = *table; !lines.empty();) {
    found.push_back(mount_in(take_until(lines, '\n')));
  }
  return found;
}

std::ptrdiff_t depth_of(const Path& path) { return std::distance(path.begin(), path.end()); }

}  // namespace

bool lies_in(const Path& inner, const Path& outer) {
  const auto [end, unused] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

bool lies_in(const DiskPlace& inner, const DiskPlace& outer) {
  return inner.device == outer.device && lies_in(inner.path, outer.path);
}

std::vector<Path> mount_points() {
  std::vector<Path> points;
  for (Mount& mount : mounts()) { points.push_back(std::move(mount.point)); }
  return points;
}

std::optional<DiskPlace> disk_place(const Path& path) {
  std::optional<Mount> above;
  for (Mount& mount : mounts()) {
    // Of two at one point the later hides the earlier.
    if (lies_in(path, mount.point) && (!above || depth_of(mount.point) >= depth_of(above->point))) {
      above = std::move(mount);
    }
  }
  if (!above) { return std::nullopt; }
  if (path == above->point) { return DiskPlace{above->device, above->root}; }
  return DiskPlace{above->device, above->root / path.lexically_relative(above->point)};
}

}  // namespace pv::fs
