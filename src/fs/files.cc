// Whole files and folders: made, moved, removed.
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/random.h"
#include "fs/file.h"
#include "fs/presence.h"
#include "fs/system_call.h"

namespace pv::fs {
namespace {

// rename(2) that never replaces, for file systems without RENAME_NOREPLACE (some network ones). A
// link has the same promise. Folders, and file systems without links (FAT), leave only looking
// first: there a name made in between by another process is lost.
Result<void> rename_to_new_the_old_way(const Path& from, const Path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) { return remove_file(from); }
  if (errno == EEXIST) { return fail(path_error("rename to", to)); }
  PV_TRY(const bool is_taken, is_there(to));
  if (is_taken) {
    errno = EEXIST;
    return fail(path_error("rename to", to));
  }
  return fs::rename(from, to);
}

Path folder_of(const Path& path) { return path.has_parent_path() ? path.parent_path() : Path{"."}; }

Result<void> write_and_sync(Fd fd, std::string_view content) {
  PV_CHECK(write_all(fd, as_bytes(content)));
  PV_CHECK(sync(fd));
  return fd.close();
}

}  // namespace

Result<std::string> read_file(const Path& path, std::uint64_t bytes_max) {
  PV_TRY(const Fd fd, open_for_reading(path));
  PV_TRY(const Stat found, stat(fd, path));
  if (found.is_folder()) {
    errno = EISDIR;
    return fail(path_error("read", path));
  }
  constexpr std::size_t kBlockBytes = 64 << 10;
  std::string content;
  for (;;) {  // not by the size in stat: files of /proc say 0
    const std::size_t had = content.size();
    content.resize(had + kBlockBytes);
    const MutableBytes into = std::as_writable_bytes(std::span{content}.subspan(had));
    auto count = read_some(fd, had, into);
    if (!count.has_value()) { return fail(count.error().within(printable(path.native()))); }
    content.resize(had + *count);
    if (content.size() > bytes_max) {
      return fail(Code::kInvalid, printable(path.native()) + " has more than " +
                                      std::to_string(bytes_max) + " bytes");
    }
    if (*count < kBlockBytes) { return content; }
  }
}

Result<void> write_file_atomically(const Path& path, std::string_view content, std::uint32_t mode) {
  const Path temporary =
      folder_of(path) /
      (".pocketvault-" + random_text(system_random(), kAlphanumeric, 10) + ".tmp");
  PV_TRY(Fd fd, create_new(temporary, mode));
  Result<void> outcome = write_and_sync(std::move(fd), content);
  if (!outcome.has_value()) {
    outcome = fail(outcome.error().within(printable(path.native())));
  } else {
    outcome = fs::rename(temporary, path);
  }
  if (!outcome.has_value()) {
    ::unlink(temporary.c_str());
    return outcome;
  }
  return sync_folder(folder_of(path));
}

Result<void> make_folder(const Path& path, std::uint32_t mode) {
  if (::mkdir(path.c_str(), mode) != 0) { return fail(path_error("make folder", path)); }
  return {};
}

Result<void> make_folders(const Path& path, std::uint32_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) { return {}; }
  if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    PV_CHECK(make_folders(path.parent_path(), mode));
    if (::mkdir(path.c_str(), mode) == 0) { return {}; }
  }
  const int why = errno;
  struct ::stat raw {};
  // Whatever mkdir said (EEXIST, or EROFS and EACCES above a mount): it is there.
  if (::stat(path.c_str(), &raw) == 0 && S_ISDIR(raw.st_mode)) { return {}; }
  errno = why == EEXIST ? ENOTDIR : why;
  return fail(path_error("make folder", path));
}

Result<void> rename(const Path& from, const Path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    const std::string arrow = printable(from.native()) + " to " + printable(to.native());
    return fail(errno_error(errno, "rename " + arrow));
  }
  return {};
}

Result<void> rename_to_new(const Path& from, const Path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) {
    return rename_to_new_the_old_way(from, to);
  }
  const std::string arrow = printable(from.native()) + " to " + printable(to.native());
  return fail(errno_error(errno, "rename " + arrow));
}

Result<void> rename_to_new_in_one_step(const Path& from, const Path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  const int outcome = errno;
  const bool can_tell = outcome != EINVAL && outcome != ENOSYS && outcome != ENOTSUP;
  if (!can_tell) {
    PV_TRY(const bool is_taken, is_there(to));
    if (!is_taken) { return fs::rename(from, to); }
  }
  const int why = can_tell ? outcome : EEXIST;
  return fail(
      errno_error(why, "rename " + printable(from.native()) + " to " + printable(to.native())));
}

Result<void> exchange(const Path& one, const Path& other) {
  if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) {
    return {};
  }
  const int why = errno == EINVAL ? ENOTSUP : errno;  // what most file systems say for it
  return fail(errno_error(
      why, "exchange " + printable(one.native()) + " and " + printable(other.native())));
}

Result<void> remove_file(const Path& path) {
  if (::unlink(path.c_str()) != 0) { return fail(path_error("remove", path)); }
  return {};
}

Result<void> remove_empty_folder(const Path& path) {
  if (::rmdir(path.c_str()) != 0) { return fail(path_error("remove folder", path)); }
  return {};
}

Result<void> set_permissions(const Path& path, std::uint32_t mode) {
  constexpr std::uint32_t kPermissions = 07777;
  if (::chmod(path.c_str(), mode & kPermissions) != 0) {
    return fail(path_error("change the permissions of", path));
  }
  return {};
}

Result<Space> space(const Path& path) {
  struct ::statvfs raw {};
  if (retry_interrupted([&] { return ::statvfs(path.c_str(), &raw); }) != 0) {
    return fail(path_error("free space of", path));
  }
  return Space{.free_bytes = std::uint64_t{raw.f_bavail} * raw.f_frsize,
               .total_bytes = std::uint64_t{raw.f_blocks} * raw.f_frsize};
}

}  // namespace pv::fs
