#include <cstddef>
#include <cstdint>
#include <span>

#include "jobs/fuzz_entry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pv::jobs::fuzz_restore_plan(std::as_bytes(std::span{data, size}));
  return 0;
}
