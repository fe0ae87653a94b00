#include "base/phrase.h"

#include <gtest/gtest.h>

namespace pv {
namespace {

TEST(Phrase, IsFilledWithoutReadingTheValues) {
  const std::vector<std::string_view> values{"{}", "two"};
  EXPECT_EQ(fill("a {} b {} c", values), "a {} b two c");
  EXPECT_EQ(fill("nothing", values), "nothing");
  EXPECT_EQ(fill("{}{}{}", values), "{}two{}");
}

TEST(Phrase, TellsWhatATextHasInItsPlaces) {
  using Values = std::vector<std::string_view>;
  EXPECT_EQ(values_of("between 1 and 255.", "between {} and {}."), (Values{"1", "255"}));
  EXPECT_EQ(values_of("no: disk full", "no: {}"), Values{"disk full"});
  EXPECT_EQ(values_of("no", "no"), Values{});
  EXPECT_EQ(values_of("damaged: a checksum of data.db.", "{}: {}."),
            (Values{"damaged", "a checksum of data.db"}));
  EXPECT_EQ(values_of("no more", "no"), std::nullopt);
  EXPECT_EQ(values_of("between 1", "between {} and {}."), std::nullopt);
}

TEST(Phrase, TheFirstVariableThatIsSetNamesTheLanguage) {
  struct Row {
    std::vector<std::optional<std::string>> variables;
    Language language;
  };
  const Row rows[] = {
      {{}, Language::kEnglish},
      {{std::nullopt, std::nullopt}, Language::kEnglish},
      {{"zh_CN.UTF-8"}, Language::kChinese},
      {{std::nullopt, "", "zh_CN"}, Language::kChinese},
      {{"zh"}, Language::kChinese},
      {{"zh-Hans"}, Language::kChinese},
      {{"zh_SG.UTF-8@x"}, Language::kChinese},
      {{"en_US.UTF-8", "zh_CN.UTF-8"}, Language::kEnglish},
      {{"C", "zh_CN.UTF-8"}, Language::kEnglish},
      {{"zh_TW.UTF-8"}, Language::kEnglish},
      {{"zh-Hant-HK"}, Language::kEnglish},
      {{"zhuang"}, Language::kEnglish},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(language_of(row.variables), row.language)
        << (row.variables.empty() ? "" : row.variables.back().value_or("(unset)"));
  }
}

}  // namespace
}  // namespace pv
