#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "fs/give.h"
#include "restore/restore.h"

namespace pv::restore {
namespace {

Result<void> write_new(const fs::Path& path, std::string_view content) {
  PV_TRY(fs::Fd fd, fs::create_new(path, 0600));
  fs::give_like(path.parent_path(), fd);
  PV_CHECK(fs::write_all(fd, as_bytes(content)));
  PV_CHECK(fs::sync(fd));
  return fd.close();
}

}  // namespace

Result<void> Disk::make_folder(const fs::Path& path) {
  PV_CHECK(fs::make_folder(path, 0700));
  fs::give_like(path.parent_path(), path);
  return {};
}

Result<void> Disk::make_folder_like(const fs::Path& path, const fs::Path& model) {
  constexpr std::uint32_t kPermissions = 0777;
  constexpr std::uint32_t kAllForOwner = 0700;
  PV_TRY(const fs::Stat about, fs::stat(model));
  PV_CHECK(fs::make_folder(path, kAllForOwner));
  // Only root can give away.
  if (::geteuid() == 0 && ::lchown(path.c_str(), about.owner, about.group) != 0) {
    return fail(errno_error(errno, "chown " + printable(path.native())));
  }
  return fs::set_permissions(path, (about.mode & kPermissions) | kAllForOwner);
}

void Disk::give_like(const fs::Path& model, const fs::Path& made) { fs::give_like(model, made); }
Result<void> Disk::rename(const fs::Path& from, const fs::Path& to) {
  return fs::rename_to_new_in_one_step(from, to);
}
Result<void> Disk::replace(const fs::Path& from, const fs::Path& to) {
  return fs::rename(from, to);
}
Result<void> Disk::exchange(const fs::Path& one, const fs::Path& other) {
  return fs::exchange(one, other);
}
Result<void> Disk::remove_file(const fs::Path& path) { return fs::remove_file(path); }
Result<void> Disk::remove_folder(const fs::Path& path) { return fs::remove_empty_folder(path); }
Result<void> Disk::remove_tree(const fs::Path& path) { return fs::remove_tree(path); }
Result<void> Disk::sync_folder(const fs::Path& path) { return fs::sync_folder(path); }

Result<void> Disk::sync_file_system(const fs::Path& path) {
  PV_TRY(const fs::Fd fd, fs::open_for_reading(path));
  return fs::sync_file_system(fd);
}

Result<void> Disk::write_file(const fs::Path& path, std::string_view content) {
  // A fixed name: what a crash leaves of it goes with the next one.
  const fs::Path part{path.native() + ".part"};
  Result<void> gone = fs::remove_file(part);
  if (!gone.has_value() && gone.error().code != Code::kNotFound) { return gone; }
  Result<void> written = write_new(part, content);
  if (written.has_value()) { written = fs::rename(part, path); }
  if (!written.has_value()) {
    (void)fs::remove_file(part);
    return fail(written.error().within(printable(path.native())));
  }
  return fs::sync_folder(path.parent_path());
}

Result<void> Disk::set_permissions(const fs::Path& path, std::uint32_t mode) {
  return fs::set_permissions(path, mode);
}

std::vector<fs::Path> Disk::mounts() const { return fs::mount_points(); }

Disk& real_disk() {
  static Disk disk;
  return disk;
}

}  // namespace pv::restore
