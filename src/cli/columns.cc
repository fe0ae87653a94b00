#include "cli/columns.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace pv::cli {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// Unicode's East Asian Width W and F (UAX 11), rounded to blocks. wcwidth() knows them in a UTF-8
// locale only, and the one of this process is "C".
constexpr Range kWide[] = {{0x1100, 0x115F}, {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                           {0xF900, 0xFAFF}, {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                           {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};

bool is_wide(std::uint32_t letter) {
  return std::any_of(std::begin(kWide), std::end(kWide), [&](const Range& range) {
    return letter >= range.first && letter <= range.last;
  });
}

std::string blanks_up_to(std::size_t width, const std::string& text) {
  const std::size_t taken = width_of(text);
  return std::string(width > taken ? width - taken : 0, ' ');
}

}  // namespace

std::size_t width_of(std::string_view text) {
  const bool is_ascii =
      std::all_of(text.begin(), text.end(), [](char letter) { return (letter & 0x80) == 0; });
  if (is_ascii) { return text.size(); }
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    std::uint32_t letter = lead < 0x80   ? lead
                           : lead < 0xE0 ? lead & 0x1FU
                           : lead < 0xF0 ? lead & 0x0FU
                                         : lead & 0x07U;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) {
      letter = (letter << 6U) | (static_cast<unsigned char>(text[i++]) & 0x3FU);
    }
    columns += is_wide(letter) ? 2 : 1;
  }
  return columns;
}

std::string padded_right(const std::string& text, std::size_t width) {
  return text + blanks_up_to(width, text);
}
std::string padded_left(const std::string& text, std::size_t width) {
  return blanks_up_to(width, text) + text;
}

}  // namespace pv::cli
