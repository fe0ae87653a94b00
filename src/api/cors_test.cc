#include "api/cors.h"

#include <gtest/gtest.h>

namespace pv::api {
namespace {

TEST(Cors, MatchesOrigins) {
  struct Row {
    std::string_view origin;
    std::vector<std::string> allowed;
    std::string_view answer;
  };
  const Row rows[] = {
      {"http://a.b", {"*"}, "*"},
      {"null", {"*"}, "*"},
      {"", {"*"}, ""},
      {"https://x.y.b.com", {"https://*.b.com"}, "https://x.y.b.com"},
      {"https://b.com", {"https://*.b.com"}, ""},
      {"http://x.b.com", {"https://*.b.com"}, ""},
      {"https://A.com", {"https://a.com"}, ""},
      {"https://a1.com", {"https://b.com", "https://a?.com"}, "https://a1.com"},
      {"https://a12.com", {"https://a?.com"}, ""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(allowed_origin(row.origin, row.allowed), row.answer) << row.origin;
  }
}

TEST(Cors, PatternsTakeNoExponentialTime) {
  const std::string text(10'000, 'a');
  std::string pattern;
  for (int i = 0; i < 100; ++i) { pattern += "a*"; }
  EXPECT_FALSE(matches_pattern(text, pattern + "b"));
  EXPECT_TRUE(matches_pattern(text, pattern));
}

TEST(Cors, AnswersPreflights) {
  http::Request request;
  request.headers.add("Origin", "http://a.b");
  request.headers.add("Access-Control-Request-Headers", "X-A, authorization");
  const http::Response answer = preflight(request, {"*"});
  EXPECT_EQ(answer.status, 204U);
  EXPECT_EQ(answer.headers.all("Vary").size(), 3U);
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Headers"), "X-A, authorization");
  EXPECT_EQ(preflight(request, {"http://c"}).headers.list().size(), 1U);
  EXPECT_EQ(preflight({}, {"*"}).headers.list().size(), 1U);
}

}  // namespace
}  // namespace pv::api
