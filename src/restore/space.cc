#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/text.h"
#include "restore/layout.h"

namespace pv::restore {
namespace {

// For what is not counted: the journal, notes, the folders of each place, what SQLite makes when it
// opens the databases; and for what others write meanwhile.
constexpr std::uint64_t kReserveBytesMin = std::uint64_t{256} << 10U;
constexpr std::uint64_t kReserveBytesMax = std::uint64_t{16} << 20U;
constexpr std::uint64_t kReservePart = 8;  // of the data
// An inode and the last block of a file or folder.
constexpr std::uint64_t kEntryBytes = 4096;

// A WAL's pages come once more, in its database.
std::uint64_t bytes_needed(const PlannedFile& file) {
  const bool is_wal = is_in_root(file.name) && file.name.ends_with(".db-wal");
  return file.raw_bytes * (is_wal ? 2 : 1) + kEntryBytes;
}

std::uint64_t with_reserve(std::uint64_t bytes) {
  return bytes + std::min(kReserveBytesMin + bytes / kReservePart, kReserveBytesMax);
}

// What is to be made on one file system.
struct Need {
  fs::Path at;  // a folder on it
  std::uint64_t bytes = 0;
};

using Needs = std::map<std::uint64_t, Need>;  // by device

Result<void> check(const Need& need) {
  if (need.bytes == 0) { return {}; }  // nothing comes here
  PV_TRY(const fs::Space space, fs::space(need.at));
  const std::uint64_t bytes = with_reserve(need.bytes);
  if (space.free_bytes >= bytes) { return {}; }
  return fail(Code::kNoSpace,
              "the restored data needs " + format_size(bytes) + " beside what " +
                  printable(need.at.native()) + " holds now, " + format_size(space.free_bytes) +
                  " are free: " + format_size(bytes - space.free_bytes) + " are missing");
}

}  // namespace

std::uint64_t bytes_needed(const Plan& plan) {
  std::uint64_t needed = plan.folder_count * kEntryBytes;
  for (const PlannedFile& file : plan.files) { needed += bytes_needed(file); }
  return with_reserve(needed);
}

Result<void> check_space(const Plan& plan, const fs::Path& directory) {
  PV_TRY(const Layout layout, Layout::of(directory, real_disk(), plan.units));
  Needs needs;
  std::map<std::string_view, Need*> by_volume;
  for (const Volume& volume : layout.volumes()) {
    const fs::Path at = volume.at.empty() ? directory : directory / volume.at;
    PV_TRY(const fs::Stat about, fs::stat(at));
    Need& need = needs.try_emplace(about.device, Need{.at = at}).first->second;
    by_volume.emplace(volume.at, &need);
  }
  for (const PlannedFile& file : plan.files) {
    by_volume.at(layout.volume_of(file.name).at)->bytes += bytes_needed(file);
  }
  by_volume.at("")->bytes += plan.folder_count * kEntryBytes;
  for (const auto& [device, need] : needs) { PV_CHECK(check(need)); }
  return {};
}

Result<void> check_writable(const fs::Path& directory, const Disk& disk) {
  PV_TRY(const Layout layout, Layout::of(directory, disk));
  for (const Volume& volume : layout.volumes()) {
    const fs::Path top = volume.at.empty() ? directory : directory / volume.at;
    if (::faccessat(AT_FDCWD, top.c_str(), W_OK | X_OK, AT_EACCESS) == 0) { continue; }
    if (errno != EROFS && errno != EACCES) {
      return fail(errno_error(errno, printable(top.native())));
    }
    return fail(Code::kUnsupported, errno_error(errno, printable(top.native())).what +
                                        ": a restore has to write there");
  }
  return {};
}

}  // namespace pv::restore
