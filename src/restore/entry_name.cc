#include "restore/entry_name.h"

#include <optional>
#include <vector>

#include "base/text.h"

namespace pv::restore {
namespace {

constexpr std::size_t kComponentBytesMax = 255;  // NAME_MAX
// PATH_MAX less room for the directory in front and for SQLite's "-journal" behind.
constexpr std::size_t kNameBytesMax = 3000;
// As deep as fs::walk goes: what lies deeper could never be backed up again.
constexpr std::size_t kComponentsMax = 128;

using Components = std::vector<std::string_view>;

// The name as PocketBase would resolve it below the data directory: empty and "." parts go, ".."
// takes one part back, a leading "/" counts for nothing. nullopt: it leads outside. Empty: it is
// the directory itself.
std::optional<Components> components_of(std::string_view name) {
  Components components;
  while (!name.empty()) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    if (part.empty() || part == ".") { continue; }
    if (part != "..") {
      components.push_back(part);
    } else if (components.empty()) {
      return std::nullopt;
    } else {
      components.pop_back();
    }
  }
  return components;
}

}  // namespace

tl::unexpected<Error> refuse(std::string_view name, std::string_view why) {
  const std::string shown = printable(name.substr(0, 200));
  return fail(Code::kDamaged, "the archive has an entry \"" + shown + "\" " + std::string{why});
}

Result<std::string> safe_name(std::string_view name) {
  if (name.empty()) { return refuse(name, "without a name"); }
  if (name.find('\0') != std::string_view::npos) {
    return refuse(name, "with a NUL byte in its name");
  }
  if (name.size() > kNameBytesMax) { return refuse(name, "with a name that is too long"); }
  const std::optional<Components> components = components_of(name);
  if (!components) { return refuse(name, "that leads outside the data directory"); }
  if (components->size() > kComponentsMax) { return refuse(name, "in too many folders"); }
  std::string clean;
  for (const std::string_view component : *components) {
    if (component.size() > kComponentBytesMax) {
      return refuse(name, "with a part of its name over 255 bytes");
    }
    if (!clean.empty()) { clean += '/'; }
    clean += component;
  }
  return clean;
}

}  // namespace pv::restore
