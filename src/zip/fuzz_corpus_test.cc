// The fuzzer's corpus, through the same function, on every run of the tests.

#include "testing/fuzz_corpus.h"

#include <gtest/gtest.h>

#include "zip/fuzz_entry.h"

namespace pv::zip {
namespace {

TEST(FuzzCorpus, ZipReaderSurvivesAll) {
  const auto inputs = pv::testing::fuzz_corpus("zip_reader");
  for (const auto& [name, content] : inputs) {
    SCOPED_TRACE(name);
    fuzz_zip_reader(as_bytes(content));
  }
  EXPECT_GE(inputs.size(), 10U);
}

TEST(FuzzCorpus, VaultBlockSurvivesAll) {
  const auto inputs = pv::testing::fuzz_corpus("vault_block");
  for (const auto& [name, content] : inputs) {
    SCOPED_TRACE(name);
    const bool is_believed = fuzz_vault_block(as_bytes(content));
    if (name == "good" || name == "same-device") { EXPECT_TRUE(is_believed); }
    if (name == "no-device-before") { EXPECT_FALSE(is_believed); }
  }
  EXPECT_GE(inputs.size(), 5U);
}

}  // namespace
}  // namespace pv::zip
