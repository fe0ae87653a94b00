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

Table::Table(std::vector<Column> columns, std::size_t rows)
    : columns_{std::move(columns)}, widths_(columns_.size()) {
  cells_.reserve(rows * columns_.size());
}

void Table::add(std::string_view cell) {
  std::size_t& width = widths_[cells_.size() % widths_.size()];
  cells_text_ += cell;
  cells_.push_back({.end = cells_text_.size(), .width = width_of(cell)});
  width = std::max(width, cells_.back().width);
}

std::string Table::text() const {
  std::string text;
  std::size_t line_bytes = 1;
  for (const std::size_t width : widths_) { line_bytes += width + 2; }
  text.reserve(cells_.size() / columns_.size() * line_bytes);
  std::size_t start = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const Cell& cell = cells_[i];
    const std::size_t column = i % columns_.size();
    const std::size_t blanks = widths_[column] - cell.width;
    if (columns_[column] == Column::kRight) { text.append(blanks, ' '); }
    text += std::string_view{cells_text_}.substr(start, cell.end - start);
    if (columns_[column] == Column::kLeft) { text.append(blanks, ' '); }
    text += column + 1 == columns_.size() ? "\n" : "  ";
    start = cell.end;
  }
  return text;
}

}  // namespace pv::cli
