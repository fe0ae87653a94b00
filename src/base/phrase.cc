#include "base/phrase.h"

#include <algorithm>

#include "base/text.h"

namespace pv {

std::string fill(std::string_view pattern, std::span<const std::string_view> values) {
  std::string text;
  for (const std::string_view value : values) {
    const std::size_t place = pattern.find("{}");
    if (place == std::string_view::npos) { break; }
    text += pattern.substr(0, place);
    text += value;
    pattern.remove_prefix(place + 2);
  }
  text += pattern;
  return text;
}

std::optional<std::vector<std::string_view>> values_of(std::string_view text,
                                                       std::string_view pattern) {
  std::vector<std::string_view> values;
  for (;;) {
    const std::size_t place = pattern.find("{}");
    const std::string_view before = pattern.substr(0, place);
    if (!text.starts_with(before)) { return std::nullopt; }
    text.remove_prefix(before.size());
    if (place == std::string_view::npos) {
      if (!text.empty()) { return std::nullopt; }
      return values;
    }
    pattern.remove_prefix(place + 2);
    const std::size_t next = pattern.find("{}");
    const std::string_view after = pattern.substr(0, next);
    const bool is_last = next == std::string_view::npos;  // then what follows ends the text
    if (is_last && !text.ends_with(after)) { return std::nullopt; }
    const std::size_t end = is_last         ? text.size() - after.size()
                            : after.empty() ? text.size()
                                            : text.find(after);
    if (end == std::string_view::npos) { return std::nullopt; }
    values.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Language language_of(std::span<const std::optional<std::string>> variables) {
  const auto set = std::find_if(variables.begin(), variables.end(),
                                [](const auto& value) { return value && !value->empty(); });
  if (set == variables.end()) { return Language::kEnglish; }
  std::string name = to_lower_ascii(**set);
  std::replace(name.begin(), name.end(), '-', '_');
  name = name.substr(0, name.find_first_of(".@"));
  const bool is_chinese = name == "zh" || name.starts_with("zh_");
  const bool is_traditional = name.starts_with("zh_tw") || name.starts_with("zh_hk") ||
                              name.starts_with("zh_mo") || name.starts_with("zh_hant");
  return is_chinese && !is_traditional ? Language::kChinese : Language::kEnglish;
}

}  // namespace pv
