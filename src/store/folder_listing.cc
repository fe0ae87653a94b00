#include "store/folder_listing.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/wall_time.h"
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

// What in a folder is neither a backup nor nothing.
struct Others {
  std::vector<std::string> links;  // that count as backups if they lead to one
  std::vector<std::string> folders;
};

// Calls take(name) for each file that counts as a backup.
template <class Take>
Result<Others> read_files(const fs::Fd& folder, const Take& take) {
  Others others;
  std::vector<std::string> in_doubt;  // hidden or temporary: a backup, if there is a side file
  std::unordered_set<std::string> sidecars;  // of such
  PV_CHECK(read_entries(folder, [&](std::string_view name, unsigned char type) {
    if (type == DT_DIR) {
      others.folders.emplace_back(name);
    } else if (name.ends_with(s3::kSidecarSuffix)) {
      if (may_be_needed(name)) { sidecars.emplace(name); }
    } else if ((type == DT_REG || type == DT_LNK) && !is_part_name(name)) {
      if (type == DT_LNK) { others.links.emplace_back(name); }
      if (type == DT_REG && needs_sidecar(name)) { in_doubt.emplace_back(name); }
      if (type == DT_REG && !needs_sidecar(name)) { take(name); }
    }
  }));
  const auto counts = [&](const std::string& name) {
    return !needs_sidecar(name) || sidecars.contains(name + std::string{s3::kSidecarSuffix});
  };
  for (const std::string& name : in_doubt) {
    if (counts(name)) { take(std::string_view{name}); }
  }
  std::erase_if(others.links, [&](const std::string& name) { return !counts(name); });
  return others;
}

// The file that a link leads to; nullopt where it leads out, or to no file.
std::optional<struct ::stat> target_of(const fs::Fd& root, const std::string& link) {
  struct ::stat raw {};
  const auto target = fs::open_beneath(root, link, O_PATH);
  if (!target.has_value() || ::fstat(target->get(), &raw) != 0 || !S_ISREG(raw.st_mode)) {
    return std::nullopt;
  }
  return raw;
}

// False: it is no file.
bool take(const struct ::stat& raw, Backup& backup) {
  if (!S_ISREG(raw.st_mode)) { return false; }
  backup.size_bytes = static_cast<std::uint64_t>(raw.st_size);
  backup.modified = wall_time(std::chrono::seconds{raw.st_mtim.tv_sec},
                              std::chrono::nanoseconds{raw.st_mtim.tv_nsec});
  return true;
}

// As many as one thread takes at a time.
using Batch = std::vector<Backup>;
constexpr std::size_t kBatchBackups = 512;

// Asks for the size and the time of the backups of one folder. Where there are many, other threads
// do that while the folder is still being read: either is nearly all the kernel's work.
class Asking {
 public:
  Asking(const fs::Fd& folder, std::size_t prefix_size)
      : folder_{folder}, prefix_size_{prefix_size} {}
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() { end(); }

  void add(BackupName name) {
    // Not the first: most folders have few.
    if (batch_.empty() && !batches_.empty()) { batch_.reserve(kBatchBackups); }
    batch_.push_back(
        {.name = std::move(name), .size_bytes = 0, .modified = {}, .content_type = {}});
    if (batch_.size() == kBatchBackups) { hand_over(); }
  }

  // Once; what is no file any more is not among them.
  std::deque<Batch> finish() {
    if (!batch_.empty()) { hand_over(); }
    end();
    return std::move(batches_);
  }

 private:
  void hand_over() {
    {
      const std::lock_guard lock{mutex_};
      batches_.push_back(std::exchange(batch_, {}));
    }
    constexpr std::size_t kManyBatches = 2;
    if (batches_.size() == kManyBatches) { begin_threads(); }
    changed_.notify_one();
  }

  void begin_threads() {
    constexpr std::size_t kThreadsMax = 4;
    const std::size_t threads = std::min(processor_count(), kThreadsMax) - 1;
    threads_.reserve(threads);
    try {
      while (threads_.size() < threads) {
        threads_.emplace_back([this] { work(); });
      }
    } catch (const std::system_error&) {
      // No thread to be had: the rest is done in end().
    }
  }

  // Helps, and waits for the others.
  void end() {
    {
      const std::lock_guard lock{mutex_};
      is_complete_ = true;
    }
    changed_.notify_all();
    work();
    for (std::thread& thread : std::exchange(threads_, {})) { thread.join(); }
  }

  void work() {
    std::unique_lock lock{mutex_};
    while (true) {
      changed_.wait(lock, [this] { return next_ < batches_.size() || is_complete_; });
      if (next_ >= batches_.size()) { return; }
      Batch& batch = batches_[next_++];  // stays where it is
      lock.unlock();
      ask(batch);
      lock.lock();
    }
  }

  void ask(Batch& batch) const {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      struct ::stat raw {};
      const char* last_part = batch[i].name.text().c_str() + prefix_size_;
      const bool is_there = ::fstatat(folder_.get(), last_part, &raw, AT_SYMLINK_NOFOLLOW) == 0;
      if (!is_there || !take(raw, batch[i])) { continue; }
      if (kept != i) { batch[kept] = std::move(batch[i]); }
      ++kept;
    }
    batch.erase(batch.begin() + static_cast<std::ptrdiff_t>(kept), batch.end());
  }

  const fs::Fd& folder_;
  const std::size_t prefix_size_;
  Batch batch_;  // not full yet
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;
  std::size_t next_ = 0;      // to be asked for
  bool is_complete_ = false;  // no batch comes after these
  std::vector<std::thread> threads_;
};

// The eight bytes from `start` on, such that numbers compare as the bytes do.
std::uint64_t bytes_at(std::string_view text, std::size_t start) {
  std::uint64_t value = 0;
  for (std::size_t i = start; i < start + sizeof value; ++i) {
    value = value << 8U | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  }
  return value;
}

// A backup, and eight bytes of its name.
struct Item {
  std::uint64_t bytes;
  Backup* backup;
  [[nodiscard]] std::string_view name() const { return backup->name.text(); }
};

// How many bytes all of these names begin with alike, of which `known` are known.
std::size_t common_bytes(std::span<const Item> items, std::size_t known) {
  std::string_view common = items.front().name().substr(known);
  for (const Item& item : items) {
    const auto differs = std::ranges::mismatch(common, item.name().substr(known)).in1;
    common = common.substr(0, static_cast<std::size_t>(differs - common.begin()));
  }
  return known + common.size();
}

// By name, of which `known` bytes are the same in all. Names of many backups begin alike and then
// tell a moment: so eight bytes behind what they have in common are compared, as one number, and
// more only of those that agree in these.
void sort_by_name(std::span<Item> items, std::size_t known) {
  const std::size_t common = common_bytes(items, known);
  for (Item& item : items) { item.bytes = bytes_at(item.name(), common); }
  // Folders are often read from the newest to the oldest, which std::sort is slow with.
  if (items.front().bytes > items.back().bytes) { std::ranges::reverse(items); }
  std::ranges::sort(items, {}, &Item::bytes);
  const std::size_t compared = common + sizeof(Item::bytes);
  while (!items.empty()) {
    const auto other = std::ranges::upper_bound(items, items.front().bytes, {}, &Item::bytes);
    const std::span alike = items.first(static_cast<std::size_t>(other - items.begin()));
    const bool have_more =
        std::ranges::any_of(alike, [&](const Item& item) { return item.name().size() > compared; });
    // Without more they are the same: a folder that changes meanwhile may tell a name twice.
    if (alike.size() > 1 && have_more) { sort_by_name(alike, compared); }
    items = items.subspan(alike.size());
  }
}

std::vector<Backup> sorted(std::deque<Batch> batches) {
  std::vector<Item> items;
  for (Batch& batch : batches) {
    for (Backup& backup : batch) { items.push_back({.bytes = 0, .backup = &backup}); }
  }
  if (!items.empty()) { sort_by_name(items, 0); }
  std::vector<Backup> backups;
  backups.reserve(items.size());
  for (const Item& item : items) { backups.push_back(std::move(*item.backup)); }
  return backups;
}

class Lister {
 public:
  explicit Lister(const fs::Fd& root) : root_{root} {}

  Result<void> visit(const fs::Fd& folder, const std::string& prefix, std::size_t depth) {
    Asking asking{folder, prefix.size()};
    PV_TRY(const Others others, read_files(folder, [&](std::string_view name) {
             if (auto key = key_of(prefix, name)) { asking.add(*std::move(key)); }
           }));
    std::ranges::move(asking.finish(), std::back_inserter(found_));
    for (const std::string& name : others.links) { follow(prefix, name); }
    for (const std::string& name : others.folders) {
      const fs::Fd child = enter(folder, name, depth);
      if (child.is_open()) { std::ignore = visit(child, prefix + name + "/", depth + 1); }
    }
    return {};
  }

  std::vector<Backup> take_all() { return sorted(std::move(found_)); }

 private:
  // nullopt: no key can name it, so it is not ours.
  static std::optional<BackupName> key_of(const std::string& prefix, std::string_view name) {
    auto key = BackupName::parse(prefix.empty() ? name : prefix + std::string{name});
    return key.has_value() ? std::optional{*std::move(key)} : std::nullopt;
  }

  void follow(const std::string& prefix, const std::string& name) {
    const auto target = target_of(root_, prefix + name);
    auto key = target ? key_of(prefix, name) : std::nullopt;
    if (!key) { return; }
    Backup backup{.name = *std::move(key), .size_bytes = 0, .modified = {}, .content_type = {}};
    if (take(*target, backup)) { found_.emplace_back().push_back(std::move(backup)); }
  }

  const fs::Fd& root_;
  std::deque<Batch> found_;
};

// Calls take(key) for each backup below a folder.
class NameLister {
 public:
  NameLister(const fs::Fd& root, const BackupStore::TakeName& take) : root_{root}, take_{take} {}

  Result<void> visit(const fs::Fd& folder, const std::string& prefix, std::size_t depth) {
    const auto take = [&](std::string_view key) {
      if (BackupName::is_one(key)) { take_(key); }
    };
    PV_TRY(const Others others, read_files(folder, [&](std::string_view name) {
             prefix.empty() ? take(name) : take(prefix + std::string{name});
           }));
    for (const std::string& name : others.links) {
      if (target_of(root_, prefix + name)) { take(prefix + name); }
    }
    for (const std::string& name : others.folders) {
      const fs::Fd child = enter(folder, name, depth);
      if (child.is_open()) { std::ignore = visit(child, prefix + name + "/", depth + 1); }
    }
    return {};
  }

 private:
  const fs::Fd& root_;
  const BackupStore::TakeName& take_;
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
  Lister lister{root};
  PV_CHECK(lister.visit(root, "", 0));
  return lister.take_all();
}

Result<void> each_name(const fs::Fd& root, const BackupStore::TakeName& take) {
  return NameLister{root, take}.visit(root, "", 0);
}

Result<void> for_each_part(
    const fs::Fd& root,
    const std::function<void(const fs::Fd& parent, const std::string& name)>& visit) {
  return visit_parts(root, 0, visit);
}

}  // namespace pv::store
