#include <cstddef>
#include <cstdint>
#include <span>

#include "zip/fuzz_entry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)pv::zip::fuzz_vault_block(std::as_bytes(std::span{data, size}));
  return 0;
}
