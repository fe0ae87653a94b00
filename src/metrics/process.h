// What every program tells of its process.
#pragma once

#include <cstdint>
#include <optional>

namespace pv::metrics {

struct ProcessFacts {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t threads = 0;
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
};

// By /proc; nullopt where that can't be read.
[[nodiscard]] std::optional<ProcessFacts> look_at_process();

}  // namespace pv::metrics
