#include "restore/layout.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace pv::restore {
namespace {

constexpr std::string_view kStorage = "storage";

// Where a leaving entry stands: data.db, what belongs to it, the others.
int rank_of(std::string_view name) {
  if (name == "data.db") { return 0; }
  return name.starts_with("data.db-") ? 1 : 2;
}

bool is_at_or_below(std::string_view name, std::string_view folder) {
  return folder.empty() || name == folder ||
         (name.starts_with(folder) && name[folder.size()] == '/');
}

std::string joined(std::string_view folder, std::string_view name) {
  if (folder.empty() || name.empty()) { return std::string{folder} + std::string{name}; }
  return std::string{folder} + '/' + std::string{name};
}

// `name` as seen from `folder`, at or above it.
std::string_view below(std::string_view name, std::string_view folder) {
  if (folder.empty()) { return name; }
  name.remove_prefix(folder.size());
  return name.empty() ? name : name.substr(1);
}

std::string real_path(const fs::Path& path) {
  std::error_code unresolved;
  const fs::Path real = std::filesystem::canonical(path, unresolved);
  return unresolved ? std::string{} : real.string();
}

// The mount on which a real path lies.
std::string mount_of(std::string_view real, const std::vector<fs::Path>& mounts) {
  std::string longest;
  for (const fs::Path& mount : mounts) {
    const std::string& at = mount.native();
    if ((at == "/" || is_at_or_below(real, at)) && at.size() > longest.size()) { longest = at; }
  }
  return longest;
}

// Where something is mounted below the folder `real`, which is `name` in the data directory. What
// no restore touches is left out.
std::vector<std::string> mounts_below(const std::string& real, const std::string& name,
                                      const std::vector<fs::Path>& mounts) {
  std::vector<std::string> found;
  if (real.empty()) { return found; }
  for (const fs::Path& mount : mounts) {
    const std::string& at = mount.native();
    if (at == real || !is_at_or_below(at, real)) { continue; }
    std::string inside = joined(name, below(at, real));
    if (stays(inside.substr(0, inside.find('/'))) || is_in_volume_vault(inside)) { continue; }
    found.push_back(std::move(inside));
  }
  return found;
}

// Where the link `storage` leads, when that is a folder outside of the directory; else it is an
// entry like any other.
Result<std::optional<std::string>> linked_storage(const fs::Path& directory) {
  const fs::Path path = directory / kStorage;
  const Result<fs::Stat> found = fs::link_stat(path);
  if (!found.has_value() && found.error().code != Code::kNotFound) { return fail(found.error()); }
  if (!found.has_value() || !found->is_link()) { return std::optional<std::string>{}; }
  const std::string target = real_path(path);
  const std::string real = real_path(directory);
  if (target.empty()) {
    return fail(Code::kUnsupported,
                printable(path.native()) +
                    " is a link to a folder that is not there: mount what it leads to, or remove "
                    "the link to have an ordinary folder restored in its place");
  }
  const Result<fs::Stat> leads_to = fs::stat(path);
  if (!leads_to.has_value()) { return fail(leads_to.error()); }
  if (!leads_to->is_folder() || is_at_or_below(target, real) || is_at_or_below(real, target)) {
    return std::optional<std::string>{};
  }
  return std::optional{target};
}

// Everything that is mounted inside, through the link `storage` too.
Result<std::vector<std::string>> mounts_in(const fs::Path& directory, const Disk& disk) {
  const std::vector<fs::Path> mounts = disk.mounts();
  std::vector<std::string> found = mounts_below(real_path(directory), "", mounts);
  PV_TRY(const std::optional<std::string> storage, linked_storage(directory));
  if (storage) {
    const auto more = mounts_below(*storage, std::string{kStorage}, mounts);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

// One that another mount hides is none.
Result<bool> is_volume(const fs::Path& directory, const std::string& mount) {
  const Result<fs::Stat> found = fs::stat(directory / mount);
  if (!found.has_value() && found.error().code == Code::kNotFound) { return false; }
  if (!found.has_value()) { return fail(found.error()); }
  if (found->is_folder()) { return true; }
  return fail(Code::kUnsupported,
              printable((directory / mount).native()) +
                  " is a single file that is mounted there, which a restore can't put another in "
                  "the place of: mount the folder that it is in, or restore elsewhere and copy");
}

Result<void> refuse_linked_databases(const fs::Path& directory) {
  for (const char* name : {"data.db", "auxiliary.db"}) {
    const Result<fs::Stat> found = fs::link_stat(directory / name);
    if (!found.has_value() && found.error().code != Code::kNotFound) { return fail(found.error()); }
    if (!found.has_value() || !found->is_link()) { continue; }
    return fail(Code::kUnsupported,
                printable((directory / name).native()) +
                    " is a link, and what it leads to would be left behind by a restore: move the "
                    "database itself here (while nothing has it open, with its -wal), and make "
                    "this directory the link, or a mount, if it is to lie on another disk");
  }
  return {};
}

// Our folder for the directory's own volume: the usual one, unless renames into it are impossible.
std::string_view own_vault(const fs::Path& directory, const Disk& disk) {
  const std::string real = real_path(directory);
  const std::string vault = real_path(vault_folder(directory));
  if (vault.empty()) { return kOwnVault; }  // not made yet
  const std::vector<fs::Path> mounts = disk.mounts();
  const Result<fs::Stat> here = fs::stat(directory);
  const Result<fs::Stat> there = fs::stat(vault_folder(directory));
  const bool same = here.has_value() && there.has_value() && here->device == there->device &&
                    mount_of(real, mounts) == mount_of(vault, mounts);
  return same ? kOwnVault : kVolumeVault;
}

}  // namespace

bool stays(std::string_view root_entry) {
  constexpr std::array<std::string_view, 8> kStay{
      "backups",         kOwnVault,    kVolumeVault,         ".notify",
      ".autocert_cache", "lost+found", ".pb_temp_to_delete", ".pocketvault-code"};
  return std::find(kStay.begin(), kStay.end(), root_entry) != kStay.end();
}

bool is_in_volume_vault(std::string_view name) {
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('/', start), name.size());
    if (name.substr(start, end - start) == kVolumeVault) { return true; }
    start = end + 1;
  }
  return false;
}

bool is_one_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

bool is_folder_name(std::string_view name) {
  constexpr std::size_t kPathBytesMax = 4096;
  if (name.size() > kPathBytesMax || stays(name.substr(0, name.find('/'))) ||
      is_in_volume_vault(name)) {
    return false;
  }
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('/', start), name.size());
    if (!is_one_name(name.substr(start, end - start))) { return false; }
    start = end + 1;
  }
  return true;
}

Result<Layout> Layout::of(const fs::Path& directory, const Disk& disk) {
  PV_CHECK(refuse_linked_databases(directory));
  PV_TRY(const std::vector<std::string> mounts, mounts_in(directory, disk));
  std::vector<std::string> volumes;
  for (const std::string& mount : mounts) {
    PV_TRY(const bool is_one, is_volume(directory, mount));
    if (is_one) { volumes.push_back(mount); }
  }
  PV_TRY(const std::optional<std::string> storage, linked_storage(directory));
  if (storage) { volumes.emplace_back(kStorage); }
  return Layout{std::string{own_vault(directory, disk)}, volumes};
}

Layout::Layout(std::string own_vault, const std::vector<std::string>& volumes)
    : volumes_{{.at = "", .vault = std::move(own_vault)}}, places_{""} {
  for (const std::string& at : volumes) {
    volumes_.push_back({.at = at, .vault = joined(at, kVolumeVault)});
    for (std::size_t slash = at.find('/'); slash != std::string::npos;
         slash = at.find('/', slash + 1)) {
      places_.push_back(at.substr(0, slash));
    }
    places_.push_back(at);
  }
  const auto by_name = [](const Volume& a, const Volume& b) { return a.at < b.at; };
  std::sort(volumes_.begin(), volumes_.end(), by_name);
  volumes_.erase(std::unique(volumes_.begin(), volumes_.end()), volumes_.end());
  std::sort(places_.begin(), places_.end());
  places_.erase(std::unique(places_.begin(), places_.end()), places_.end());
}

std::vector<std::string> Layout::other_volumes() const {
  std::vector<std::string> others;
  for (auto volume = volumes_.begin() + 1; volume != volumes_.end(); ++volume) {
    others.push_back(volume->at);
  }
  return others;
}

bool Layout::is_place(std::string_view name) const {
  return std::binary_search(places_.begin(), places_.end(), name);
}

const Volume& Layout::volume_of(std::string_view name) const {
  // Those above `name` come each behind the one above it.
  const auto found = std::find_if(volumes_.rbegin(), volumes_.rend(), [&](const Volume& volume) {
    return is_at_or_below(name, volume.at);
  });
  return *found;  // the first is above everything
}

std::string Layout::inside(std::string_view folder, std::string_view name) const {
  const Volume& volume = volume_of(name);
  return joined(joined(volume.vault, folder), below(name, volume.at));
}

Result<void> Layout::check_still_so(const fs::Path& directory, std::string_view folder,
                                    const Disk& disk) const {
  for (const Volume& volume : volumes_) {
    if (volume.vault != kOwnVault) { PV_CHECK(refuse_linked_vault(directory / volume.vault)); }
    const fs::Path there = directory / volume.vault / folder;
    const Result<fs::Stat> found = fs::stat(there);
    if (found.has_value() && found->is_folder()) { continue; }
    if (!found.has_value() && found.error().code != Code::kNotFound) { return fail(found.error()); }
    return fail(Code::kUnsupported,
                printable(there.native()) + " is not there: mount the volume that was at " +
                    printable((directory / volume.at).native()) + " when this was begun");
  }
  PV_TRY(const std::vector<std::string> mounts, mounts_in(directory, disk));
  for (const std::string& mount : mounts) {
    const bool is_known = std::any_of(volumes_.begin(), volumes_.end(),
                                      [&](const Volume& volume) { return volume.at == mount; });
    if (is_known) { continue; }
    return fail(Code::kUnsupported, printable((directory / mount).native()) +
                                        " was no mount of its own when this was begun: unmount it");
  }
  return {};
}

Result<void> refuse_linked_vault(const fs::Path& vault) {
  const Result<fs::Stat> found = fs::link_stat(vault);
  if (!found.has_value() && found.error().code == Code::kNotFound) { return {}; }
  if (!found.has_value()) { return fail(found.error()); }
  if (found->is_folder()) { return {}; }
  return fail(Code::kInvalid,
              printable(vault.native()) +
                  " is a link or a file; pocketvault has a folder of its own of that "
                  "name, and follows no link there: remove it");
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

Result<std::vector<std::string>> entries_to_exchange(const fs::Path& path, std::string_view place,
                                                     const Layout& layout) {
  Result<std::vector<std::string>> found = names_in(path);
  if (!found.has_value() && found.error().code == Code::kNotFound) {
    return std::vector<std::string>{};
  }
  PV_TRY(std::vector<std::string> names, std::move(found));
  std::erase_if(names, [&](const std::string& name) {
    const bool is_ours = place.empty() ? stays(name) : name == kVolumeVault || name == "lost+found";
    return is_ours || layout.is_place(joined(place, name));
  });
  if (place.empty()) {
    std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
      return rank_of(a) < rank_of(b);
    });
  }
  return names;
}

}  // namespace pv::restore
