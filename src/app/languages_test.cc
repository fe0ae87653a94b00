// Every phrase of every room, as it stands in the sources; and the README of each language.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <span>

#include "base/known_texts.h"
#include "base/phrase.h"
#include "base/text.h"
#include "base/translate.h"
#include "cli/help_texts.h"
#include "testing/fixtures.h"

namespace pv {
namespace {

// The programs that this room's tests start say what they look for, whatever the language of who
// runs the tests.
[[maybe_unused]] const int kInEnglish = ::setenv("POCKETVAULT_LANG", "en", 1);

bool has_chinese(std::string_view text) {
  // U+4E00 to U+9FFF begin with E4 to E9 in UTF-8.
  return std::any_of(text.begin(), text.end(), [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte >= 0xE4 && byte <= 0xE9;
  });
}

bool has_words(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
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

void expect_translated(std::string_view english, std::string_view chinese, std::string_view label) {
  EXPECT_TRUE(has_chinese(chinese) || !has_words(english)) << label << ": " << english;
  EXPECT_FALSE(has_chinese(english)) << label << ": " << english;
  EXPECT_EQ(places(english), places(chinese)) << label << ": " << english;
}

TEST(Languages, EveryPhraseIsTranslatedWithTheSamePlaces) {
  const std::regex any{R"(inline constexpr Phrase k\w+\{)"};
  // Strings that stand side by side are one.
  const std::string string = R"re(((?:"(?:[^"\\]|\\.)*"\s*)+))re";
  const std::regex declared{R"re(inline constexpr Phrase (k\w+)\{)re" + string + R"(,\s*)" +
                            string + R"(\};)"};
  for (const char* name : {"api/messages.h", "cli/messages.h", "cli/report_messages.h"}) {
    const std::string header = testing::read_file(testing::source_folder() / "src" / name);
    std::ptrdiff_t count = 0;
    for (std::sregex_iterator it{header.begin(), header.end(), declared}, end; it != end; ++it) {
      expect_translated((*it)[2].str(), (*it)[3].str(), (*it)[1].str());
      ++count;
    }
    const auto all = std::distance(std::sregex_iterator{header.begin(), header.end(), any},
                                   std::sregex_iterator{});
    EXPECT_EQ(count, all) << name << ": one is written in a way that this test can't read";
    EXPECT_GT(count, 30) << name;
  }
}

struct Table {
  const char* name;
  std::span<const Phrase> phrases;
};
const Table kOfOurs[] = {{"known texts", known::kTexts},
                         {"help", cli::known::kHelp},
                         {"mistakes", cli::known::kMistakes}};
const Table kOfOthers[] = {{"system", known::kSystemTexts},
                           {"SQLite", known::kSqliteTexts},
                           {"libcurl", known::kCurlTexts},
                           {"CLI11's help", cli::known::kHelpOfCli11},
                           {"CLI11's mistakes", cli::known::kMistakesOfCli11}};

// The command line says what a server of another language answered.
TEST(Languages, WhatTheApiSaysIsKnownToTheCommandLine) {
  const std::regex declared{
      R"re(inline constexpr Phrase k\w+\{"((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\};)re"};
  const std::string header = testing::read_file(testing::source_folder() / "src/api/messages.h");
  std::size_t count = 0;
  for (std::sregex_iterator it{header.begin(), header.end(), declared}, end; it != end; ++it) {
    std::string english = std::regex_replace((*it)[1].str(), std::regex{R"(\\n)"}, "\n");
    english = std::regex_replace(english, std::regex{R"re(\\")re"}, "\"");
    const std::string text = fill(english, std::vector<std::string_view>{"x", "y"});
    EXPECT_NE(told(Language::kChinese, printable(text)), printable(text)) << text;
    ++count;
  }
  EXPECT_GT(count, 50U);
}

TEST(Languages, EveryTextThatIsLookedUpIsTranslatedWithTheSamePlaces) {
  for (const std::span<const Table> tables :
       {std::span<const Table>{kOfOurs}, std::span<const Table>{kOfOthers}}) {
    for (const Table& table : tables) {
      for (const Phrase& phrase : table.phrases) {
        expect_translated(phrase.english, phrase.chinese, table.name);
      }
    }
  }
}

// All sources but those with the tables; strings that stand side by side are one.
std::string all_sources() {
  std::string all;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator{testing::source_folder() / "src"}) {
    const std::filesystem::path& path = entry.path();
    const bool is_table = path.filename() == "known_texts.h" || path.filename() == "help_texts.h";
    const bool is_source = path.extension() == ".cc" || path.extension() == ".h";
    if (is_table || !is_source || path.stem().string().ends_with("_test")) { continue; }
    all += testing::read_file(path);
  }
  std::string joined;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t next = all[at] == '"' ? all.find_first_not_of(" \n", at + 1) : all.npos;
    if (next != all.npos && next > at + 1 && all[next] == '"') {
      at = next + 1;
    } else if (all.compare(at, 2, "\\n") == 0 || all.compare(at, 2, "\\\"") == 0) {
      joined += all[at + 1] == 'n' ? '\n' : '"';
      at += 2;
    } else {
      joined += all[at++];
    }
  }
  return joined;
}

// What of a phrase has to stand in one string of the sources.
std::vector<std::string> pieces_of(std::string_view english) {
  std::vector<std::string> pieces{""};
  for (std::size_t i = 0; i < english.size(); ++i) {
    const bool is_place = english.compare(i, 2, "{}") == 0;
    const bool is_joint = std::string_view{";:.,()"}.find(english[i]) != std::string_view::npos;
    if (is_place || is_joint) {
      pieces.emplace_back();
      i += is_place ? 1 : 0;
    } else {
      pieces.back() += english[i];
    }
  }
  for (std::string& piece : pieces) { piece = trim_blanks(piece); }
  constexpr std::size_t kTooShort = 5;
  std::erase_if(pieces, [](const std::string& piece) { return piece.size() < kTooShort; });
  return pieces;
}

TEST(Languages, EveryTextThatIsLookedUpIsStillSaid) {
  const std::string sources = all_sources();
  for (const Table& table : kOfOurs) {
    for (const Phrase& phrase : table.phrases) {
      for (const std::string& piece : pieces_of(phrase.english)) {
        EXPECT_NE(sources.find(piece), std::string::npos)
            << table.name << ": no source says \"" << piece << "\" of: " << phrase.english;
      }
    }
  }
}

// The string at `at`; strings that stand side by side are one.
std::string string_at(const std::string& source, std::size_t at) {
  std::string text;
  while (at < source.size() && source[at] == '"') {
    for (++at; source[at] != '"'; ++at) {
      if (source[at] == '\\') { ++at; }
      text += source[at];
    }
    at = source.find_first_not_of(" \n", at + 1);
  }
  return text;
}

// What the errors and warnings that a source makes begin with.
std::vector<std::string> texts_said_in(const std::string& source) {
  static const std::regex made{
      R"re((?:Code::k\w+,|within\(|(?:warn|leave_out)\(\{?[^;"]*(?:"[^ "]*")?[^;"]*,)\s*(?="))re"};
  std::vector<std::string> texts;
  for (std::sregex_iterator it{source.begin(), source.end(), made}, end; it != end; ++it) {
    texts.push_back(string_at(source, static_cast<std::size_t>(it->position() + it->length())));
  }
  return texts;
}

// The rooms whose errors and warnings end in a job, an alert, an answer of the API or a command's.
constexpr const char* kRoomsThatAreHeard[] = {
    "alerts",   "app",      "cli",    "curl",    "datadir", "fs",      "jobs",
    "logs",     "metrics",  "notify", "objects", "places",  "restore", "schedule",
    "settings", "snapshot", "sqlite", "s3",      "state",   "store",   "zip"};

TEST(Languages, WhatRoomsSayOfErrorsAndWarningsIsLookedUp) {
  std::string known;
  for (const Phrase& phrase : known::kTexts) { known += std::string{phrase.english} + "\n"; }
  std::size_t count = 0;
  for (const char* room : kRoomsThatAreHeard) {
    for (const auto& entry :
         std::filesystem::directory_iterator{testing::source_folder() / "src" / room}) {
      const std::string name = entry.path().filename().string();
      const bool is_test = name.find("_test") != name.npos || name.find("fuzz") != name.npos ||
                           name == "mem_store.cc";
      if (entry.path().extension() != ".cc" || is_test) { continue; }
      for (const std::string& text : texts_said_in(testing::read_file(entry.path()))) {
        ++count;
        for (const std::string& piece : pieces_of(text)) {
          EXPECT_NE(known.find(piece), std::string::npos)
              << room << "/" << name << ": known_texts.h lacks \"" << piece << "\" of: " << text;
        }
      }
    }
  }
  EXPECT_GT(count, 200U);
}

// Headings, and the lines of code without what is remarked in them.
struct Outline {
  std::size_t headings = 0;
  std::vector<std::string> code;
};

Outline outline_of(const std::string& markdown) {
  Outline outline;
  bool is_code = false;
  for (std::size_t at = 0; at < markdown.size();) {
    const std::size_t end = std::min(markdown.find('\n', at), markdown.size());
    const std::string line = markdown.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("```")) {
      is_code = !is_code;
    } else if (is_code) {
      outline.code.emplace_back(trim_blanks(line.substr(0, line.find(" #"))));
    } else if (line.starts_with('#')) {
      ++outline.headings;
    }
  }
  return outline;
}

TEST(Languages, BothReadmesHaveTheSameOutlineAndCommands) {
  const Outline english = outline_of(testing::read_file(testing::source_folder() / "README.md"));
  const Outline chinese =
      outline_of(testing::read_file(testing::source_folder() / "README.zh-CN.md"));
  EXPECT_GT(english.code.size(), 10U);
  EXPECT_EQ(english.headings, chinese.headings);
  EXPECT_EQ(english.code, chinese.code);
}

}  // namespace
}  // namespace pv
