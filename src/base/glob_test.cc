#include "base/glob.h"

#include <gtest/gtest.h>

namespace pv {
namespace {

struct GlobCase {
  const char* pattern;
  const char* name;
  bool covers;
};

constexpr GlobCase kCases[] = {
    {"a", "a", true},
    {"a", "b", false},
    {"a", "ab", false},
    {"a", "b/a", false},
    {"storage/abc/*", "storage/abc/x", true},
    {"storage/abc/*", "storage/abc/x/y", true},  // x is matched, and y is in it
    {"storage/abc/*", "storage/abc", false},
    {"storage/abc/*", "storage/abcd/x", false},
    {"storage/*/tmp", "storage/a/tmp", true},
    {"storage/*/tmp", "storage/a/b/tmp", false},
    {"storage/*/tmp", "storage//tmp", true},
    {"storage/**/tmp", "storage/a/b/tmp", true},
    {"storage/**/tmp", "storage/tmp", true},
    {"storage/**/tmp", "storage/atmp", false},
    {"**/*.log", "x.log", true},
    {"**/*.log", "a/b/x.log", true},
    {"**/*.log", "a/b/x.logs", false},
    {"*.log", "a/x.log", false},
    {"a**z", "a/b/z", true},
    {"a**z", "az", true},
    {"**", "anything/at/all", true},
    {"a?c", "abc", true},
    {"a?c", "a/c", false},
    {"a?c", "ac", false},
    {"[ab]", "a", false},
    {"[ab]", "[ab]", true},
    {"./storage/", "storage/x", true},
    {"storage", "storage2/x", false},
    {"data.db*", "data.db", true},
};

TEST(Glob, CoversNamesAndWhatIsInFolders) {
  for (const GlobCase& one : kCases) {
    EXPECT_EQ(Glob::parse(one.pattern).value().covers(one.name), one.covers)
        << one.pattern << " on " << one.name;
  }
}

TEST(Glob, RefusesWhatCanNotBeMeant) {
  for (const std::string& text :
       {std::string{}, std::string{"/"}, std::string{"/srv/x"}, std::string{"./"},
        std::string(Glob::kBytesMax + 1, 'a'), std::string{"storage//x"},
        std::string{"storage/./x"}, std::string{"../x"}, std::string{".//data.db"},
        std::string{".."}, std::string{"a/.."}}) {
    const auto glob = Glob::parse(text);
    ASSERT_FALSE(glob.has_value()) << text;
    EXPECT_EQ(glob.error().code, Code::kInvalid);
  }
}

// A matcher that goes back needs more steps for this than there will ever be time for.
TEST(Glob, IsNeverSlow) {
  std::string pattern;
  while (pattern.size() + 3 < Glob::kBytesMax) { pattern += "**a"; }
  EXPECT_FALSE(Glob::parse(pattern + "b").value().covers(std::string(2000, 'a')));
}

}  // namespace
}  // namespace pv
