#include "fs/page_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

namespace pv::fs {
namespace {

constexpr std::uint64_t kPartBytes = std::uint64_t{64} << 10U;
constexpr std::uint64_t kWindowBytes = std::uint64_t{64} << 20U;  // mapped at a time

struct CloseFolder {
  void operator()(::DIR* folder) const { ::closedir(folder); }
};

// Asks by the name in /proc, not by the descriptor: most of them belong to others, who may close
// them just then.
bool is_open_as(::DIR* descriptors, const char* name, const Stat& file) {
  struct ::stat found {};
  return ::fstatat(::dirfd(descriptors), name, &found, 0) == 0 && found.st_dev == file.device &&
         found.st_ino == file.inode;
}

}  // namespace

CachedParts::CachedParts(int descriptor, std::uint64_t size_bytes)
    : size_bytes_{size_bytes}, was_cached_((size_bytes + kPartBytes - 1) / kPartBytes) {
  for (std::uint64_t at = 0; at < size_bytes; at += kWindowBytes) {
    if (note(descriptor, at, std::min(kWindowBytes, size_bytes - at))) { continue; }
    was_cached_.assign(was_cached_.size(), true);
    return;
  }
}

bool CachedParts::note(int descriptor, std::uint64_t offset, std::uint64_t size_bytes) {
  const auto count = static_cast<std::size_t>(size_bytes);
  void* const mapped =
      ::mmap(nullptr, count, PROT_READ, MAP_SHARED, descriptor, static_cast<off64_t>(offset));
  if (mapped == MAP_FAILED) { return false; }
  static const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((count + page_bytes - 1) / page_bytes);
  const bool told = ::mincore(mapped, count, pages.data()) == 0;
  ::munmap(mapped, count);
  for (std::size_t page = 0; told && page < pages.size(); ++page) {
    if ((pages[page] & 1U) != 0) { was_cached_[(offset + page * page_bytes) / kPartBytes] = true; }
  }
  return told;
}

void CachedParts::drop_others(int descriptor, std::uint64_t offset,
                              std::uint64_t size_bytes) const {
  const std::uint64_t end = std::min(offset + size_bytes, size_bytes_);
  std::uint64_t at = offset;
  while (at < end) {
    const std::uint64_t part = at / kPartBytes;
    std::uint64_t last = part;
    while (last * kPartBytes < end && was_cached_[last] == was_cached_[part]) { ++last; }
    const std::uint64_t stop = std::min(last * kPartBytes, end);
    if (!was_cached_[part]) {
      (void)::posix_fadvise(descriptor, static_cast<off64_t>(at), static_cast<off64_t>(stop - at),
                            POSIX_FADV_DONTNEED);
    }
    at = stop;
  }
}

std::optional<int> descriptor_of(const Stat& file) {
  const std::unique_ptr<::DIR, CloseFolder> folder{::opendir("/proc/self/fd")};
  if (folder == nullptr) { return std::nullopt; }
  while (const ::dirent* entry = ::readdir(folder.get())) {
    const std::string_view name{entry->d_name};
    int descriptor = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (error == std::errc{} && is_open_as(folder.get(), entry->d_name, file)) {
      return descriptor;
    }
  }
  return std::nullopt;
}

}  // namespace pv::fs
