#include "cli/words.h"

#include <gtest/gtest.h>

#include <map>

namespace pv::cli {
namespace {

const Words kEnglish{Language::kEnglish};
const Words kChinese{Language::kChinese};

TEST(Words, ThePersonsLanguageIsInTheEnvironment) {
  struct Case {
    std::map<std::string, std::string> variables;
    Language language;
  };
  const Case kCases[] = {
      {{}, Language::kEnglish},
      {{{"LANG", "zh_CN.UTF-8"}}, Language::kChinese},
      {{{"LANG", "zh_CN.UTF-8"}, {"LC_ALL", "C"}}, Language::kEnglish},
      {{{"LANG", "C"}, {"LC_MESSAGES", "zh_SG"}}, Language::kChinese},
      {{{"LANG", "zh_CN.UTF-8"}, {"POCKETVAULT_LANG", "en"}}, Language::kEnglish},
      {{{"LC_ALL", "de_DE"}, {"POCKETVAULT_LANG", "zh"}}, Language::kChinese},
  };
  for (const Case& given : kCases) {
    Environment environment;
    environment.variable = [&](const std::string& name) -> std::optional<std::string> {
      const auto found = given.variables.find(name);
      return found == given.variables.end() ? std::nullopt : std::optional{found->second};
    };
    EXPECT_EQ(language_for(environment), given.language)
        << (given.variables.empty() ? "nothing" : given.variables.begin()->second);
  }
}

TEST(Words, WhatIsCountedHasAPluralInEnglishAlone) {
  constexpr Phrase kFiles{"{} file", "{} 个文件"};
  EXPECT_EQ(kEnglish.count(0, kFiles), "0 files");
  EXPECT_EQ(kEnglish.count(1, kFiles), "1 file");
  EXPECT_EQ(kEnglish.count(2, kFiles), "2 files");
  EXPECT_EQ(kChinese.count(1, kFiles), "1 个文件");
  EXPECT_EQ(kChinese.count(2, kFiles), "2 个文件");
}

TEST(Words, ListsAreFitForATerminal) {
  const std::vector<std::string> names{"a", "b\x1b", "c"};
  EXPECT_EQ(kEnglish.list(names), "a, b , c");
  EXPECT_EQ(kChinese.list(names), "a、b 、c");
  EXPECT_EQ(kChinese.list({}), "");
}

TEST(Words, ErrorsOfOtherRoomsAreTranslatedAsFarAsTheyAreKnown) {
  struct Case {
    const char* english;
    const char* chinese;
  };
  constexpr Case kCases[] = {
      {"there is no backup a.zip", "没有备份 a.zip"},
      {"there is no backup a.zip, and no such file either", "没有备份 a.zip，也没有这个文件"},
      {"a backup (a.zip) is at work on this directory, in process 7, since 2026-11-21",
       "此数据目录上正在进行备份（a.zip），进程 7，开始于 2026-11-21"},
      {"an undo is at work on this directory, since 2026-11-21",
       "此数据目录上正在进行撤销，开始于 2026-11-21"},
      {"the databases of pb_data are in use by pocketbase (process 12, pb.service). Stop that "
       "first: systemctl stop pb.service; or restore beside it, into a new directory: --to DIR",
       "pb_data 的数据库正被 pocketbase (进程 12, pb.service) 使用。请先停止它：systemctl stop "
       "pb.service；或恢复到旁边的新目录：--to DIR"},
      {"S3 bucket b at http://h:1: the access key is not known there (InvalidAccessKeyId: no)",
       "S3 存储桶 b（http://h:1）：那里不认识这个访问密钥（InvalidAccessKeyId: no）"},
      {"open data.db: Permission denied", "打开 data.db：权限不足"},
      {"storage/x: the checksum (CRC-32) is wrong", "storage/x：校验和 (CRC-32) 错误"},
      {"nobody knows this: nor that", "nobody knows this: nor that"},
      {"the server answered 400: Try again later - another backup/restore process has already been "
       "started.",
       "服务器回答 400：请稍后再试 - 另一个备份/恢复过程已经开始。"},
      {"left out: open storage/a: Permission denied", "已略去：打开 storage/a：权限不足"},
  };
  for (const Case& given : kCases) {
    EXPECT_EQ(kEnglish.told(given.english), given.english);
    EXPECT_EQ(kChinese.told(given.english), given.chinese);
  }
}

TEST(Words, WhatOthersSayIsMadeFitForATerminal) {
  EXPECT_EQ(kEnglish.told("a\x1b[2J"), "a [2J");
  EXPECT_EQ(kChinese.told("there is no backup a\x1b[2J"), "没有备份 a [2J");
}

TEST(Words, AVeryLongTextIsNotLookedThrough) {
  std::string text = "there is no backup ";
  while (text.size() < 100'000) { text += "a: "; }
  EXPECT_EQ(kChinese.told(text), text);
}

}  // namespace
}  // namespace pv::cli
