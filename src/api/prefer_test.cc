#include "api/prefer.h"

#include <gtest/gtest.h>

#include <vector>

namespace pv::api {
namespace {

TEST(Prefer, ReadsPreferences) {
  struct Row {
    std::vector<std::string_view> headers;
    bool async;
    bool representation;
  };
  const Row rows[] = {
      {{}, false, false},
      {{"respond-async"}, true, false},
      {{"Respond-Async, wait=10"}, true, false},
      {{"return=representation"}, false, true},
      {{"return=\"representation\""}, false, true},
      {{"return = representation ; foo=bar"}, false, true},
      {{"return=minimal, return=representation"}, false, false},
      {{"handling=lenient", "return=representation,respond-async"}, true, true},
      {{"foo=\"a, respond-async\""}, false, false},
      {{"foo=\"a\\\", respond-async"}, false, false},
      {{"respond-asynchronous"}, false, false},
      {{",,;=,"}, false, false},
  };
  for (const Row& row : rows) {
    const Preferences got = parse_prefer(row.headers);
    const std::string_view shown = row.headers.empty() ? "" : row.headers.front();
    EXPECT_EQ(got.respond_async, row.async) << shown;
    EXPECT_EQ(got.return_representation, row.representation) << shown;
  }
}

}  // namespace
}  // namespace pv::api
