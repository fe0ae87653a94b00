// The fuzzer's corpus, through the same function, on every run of the tests.

#include "testing/fuzz_corpus.h"

#include <gtest/gtest.h>

#include "restore/fuzz_entry.h"

namespace pv::restore {
namespace {

TEST(FuzzCorpus, RestoreJournalSurvivesAll) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / ".pocketvault");
  const auto inputs = testing::fuzz_corpus("restore_journal");
  for (const auto& [name, content] : inputs) {
    SCOPED_TRACE(name);
    fuzz_restore_journal(content, folder.path());
  }
  EXPECT_GE(inputs.size(), 5U);
}

}  // namespace
}  // namespace pv::restore
