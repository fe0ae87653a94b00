#include <cstddef>
#include <cstdint>
#include <string_view>

#include "restore/fuzz_entry.h"
#include "testing/fixtures.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const pv::testing::TempFolder folder;
  std::filesystem::create_directories(folder / ".pocketvault");
  pv::restore::fuzz_restore_journal({reinterpret_cast<const char*>(data), size}, folder.path());
  return 0;
}
