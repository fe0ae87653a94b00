// Inputs that a fuzz target found or was started with, for replay as an ordinary test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "testing/fixtures.h"

namespace pv::testing {

// File name and content of all of fuzz/corpus/TARGET, sorted by name. Fails the test when there is
// none.
inline std::vector<std::pair<std::string, std::string>> fuzz_corpus(const std::string& target) {
  std::vector<std::pair<std::string, std::string>> inputs;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator{source_folder() / "fuzz/corpus" / target, error}) {
    std::ifstream file{entry.path(), std::ios::binary};
    inputs.emplace_back(entry.path().filename().string(),
                        std::string{std::istreambuf_iterator<char>{file}, {}});
  }
  EXPECT_FALSE(inputs.empty()) << "no corpus for " << target;
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

}  // namespace pv::testing
