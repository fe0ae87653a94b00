// Text in columns of a terminal, where East Asian letters take two.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pv::cli {

// Columns that valid UTF-8 takes. Bytes that are none are counted somehow, and not read past.
[[nodiscard]] std::size_t width_of(std::string_view text);

// `text` and blanks up to `width` columns, on its right or on its left; as it is where it is wider.
[[nodiscard]] std::string padded_right(const std::string& text, std::size_t width);
[[nodiscard]] std::string padded_left(const std::string& text, std::size_t width);

// Cells below each other, in columns that are as wide as the widest of their cells.
class Table {
 public:
  enum class Column : std::uint8_t {
    kLeft,   // blanks on the right
    kRight,  // blanks on the left
    kLast,   // no blanks
  };
  // `rows`: about how many.
  explicit Table(std::vector<Column> columns, std::size_t rows = 0);

  // Row by row, each from left to right.
  void add(std::string_view cell);
  // Lines, with two blanks between columns.
  [[nodiscard]] std::string text() const;

 private:
  struct Cell {
    std::size_t end;  // in cells_text_
    std::size_t width;
  };
  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::string cells_text_;  // one behind the other: a list has ten thousands
  std::vector<Cell> cells_;
};

}  // namespace pv::cli
