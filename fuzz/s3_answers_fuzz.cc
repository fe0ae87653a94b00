#include <cstddef>
#include <cstdint>
#include <string_view>

#include "s3/fuzz_entry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pv::s3::fuzz_s3_answers({reinterpret_cast<const char*>(data), size});
  return 0;
}
