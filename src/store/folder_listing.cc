#include "store/folder_listing.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>
#include <thread>
#include <unordered_set>

#include "base/work_pool.h"
#include "fs/beneath.h"
#include "s3/sidecar.h"
#include "store/part.h"

namespace pv::store {
namespace {

constexpr std::size_t kDepthMax = 32;  // open folders on the way down

struct CloseDir {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

unsigned char type_of(const fs::Fd& folder, const ::dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) { return entry.d_type; }
  struct ::stat raw {};
  if (::fstatat(folder.get(), entry.d_name, &raw, AT_SYMLINK_NOFOLLOW) != 0) { return DT_UNKNOWN; }
  return static_cast<unsigned char>(IFTODT(raw.st_mode));
}

// Calls take(name, type) for each entry but "." and "..": nothing is kept of those that are of no
// interest. The name ends in a NUL.
template <class Take>
Result<void> read_entries(const fs::Fd& folder, const Take& take) {
  // Of its own, because reading a folder moves the descriptor's position.
  fs::Fd own{::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  const std::unique_ptr<DIR, CloseDir> stream{own.is_open() ? ::fdopendir(own.get()) : nullptr};
  if (stream == nullptr) { return fail(errno_error(errno, "read folder")); }
  own.release();
  errno = 0;
  while (const ::dirent* entry = ::readdir(stream.get())) {
    const std::string_view name{entry->d_name};
    if (name != "." && name != "..") { take(name, type_of(folder, *entry)); }
    errno = 0;
  }
  if (errno != 0) { return fail(errno_error(errno, "read folder")); }
  return {};
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

// Whether a side file matters: nearly none do, and most folders are half side files.
bool may_be_needed(std::string_view name) {
  return name.ends_with(s3::kSidecarSuffix) &&
         needs_sidecar(name.substr(0, name.size() - s3::kSidecarSuffix.size()));
}

// Calls work(i) for each i below `count`, from several threads where there are many. Each call is a
// look at one file: the kernel does most of it.
void for_many(std::size_t count, const std::function<void(std::size_t)>& work) {
  constexpr std::size_t kManyFiles = 2000;
  constexpr std::size_t kThreadsMax = 4;
  const std::size_t parts = count < kManyFiles ? 1 : std::min(processor_count(), kThreadsMax);
  const auto run = [&](std::size_t part) {
    for (std::size_t i = count * part / parts; i < count * (part + 1) / parts; ++i) { work(i); }
  };
  std::vector<std::thread> threads;
  std::size_t begun = 1;
  try {
    for (; begun < parts; ++begun) { threads.emplace_back(run, begun); }
  } catch (const std::system_error&) {
    // No thread to be had: the rest is done here.
  }
  run(0);
  for (std::size_t part = begun; part < parts; ++part) { run(part); }
  for (std::thread& thread : threads) { thread.join(); }
}

enum class Ask { kNothing, kSizeAndTime };

class Lister {
 public:
  Lister(const fs::Fd& root, Ask ask) : root_{root}, ask_{ask} {}

  Result<void> visit(const fs::Fd& folder, const std::string& prefix, std::size_t depth) {
    const std::size_t first = found_.size();
    std::vector<std::string> folders;
    std::vector<std::string> links;
    std::vector<std::string> in_doubt;  // hidden or temporary: a backup, if there is a side file
    std::unordered_set<std::string> sidecars;  // of such
    PV_CHECK(read_entries(folder, [&](std::string_view name, unsigned char type) {
      if (type == DT_DIR) {
        folders.emplace_back(name);
      } else if (name.ends_with(s3::kSidecarSuffix)) {
        if (may_be_needed(name)) { sidecars.emplace(name); }
      } else if ((type == DT_REG || type == DT_LNK) && !is_part_name(name)) {
        if (type == DT_LNK) { links.emplace_back(name); }
        if (type == DT_REG && needs_sidecar(name)) { in_doubt.emplace_back(name); }
        if (type == DT_REG && !needs_sidecar(name)) { add(prefix, name); }
      }
    }));
    const auto counts = [&](const std::string& name) {
      return !needs_sidecar(name) || sidecars.contains(name + std::string{s3::kSidecarSuffix});
    };
    for (const std::string& name : in_doubt) {
      if (counts(name)) { add(prefix, name); }
    }
    if (ask_ == Ask::kSizeAndTime) { ask(folder, first, prefix.size()); }
    for (const std::string& name : links) {
      if (counts(name)) { follow(prefix, name); }
    }
    for (const std::string& name : folders) {
      const fs::Fd child = enter(folder, name, depth);
      if (child.is_open()) { std::ignore = visit(child, prefix + name + "/", depth + 1); }
    }
    return {};
  }

  std::vector<Backup> take() {
    const auto by_name = [](const Backup& a, const Backup& b) { return a.name < b.name; };
    if (!std::is_sorted(found_.begin(), found_.end(), by_name)) {
      std::sort(found_.begin(), found_.end(), by_name);
    }
    return std::move(found_);
  }

 private:
  void add(const std::string& prefix, std::string_view name) {
    auto key = BackupName::parse(prefix.empty() ? name : prefix + std::string{name});
    if (!key.has_value()) { return; }  // no key can name it: not ours
    found_.push_back(
        {.name = *std::move(key), .size_bytes = 0, .modified = {}, .content_type = {}});
  }

  // All from `first` on, which lie in `folder`. What is no file any more is dropped.
  void ask(const fs::Fd& folder, std::size_t first, std::size_t prefix_size) {
    const std::span<Backup> backups = std::span{found_}.subspan(first);
    std::vector<char> is_file(backups.size());  // no vector<bool>: threads write side by side
    for_many(backups.size(), [&](std::size_t i) {
      struct ::stat raw {};
      const char* last_part = backups[i].name.text().c_str() + prefix_size;
      const bool is_there = ::fstatat(folder.get(), last_part, &raw, AT_SYMLINK_NOFOLLOW) == 0;
      is_file[i] = is_there && take(raw, backups[i]) ? 1 : 0;
    });
    if (std::ranges::find(is_file, 0) == is_file.end()) { return; }
    std::size_t kept = first;
    for (std::size_t i = 0; i < is_file.size(); ++i) {
      if (is_file[i] != 0) { found_[kept++] = std::move(found_[first + i]); }
    }
    found_.erase(found_.begin() + static_cast<std::ptrdiff_t>(kept), found_.end());
  }

  // One that leads out is none.
  void follow(const std::string& prefix, const std::string& name) {
    struct ::stat raw {};
    const auto target = fs::open_beneath(root_, prefix + name, O_PATH);
    if (!target.has_value() || ::fstat(target->get(), &raw) != 0 || !S_ISREG(raw.st_mode)) {
      return;
    }
    const std::size_t before = found_.size();
    add(prefix, name);
    if (found_.size() > before) { std::ignore = take(raw, found_.back()); }
  }

  // False: it is no file.
  static bool take(const struct ::stat& raw, Backup& backup) {
    if (!S_ISREG(raw.st_mode)) { return false; }
    backup.size_bytes = static_cast<std::uint64_t>(raw.st_size);
    backup.modified = WallTime{std::chrono::seconds{raw.st_mtim.tv_sec} +
                               std::chrono::nanoseconds{raw.st_mtim.tv_nsec}};
    return true;
  }

  const fs::Fd& root_;
  const Ask ask_;
  std::vector<Backup> found_;
};

Result<void> visit_parts(
    const fs::Fd& folder, std::size_t depth,
    const std::function<void(const fs::Fd& parent, const std::string& name)>& visit) {
  std::vector<std::string> folders;
  std::vector<std::string> parts;  // not visited meanwhile: they may be removed
  PV_CHECK(read_entries(folder, [&](std::string_view name, unsigned char type) {
    if (type == DT_REG && is_part_name(name)) { parts.emplace_back(name); }
    if (type == DT_DIR) { folders.emplace_back(name); }
  }));
  for (const std::string& part : parts) { visit(folder, part); }
  for (const std::string& name : folders) {
    const fs::Fd child = enter(folder, name, depth);
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
  Lister lister{root, Ask::kSizeAndTime};
  PV_CHECK(lister.visit(root, "", 0));
  return lister.take();
}

Result<std::vector<Backup>> list_names(const fs::Fd& root) {
  Lister lister{root, Ask::kNothing};
  PV_CHECK(lister.visit(root, "", 0));
  return lister.take();
}

Result<void> for_each_part(
    const fs::Fd& root,
    const std::function<void(const fs::Fd& parent, const std::string& name)>& visit) {
  return visit_parts(root, 0, visit);
}

}  // namespace pv::store
