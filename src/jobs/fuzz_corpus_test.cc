// The fuzzers' corpora, through the same functions, on every run of the tests.

#include "testing/fuzz_corpus.h"

#include <gtest/gtest.h>

#include "jobs/fuzz_entry.h"

namespace pv::jobs {
namespace {

TEST(FuzzCorpus, RestorePlanSurvivesAll) {
  const auto inputs = testing::fuzz_corpus("restore_plan");
  for (const auto& [name, content] : inputs) {
    SCOPED_TRACE(name);
    fuzz_restore_plan(as_bytes(content));
  }
  EXPECT_GE(inputs.size(), 50U);
}

TEST(FuzzCorpus, RestoreOfDatabasesSurvivesAll) {
  const testing::TempFolder folder;
  WorkPool pool{1};
  const auto inputs = testing::fuzz_corpus("restore_database");
  for (const auto& [name, content] : inputs) {
    SCOPED_TRACE(name);
    fuzz_restore_database(as_bytes(content), folder.path(), pool);
  }
  EXPECT_GE(inputs.size(), 5U);
}

}  // namespace
}  // namespace pv::jobs
