#include "store/folder_listing.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
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

// A name that may be one of a backup, and whether it is a link.
struct Candidate {
  BackupName key;
  std::size_t last_part_at = 0;
  bool is_link = false;

  [[nodiscard]] const char* last_part() const { return key.text().c_str() + last_part_at; }
};

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

class Lister {
 public:
  explicit Lister(const fs::Fd& root) : root_{root} {}

  Result<void> visit(const fs::Fd& folder, const std::string& prefix, std::size_t depth) {
    PV_TRY(const std::vector<DirEntry> entries, read_entries(folder));
    std::unordered_set<std::string_view> sidecars;
    for (const DirEntry& entry : entries) {
      if (may_be_needed(entry.name)) { sidecars.insert(entry.name); }
    }
    std::vector<Candidate> candidates;
    for (const DirEntry& entry : entries) {
      const unsigned char type = type_of(folder, entry);
      if (type == DT_DIR) {
        const fs::Fd child = enter(folder, entry.name, depth);
        if (child.is_open()) { std::ignore = visit(child, prefix + entry.name + "/", depth + 1); }
        continue;
      }
      if ((type != DT_REG && type != DT_LNK) || entry.name.ends_with(s3::kSidecarSuffix) ||
          is_part_name(entry.name)) {
        continue;
      }
      if (needs_sidecar(entry.name) &&
          !sidecars.contains(entry.name + std::string{s3::kSidecarSuffix})) {
        continue;
      }
      auto key = BackupName::parse(prefix + entry.name);
      if (!key.has_value()) { continue; }  // no key can name it: not ours
      candidates.push_back({*std::move(key), prefix.size(), type == DT_LNK});
    }
    take(folder, std::move(candidates));
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
  void take(const fs::Fd& folder, std::vector<Candidate> candidates) {
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.key < b.key; });
    std::vector<std::optional<struct ::stat>> looks(candidates.size());
    for_many(candidates.size(), [&](std::size_t i) { looks[i] = look_at(folder, candidates[i]); });
    found_.reserve(found_.size() + candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!looks[i] || !S_ISREG(looks[i]->st_mode)) { continue; }
      const struct ::stat& raw = *looks[i];
      const WallTime modified{std::chrono::seconds{raw.st_mtim.tv_sec} +
                              std::chrono::nanoseconds{raw.st_mtim.tv_nsec}};
      found_.push_back(
          {std::move(candidates[i].key), static_cast<std::uint64_t>(raw.st_size), modified, {}});
    }
  }

  // nullopt: removed since the folder was read, or a link that leads out.
  [[nodiscard]] std::optional<struct ::stat> look_at(const fs::Fd& folder,
                                                     const Candidate& candidate) const {
    struct ::stat raw {};
    if (candidate.is_link) {
      const auto target = fs::open_beneath(root_, candidate.key.text(), O_PATH);
      if (!target.has_value() || ::fstat(target->get(), &raw) != 0) { return std::nullopt; }
      return raw;
    }
    if (::fstatat(folder.get(), candidate.last_part(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
      return std::nullopt;
    }
    return raw;
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
