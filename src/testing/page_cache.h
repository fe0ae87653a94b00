// What the system's page cache holds of a file.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "fs/file.h"

namespace pv::testing {

inline constexpr std::size_t kPageBytes = 4096;

[[nodiscard]] inline std::size_t cached_pages(const fs::Path& path) {
  const auto size_bytes = static_cast<std::size_t>(std::filesystem::file_size(path));
  const fs::Fd fd = fs::open_for_reading(path).value();
  void* const mapped = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  std::vector<unsigned char> resident((size_bytes + kPageBytes - 1) / kPageBytes);
  PV_ASSERT(mapped != MAP_FAILED && ::mincore(mapped, size_bytes, resident.data()) == 0);
  ::munmap(mapped, size_bytes);
  return static_cast<std::size_t>(
      std::count_if(resident.begin(), resident.end(), [](unsigned char one) { return one & 1U; }));
}

// Takes all of it out. False where that can't be, as on tmpfs, which is nothing but cache.
[[nodiscard]] inline bool drop_from_cache(const fs::Path& path) {
  const fs::Fd fd = fs::open_for_reading(path).value();
  PV_ASSERT(fs::sync(fd).has_value());
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return cached_pages(path) == 0;
}

}  // namespace pv::testing
