#include "cli/help.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/arguments.h"

namespace pv::cli {
namespace {

const Words kEnglish{Language::kEnglish};
const Words kChinese{Language::kChinese};

Parsed parse_words(std::vector<const char*> words, const Words& language) {
  words.insert(words.begin(), "pocketvault");
  return parse(static_cast<int>(words.size()), words.data(), "1.2.3", language);
}

bool has_chinese(std::string_view line) {
  // U+4E00 to U+9FFF begin with E4 to E9 in UTF-8.
  return std::any_of(line.begin(), line.end(), [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte >= 0xE4 && byte <= 0xE9;
  });
}

// What is told: of "  --dir DIR=pb_data  PocketBase's data directory" the last words. Empty where
// there is nothing but a name, an example or an address.
std::string_view told(std::string_view line) {
  constexpr std::size_t kNameAt = 2;
  const std::size_t start = line.find_first_not_of(' ');
  if (start != kNameAt) { return line.substr(std::min(start, line.size())); }
  return line.substr(std::min(line.find("  ", start), line.size()));
}

std::vector<std::vector<const char*>> all_commands() {
  std::vector<std::vector<const char*>> commands{{}};
  for (int number = 0; number <= static_cast<int>(Command::kVersion); ++number) {
    commands.push_back({command_name(static_cast<Command>(number)).data()});
  }
  commands.push_back({"replaced", "delete"});
  commands.push_back({"alerts", "test"});
  commands.push_back({"config", "show"});
  commands.push_back({"config", "check"});
  for (const char* action : {"create", "upsert", "update", "delete"}) {
    commands.push_back({"superuser", action});
  }
  return commands;
}

TEST(Help, IsChineseInEveryLine) {
  for (std::vector<const char*> words : all_commands()) {
    const std::string command = words.empty() ? "" : words.back();
    words.push_back("--help");
    const std::string help = parse_words(words, kChinese).out;
    EXPECT_NE(help.find("用法"), std::string::npos) << help;
    for (std::size_t at = 0; at < help.size();) {
      const std::size_t end = std::min(help.find('\n', at), help.size());
      const std::string_view line = told(std::string_view{help}.substr(at, end - at));
      const bool is_empty = line.find_first_not_of(' ') == line.npos;
      EXPECT_TRUE(is_empty || has_chinese(line)) << command << ": " << line;
      at = end + 1;
    }
  }
}

TEST(Help, HasTheSameCommandsAndOptionsInBothLanguages) {
  const auto names_in = [](const std::string& help) {
    std::vector<std::string> names;
    for (std::size_t at = help.find("\n  "); at != std::string::npos;
         at = help.find("\n  ", at + 1)) {
      const std::size_t start = at + 3;
      names.push_back(help.substr(start, help.find_first_of(" \n", start) - start));
    }
    return names;
  };
  for (std::vector<const char*> words : all_commands()) {
    words.push_back("--help");
    EXPECT_EQ(names_in(parse_words(words, kChinese).out),
              names_in(parse_words(words, kEnglish).out));
  }
}

TEST(Help, MistakesAreToldInChinese) {
  struct Case {
    std::vector<const char*> words;
    const char* told;
  };
  const Case kCases[] = {
      {{"nonsense"}, "错误：没有命令 nonsense\n运行 pocketvault --help 查看更多信息。\n"},
      {{"show"}, "错误：缺少 NAME\n加 --help 运行可查看更多信息。\n"},
      {{"list", "--nonsense"}, "错误：多余的参数：--nonsense\n加 --help 运行可查看更多信息。\n"},
      {{"list", "--url", "ftp://x"},
       "错误：--url：必须以 http:// 或 https:// 开头\n加 --help 运行可查看更多信息。\n"},
      {{"status", "--max-age", "soon"},
       "错误：--max-age：需要时长：30m、24h、7d 或 0\n加 --help 运行可查看更多信息。\n"},
      {{"copy", "--to", "/x"}, "错误：copy：需要名称或 --all\n加 --help 运行可查看更多信息。\n"},
  };
  for (const Case& given : kCases) {
    const Parsed parsed = parse_words(given.words, kChinese);
    EXPECT_EQ(parsed.exit, Exit::kUsage);
    EXPECT_EQ(parsed.err, given.told);
    EXPECT_TRUE(parse_words(given.words, kEnglish).err.starts_with("Error: "));
  }
}

}  // namespace
}  // namespace pv::cli
