// The mount table.
#include "fs/file.h"

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

// Field 5 of a line: "36 35 98:0 /mnt1 /mnt2 rw,noatime ...".
std::string mount_point_of(std::string_view line) {
  for (int field = 1; field < 5; ++field) { (void)take_until(line, ' '); }
  return unescape_octal(take_until(line, ' '));
}

}  // namespace

std::vector<Path> mount_points() {
  constexpr std::uint64_t kMountsBytesMax = 16 << 20;
  std::vector<Path> points;
  const auto table = read_file("/proc/self/mountinfo", kMountsBytesMax);
  if (!table.has_value()) { return points; }
  for (std::string_view lines = *table; !lines.empty();) {
    points.emplace_back(mount_point_of(take_until(lines, '\n')));
  }
  return points;
}

}  // namespace pv::fs
