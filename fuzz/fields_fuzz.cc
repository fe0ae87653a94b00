#include "api/fuzz_entry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pv::api::fuzz_fields({reinterpret_cast<const char*>(data), size});
  return 0;
}
