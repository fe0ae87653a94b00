#include "base/translate.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/known_texts.h"

namespace pv {
namespace {

constexpr std::string_view kJoint = ": ";     // between an error and what made it
constexpr std::string_view kTogether = "; ";  // between what is said of one thing

// "S3 bucket {} at {}" is not all of "S3 bucket b at h: access is denied", nor "{} needs {}" of
// "copy: needs a name": what an error adds is no value of the one before it.
bool takes_too_much(std::string_view english, const std::vector<std::string_view>& values) {
  const auto ends_before_joint = [](std::string_view value) { return value.ends_with(':'); };
  if (std::any_of(values.begin(), values.end(), ends_before_joint)) { return true; }
  // Nor is "{} is encrypted" all of "a.txt: it is encrypted"; "{}; and more" follows an error.
  if (english.starts_with("{} ") && values.front().find(kJoint) != std::string_view::npos) {
    return true;
  }
  return english.ends_with("{}") && !english.ends_with(": {}") &&
         values.back().find(kJoint) != std::string_view::npos;
}

class Translator {
 public:
  explicit Translator(std::span<const Catalog> catalogs) : catalogs_{catalogs} {}

  // Each step works on a shorter text, and on each part of it once.
  [[nodiscard]] std::string translate(std::string_view english) {
    if (auto whole = translate_whole(english)) { return *std::move(whole); }
    if (english.ends_with('.')) {  // a sentence made of what a room said
      if (auto whole = translate_whole(english.substr(0, english.size() - 1))) {
        return *std::move(whole) + "。";
      }
    }
    const std::size_t joint = std::min(english.find(kJoint), english.find(kTogether));
    if (joint == std::string_view::npos) { return std::string{english}; }
    const std::string_view head = english.substr(0, joint);
    const std::string_view between = english.substr(joint, kJoint.size());
    const std::string_view tail = english.substr(joint + between.size());
    const std::string first = translate_whole(head).value_or(std::string{head});
    const std::string rest = translate(tail);
    const bool is_same = first == head && rest == tail;
    if (is_same) { return std::string{english}; }
    return first + (between == kJoint ? "：" : "；") + rest;
  }

 private:
  [[nodiscard]] std::optional<std::string> translate_whole(std::string_view english) {
    if (looks_left_ == 0) { return std::nullopt; }
    --looks_left_;
    for (const Catalog catalog : catalogs_) {
      for (const Phrase& phrase : catalog) {
        const auto values = values_of(english, phrase.english);
        if (values && !takes_too_much(phrase.english, *values)) { return filled(phrase, *values); }
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string filled(const Phrase& phrase,
                                   const std::vector<std::string_view>& values) {
    std::vector<std::string> texts;
    for (const std::string_view value : values) { texts.push_back(translate(value)); }
    return fill(phrase.chinese, std::vector<std::string_view>{texts.begin(), texts.end()});
  }

  std::span<const Catalog> catalogs_;
  // Each goes through all catalogs. The longest error of ours takes a dozen; a stranger's text of
  // joints alone would take a thousand.
  int looks_left_ = 40;
};

}  // namespace

std::string translate(std::string_view english, std::initializer_list<Catalog> catalogs) {
  constexpr std::size_t kBytesMax = 4000;  // more is a hostile archive's, or a list
  if (english.size() > kBytesMax) { return std::string{english}; }
  return Translator{{catalogs.begin(), catalogs.size()}}.translate(english);
}

std::string told(Language language, std::string_view english) {
  // The time grows with the square of the length, and a stranger may have a part in the text.
  constexpr std::size_t kBytesMax = 1000;
  const bool is_short = english.size() <= kBytesMax;
  if (language == Language::kEnglish || !is_short) { return std::string{english}; }
  return translate(english,
                   {known::kTexts, known::kSystemTexts, known::kSqliteTexts, known::kCurlTexts});
}

std::string told_list(Language language, std::string_view english) {
  constexpr Phrase kBetween{", ", "、"};
  std::string text;
  for (;;) {
    const std::size_t end = std::min(english.find(kBetween.english), english.size());
    text += told(language, english.substr(0, end));
    if (end == english.size()) { return text; }
    text += in(language, kBetween);
    english.remove_prefix(end + kBetween.english.size());
  }
}

}  // namespace pv
