#include "api/utf8.h"

namespace pv::api {
namespace {

// What a first byte announces: how long the sequence is and the bounds of its second byte, which
// rule out overlong forms, surrogates and what lies above U+10FFFF (RFC 3629, table of section 4).
struct Lead {
  std::size_t bytes = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
};

Lead lead_of(unsigned first) {
  if (first < 0x80) { return {1}; }
  if (first < 0xC2 || first > 0xF4) { return {0}; }
  if (first < 0xE0) { return {2}; }
  if (first == 0xE0) { return {3, 0xA0, 0xBF}; }
  if (first == 0xED) { return {3, 0x80, 0x9F}; }
  if (first < 0xF0) { return {3}; }
  if (first == 0xF0) { return {4, 0x90, 0xBF}; }
  if (first == 0xF4) { return {4, 0x80, 0x8F}; }
  return {4};
}

bool is_space(char32_t rune) {
  return (rune >= '\t' && rune <= '\r') || rune == ' ' || rune == 0x85 || rune == 0xA0 ||
         rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200A) || rune == 0x2028 || rune == 0x2029 ||
         rune == 0x202F || rune == 0x205F || rune == 0x3000;
}

}  // namespace

Rune first_rune(std::string_view text) {
  if (text.empty()) { return {}; }
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const Lead lead = lead_of(byte(0));
  constexpr Rune kInvalid{.value = kReplacement, .bytes = 1};
  if (lead.bytes == 0 || lead.bytes > text.size()) { return kInvalid; }
  if (lead.bytes == 1) { return {byte(0), 1}; }
  if (byte(1) < lead.low || byte(1) > lead.high) { return kInvalid; }
  char32_t value = byte(0) & (0xFFU >> (lead.bytes + 1));
  for (std::size_t i = 1; i < lead.bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) { return kInvalid; }
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  return {value, lead.bytes};
}

void append_rune(std::string& text, char32_t value) {
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) { value = kReplacement; }
  const auto tail = [&](unsigned shift) {
    text += static_cast<char>(0x80U | ((value >> shift) & 0x3FU));
  };
  if (value < 0x80) {
    text += static_cast<char>(value);
  } else if (value < 0x800) {
    text += static_cast<char>(0xC0U | (value >> 6U));
    tail(0);
  } else if (value < 0x10000) {
    text += static_cast<char>(0xE0U | (value >> 12U));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | (value >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const Rune rune = first_rune(text);
    append_rune(valid, rune.value);
    text.remove_prefix(rune.bytes);
  }
  return valid;
}

std::string_view prefix_of_runes(std::string_view text, std::size_t count) {
  std::size_t end = 0;
  for (; count > 0 && end < text.size(); --count) { end += first_rune(text.substr(end)).bytes; }
  return text.substr(0, end);
}

std::string_view trim_space(std::string_view text) {
  while (!text.empty()) {
    const Rune rune = first_rune(text);
    if (!is_space(rune.value)) { break; }
    text.remove_prefix(rune.bytes);
  }
  while (!text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && (text[start] & 0xC0) == 0x80) { --start; }
    const Rune rune = first_rune(text.substr(start));
    if (rune.bytes != text.size() - start || !is_space(rune.value)) { break; }
    text.remove_suffix(rune.bytes);
  }
  return text;
}

}  // namespace pv::api
