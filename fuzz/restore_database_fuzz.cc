#include <cstddef>
#include <cstdint>
#include <span>

#include "jobs/fuzz_entry.h"
#include "testing/fixtures.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const pv::testing::TempFolder folder;
  static pv::WorkPool pool{1};
  pv::jobs::fuzz_restore_database(std::as_bytes(std::span{data, size}), folder.path(), pool);
  return 0;
}
