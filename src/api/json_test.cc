#include "api/json.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace pv::api {
namespace {

TEST(Json, EscapesAsPocketBaseDoes) {
  struct Row {
    std::string text;
    std::string_view json;
  };
  const Row rows[] = {
      {"plain 'text' / 日本", R"("plain 'text' / 日本")"},
      {"<a href=\"x\">&</a>", R"("\u003ca href=\"x\"\u003e\u0026\u003c/a\u003e")"},
      {"\n\r\t\b\f\\", R"("\n\r\t\b\f\\")"},
      {std::string{'\0', '\x01', '\x1f', '\x7f'}, "\"\\u0000\\u0001\\u001f\x7f\""},
      {"\xE2\x80\xA8\xE2\x80\xA9", R"("\u2028\u2029")"},
      {"a\xFF"
       "b\xC3",
       R"("a\ufffdb\ufffd")"},
      {"\xED\xA0\x80", R"("\ufffd\ufffd\ufffd")"},  // a surrogate is three bytes of nothing
      {"", R"("")"},
  };
  for (const Row& row : rows) { EXPECT_EQ(to_json_string(row.text), row.json); }
}

TEST(Json, WritesNumbersAsGoDoes) {
  struct Row {
    boost::json::value number;
    std::string_view json;
  };
  const Row rows[] = {
      {0, "0"},
      {-7, "-7"},
      {18446744073709551615U, "18446744073709551615"},
      {1.5, "1.5"},
      {0.153, "0.153"},
      {1e20, "100000000000000000000"},
      {1e21, "1e+21"},
      {1e-7, "1e-7"},
      {-0.000001, "-0.000001"},
      {1.25e-10, "1.25e-10"},
      {3.0, "3"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
  };
  for (const Row& row : rows) { EXPECT_EQ(to_json(row.number), row.json); }
}

TEST(Json, KeepsTheOrderOfKeysUnlessAskedToSort) {
  const auto value =
      boost::json::parse(R"({"b":[{"z":1,"a":null}],"a":{"y":true,"x":"é"},"B":[]})");
  EXPECT_EQ(to_json(value), R"({"b":[{"z":1,"a":null}],"a":{"y":true,"x":"é"},"B":[]})");
  EXPECT_EQ(to_json(sorted(value)), R"({"B":[],"a":{"x":"é","y":true},"b":[{"a":null,"z":1}]})");
}

}  // namespace
}  // namespace pv::api
