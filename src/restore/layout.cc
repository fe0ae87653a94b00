#include "restore/layout.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "sqlite/files.h"

namespace pv::restore {
namespace {

constexpr std::string_view kStorage = "storage";
constexpr std::string_view kAttributes = ".attrs";

bool is_stored(std::string_view name) {
  return name.size() > kStorage.size() && is_at_or_below(name, kStorage);
}

// "photo.png" of "photo.png.attrs"; `name` itself where nothing would be left.
std::string_view without(std::string_view name, std::string_view suffix) {
  const bool is_one = name.ends_with(suffix) && name.size() > suffix.size() &&
                      name[name.size() - suffix.size() - 1] != '/';
  return is_one ? name.substr(0, name.size() - suffix.size()) : name;
}

void append(std::vector<std::string>& names, std::string_view name, std::string_view suffix) {
  constexpr std::size_t kNameBytesMax = 255;
  std::string longer = std::string{name} + std::string{suffix};
  if (last_part_of(longer).size() <= kNameBytesMax) { names.push_back(std::move(longer)); }
}

// Where a leaving entry stands: data.db, what belongs to it, the others.
int rank_of(std::string_view name) {
  if (name == "data.db") { return 0; }
  return name.starts_with("data.db-") ? 1 : 2;
}

// Whether the folder `at` lies in one of the units, or one of them in it.
bool concerns(std::string_view at, const std::vector<std::string>& units) {
  return units.empty() || std::any_of(units.begin(), units.end(), [&](const std::string& unit) {
           return is_at_or_below(at, unit) || is_at_or_below(unit, at);
         });
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
Result<std::optional<std::string>> linked_storage(const fs::Path& directory,
                                                  const std::vector<std::string>& units) {
  if (!concerns(kStorage, units)) { return std::optional<std::string>{}; }
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

// What is mounted inside and concerns the units, and below what the link `storage` leads to.
std::vector<std::string> mounts_in(const fs::Path& directory,
                                   const std::optional<std::string>& storage, const Disk& disk,
                                   const std::vector<std::string>& units) {
  const std::vector<fs::Path> mounts = disk.mounts();
  std::vector<std::string> found = mounts_below(real_path(directory), "", mounts);
  if (storage) {
    const auto more = mounts_below(*storage, std::string{kStorage}, mounts);
    found.insert(found.end(), more.begin(), more.end());
  }
  std::erase_if(found, [&](const std::string& mount) { return !concerns(mount, units); });
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

Result<void> refuse_linked_databases(const fs::Path& directory,
                                     const std::vector<std::string>& units) {
  for (const char* name : {"data.db", "auxiliary.db"}) {
    if (!concerns(name, units)) { continue; }
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

// Renames want to write to the folder in which they happen.
Result<void> check_entries_can_move(const fs::Path& directory, const std::string& place) {
  const fs::Path path = place.empty() ? directory : directory / place;
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0) { return {}; }
  if (errno != EROFS && errno != EACCES) {
    return fail(errno_error(errno, printable(path.native())));
  }
  return fail(Code::kUnsupported,
              errno_error(errno, printable(path.native())).what +
                  ": a restore has to exchange what is in it. Make it writable (chmod u+w), or "
                  "restore as the user that it belongs to");
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

std::string_view database_of(std::string_view name) {
  const std::string_view main = sqlite::main_of(name);
  return is_database(main) ? main : name;
}

std::vector<std::string> sqlite_companions_of(std::string_view name) {
  std::vector<std::string> companions;
  for (const std::string_view companion : sqlite::kCompanions) {
    append(companions, name, companion);
  }
  return companions;
}

std::vector<std::string> companions_of(std::string_view name) {
  std::vector<std::string> companions = sqlite_companions_of(name);
  if (is_stored(name)) { append(companions, name, kAttributes); }
  return companions;
}

std::string_view main_of(std::string_view name) {
  const std::string_view stored = without(name, kAttributes);
  return stored != name && is_stored(stored) ? stored : sqlite::main_of(name);
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

Result<Layout> Layout::of(const fs::Path& directory, const Disk& disk,
                          const std::vector<std::string>& units) {
  PV_CHECK(refuse_linked_databases(directory, units));
  PV_TRY(const std::optional<std::string> storage, linked_storage(directory, units));
  std::vector<std::string> volumes;
  for (const std::string& mount : mounts_in(directory, storage, disk, units)) {
    PV_TRY(const bool is_one, is_volume(directory, mount));
    if (is_one) { volumes.push_back(mount); }
  }
  if (storage) { volumes.emplace_back(kStorage); }
  Layout layout{std::string{own_vault(directory, disk)}, volumes, units};
  PV_CHECK(layout.check_units_can_move(directory));
  return layout;
}

Result<void> Layout::check_units_can_move(const fs::Path& directory) const {
  for (const std::string& unit : units_) {
    const auto missing = missing_above(directory, unit);
    if (missing.has_value()) {
      if (!is_place(unit)) {
        PV_CHECK(check_entries_can_move(directory, parent_of(missing->value_or(unit))));
      }
      continue;
    }
    Error error = missing.error();
    if (error.code == Code::kUnsupported) { error.what += ", or restore it as a whole"; }
    return fail(std::move(error));
  }
  return {};
}

Layout::Layout(std::string own_vault, const std::vector<std::string>& volumes,
               std::vector<std::string> units)
    : volumes_{{.at = "", .vault = std::move(own_vault)}}, units_{std::move(units)}, places_{""} {
  std::sort(units_.begin(), units_.end());
  const auto add_folders_above = [&](const std::string& name) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1)) {
      places_.push_back(name.substr(0, slash));
    }
  };
  for (const std::string& unit : units_) { add_folders_above(unit); }
  for (const std::string& at : volumes) {
    volumes_.push_back({.at = at, .vault = joined(at, kVolumeVault)});
    add_folders_above(at);
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

bool Layout::is_unit(std::string_view name) const {
  return std::binary_search(units_.begin(), units_.end(), name);
}

bool Layout::is_whole(std::string_view name) const {
  return units_.empty() ||
         any_at_or_above(name, [this](std::string_view one) { return is_unit(one); });
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

Result<std::optional<std::string>> Layout::missing_above(const fs::Path& directory,
                                                         std::string_view name) const {
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    const std::string folder{name.substr(0, slash)};
    const fs::Path path = directory / folder;
    const bool may_be_link = volume_of(folder).at == folder;
    const Result<fs::Stat> found = may_be_link ? fs::stat(path) : fs::link_stat(path);
    if (!found.has_value() && found.error().code == Code::kNotFound) {
      return std::optional{folder};
    }
    if (!found.has_value()) { return fail(found.error()); }
    if (found->is_folder()) { continue; }
    return fail(Code::kUnsupported, printable(path.native()) + " is " +
                                        (found->is_link() ? "a link" : "no folder") + ", where " +
                                        printable(name) + " wants a folder: make it one again");
  }
  return std::optional<std::string>{};
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
  // A link that leads nowhere hides no mount. Where `storage` was none, a program has made it.
  Result<std::optional<std::string>> storage = linked_storage(directory, units_);
  const bool leads_nowhere = !storage.has_value() && storage.error().code == Code::kUnsupported;
  if (leads_nowhere && volume_of(kStorage).at != kStorage) { storage = std::nullopt; }
  if (!storage.has_value()) { return fail(storage.error()); }
  for (const std::string& mount : mounts_in(directory, *storage, disk, units_)) {
    const bool is_known = std::any_of(volumes_.begin(), volumes_.end(),
                                      [&](const Volume& volume) { return volume.at == mount; });
    if (is_known) { continue; }
    return fail(Code::kUnsupported, printable((directory / mount).native()) +
                                        " was no mount of its own when this was begun: unmount it");
  }
  return {};
}

Result<void> sync_folders(const fs::Path& directory, const Layout& layout,
                          const std::vector<fs::Path>& folders, Disk& disk) {
  // An fsync waits for a commit of the file system's journal, and so does a syncfs, which may have
  // more to write that is others'.
  constexpr std::size_t kAloneMax = 24;
  if (folders.size() <= kAloneMax) {
    for (const fs::Path& folder : folders) { PV_CHECK(disk.sync_folder(folder)); }
    return {};
  }
  for (const Volume& volume : layout.volumes()) {
    PV_CHECK(disk.sync_file_system(directory / volume.vault));
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

std::string parent_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return std::string{slash == std::string_view::npos ? std::string_view{} : name.substr(0, slash)};
}

std::string last_part_of(std::string_view name) {
  return std::string{name.substr(name.rfind('/') + 1)};  // npos + 1 is 0
}

void sort_as_they_leave(std::vector<std::string>& entries, std::string_view place) {
  std::sort(entries.begin(), entries.end(), [&](const std::string& a, const std::string& b) {
    const int rank_a = place.empty() ? rank_of(a) : 0;
    const int rank_b = place.empty() ? rank_of(b) : 0;
    return rank_a != rank_b ? rank_a < rank_b : a < b;
  });
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
  sort_as_they_leave(names, place);
  return names;
}

}  // namespace pv::restore
