#include "restore/layout.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pv::restore {
namespace {

// Where a leaving entry stands: data.db, what belongs to it, the others.
int rank_of(std::string_view name) {
  if (name == "data.db") { return 0; }
  return name.starts_with("data.db-") ? 1 : 2;
}

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

bool stays(std::string_view root_entry) {
  constexpr std::array<std::string_view, 7> kStay{
      "backups",    ".pocketvault",       ".notify",          ".autocert_cache",
      "lost+found", ".pb_temp_to_delete", ".pocketvault-code"};
  return std::find(kStay.begin(), kStay.end(), root_entry) != kStay.end();
}

Result<std::vector<std::string>> names_in(const fs::Path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator{folder, error};
       !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) { return fail(errno_error(error.value(), "read " + printable(folder.native()))); }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::string>> entries_to_exchange(const fs::Path& folder) {
  PV_TRY(std::vector<std::string> names, names_in(folder));
  std::erase_if(names, [](const std::string& name) { return stays(name); });
  std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return rank_of(a) < rank_of(b);
  });
  return names;
}

Result<void> refuse_mounts(const fs::Path& directory) {
  constexpr std::uint64_t kMountsBytesMax = 16 << 20;
  const auto table = fs::read_file("/proc/self/mountinfo", kMountsBytesMax);
  std::error_code unresolved;
  const std::string root = std::filesystem::canonical(directory, unresolved).string() + "/";
  // Without /proc the renames find out: they fail, and what was moved is moved back.
  if (!table.has_value() || unresolved) { return {}; }
  for (std::string_view lines = *table; !lines.empty();) {
    const std::string mount = mount_point_of(take_until(lines, '\n'));
    if (!mount.starts_with(root)) { continue; }
    const std::string inside = mount.substr(root.size());
    const std::string entry = inside.substr(0, inside.find('/'));
    if (stays(entry) && entry != ".pocketvault") { continue; }
    return fail(Code::kUnsupported,
                printable(inside) + " in " + printable(directory.native()) +
                    " is a mount of its own, and a restore exchanges entries by renames, which "
                    "can't cross mounts; unmount it, restore, and move the restored " +
                    printable(entry) + " onto the volume");
  }
  return {};
}

}  // namespace pv::restore
