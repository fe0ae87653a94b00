#include <algorithm>
#include <array>
#include <cstdint>

#include "api/html_text.h"
#include "api/utf8.h"

namespace pv::api {
namespace {

struct Entity {
  std::string_view name;  // without '&'; most end in ';'
  std::string_view text;
};

constexpr Entity kEntities[] = {
#include "api/html_entities.inc"
};

const Entity* find_entity(std::string_view name) {
  const auto* found = std::lower_bound(
      std::begin(kEntities), std::end(kEntities), name,
      [](const Entity& entity, std::string_view key) { return entity.name < key; });
  return found != std::end(kEntities) && found->name == name ? found : nullptr;
}

// What browsers make of &#128; to &#159;: the characters of windows-1252.
constexpr std::array<char32_t, 32> kWindows1252{
    0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
    0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

int digit_value(char letter, bool hexadecimal) {
  if (letter >= '0' && letter <= '9') { return letter - '0'; }
  if (!hexadecimal) { return -1; }
  if (letter >= 'a' && letter <= 'f') { return letter - 'a' + 10; }
  if (letter >= 'A' && letter <= 'F') { return letter - 'A' + 10; }
  return -1;
}

// A reference at the start of `text`, which begins with '&': how many bytes it takes; 0: none.
std::size_t decode_number(std::string_view text, std::string& out) {
  std::size_t i = 2;  // past "&#"
  const bool hexadecimal = i < text.size() && (text[i] == 'x' || text[i] == 'X');
  if (hexadecimal) { ++i; }
  const std::size_t first_digit = i;
  char32_t value = 0;
  for (; i < text.size(); ++i) {
    const int digit = digit_value(text[i], hexadecimal);
    if (digit < 0) { break; }
    if (value <= 0x10FFFF) {
      value = value * (hexadecimal ? 16U : 10U) + static_cast<char32_t>(digit);
    }
  }
  if (i == first_digit) { return 0; }
  if (i < text.size() && text[i] == ';') { ++i; }
  if (value >= 0x80 && value <= 0x9F) { value = kWindows1252[value - 0x80]; }
  append_rune(out, value == 0 ? kReplacement : value);
  return i;
}

std::size_t decode_name(std::string_view text, std::string& out) {
  constexpr std::size_t kNameMax = 40;  // the longest, CounterClockwiseContourIntegral;, has 32
  constexpr std::size_t kLegacyMax = 6;
  std::size_t end = 1;
  while (end < text.size() && end <= kNameMax &&
         std::string_view{"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}.find(
             text[end]) != std::string_view::npos) {
    ++end;
  }
  const std::string_view letters = text.substr(1, end - 1);
  if (end < text.size() && text[end] == ';') {
    if (const Entity* entity = find_entity(text.substr(1, end))) {
      out += entity->text;
      return end + 1;
    }
  }
  // Legacy names need no semicolon: "&copy2026" is "©2026".
  for (std::size_t length = std::min(letters.size(), kLegacyMax); length > 1; --length) {
    if (const Entity* entity = find_entity(letters.substr(0, length))) {
      out += entity->text;
      return length + 1;
    }
  }
  return 0;
}

}  // namespace

std::string decode_html_entities(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('&'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) { break; }
    std::size_t used = text.starts_with("&#") ? decode_number(text, out) : decode_name(text, out);
    if (used == 0) {
      out += '&';
      used = 1;
    }
    text.remove_prefix(used);
  }
  return out;
}

}  // namespace pv::api
