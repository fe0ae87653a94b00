#include "snapshot/tree_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "fs/beneath.h"
#include "sqlite/files.h"

namespace pv::snapshot {
namespace {

constexpr std::string_view kStorage = "storage";
// What a restore keeps on a volume inside the directory.
constexpr std::string_view kVolumeVault = ".pocketvault-restore";

bool is_at_or_below(const std::string& path, const std::string& folder) {
  return path == folder ||
         (path.starts_with(folder) && (folder.ends_with('/') || path[folder.size()] == '/'));
}

// The kernel's own files: their size says nothing, and they may hold secrets of this very process.
bool is_kernel_file(const std::string& real) {
  return is_at_or_below(real, "/proc") || is_at_or_below(real, "/sys") ||
         (is_at_or_below(real, "/dev") && !is_at_or_below(real, "/dev/shm"));
}

std::string kind_of(const fs::Stat& stat) {
  switch (stat.mode & S_IFMT) {
    case S_IFSOCK: return "a socket";
    case S_IFIFO: return "a FIFO";
    case S_IFCHR:
    case S_IFBLK: return "a device";
    case S_IFDIR: return "a folder";
    default: return "of an unknown kind";
  }
}

bool is_volume_vault(const std::string& name) {
  return name.substr(name.rfind('/') + 1) == kVolumeVault;  // of the root as well: npos + 1 is 0
}

std::string first_part(const std::string& name) { return name.substr(0, name.find('/')); }

Result<fs::Fd> open_root(const fs::Path& path) {
  fs::Fd fd{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!fd.is_open()) { return fail(errno_error(errno, path.string())); }
  return fd;
}

class Gatherer {
 public:
  Gatherer(const Walk& walk, std::shared_ptr<LateWarnings> late, std::stop_token stop)
      : directory_{walk.directory},
        rules_{walk.rules},
        forbidden_{walk.forbidden},
        extras_{walk.extras},
        late_{std::move(late)},
        stop_{std::move(stop)} {}

  Result<Gathered> run() {
    PV_TRY(const Tree* tree, add_tree(directory_, ""));
    real_directory_ = real_path(tree->root);
    walked_at_ = system_clock().now();
    const auto enter = [&](const std::string& name, const fs::Stat& stat) {
      const bool at_root = name.find('/') == std::string::npos;
      if (at_root && rules_.is_fixed(name)) { return false; }
      if (!goes_in(name, stat)) { return false; }
      return !at_root || stat.is_folder() || !rules_.leaves_out(name);
    };
    PV_CHECK(walk(*tree, enter));
    for (const Extra& extra : extras_) { PV_CHECK(take_extra(extra)); }
    if (stop_.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
    return std::move(gathered_);
  }

 private:
  Result<const Tree*> add_tree(const fs::Path& path, std::string prefix) {
    PV_TRY(fs::Fd root, open_root(path));
    const auto number = static_cast<std::uint16_t>(gathered_.trees.size());
    gathered_.trees.push_back(std::make_unique<const Tree>(Tree{.root = std::move(root),
                                                                .path = path,
                                                                .prefix = std::move(prefix),
                                                                .number = number,
                                                                .forbidden = forbidden_,
                                                                .late = late_}));
    return gathered_.trees.back().get();
  }

  // Whether the caller wants it; counts what he does not. Excluded folders are entered, for what is
  // in them is counted.
  bool goes_in(const std::string& name, const fs::Stat& stat) {
    if (stop_.stop_requested()) { return false; }
    if (stat.is_folder() && is_volume_vault(name)) { return false; }
    if (stat.is_folder() || !rules_.is_excluded(name)) { return true; }
    LeftOut& out = gathered_.left_out;
    ++out.files;
    out.bytes += stat.is_file() ? stat.size_bytes : 0;
    if (out.names.size() < LeftOut::kNamesMax) { out.names.push_back(name); }
    return false;
  }

  Result<void> take_extra(const Extra& extra) {
    const auto about = fs::stat(extra.folder);
    if (!about.has_value() && about.error().code == Code::kNotFound) { return {}; }
    if (!about.has_value() || !about->is_folder()) {
      leave_out(extra.name, about.has_value() ? "it is not a folder" : about.error().what,
                Loss{!about.has_value()});
      return {};
    }
    take_folder(extra.folder, extra.name);
    return {};
  }

  // All files of a folder that lies elsewhere, below `name`.
  void take_folder(const fs::Path& folder, const std::string& name) {
    const auto tree = add_tree(folder, name + "/");
    if (!tree.has_value()) {
      leave_out(name, tree.error().what, Loss{true});
      return;
    }
    const auto walked = walk(**tree, [&](const std::string& inner, const fs::Stat& stat) {
      return goes_in((*tree)->prefix + inner, stat);
    });
    if (!walked.has_value()) { leave_out(name, walked.error().what, Loss{true}); }
  }

  Result<void> walk(const Tree& tree, const fs::Enter& enter) {
    const auto take = [&](const fs::Found& found) {
      if (stop_.stop_requested()) { return; }
      if (found.stat.is_file()) {
        take_file(tree, found.name, found.stat, Links::kRefuse);
      } else if (found.stat.is_link()) {
        take_link(tree, found.name);
      } else {
        leave_out(tree.prefix + found.name, kind_of(found.stat));
      }
    };
    PV_TRY(const std::vector<fs::Unread> unread, fs::walk(tree.path, enter, take));
    for (const fs::Unread& one : unread) {
      const std::string shown = tree.prefix + one.name;
      const Loss loss{one.error.code != Code::kNotFound};
      if (!rules_.is_excluded(shown)) { leave_out(shown, one.error.what, loss); }
    }
    return {};
  }

  // File systems stamp changes with a clock that ticks every few milliseconds, some (FAT) every two
  // seconds: of two changes in one tick the second can't be seen.
  [[nodiscard]] bool is_settled(const fs::Stat& stat) const {
    constexpr std::chrono::seconds kTick{3};
    return std::max(stat.modified, stat.changed) + kTick < walked_at_;
  }

  void take_file(const Tree& tree, const std::string& name, const fs::Stat& stat, Links links) {
    std::string shown = tree.prefix + name;
    if (forbidden_.has(stat)) {
      leave_out(std::move(shown), "it is a database under another name");
      return;
    }
    if (::faccessat(tree.root.get(), name.c_str(), R_OK, AT_EACCESS) != 0) {
      const bool gone = errno == ENOENT;
      leave_out(std::move(shown),
                gone ? "deleted while the backup ran" : errno_error(errno, "not readable").what,
                Loss{!gone});
      return;
    }
    Item item{.name = std::move(shown),
              .size_bytes = stat.size_bytes,
              .modified = stat.modified,
              .mode = stat.mode,
              .is_link = links == Links::kFollow,
              .tree = tree.number};
    if (links == Links::kRefuse && is_settled(stat)) {
      item.settled = {.device = stat.device, .inode = stat.inode, .changed = stat.changed};
    }
    gathered_.items.push_back(std::move(item));
  }

  void take_link(const Tree& tree, const std::string& name) {
    const std::string shown = tree.prefix + name;
    const auto pointer = point_at(tree, name, Links::kFollow);
    if (!pointer.has_value()) {
      const bool dangling = pointer.error().code == Code::kNotFound;
      leave_out(shown,
                dangling ? "a link to what does not exist: " + target_of(tree, name)
                         : "a link that can't be followed: " + pointer.error().what,
                Loss{!dangling});
      return;
    }
    const auto stat = fs::stat(*pointer, tree.path / name);
    if (!stat.has_value()) {
      leave_out(shown, stat.error().what, Loss{true});
      return;
    }
    const std::string real = real_path(*pointer);
    if (shown == kStorage && stat->is_folder()) {
      take_linked_storage(real);
    } else if (!stat->is_file()) {
      leave_out(shown, "a link to " + kind_of(*stat) + ": " + target_of(tree, name));
    } else if (is_kernel_file(real)) {
      leave_out(shown, "a link to a file of the kernel: " + target_of(tree, name));
    } else if (leads_to_left_out(real)) {
      leave_out(shown, "a link to what is no part of a backup: " + target_of(tree, name));
    } else {
      take_file(tree, name, *stat, Links::kFollow);
    }
  }

  // The files on another volume: a usual way to lay out a server.
  void take_linked_storage(const std::string& real) {
    if (real.empty() || is_at_or_below(real_directory_, real)) {
      leave_out(std::string{kStorage}, "a link to a folder that holds the data directory itself");
      return;
    }
    if (leads_to_left_out(real)) {
      leave_out(std::string{kStorage}, "a link to what is no part of a backup");
      return;
    }
    take_folder(directory_ / kStorage, std::string{kStorage});
  }

  // Whether `real` lies in this directory, in or at a root entry that is left out.
  [[nodiscard]] bool leads_to_left_out(const std::string& real) const {
    if (real_directory_.empty() || real == real_directory_ ||
        !is_at_or_below(real, real_directory_)) {
      return false;
    }
    return rules_.leaves_out(first_part(real.substr(real_directory_.size() + 1)));
  }

  static std::string target_of(const Tree& tree, const std::string& name) {
    std::array<char, 4096> text{};
    const auto count = ::readlinkat(tree.root.get(), name.c_str(), text.data(), text.size());
    return count < 0 ? "?" : printable({text.data(), static_cast<std::size_t>(count)});
  }

  // Of what is there and could not be read; what went meanwhile, or is no file, is none.
  enum class Loss : bool {};
  void leave_out(std::string name, const std::string& why, Loss loss = Loss{false}) {
    gathered_.warnings.push_back({std::move(name), "left out: " + why, loss == Loss{true}});
  }

  const fs::Path& directory_;
  const RootRules& rules_;
  const Forbidden& forbidden_;
  const std::vector<Extra>& extras_;
  std::shared_ptr<LateWarnings> late_;
  std::stop_token stop_;
  std::string real_directory_;
  WallTime walked_at_;
  Gathered gathered_;
};

}  // namespace

RootRules::RootRules(std::vector<std::string> exclude_roots, std::vector<Glob> exclude)
    : names_{"backups", ".pb_temp_to_delete", ".autocert_cache",  "lost+found",
             ".notify", ".pocketvault",       ".pocketvault-code"},
      exclude_roots_{std::move(exclude_roots)},
      exclude_{std::move(exclude)},
      matched_(exclude_.size()) {}

void RootRules::add_database(const std::string& name) {
  for (const fs::Path& file : sqlite::files_of(name)) { names_.insert(file.native()); }
}

bool RootRules::is_fixed(const std::string& root_name) const { return names_.contains(root_name); }

bool RootRules::leaves_out(const std::string& root_name) const {
  if (is_fixed(root_name) || is_excluded(root_name)) { return true; }
  // A database that is left out takes its side files along.
  const std::string main{sqlite::main_of(root_name)};
  return main != root_name && is_excluded(main);
}

bool RootRules::is_excluded(const std::string& name) const {
  bool is_covered = false;
  for (std::size_t i = 0; i < exclude_.size(); ++i) {
    if (!exclude_[i].covers(name)) { continue; }
    matched_[i] = true;
    is_covered = true;
  }
  return is_covered || std::find(exclude_roots_.begin(), exclude_roots_.end(), first_part(name)) !=
                           exclude_roots_.end();
}

std::vector<std::string> RootRules::unmatched() const {
  std::vector<std::string> patterns;
  for (std::size_t i = 0; i < exclude_.size(); ++i) {
    if (!matched_[i]) { patterns.push_back(exclude_[i].text()); }
  }
  return patterns;
}

Result<Gathered> gather(const Walk& walk, const std::shared_ptr<LateWarnings>& late,
                        std::stop_token stop) {
  return Gatherer{walk, late, std::move(stop)}.run();
}

}  // namespace pv::snapshot
