// UTF-8 as Go reads it: a byte that starts no valid sequence stands for U+FFFD and is one byte
// long.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pv::api {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Rune {
  char32_t value = kReplacement;
  std::size_t bytes = 0;  // 0 at the end of the text
  [[nodiscard]] bool invalid() const { return value == kReplacement && bytes == 1; }
};

// The first code point of `text`.
[[nodiscard]] Rune first_rune(std::string_view text);

// Appends U+FFFD for what is no code point (surrogates, above U+10FFFF).
void append_rune(std::string& text, char32_t value);

// Every invalid byte replaced by U+FFFD.
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

// The longest prefix of at most `count` code points.
[[nodiscard]] std::string_view prefix_of_runes(std::string_view text, std::size_t count);

// Without Unicode white space at both ends.
[[nodiscard]] std::string_view trim_space(std::string_view text);

}  // namespace pv::api
