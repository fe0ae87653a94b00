// Who else is at a file: locks held, descriptors open.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "fs/file.h"
#include "fs/give.h"
#include "fs/openers.h"
#include "fs/system_call.h"
#include "fs/tree.h"

namespace pv::fs {
namespace {

constexpr std::uint64_t kProcFileBytesMax = 64 << 20;

using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

// A file system's own device number, which the lock table uses; st_dev is another one on btrfs,
// where each subvolume shows its own. The mount table has it: "36 35 98:0 /root /mnt ...".
std::uint64_t filesystem_device(std::uint64_t mount_id, std::uint64_t otherwise) {
  const auto table = read_file("/proc/self/mountinfo", kProcFileBytesMax);
  if (!table.has_value()) { return otherwise; }
  std::istringstream lines{*table};
  for (std::string line; std::getline(lines, line);) {
    unsigned long id = 0;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    if (std::sscanf(line.c_str(), "%lu %*u %u:%u", &id, &major_number, &minor_number) == 3 &&
        id == mount_id) {
      return ::gnu_dev_makedev(major_number, minor_number);
    }
  }
  return otherwise;
}

std::optional<FileId> lock_table_id(const Path& path) {
  struct ::statx found {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_MNT_ID, &found) != 0) {
    return std::nullopt;
  }
  const std::uint64_t device = ::gnu_dev_makedev(found.stx_dev_major, found.stx_dev_minor);
  const bool has_mount = (found.stx_mask & STATX_MNT_ID) != 0;
  return FileId{has_mount ? filesystem_device(found.stx_mnt_id, device) : device, found.stx_ino};
}

struct Lock {
  int pid = 0;
  FileId file;
};

// "1: POSIX  ADVISORY  READ 1234 fe:01:98765 0 EOF". A waiter ("1: -> POSIX ...") holds nothing.
std::optional<Lock> parse_posix_lock(const std::string& line) {
  int pid = 0;
  unsigned major_number = 0;
  unsigned minor_number = 0;
  unsigned long inode = 0;
  if (std::sscanf(line.c_str(), "%*d: POSIX %*s %*s %d %x:%x:%lu", &pid, &major_number,
                  &minor_number, &inode) != 4) {
    return std::nullopt;
  }
  return Lock{pid, {::gnu_dev_makedev(major_number, minor_number), inode}};
}

std::string program_of(int pid) {
  constexpr std::uint64_t kCommBytesMax = 4096;
  auto text = read_file("/proc/" + std::to_string(pid) + "/comm", kCommBytesMax);
  if (!text.has_value()) { return {}; }
  return std::string{trim_blanks(printable(*text))};
}

std::vector<LockHolder> described(const std::set<int>& pids) {
  std::vector<LockHolder> holders;
  for (const int pid : pids) { holders.push_back({pid, program_of(pid)}); }
  return holders;
}

std::optional<int> parse_pid(const std::string& name) {
  int pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc{} || end != name.data() + name.size()) { return std::nullopt; }
  return pid;
}

// nullopt: it may not be looked into.
std::optional<bool> has_one_open(int pid, const std::set<FileId>& wanted) {
  const std::string place = "/proc/" + std::to_string(pid) + "/fd";
  auto folder = OpenFolder::open(AT_FDCWD, place.c_str(), /*follow_links=*/false);
  const auto if_ended = [](bool has_ended) {
    return has_ended ? std::optional{false} : std::nullopt;
  };
  if (!folder.has_value()) { return if_ended(errno == ENOENT || errno == ESRCH); }
  const auto numbers = folder->names();
  if (!numbers.has_value()) { return if_ended(numbers.error().code == Code::kNotFound); }
  return std::any_of(numbers->begin(), numbers->end(), [&](const std::string& number) {
    struct ::stat raw {};
    return ::fstatat(folder->descriptor(), number.c_str(), &raw, 0) == 0 &&
           wanted.contains({raw.st_dev, raw.st_ino});
  });
}

}  // namespace

std::vector<LockHolder> other_lock_holders(const std::vector<Path>& files) {
  std::set<FileId> wanted;
  for (const Path& file : files) {
    if (const auto id = lock_table_id(file)) { wanted.insert(*id); }
  }
  const auto table = read_file("/proc/locks", kProcFileBytesMax);
  if (!table.has_value() || wanted.empty()) { return {}; }
  std::set<int> pids;
  std::istringstream lines{*table};
  for (std::string line; std::getline(lines, line);) {
    const auto lock = parse_posix_lock(line);
    if (lock && lock->pid > 0 && lock->pid != ::getpid() && wanted.contains(lock->file)) {
      pids.insert(lock->pid);
    }
  }
  return described(pids);
}

std::vector<LockHolder> other_openers(const std::vector<Path>& files) {
  return look_for_openers(files).found;
}

Openers look_for_openers(const std::vector<Path>& files) {
  std::set<FileId> wanted;
  for (const Path& file : files) {
    if (const auto found = stat(file)) { wanted.insert({found->device, found->inode}); }
  }
  if (wanted.empty()) { return {.found = {}, .is_all = true}; }
  auto processes = OpenFolder::open(AT_FDCWD, "/proc", /*follow_links=*/true);
  if (!processes.has_value()) { return {}; }
  const auto names = processes->names();
  if (!names.has_value()) { return {}; }
  bool is_all = ::geteuid() == 0;  // from others a mount option (hidepid) may hide processes
  std::set<int> pids;
  for (const std::string& name : *names) {
    const auto pid = parse_pid(name);
    if (!pid || *pid == ::getpid()) { continue; }
    const std::optional<bool> has_one = has_one_open(*pid, wanted);
    if (has_one.value_or(false)) { pids.insert(*pid); }
    is_all = is_all && has_one.has_value();
  }
  return {.found = described(pids), .is_all = is_all};
}

namespace {

// Made where it is absent, for the owner of the folder.
Result<Fd> open_lock_file(const Path& path) {
  constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
  constexpr int kTriesMax = 3;  // it may go between two looks
  for (int i = 0; i < kTriesMax; ++i) {
    Fd made{
        retry_interrupted([&] { return ::open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0600); })};
    if (made.is_open()) {
      give_like(path.parent_path(), made);
      return made;
    }
    if (errno != EEXIST) { break; }
    Fd found{retry_interrupted([&] { return ::open(path.c_str(), kFlags); })};
    if (found.is_open()) { return found; }
    if (errno != ENOENT) { break; }
  }
  return fail(path_error("open", path));
}

}  // namespace

Result<FileLock> FileLock::try_take(const Path& path) {
  PV_TRY(Fd fd, open_lock_file(path));
  if (retry_interrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) {
      return fail(Code::kBusy, printable(path.native()) + " is locked by another process");
    }
    return fail(path_error("lock", path));
  }
  FileLock lock{std::move(fd), path};
  if (!lock.is_in_place()) {  // moved away between the two calls
    return fail(Code::kBusy, printable(path.native()) + " was just replaced");
  }
  return lock;
}

bool FileLock::is_in_place() const { return lies_at(fd_, path_); }

bool FileLock::is_held(const Path& path) {
  const Result<Fd> file = open_for_reading(path);
  return file.has_value() && ::flock(file->get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Result<FileLock> FileLock::take(const Path& path, std::chrono::milliseconds wait) {
  constexpr std::chrono::milliseconds kLookEvery{5};
  const Deadline deadline = Deadline::after(wait);
  for (;;) {
    Result<FileLock> lock = try_take(path);
    if (lock.has_value() || lock.error().code != Code::kBusy || deadline.passed()) { return lock; }
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace pv::fs
