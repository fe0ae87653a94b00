// What is said to people, in the languages that pocketvault speaks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pv {

enum class Language { kEnglish, kChinese };  // Simplified Chinese

// "{}" stands for what is filled in, in the same order in both languages. Both stand side by side,
// so that no language can lack what the other has.
struct Phrase {
  std::string_view english;
  std::string_view chinese;
};

[[nodiscard]] constexpr std::string_view in(Language language, const Phrase& phrase) {
  return language == Language::kChinese ? phrase.chinese : phrase.english;
}

// `pattern` with the values in its places. They are never searched for places, so a "{}" in one
// stays as it is. Places without a value stay.
[[nodiscard]] std::string fill(std::string_view pattern, std::span<const std::string_view> values);

// What stands in the places when `text` fits `pattern`; nullopt: it does not.
[[nodiscard]] std::optional<std::vector<std::string_view>> values_of(std::string_view text,
                                                                     std::string_view pattern);

// The language of a process: the first of POCKETVAULT_LANG, LC_ALL, LC_MESSAGES and LANG that is
// set (POSIX, "Internationalization Variables"), each given as the value of that variable. Chinese
// where it begins with "zh", but for traditional script ("zh_TW", "zh_HK", "zh_Hant").
[[nodiscard]] Language language_of(std::span<const std::optional<std::string>> variables);

}  // namespace pv
