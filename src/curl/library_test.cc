#include "curl/library.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "curl/client.h"

namespace pv::curl {
namespace {

bool is_mapped() {
  std::ifstream maps{"/proc/self/maps"};
  const std::string text{std::istreambuf_iterator<char>{maps}, {}};
  return text.find("libcurl.so") != std::string::npos;
}

enum Outcome { kAsExpected, kLoadedAtOnce, kLoadedByAClient, kNotLoaded };

[[noreturn]] void use_it() {
  if (is_mapped()) { std::_Exit(kLoadedAtOnce); }
  Client client{{}};
  if (is_mapped()) { std::_Exit(kLoadedByAClient); }
  Request request;
  request.url = "http://127.0.0.1:1/";
  (void)client.send(request);
  std::_Exit(is_mapped() ? kAsExpected : kNotLoaded);
}

TEST(LibraryDeathTest, IsLoadedByTheFirstRequestAndNotBefore) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // in a process that did nothing else
  EXPECT_EXIT(use_it(), testing::ExitedWithCode(kAsExpected), "");
}

}  // namespace
}  // namespace pv::curl
