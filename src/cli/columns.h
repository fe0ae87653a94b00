// Text in columns of a terminal, where East Asian letters take two.
#pragma once

#include <string>
#include <string_view>

namespace pv::cli {

// Columns that valid UTF-8 takes. Bytes that are none are counted somehow, and not read past.
[[nodiscard]] std::size_t width_of(std::string_view text);

// `text` and blanks up to `width` columns, on its right or on its left; as it is where it is wider.
[[nodiscard]] std::string padded_right(const std::string& text, std::size_t width);
[[nodiscard]] std::string padded_left(const std::string& text, std::size_t width);

}  // namespace pv::cli
