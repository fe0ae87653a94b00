#include "http/message.h"

#include <gtest/gtest.h>

#include "http/http_testing.h"

namespace pv::http {
namespace {

TEST(Headers, CompareNamesWithoutCaseAndKeepOrder) {
  Headers headers;
  headers.add("Vary", "Origin");
  headers.add("X", "1");
  headers.add("vary", "Accept");
  EXPECT_EQ(headers.find("VARY"), "Origin");
  EXPECT_EQ(headers.all("Vary"), (std::vector<std::string_view>{"Origin", "Accept"}));
  headers.set("Vary", "none");
  EXPECT_EQ(headers.all("vary"), (std::vector<std::string_view>{"none"}));
  headers.remove("x");
  EXPECT_EQ(headers.list().size(), 1U);
  EXPECT_EQ(headers.find("X"), std::nullopt);
}

TEST(Headers, FindTokensInLists) {
  Headers headers;
  headers.add("Connection", "foo , Keep-Alive");
  headers.add("connection", "close");
  EXPECT_TRUE(headers.has_token("Connection", "keep-alive"));
  EXPECT_TRUE(headers.has_token("Connection", "CLOSE"));
  EXPECT_FALSE(headers.has_token("Connection", "clos"));
  EXPECT_FALSE(headers.has_token("Connection", "foo , keep-alive"));
}

TEST(ReadAll, StopsAtTheLimit) {
  for (const std::size_t size : {0UL, 1UL, 4095UL, 4096UL, 4097UL, 100'000UL}) {
    const std::string text(size, 'x');
    TextBody fits{text};
    EXPECT_EQ(run(read_all(fits, size)).value(), text);
    TextBody unbounded{text, {1, 2, 5000}};
    EXPECT_EQ(run(read_all(unbounded, 1 << 20)).value(), text);
    if (size > 0) {
      TextBody longer{text};
      EXPECT_EQ(run(read_all(longer, size - 1)).error().code, Code::kInvalid);
    }
  }
}

TEST(ReasonPhrase, KnowsWhatGoSays) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(413), "Request Entity Too Large");
  EXPECT_EQ(reason_phrase(416), "Requested Range Not Satisfiable");
  EXPECT_EQ(reason_phrase(999), "");
}

}  // namespace
}  // namespace pv::http
