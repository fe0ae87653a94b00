// Trees of folders: walked, removed.
#include "fs/tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "fs/system_call.h"

namespace pv::fs {

std::optional<OpenFolder> OpenFolder::open(int parent, const char* name, bool follow_links) {
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow_links ? 0 : O_NOFOLLOW);
  const int number = retry_interrupted([&] { return ::openat(parent, name, flags); });
  if (number < 0) { return std::nullopt; }
  DIR* stream = ::fdopendir(number);
  if (stream == nullptr) {
    const int why = errno;
    ::close(number);
    errno = why;
    return std::nullopt;
  }
  return OpenFolder{stream};
}

OpenFolder::~OpenFolder() {
  if (stream_ != nullptr) { ::closedir(stream_); }
}

Result<std::vector<std::string>> OpenFolder::names() {
  std::vector<std::string> result;
  ::rewinddir(stream_);
  for (;;) {
    errno = 0;
    const ::dirent* entry = ::readdir(stream_);
    if (entry == nullptr) { break; }
    const std::string_view name{entry->d_name};
    if (name != "." && name != "..") { result.emplace_back(name); }
  }
  if (errno != 0) { return fail(errno_error(errno, "read folder")); }
  return result;
}

namespace {

using Take = std::function<void(Found)>;

class Walker {
 public:
  Walker(const Enter& enter, const Take& take, std::size_t depth_max)
      : enter_{enter}, take_{take}, depth_max_{depth_max} {}

  // `prefix`: the folder's name and a slash, or nothing for the root.
  Result<void> visit(OpenFolder folder, const std::string& prefix, std::size_t depth) {
    PV_TRY(std::vector<std::string> names, folder.names());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) { look_at(folder, prefix, name, depth); }
    return {};
  }

  std::vector<Unread> unread() { return std::move(unread_); }

 private:
  void look_at(const OpenFolder& folder, const std::string& prefix, const std::string& name,
               std::size_t depth) {
    std::string full = prefix + name;
    struct ::stat raw {};
    if (::fstatat(folder.descriptor(), name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) {  // else it went between the listing and now
        unread_.push_back({full, path_error("stat", full)});
      }
      return;
    }
    const Stat found = stat_of(raw);
    if (!enter_(full, found)) { return; }
    if (!found.is_folder()) {
      take_({std::move(full), found});
      return;
    }
    descend(folder, name, full, depth);
  }

  void descend(const OpenFolder& parent, const std::string& name, const std::string& full,
               std::size_t depth) {
    if (depth >= depth_max_) {
      Error error{Code::kUnsupported, printable(full) + ": folders are nested more than " +
                                          std::to_string(depth_max_) + " deep"};
      unread_.push_back({full, std::move(error)});
      return;
    }
    auto folder = OpenFolder::open(parent.descriptor(), name.c_str(), /*follow_links=*/false);
    if (!folder.has_value()) {
      if (errno != ENOENT) { unread_.push_back({full, path_error("open folder", full)}); }
      return;
    }
    const auto outcome = visit(std::move(*folder), full + "/", depth + 1);
    if (!outcome.has_value()) {
      unread_.push_back({full, outcome.error().within(printable(full))});
    }
  }

  const Enter& enter_;
  const Take& take_;
  std::size_t depth_max_;
  std::vector<Unread> unread_;
};

// A read-only folder is to go as well.
void make_writable(int parent, const char* name) {
  struct ::stat raw {};
  if (::fstatat(parent, name, &raw, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(raw.st_mode) &&
      (raw.st_mode & S_IRWXU) != S_IRWXU) {
    ::fchmodat(parent, name, S_IRWXU, 0);
  }
}

// Removes what is in a folder, keeping few descriptors open however deep the tree is: what lies
// deeper than kDepthMax is first moved up to the top, where it is met again.
class Remover {
 public:
  explicit Remover(OpenFolder& top) : top_{top} {}

  Result<void> run() {
    do {
      moved_up_ = false;
      PV_CHECK(empty(top_, 0));
    } while (moved_up_);
    return {};
  }

 private:
  static constexpr std::size_t kDepthMax = 64;

  Result<void> empty(OpenFolder& folder, std::size_t depth) {
    PV_TRY(const std::vector<std::string> names, folder.names());
    for (const std::string& name : names) { PV_CHECK(remove(folder, name, depth)); }
    return {};
  }

  Result<void> remove(OpenFolder& folder, const std::string& name, std::size_t depth) {
    const int at = folder.descriptor();
    if (::unlinkat(at, name.c_str(), 0) == 0 || errno == ENOENT) { return {}; }
    if (errno != EISDIR && errno != EPERM) { return fail(path_error("remove", name)); }
    const int why = errno;  // EPERM is POSIX for a folder, and also plain refusal
    if (::unlinkat(at, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) { return {}; }
    if (errno == ENOTDIR) { errno = why; }
    if (errno != ENOTEMPTY && errno != EEXIST) { return fail(path_error("remove", name)); }
    if (depth >= kDepthMax) { return move_up(at, name); }

    make_writable(at, name.c_str());
    auto child = OpenFolder::open(at, name.c_str(), /*follow_links=*/false);
    if (!child.has_value()) { return fail(path_error("open folder", name)); }
    PV_CHECK(empty(*child, depth + 1));
    if (::unlinkat(at, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return fail(path_error("remove folder", name));
    }
    return {};
  }

  Result<void> move_up(int at, const std::string& name) {
    const std::string place = ".pocketvault-removing-" + std::to_string(moves_++);
    if (::renameat(at, name.c_str(), top_.descriptor(), place.c_str()) != 0) {
      return fail(path_error("remove", name));
    }
    moved_up_ = true;
    return {};
  }

  OpenFolder& top_;
  bool moved_up_ = false;
  std::uint64_t moves_ = 0;
};

}  // namespace

Result<std::vector<Unread>> walk(const Path& root, const Enter& enter, const Take& take,
                                 std::size_t depth_max) {
  auto folder = OpenFolder::open(AT_FDCWD, root.c_str(), /*follow_links=*/true);
  if (!folder.has_value()) { return fail(path_error("open folder", root)); }
  Walker walker{enter, take, depth_max};
  const auto outcome = walker.visit(std::move(*folder), "", 1);
  if (!outcome.has_value()) { return fail(outcome.error().within(printable(root.native()))); }
  return walker.unread();
}

Result<Walked> walk(const Path& root, const Enter& enter, std::size_t depth_max) {
  Walked walked;
  const auto take = [&](Found found) { walked.found.push_back(std::move(found)); };
  PV_TRY(walked.unread, walk(root, enter, take, depth_max));
  return walked;
}

Result<void> remove_tree(const Path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) { return {}; }
  if (errno != EISDIR && errno != EPERM) { return fail(path_error("remove", path)); }
  make_writable(AT_FDCWD, path.c_str());
  {
    auto top = OpenFolder::open(AT_FDCWD, path.c_str(), /*follow_links=*/false);
    if (!top.has_value()) { return fail(path_error("remove", path)); }
    const auto outcome = Remover{*top}.run();
    if (!outcome.has_value()) { return fail(outcome.error().within(printable(path.native()))); }
  }
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) {
    return fail(path_error("remove folder", path));
  }
  return {};
}

}  // namespace pv::fs
