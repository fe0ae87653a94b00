#include "store/part.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/random.h"
#include "base/text.h"
#include "fs/give.h"

namespace pv::store {
namespace {

constexpr std::string_view kPrefix = ".pocketvault-";
constexpr std::string_view kSuffix = ".part";
constexpr std::size_t kRandomLetters = 10;

Error name_error(const std::string& name) {
  return errno_error(errno, "give the backup its name " + printable(name));
}

// rename(2) that replaces nothing, for file systems without RENAME_NOREPLACE: a link has the same
// promise. Without links too (FAT), looking first is what is left.
Result<void> rename_the_old_way(int parent, const std::string& from, const std::string& to) {
  if (::linkat(parent, from.c_str(), parent, to.c_str(), 0) == 0) {
    ::unlinkat(parent, from.c_str(), 0);
    return {};
  }
  if (errno == EEXIST) { return fail(name_error(to)); }
  struct ::stat raw {};
  if (::fstatat(parent, to.c_str(), &raw, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return fail(name_error(to));
  }
  if (::renameat(parent, from.c_str(), parent, to.c_str()) != 0) { return fail(name_error(to)); }
  return {};
}

// A sweep may have come between creating and locking: then the lock is taken, or the name is gone.
bool is_ours(const fs::Fd& fd) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) { return false; }
  struct ::stat raw {};
  return ::fstat(fd.get(), &raw) == 0 && raw.st_nlink > 0;
}

}  // namespace

bool is_part_name(std::string_view last_part) {
  return last_part.size() == kPrefix.size() + kRandomLetters + kSuffix.size() &&
         last_part.starts_with(kPrefix) && last_part.ends_with(kSuffix);
}

Result<Part> Part::create(std::shared_ptr<const fs::Fd> parent) {
  constexpr int kTriesMax = 100;
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    std::string name{kPrefix};
    name += random_text(system_random(), kAlphanumeric, kRandomLetters);
    name += kSuffix;
    fs::Fd fd{::openat(parent->get(), name.c_str(), kFlags, 0666)};
    if (!fd.is_open() && (errno == EEXIST || errno == EINTR)) { continue; }
    if (!fd.is_open()) { return fail(errno_error(errno, "create a file")); }
    fs::give_like(*parent, fd);
    if (is_ours(fd)) { return Part{std::move(parent), std::move(name), std::move(fd)}; }
  }
  return fail(Code::kUnavailable, "create a file: every name tried was taken");
}

Part::~Part() {
  if (parent_ != nullptr && !name_.empty()) { ::unlinkat(parent_->get(), name_.c_str(), 0); }
}

Result<void> Part::publish(const std::string& name) {
  const int at = parent_->get();
  if (::renameat2(at, name_.c_str(), at, name.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) { return fail(name_error(name)); }
    PV_CHECK(rename_the_old_way(at, name_, name));
  }
  name_.clear();
  return {};
}

Result<void> Part::publish_over(const std::string& name) {
  const int at = parent_->get();
  if (::renameat(at, name_.c_str(), at, name.c_str()) != 0) { return fail(name_error(name)); }
  name_.clear();
  return {};
}

bool remove_if_abandoned(const fs::Fd& parent, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const fs::Fd fd{::openat(parent.get(), name.c_str(), kFlags)};
  if (!fd.is_open() || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) { return false; }
  return ::unlinkat(parent.get(), name.c_str(), 0) == 0;
}

}  // namespace pv::store
