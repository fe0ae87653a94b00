#include "api/messages.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "api/utf8.h"
#include "base/text.h"
#include "base/translate.h"

namespace pv::api {
namespace {

constexpr std::array kTranslatable{
    phrase::kBlank,
    phrase::kLengthBetween,
    phrase::kMatch,
    phrase::kOneOf,
    phrase::kUrl,
    phrase::kEmail,
    phrase::kHost,
    phrase::kNotUnique,
    phrase::kHexColor,
    phrase::kIpOrSubnet,
    phrase::kLeast,
    phrase::kMost,
    phrase::kRuleConflict,
    phrase::kUnknownSetting,
    phrase::kWantsObject,
    phrase::kWantsList,
    phrase::kWantsFlag,
    phrase::kWantsNumber,
    phrase::kWantsText,
    phrase::kInvalidValue,
    phrase::kNameExists,
    phrase::kUploadExists,
    phrase::kMimeType,
    phrase::kPasswordAuthOff,
    phrase::kAuthRule,
    phrase::kFailedToAuthenticate,
    phrase::kOtherCollection,
    phrase::kSomethingWrong,
};

// A weight of RFC 9110 12.4.2 in thousandths; nullopt for what is none.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) {
    return std::nullopt;
  }
  int weight = (text[0] - '0') * 1000;
  if (text.size() == 1) { return weight; }
  if (text[1] != '.') { return std::nullopt; }
  int unit = 100;
  for (const char digit : text.substr(2)) {
    if (digit < '0' || digit > '9') { return std::nullopt; }
    weight += (digit - '0') * unit;
    unit /= 10;
  }
  return weight <= 1000 ? std::optional{weight} : std::nullopt;
}

// Of traditional script; who reads that is not helped by ours.
bool is_traditional(std::string_view tag) {
  constexpr std::array<std::string_view, 4> kTags{"zh-tw", "zh-hk", "zh-mo", "zh-hant"};
  return std::ranges::any_of(kTags, [&](std::string_view one) { return tag.starts_with(one); });
}

struct Range {
  std::string primary;  // "zh" of "zh-CN"
  int weight = 1000;
};

std::optional<Range> parse_range(std::string_view item) {
  const std::size_t semicolon = item.find(';');
  const std::string tag = to_lower_ascii(trim_blanks(item.substr(0, semicolon)));
  if (is_traditional(tag)) { return std::nullopt; }
  Range range{.primary = tag.substr(0, tag.find('-'))};
  if (semicolon == std::string_view::npos) { return range; }
  const std::string parameter = to_lower_ascii(trim_blanks(item.substr(semicolon + 1)));
  if (!parameter.starts_with("q=")) { return std::nullopt; }
  const auto weight = parse_weight(std::string_view{parameter}.substr(2));
  if (!weight) { return std::nullopt; }
  range.weight = *weight;
  return range;
}

}  // namespace

std::string sentence(std::string_view text) {
  std::string result{trim_space(text)};
  if (result.empty()) { return result; }
  if (result[0] >= 'a' && result[0] <= 'z') {
    result[0] = static_cast<char>(result[0] - 'a' + 'A');
  }
  if (std::string_view{".?!"}.find(result.back()) == std::string_view::npos) { result += '.'; }
  return result;
}

Message say(const Phrase& phrase, std::initializer_list<std::string_view> values) {
  const std::vector<std::string_view> list{values};
  return {.english = sentence(fill(phrase.english, list)), .chinese = fill(phrase.chinese, list)};
}

Message say_text(std::string_view english) {
  const std::string text = sentence(english);
  for (const Phrase& phrase : kTranslatable) {
    if (const auto values = values_of(text, phrase.english)) {
      return {.english = text, .chinese = fill(phrase.chinese, *values)};
    }
  }
  // Not made a sentence yet, as it is said where it is from.
  const std::string known = told(Language::kChinese, trim_space(english));
  return {.english = text, .chinese = known == trim_space(english) ? text : known};
}

Language preferred_language(std::span<const std::string_view> accept_language) {
  constexpr std::size_t kRangesMax = 64;  // no browser sends more than a dozen
  int best = 0;
  Language language = Language::kEnglish;
  std::size_t seen = 0;
  for (std::string_view line : accept_language) {
    while (!line.empty() && seen++ < kRangesMax) {
      const std::size_t comma = std::min(line.find(','), line.size());
      const auto range = parse_range(line.substr(0, comma));
      line.remove_prefix(std::min(comma + 1, line.size()));
      if (!range || range->weight <= best) { continue; }
      const bool chinese = range->primary == "zh";
      if (!chinese && range->primary != "en" && range->primary != "*") { continue; }
      best = range->weight;
      language = chinese ? Language::kChinese : Language::kEnglish;
    }
  }
  return language;
}

}  // namespace pv::api
