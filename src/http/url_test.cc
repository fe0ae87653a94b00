#include "http/url.h"

#include <gtest/gtest.h>

namespace pv::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Url, DecodesPathSegments) {
  EXPECT_EQ(decode_path_segment("a%20b+c%2Fd%2f"), "a b+c/d/");
  EXPECT_EQ(decode_path_segment("%00%fF"), std::string("\0\xff", 2));
  EXPECT_EQ(decode_path_segment(""), "");
  for (const char* broken : {"%", "a%2", "%zz", "%%41", "%4g", "%-1", "%+1", "% 1"}) {
    EXPECT_EQ(decode_path_segment(broken), std::nullopt) << broken;
  }
}

TEST(Url, DecodesQueryComponents) {
  EXPECT_EQ(decode_query_component("a+b%2B"), "a b+");
  EXPECT_EQ(decode_query_component("%"), std::nullopt);
}

TEST(Url, DecodesEveryByte) {
  constexpr std::string_view kDigits = "0123456789aBcDeF";
  std::string all;
  std::string encoded;
  for (unsigned byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    encoded += '%';
    encoded += kDigits[byte / 16];
    encoded += kDigits[byte % 16];
  }
  EXPECT_EQ(decode_path_segment(encoded), all);
}

TEST(Url, ParsesQueries) {
  EXPECT_EQ(parse_query("a=1&b=2&a=3"), (Pairs{{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  EXPECT_EQ(parse_query("a&&=x&b=&c=d=e"), (Pairs{{"a", ""}, {"", "x"}, {"b", ""}, {"c", "d=e"}}));
  EXPECT_EQ(parse_query("a=%zz&b=1&c;d=2&%=3&e+f=g+h"), (Pairs{{"b", "1"}, {"e f", "g h"}}));
  EXPECT_EQ(parse_query(""), Pairs{});
}

TEST(Url, LooksAtNoneOfTooManyPairs) {
  std::string query = "a=1";
  for (int i = 0; i < 10'000; ++i) { query += "&b"; }
  EXPECT_EQ(query_value(query, "a"), std::nullopt);
  EXPECT_EQ(query_value(query.substr(0, query.size() - 2), "a"), "1");
}

TEST(Url, FirstValueCounts) {
  EXPECT_EQ(query_value("Token=x&token=1&token=2", "token"), "1");
  EXPECT_EQ(query_value("token", "token"), "");
  EXPECT_EQ(query_value("a=b", "token"), std::nullopt);
}

struct CleanCase {
  const char* given;
  const char* cleaned;  // nullptr: is clean
};

TEST(Url, CleansPathsAsGoDoes) {
  constexpr CleanCase kCases[] = {
      {"/", nullptr},
      {"/api/backups", nullptr},
      {"/api/backups/", nullptr},
      {"/a/..b/.c/...", nullptr},
      {"/a/%2E%2E/%2F/", nullptr},
      {"//", "/"},
      {"//api", "/api"},
      {"/api//backups", "/api/backups"},
      {"/api/backups//restore", "/api/backups/restore"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/../../b", "/b"},
      {"/a/.", "/a"},
      {"/a/..", "/"},
      {"/./", "/"},
      {"/a/b/../", "/a/"},
      {"/x///y//", "/x/y/"},
      {"//a%20b", "/a%20b"},
  };
  for (const CleanCase& it : kCases) {
    const auto cleaned = cleaned_path(it.given);
    if (it.cleaned == nullptr) {
      EXPECT_EQ(cleaned, std::nullopt) << it.given;
    } else {
      EXPECT_EQ(cleaned, it.cleaned) << it.given;
    }
  }
}

}  // namespace
}  // namespace pv::http
