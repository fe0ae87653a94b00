#include "api/messages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

#include "testing/fixtures.h"

namespace pv::api {
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

// A problem takes a Phrase and nothing else, so what stands in messages.h is all that is ever said.
TEST(Messages, EveryPhraseIsTranslatedWithTheSamePlaces) {
  const std::string header = testing::read_file(testing::source_folder() / "src/api/messages.h");
  const std::regex declared{R"re(Phrase (k\w+)\{"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\};)re"};
  std::size_t count = 0;
  for (std::sregex_iterator it{header.begin(), header.end(), declared}, end; it != end; ++it) {
    const std::string name = (*it)[1];
    const std::string english = (*it)[2];
    const std::string chinese = (*it)[3];
    EXPECT_TRUE(has_chinese(chinese)) << name;
    EXPECT_FALSE(has_chinese(english)) << name;
    EXPECT_EQ(places(english), places(chinese)) << name;
    ++count;
  }
  const std::regex any{R"(inline constexpr Phrase )"};
  const auto all = std::distance(std::sregex_iterator{header.begin(), header.end(), any},
                                 std::sregex_iterator{});
  EXPECT_EQ(count, static_cast<std::size_t>(all));
  EXPECT_GT(count, 30U);
}

TEST(Messages, MakesSentences) {
  constexpr std::pair<std::string_view, std::string_view> kRows[] = {
      {"strconv.Atoi: parsing \"a\"", "Strconv.Atoi: parsing \"a\"."},
      {"  done.  ", "Done."},
      {"really?", "Really?"},
      {"stop!", "Stop!"},
      {"", ""},
      {"état", "état."}};
  for (const auto& [text, expected] : kRows) { EXPECT_EQ(sentence(text), expected); }
}

TEST(Messages, FillsPlacesWithoutReadingTheValues) {
  const Message message = say(phrase::kLengthBetween, {"{}", "150"});
  EXPECT_EQ(message.english, "The length must be between {} and 150.");
  EXPECT_EQ(message.chinese, "长度必须在 {} 到 150 之间。");
  EXPECT_EQ(say(phrase::kRestoreFailed, {"disk full"}).english,
            "Failed to restore backup. Raw error: \ndisk full.");
}

TEST(Messages, TranslatesTextsOfOtherRooms) {
  EXPECT_EQ(say_text("Cannot be blank.").chinese, "不能为空。");
  EXPECT_EQ(say_text("the length must be between 1 and 255").chinese, "长度必须在 1 到 255 之间。");
  const Message unknown = say_text("something new");
  EXPECT_EQ(unknown.english, "Something new.");
  EXPECT_EQ(unknown.chinese, unknown.english);
}

TEST(Messages, PicksTheLanguageByWeight) {
  struct Row {
    std::vector<std::string_view> headers;
    Language language;
  };
  const Row rows[] = {
      {{}, Language::kEnglish},
      {{"en-US"}, Language::kEnglish},
      {{"zh"}, Language::kChinese},
      {{"zh-CN,zh;q=0.9,en;q=0.5"}, Language::kChinese},
      {{"ZH-hans-CN"}, Language::kChinese},
      {{"en,zh"}, Language::kEnglish},
      {{"zh,en"}, Language::kChinese},
      {{"en;q=0.8, zh;q=0.9"}, Language::kChinese},
      {{"zh;q=0.5,*"}, Language::kEnglish},
      {{"zh;q=0"}, Language::kEnglish},
      {{"zh;q=0.001"}, Language::kChinese},
      {{"fr, zh;q=0.5"}, Language::kChinese},
      {{"fr", "zh ; Q=0.4"}, Language::kChinese},
      {{"zh;q=2,en;q=0.1"}, Language::kEnglish},
      {{"zh;q=abc"}, Language::kEnglish},
      {{",,;q=,zhx"}, Language::kEnglish},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(preferred_language(row.headers), row.language)
        << (row.headers.empty() ? "" : row.headers.front());
  }
}

}  // namespace
}  // namespace pv::api
