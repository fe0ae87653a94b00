// Open descriptors: what can be done with one, and how to get one.
#include <fcntl.h>
#include <unistd.h>

#include "base/wall_time.h"
#include "fs/file.h"
#include "fs/presence.h"
#include "fs/system_call.h"

namespace pv::fs {
namespace {

WallTime time_of(const ::timespec& time) {
  return wall_time(std::chrono::seconds{time.tv_sec}, std::chrono::nanoseconds{time.tv_nsec});
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) { ::close(number_); }
    number_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  if (number_ >= 0) { ::close(number_); }
}

int Fd::release() { return std::exchange(number_, -1); }

Result<void> Fd::close() {
  if (number_ < 0) { return {}; }
  // After EINTR Linux has closed the descriptor all the same; a second close could hit a
  // stranger's.
  if (::close(release()) != 0 && errno != EINTR) { return fail(errno_error(errno, "close")); }
  return {};
}

Stat stat_of(const struct ::stat& raw) {
  constexpr std::uint64_t kBlockBytes = 512;  // st_blocks counts these, whatever st_blksize says
  Stat result;
  result.size_bytes = static_cast<std::uint64_t>(raw.st_size);
  result.mode = raw.st_mode;
  result.device = raw.st_dev;
  result.inode = raw.st_ino;
  result.modified = time_of(raw.st_mtim);
  result.changed = time_of(raw.st_ctim);
  result.allocated_bytes = static_cast<std::uint64_t>(raw.st_blocks) * kBlockBytes;
  result.owner = raw.st_uid;
  result.group = raw.st_gid;
  return result;
}

Result<Stat> stat(const Path& path) {
  struct ::stat raw {};
  if (::stat(path.c_str(), &raw) != 0) { return fail(path_error("stat", path)); }
  return stat_of(raw);
}

Result<Stat> link_stat(const Path& path) {
  struct ::stat raw {};
  if (::lstat(path.c_str(), &raw) != 0) { return fail(path_error("stat", path)); }
  return stat_of(raw);
}

Result<Stat> stat(const Fd& fd, const Path& name_for_errors) {
  struct ::stat raw {};
  if (::fstat(fd.get(), &raw) != 0) { return fail(path_error("stat", name_for_errors)); }
  return stat_of(raw);
}

bool lies_at(const Fd& fd, const Path& path) {
  const Result<Stat> open = stat(fd, path);
  const Result<Stat> there = stat(path);
  return open.has_value() && there.has_value() && there->device == open->device &&
         there->inode == open->inode;
}

Result<bool> is_there(const Path& path) {
  const Result<Stat> found = link_stat(path);
  if (found.has_value()) { return true; }
  return found.error().code == Code::kNotFound ? Result<bool>{false} : fail(found.error());
}

bool exists(const Path& path) {
  struct ::stat raw {};
  return ::lstat(path.c_str(), &raw) == 0;
}

Result<Fd> open_for_reading(const Path& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  Fd fd{retry_interrupted([&] { return ::open(path.c_str(), kFlags); })};
  if (!fd.is_open()) { return fail(path_error("open", path)); }
  return fd;
}

Result<Fd> create_new(const Path& path, std::uint32_t mode) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  Fd fd{retry_interrupted([&] { return ::open(path.c_str(), kFlags, mode); })};
  if (!fd.is_open()) { return fail(path_error("create", path)); }
  return fd;
}

Result<std::size_t> read_some(const Fd& fd, std::uint64_t offset, MutableBytes into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = retry_interrupted([&] {
      return ::pread(fd.get(), into.data() + done, into.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (count < 0) { return fail(errno_error(errno, "read")); }
    if (count == 0) { break; }
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Result<void> write_all(const Fd& fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        retry_interrupted([&] { return ::write(fd.get(), bytes.data(), bytes.size()); });
    if (count < 0) { return fail(errno_error(errno, "write")); }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> write_all_at(const Fd& fd, std::uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count = retry_interrupted(
        [&] { return ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count < 0) { return fail(errno_error(errno, "write")); }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> sync(const Fd& fd) {
  if (retry_interrupted([&] { return ::fsync(fd.get()); }) != 0) {
    return fail(errno_error(errno, "fsync"));
  }
  return {};
}

Result<void> sync_file_system(const Fd& fd) {
  if (::syncfs(fd.get()) != 0) { return fail(errno_error(errno, "syncfs")); }
  return {};
}

Result<void> sync_folder(const Path& folder) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const Fd fd{retry_interrupted([&] { return ::open(folder.c_str(), kFlags); })};
  if (!fd.is_open()) { return fail(path_error("open", folder)); }
  const int outcome = retry_interrupted([&] { return ::fsync(fd.get()); });
  // EINVAL: this file system has no fsync for folders (some FUSE and network ones); what it does
  // with names is then its own promise, and nothing we could add.
  if (outcome != 0 && errno != EINVAL) { return fail(path_error("fsync", folder)); }
  return {};
}

}  // namespace pv::fs
