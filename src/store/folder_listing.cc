#include "store/folder_listing.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "fs/beneath.h"
#include "s3/sidecar.h"
#include "store/part.h"

namespace pv::store {
namespace {

constexpr std::size_t kDepthMax = 32;  // open folders on the way down

struct DirEntry {
  std::string name;
  unsigned char type = DT_UNKNOWN;
};

struct CloseDir {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

Result<std::vector<DirEntry>> read_entries(const fs::Fd& folder) {
  // Of its own, because reading a folder moves the descriptor's position.
  fs::Fd own{::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  const std::unique_ptr<DIR, CloseDir> stream{own.is_open() ? ::fdopendir(own.get()) : nullptr};
  if (stream == nullptr) { return fail(errno_error(errno, "read folder")); }
  own.release();
  std::vector<DirEntry> entries;
  errno = 0;
  while (const ::dirent* entry = ::readdir(stream.get())) {
    const std::string_view name{entry->d_name};
    if (name != "." && name != "..") { entries.push_back({std::string{name}, entry->d_type}); }
    errno = 0;
  }
  if (errno != 0) { return fail(errno_error(errno, "read folder")); }
  return entries;
}

unsigned char type_of(const fs::Fd& folder, const DirEntry& entry) {
  if (entry.type != DT_UNKNOWN) { return entry.type; }
  struct ::stat raw {};
  if (::fstatat(folder.get(), entry.name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
    return DT_UNKNOWN;
  }
  return static_cast<unsigned char>(IFTODT(raw.st_mode));
}

bool may_enter(std::string_view folder_name) {
  return !folder_name.starts_with('.') && folder_name != "lost+found";
}

// Opens a folder for what is below it; not open: nothing to see there.
fs::Fd enter(const fs::Fd& parent, const std::string& name, std::size_t depth) {
  if (depth >= kDepthMax || !may_enter(name)) { return {}; }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  return fs::Fd{::openat(parent.get(), name.c_str(), kFlags)};
}

class Lister {
 public:
  explicit Lister(const fs::Fd& root) : root_{root} {}

  Result<void> visit(const fs::Fd& folder, const std::string& prefix, std::size_t depth) {
    PV_TRY(const std::vector<DirEntry> entries, read_entries(folder));
    std::unordered_set<std::string_view> sidecars;
    for (const DirEntry& entry : entries) {
      if (entry.name.ends_with(s3::kSidecarSuffix)) { sidecars.insert(entry.name); }
    }
    for (const DirEntry& entry : entries) {
      const unsigned char type = type_of(folder, entry);
      if (type == DT_DIR) {
        const fs::Fd child = enter(folder, entry.name, depth);
        if (child.is_open()) { std::ignore = visit(child, prefix + entry.name + "/", depth + 1); }
        continue;
      }
      if (needs_sidecar(entry.name) &&
          !sidecars.contains(entry.name + std::string{s3::kSidecarSuffix})) {
        continue;
      }
      if (type == DT_REG || type == DT_LNK) { add(folder, entry.name, prefix, type == DT_LNK); }
    }
    return {};
  }

  std::vector<Backup> take() {
    std::sort(found_.begin(), found_.end(),
              [](const Backup& a, const Backup& b) { return a.name < b.name; });
    return std::move(found_);
  }

 private:
  void add(const fs::Fd& folder, const std::string& name, const std::string& prefix, bool is_link) {
    if (is_part_name(name)) { return; }
    const auto key = BackupName::parse(prefix + name);
    if (!key.has_value()) { return; }  // no key can name it: not ours, or a side file
    struct ::stat raw {};
    if (is_link) {
      const auto target = fs::open_beneath(root_, key->text(), O_PATH);
      if (!target.has_value() || ::fstat(target->get(), &raw) != 0) { return; }
    } else if (::fstatat(folder.get(), name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
      return;  // removed since the folder was read
    }
    if (!S_ISREG(raw.st_mode)) { return; }
    const WallTime modified{std::chrono::seconds{raw.st_mtim.tv_sec} +
                            std::chrono::nanoseconds{raw.st_mtim.tv_nsec}};
    found_.push_back({*key, static_cast<std::uint64_t>(raw.st_size), modified, {}});
  }

  const fs::Fd& root_;
  std::vector<Backup> found_;
};

Result<void> visit_parts(
    const fs::Fd& folder, std::size_t depth,
    const std::function<void(const fs::Fd& parent, const std::string& name)>& visit) {
  PV_TRY(const std::vector<DirEntry> entries, read_entries(folder));
  for (const DirEntry& entry : entries) {
    const unsigned char type = type_of(folder, entry);
    if (type == DT_REG && is_part_name(entry.name)) { visit(folder, entry.name); }
    if (type != DT_DIR) { continue; }
    const fs::Fd child = enter(folder, entry.name, depth);
    if (child.is_open()) { std::ignore = visit_parts(child, depth + 1, visit); }
  }
  return {};
}

}  // namespace

bool is_pocketbase_part(std::string_view last_part) {
  constexpr std::string_view kSuffix = ".tmp";
  if (!last_part.ends_with(kSuffix)) { return false; }
  last_part.remove_suffix(kSuffix.size());
  const std::size_t dot = last_part.rfind('.');
  if (dot == std::string_view::npos || dot == 0) { return false; }
  const std::string_view stamp = last_part.substr(dot + 1);
  constexpr std::size_t kStampLettersMin = 8;  // nanoseconds since 1970: 16 since 2006
  return stamp.size() >= kStampLettersMin &&
         stamp.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool needs_sidecar(std::string_view last_part) {
  return last_part.starts_with('.') || is_pocketbase_part(last_part);
}

Result<std::vector<Backup>> list_backups(const fs::Fd& root) {
  Lister lister{root};
  PV_CHECK(lister.visit(root, "", 0));
  return lister.take();
}

Result<void> for_each_part(
    const fs::Fd& root,
    const std::function<void(const fs::Fd& parent, const std::string& name)>& visit) {
  return visit_parts(root, 0, visit);
}

}  // namespace pv::store
