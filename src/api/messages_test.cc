#include "api/messages.h"

#include <gtest/gtest.h>

namespace pv::api {
namespace {

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
      {{"zh-Hans"}, Language::kChinese},
      {{"zh-Hans-TW"}, Language::kChinese},
      {{"zh-SG"}, Language::kChinese},
      {{"zh-TW"}, Language::kEnglish},
      {{"zh-Hant-HK,en"}, Language::kEnglish},
      {{"zh-TW,zh;q=0.9,en;q=0.8"}, Language::kChinese},
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
