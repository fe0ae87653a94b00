// The fuzzer's corpus, through the same function, on every run of the tests.

#include <gtest/gtest.h>

#include <filesystem>

#include "testing/fixtures.h"
#include "zip/fuzz_entry.h"

namespace pv::zip {
namespace {

TEST(FuzzCorpus, ZipReaderSurvivesAll) {
  std::size_t inputs = 0;
  for (const auto& input : std::filesystem::directory_iterator{std::filesystem::path{PV_FUZZ_DIR} /
                                                               "corpus/zip_reader"}) {
    SCOPED_TRACE(input.path().filename().string());
    fuzz_zip_reader(as_bytes(pv::testing::read_file(input.path())));
    ++inputs;
  }
  EXPECT_GE(inputs, 10U);
}

}  // namespace
}  // namespace pv::zip
