#include "cli/columns.h"

#include <gtest/gtest.h>

namespace pv::cli {
namespace {

TEST(Columns, EastAsianLettersTakeTwo) {
  struct Case {
    const char* text;
    std::size_t width;
  };
  constexpr Case kCases[] = {
      {"", 0},         {"abc", 3},    {"é", 1},           {"备份", 4},
      {"日本.zip", 8}, {"（仅）", 6}, {"、。，：；", 10},  // U+3001 and on, U+FF0C and on
      {"“", 1},  // ambiguous: narrow outside of East Asian fonts
      {"한글", 4},     {"𠀀", 2},     {"→", 1},
  };
  for (const Case& given : kCases) { EXPECT_EQ(width_of(given.text), given.width) << given.text; }
}

TEST(Columns, TextIsFilledUpToAWidth) {
  EXPECT_EQ(padded_right("备份", 6), "备份  ");
  EXPECT_EQ(padded_left("备份", 6), "  备份");
  EXPECT_EQ(padded_right("abcdef", 3), "abcdef");
  EXPECT_EQ(padded_left("", 2), "  ");
}

TEST(Columns, AreAsWideAsTheWidestOfTheirCells) {
  using Column = Table::Column;
  Table table{{Column::kLeft, Column::kRight, Column::kLast}};
  EXPECT_EQ(table.text(), "");
  for (const char* cell : {"a", "size", "", "备份", "1 B", "as it is"}) { table.add(cell); }
  EXPECT_EQ(table.text(),
            "a     size  \n"
            "备份   1 B  as it is\n");
}

}  // namespace
}  // namespace pv::cli
