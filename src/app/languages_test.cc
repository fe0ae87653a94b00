// Every phrase of every room, as it stands in the sources.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "testing/fixtures.h"

namespace pv {
namespace {

bool has_chinese(std::string_view text) {
  // U+4E00 to U+9FFF begin with E4 to E9 in UTF-8.
  return std::any_of(text.begin(), text.end(), [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte >= 0xE4 && byte <= 0xE9;
  });
}

std::size_t places(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("{}"); at != std::string_view::npos;
       at = text.find("{}", at + 2)) {
    ++count;
  }
  return count;
}

TEST(Languages, EveryPhraseIsTranslatedWithTheSamePlaces) {
  const std::regex any{R"(inline constexpr Phrase )"};
  // Strings that stand side by side are one.
  const std::string string = R"re(((?:"(?:[^"\\]|\\.)*"\s*)+))re";
  const std::regex declared{R"re(inline constexpr Phrase (k\w+)\{)re" + string + R"(,\s*)" +
                            string + R"(\};)"};
  for (const char* room : {"api"}) {
    const std::string header =
        testing::read_file(testing::source_folder() / "src" / room / "messages.h");
    const std::string_view label = room;
    std::ptrdiff_t count = 0;
    for (std::sregex_iterator it{header.begin(), header.end(), declared}, end; it != end; ++it) {
      const std::string name = (*it)[1];
      const std::string english = (*it)[2];
      const std::string chinese = (*it)[3];
      EXPECT_TRUE(has_chinese(chinese)) << label << ": " << name;
      EXPECT_FALSE(has_chinese(english)) << label << ": " << name;
      EXPECT_EQ(places(english), places(chinese)) << label << ": " << name;
      ++count;
    }
    const auto all = std::distance(std::sregex_iterator{header.begin(), header.end(), any},
                                   std::sregex_iterator{});
    EXPECT_EQ(count, all) << label << ": one is written in a way that this test can't read";
    EXPECT_GT(count, 30) << label;
  }
}

}  // namespace
}  // namespace pv
