#include "restore/unchanged.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/wall_time.h"
#include "fs/beneath.h"
#include "restore/layout.h"
#include "sqlite/files.h"

namespace pv::restore {
namespace {

constexpr std::string_view kStorage = "storage/";
constexpr ::mode_t kPermissions = 07777;
constexpr std::size_t kBlockBytes = std::size_t{256} << 10U;
// The DOS time of a zip entry.
constexpr std::chrono::seconds kTimeStep{2};

// The file itself, whatever its name leads to by now.
std::string name_of(const fs::Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

std::optional<struct ::stat> look_at(const fs::Fd& fd) {
  struct ::stat found {};
  if (::fstat(fd.get(), &found) != 0) { return std::nullopt; }
  return found;
}

bool equal(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool has_same_content(const struct ::stat& a, const struct ::stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         equal(a.st_mtim, b.st_mtim);
}

// A new name, too, changes the ctime.
bool is_untouched(const struct ::stat& a, const struct ::stat& b) {
  return has_same_content(a, b) && equal(a.st_ctim, b.st_ctim) && a.st_nlink == b.st_nlink &&
         a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid;
}

bool link(const fs::Fd& from, const fs::Path& path) {
  return ::linkat(AT_FDCWD, name_of(from).c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

}  // namespace

Result<bool> has_content(const Archive& archive, const ArchiveEntry& entry, const fs::Fd& fd,
                         const std::stop_token& stop) {
  const auto bytes =
      static_cast<std::size_t>(std::min<std::uint64_t>(entry.raw_bytes, kBlockBytes));
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(bytes);
  std::uint32_t checksum = 0;
  for (std::uint64_t at = 0; at < entry.raw_bytes;) {
    if (stop.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
    const auto some = fs::read_some(fd, at, MutableBytes{buffer.get(), bytes});
    // A disk that can't read it is no reason not to restore it.
    if (!some.has_value() || *some == 0) { return false; }
    checksum = archive.checksum(Bytes{buffer.get(), *some}, checksum);
    at += *some;
  }
  return checksum == entry.checksum;
}

bool has_time(const ArchiveEntry& entry, WallTime there) {
  if (!entry.modified) { return false; }
  const auto recorded = std::chrono::floor<std::chrono::seconds>(*entry.modified);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(there);
  return seconds >= recorded && seconds - recorded < kTimeStep;
}

UnchangedFiles::UnchangedFiles(const std::optional<fs::Fd>& storage, const Archive& archive,
                               const Plan& plan, std::optional<Owner> owner)
    : storage_{storage}, archive_{archive}, owner_{owner} {
  for (const PlannedFile& file : plan.files) {
    const std::string_view main = sqlite::main_of(file.name);
    if (main != file.name) { with_companions_.emplace(main); }
  }
}

// What SQLite keeps beside a database, or would: here, or in the archive.
bool UnchangedFiles::lies_beside_companions(const std::string& name) const {
  if (sqlite::main_of(name) != name || with_companions_.contains(name)) { return true; }
  const std::vector<std::string> companions = sqlite_companions_of(name);
  return std::any_of(companions.begin(), companions.end(), [&](const std::string& companion) {
    const std::string inside = companion.substr(kStorage.size());
    return ::faccessat(storage_->get(), inside.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  });
}

Result<bool> UnchangedFiles::take(const PlannedFile& file, const fs::Path& path,
                                  const std::stop_token& stop) {
  const ArchiveEntry& entry = archive_.entries()[file.index];
  if (!storage_ || !file.name.starts_with(kStorage) || !entry.modified) { return false; }
  if (lies_beside_companions(file.name)) { return false; }
  // No link on the way is followed. O_PATH: what is not unchanged is not even opened.
  const auto place =
      fs::open_beneath_step_by_step(*storage_, file.name.substr(kStorage.size()), O_PATH);
  if (!place.has_value()) { return false; }
  const auto first = look_at(*place);
  if (!first || !could_be(entry, file, *first)) { return false; }
  const fs::Fd fd{::open(name_of(*place).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
  // An empty file becomes a database when SQLite first writes to it. In storage/ no process of ours
  // has one open with SQLite.
  if (!fd.is_open() || entry.raw_bytes == 0 || sqlite::begins_as_database(fd)) { return false; }
  PV_TRY(const bool has_it, has_content(archive_, entry, fd, stop));
  if (!has_it) { return false; }

  // Only what nobody touched while it was read, and while it was taken.
  const auto read = look_at(fd);
  if (!read || !is_untouched(*first, *read)) { return false; }
  if (!clone(fd, *read, path) && !link(fd, path)) { return false; }
  const auto taken = look_at(fd);
  if (taken && has_same_content(*read, *taken)) { return true; }
  PV_CHECK(fs::remove_file(path));
  return false;
}

bool UnchangedFiles::could_be(const ArchiveEntry& entry, const PlannedFile& file,
                              const struct ::stat& found) const {
  const auto size = static_cast<std::uint64_t>(found.st_size);
  if (!S_ISREG(found.st_mode) || found.st_nlink != 1 || size != file.raw_bytes) { return false; }
  if ((found.st_mode & kPermissions) != file.mode) { return false; }
  if (owner_ ? found.st_uid != owner_->user || found.st_gid != owner_->group
             : found.st_uid != ::geteuid()) {
    return false;
  }
  return has_time(entry, wall_time(std::chrono::seconds{found.st_mtim.tv_sec}));
}

// False: nothing is at `path`.
bool UnchangedFiles::clone(const fs::Fd& from, const struct ::stat& found, const fs::Path& path) {
  if (!can_clone_) { return false; }
  const auto to = fs::create_new(path, found.st_mode & kPermissions);
  if (!to.has_value()) { return false; }
  const std::array<struct ::timespec, 2> times{found.st_atim, found.st_mtim};
  const bool cloned = ::ioctl(to->get(), FICLONE, from.get()) == 0;
  if (!cloned) { can_clone_ = false; }
  if (cloned && (!owner_ || ::fchown(to->get(), owner_->user, owner_->group) == 0) &&
      ::fchmod(to->get(), found.st_mode & kPermissions) == 0 &&
      ::futimens(to->get(), times.data()) == 0) {
    return true;
  }
  (void)fs::remove_file(path);
  return false;
}

}  // namespace pv::restore
