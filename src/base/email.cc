#include "base/email.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"

namespace pv {
namespace {

using Letters = std::u32string_view;

bool is_ascii_letter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }
bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

// What the pattern that PocketBase uses takes as a letter beyond ASCII: no control characters, no
// private use, nothing past U+FFFF.
bool is_other_letter(char32_t c) {
  return (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFDCF) || (c >= 0xFDF0 && c <= 0xFFEF);
}

bool is_word(char32_t c) { return is_ascii_letter(c) || is_digit(c) || is_other_letter(c); }

bool is_local(char32_t c) {
  return is_word(c) || Letters{U"!#$%&'*+-/=?^_`{|}~"}.find(c) != Letters::npos;
}

bool is_inside_label(char32_t c) { return is_word(c) || c == U'-' || c == U'_' || c == U'~'; }

// `text` is valid UTF-8.
std::u32string decode(std::string_view text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t point = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      point = (point << 6U) | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    }
    result += point;
    i += length;
  }
  return result;
}

std::vector<Letters> split_at_dots(Letters text) {
  std::vector<Letters> parts;
  for (;;) {
    const std::size_t dot = text.find(U'.');
    parts.push_back(text.substr(0, dot));
    if (dot == Letters::npos) { return parts; }
    text.remove_prefix(dot + 1);
  }
}

bool is_local_part(Letters text) {
  return std::ranges::all_of(split_at_dots(text), [](Letters run) {
    return !run.empty() && std::ranges::all_of(run, is_local);
  });
}

bool is_label(Letters label) {
  return !label.empty() && is_word(label.front()) && is_word(label.back()) &&
         std::ranges::all_of(label, is_inside_label);
}

bool is_domain(Letters text) {
  if (text.ends_with(U'.')) { text.remove_suffix(1); }
  const std::vector<Letters> labels = split_at_dots(text);
  return labels.size() >= 2 && std::ranges::all_of(labels, is_label) &&
         !is_digit(labels.back().front()) && !is_digit(labels.back().back());
}

}  // namespace

bool is_email(std::string_view text) {
  if (!is_utf8(text)) { return false; }
  const std::u32string letters = decode(text);
  const std::size_t at = letters.find(U'@');
  if (at == std::u32string::npos) { return false; }
  const Letters all = letters;
  return is_local_part(all.substr(0, at)) && is_domain(all.substr(at + 1));
}

}  // namespace pv
