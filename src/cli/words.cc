#include "cli/words.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/known_texts.h"
#include "base/text.h"
#include "base/translate.h"
#include "cli/help_texts.h"

namespace pv::cli {

std::string Words::operator()(const Phrase& phrase,
                              std::initializer_list<std::string_view> values) const {
  return fill(in(language_, phrase), {values.begin(), values.size()});
}

std::string Words::count(std::uint64_t number, const Phrase& noun) const {
  const std::string text = (*this)(noun, {std::to_string(number)});
  return language_ == Language::kEnglish && number != 1 ? text + "s" : text;
}

std::string Words::list(std::span<const std::string> items) const {
  constexpr Phrase kBetween{", ", "、"};
  std::string text;
  for (const std::string& item : items) {
    if (!text.empty()) { text += in(language_, kBetween); }
    text += printable(item);
  }
  return text;
}

std::string Words::told(std::string_view english) const {
  std::string text = printable(english);
  if (language_ == Language::kEnglish) { return text; }
  return translate(text, {pv::known::kTexts, known::kMistakes, pv::known::kSystemTexts,
                          pv::known::kSqliteTexts, pv::known::kCurlTexts});
}

std::string Words::told_list(std::string_view english) const {
  return pv::told_list(language_, printable(english));
}

Language language_for(const Environment& environment) {
  const auto variable = [&](const char* name) { return environment_variable(environment, name); };
  const std::array variables{variable("POCKETVAULT_LANG"), variable("LC_ALL"),
                             variable("LC_MESSAGES"), variable("LANG")};
  return language_of(variables);
}

}  // namespace pv::cli
