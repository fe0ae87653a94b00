#include "base/translate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <system_error>

#include "base/known_texts.h"

namespace pv {
namespace {

TEST(Translate, WhatARoomSaysIsToldInEitherLanguage) {
  constexpr const char* kText = "S3 bucket b at http://h: open a: Permission denied";
  EXPECT_EQ(told(Language::kEnglish, kText), kText);
  EXPECT_EQ(told(Language::kChinese, kText), "S3 存储桶 b（http://h）：打开 a：权限不足");
  EXPECT_EQ(told(Language::kChinese, "nobody knows this"), "nobody knows this");
  EXPECT_EQ(told(Language::kChinese, "c.toml:1:8: nice needs true or false, without quotes"),
            "c.toml:1:8：nice 需要不带引号的 true 或 false");
  EXPECT_EQ(
      told(Language::kChinese, "settings row of data.db: logs.maxDays: Must be a whole number"),
      "data.db 的设置行：logs.maxDays：必须是整数");
  EXPECT_EQ(told(Language::kChinese, "c.toml:1:11: origins needs a list of texts: [\"a\", \"b\"]"),
            "c.toml:1:11：origins 需要文本列表：[\"a\", \"b\"]");
  const std::string longest = "open " + std::string(995, 'a');
  EXPECT_EQ(told(Language::kChinese, longest), "打开 " + std::string(995, 'a'));
  EXPECT_EQ(told(Language::kChinese, longest + "a"), longest + "a") << "bounded in time";
  EXPECT_EQ(told(Language::kChinese, "it is encrypted; data.db: it is encrypted."),
            "它已加密；data.db：它已加密。");
  EXPECT_EQ(told(Language::kChinese, "logs.db damaged; auxiliary.db not checked: its pin was gone"),
            "logs.db 已损坏；auxiliary.db 未检查：其快照已不在");
  EXPECT_EQ(told(Language::kChinese,
                 "copied: data.db (it is not in WAL mode); a.db (it is read-only here)"),
            "复制：data.db（不处于 WAL 模式）；a.db（在这里是只读的）");
  std::string joints;
  while (joints.size() < 980) { joints += "it is encrypted; "; }
  const std::string some = told(Language::kChinese, joints);
  EXPECT_TRUE(some.starts_with("它已加密；它已加密；")) << some;
  EXPECT_NE(some.find("it is encrypted; it is encrypted; "), std::string::npos)
      << "bounded in time: " << some;
  EXPECT_EQ(told_list(Language::kEnglish, "keeps 7 daily, 4 weekly"), "keeps 7 daily, 4 weekly");
  EXPECT_EQ(told_list(Language::kChinese, "keeps 7 daily, 4 weekly"),
            "保留每天一个共 7 个、每周一个共 4 个");
}

TEST(Translate, TheSystemsTextsAreThoseOfTheCLibrary) {
  for (const Phrase& phrase : known::kSystemTexts) {
    bool is_said = false;
    for (int number = 1; number < 134 && !is_said; ++number) {
      is_said = std::generic_category().message(number) == phrase.english;
    }
    EXPECT_TRUE(is_said) << phrase.english;
  }
}

TEST(Translate, NoKnownTextHidesAnother) {
  const std::span<const Phrase> texts{known::kTexts};
  for (const Phrase& phrase : texts) {
    const auto first = std::find_if(texts.begin(), texts.end(), [&](const Phrase& other) {
      return values_of(phrase.english, other.english).has_value();
    });
    EXPECT_EQ(&*first, &phrase) << first->english << "\n" << phrase.english;
  }
}

}  // namespace
}  // namespace pv
