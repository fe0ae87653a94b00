#include "api/fields.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <chrono>

#include "api/html_text.h"
#include "api/json.h"

namespace pv::api {
namespace {

// The record that PocketBase's answers were captured with.
constexpr std::string_view kRecord = R"({"collectionName":"things","id":"abc",
  "title":"Hello <b>World</b> & friends",
  "html":"<p>First   <b>para</b></p><script>var x;</script><p>Second &amp; para &lt;x&gt;</p><ul><li>one</li><li>two</li></ul>",
  "meta":{"a":1,"b":{"c":"<i>deep</i> text here","d":[{"e":1,"f":2},{"e":3}]},"l":["x","y"],"nul":null},
  "n":1.5})";
constexpr std::string_view kList =
    R"([{"modified":"2026-11-21 00:54:47.907Z","key":"Z.zip","size":113},{"modified":"2026-11-21 00:54:47.907Z","key":"a.zip","size":113}])";

std::string pick(std::string_view json, std::string_view expression) {
  const auto fields = Fields::parse(expression);
  return fields.has_value() ? to_json(fields->apply(boost::json::parse(json))) : "error";
}

struct Case {
  std::string_view expression;
  std::string_view answer;
};

TEST(Fields, AnswersWhatPocketBaseWasSeenToAnswer) {
  constexpr Case kCases[] = {
      {"id,,n", R"({"id":"abc","n":1.5})"},
      {"meta.b.d.e", R"({"meta":{"b":{"d":[{"e":1},{"e":3}]}}})"},
      {"meta.l.x", R"({"meta":{"l":["x","y"]}})"},
      {"meta.nul.x", R"({"meta":{"nul":null}})"},
      {"meta.d", R"({"meta":{}})"},
      {"title:excerpt(5,true)", R"({"title":"Hello..."})"},
      {"title:excerpt(2000,true)", R"({"title":"Hello World \u0026 friends"})"},
      {"html:excerpt(200)", R"({"html":"First para Second \u0026 para \u003cx\u003e one two"})"},
      {"meta.b.*:excerpt(2)", R"({"meta":{"b":{"c":"de","d":[{"e":1,"f":2},{"e":3}]}}})"},
      {"collectionName,*:excerpt(2,true)",
       R"({"collectionName":"things","html":"Fi...","id":"ab...","meta":{"a":1,"b":{"c":"\u003ci\u003edeep\u003c/i\u003e text here","d":[{"e":1,"f":2},{"e":3}]},"l":["x","y"],"nul":null},"n":1.5,"title":"He..."})"},
      {"meta,meta.a",
       R"({"meta":{"a":1,"b":{"c":"\u003ci\u003edeep\u003c/i\u003e text here","d":[{"e":1,"f":2},{"e":3}]},"l":["x","y"],"nul":null}})"},
      {"id.x", R"({"id":"abc"})"},
      {"ID,nope", "{}"},
      {" id , n ", R"({"id":"abc","n":1.5})"},
  };
  for (const Case& row : kCases) {
    EXPECT_EQ(pick(kRecord, row.expression), row.answer) << row.expression;
  }
}

TEST(Fields, TrimsAListOfBackups) {
  constexpr Case kCases[] = {
      {"key", R"([{"key":"Z.zip"},{"key":"a.zip"}])"},
      {"nope", "[{},{}]"},
      {"size:excerpt(1)", R"([{"size":113},{"size":113}])"},
      {"key:excerpt(2,true)", R"([{"key":"Z...."},{"key":"a...."}])"},
      {"*:excerpt(4)",
       R"([{"key":"Z.zi","modified":"2026","size":113},{"key":"a.zi","modified":"2026","size":113}])"},
      {"size,*",
       R"([{"key":"Z.zip","modified":"2026-11-21 00:54:47.907Z","size":113},{"key":"a.zip","modified":"2026-11-21 00:54:47.907Z","size":113}])"},
      {",",
       R"([{"key":"Z.zip","modified":"2026-11-21 00:54:47.907Z","size":113},{"key":"a.zip","modified":"2026-11-21 00:54:47.907Z","size":113}])"},
      {"\"key\"", "[{},{}]"},
      {"key)", "[{},{}]"},
      {"key.,size", R"([{"key":"Z.zip","size":113},{"key":"a.zip","size":113}])"},
  };
  for (const Case& row : kCases) {
    EXPECT_EQ(pick(kList, row.expression), row.answer) << row.expression;
  }
  EXPECT_EQ(pick("[1,{\"a\":1}]", "a"), "[1,{\"a\":1}]");
  EXPECT_EQ(pick("[]", "a"), "[]");
  EXPECT_EQ(pick(R"({"rel":{"id":1,"x":2},"z":1,"a":2})", "*,rel.id"),
            R"({"a":2,"rel":{"id":1},"z":1})");
}

TEST(Fields, RefusesWrongExpressions) {
  constexpr std::string_view kWrong[] = {"key:",
                                         "key:nope(1)",
                                         "key:excerpt",
                                         "key:excerpt()",
                                         "key:excerpt(0)",
                                         "key:excerpt(-1)",
                                         "key:excerpt(a)",
                                         "key:excerpt(1e1)",
                                         "key:excerpt(1",
                                         "key:excerpt(1,2,3)",
                                         "key'",
                                         "a,\"b",
                                         "`",
                                         "(",
                                         "key:excerpt('5')",
                                         "key:excerpt(08)",
                                         "key:excerpt(99999999999999999999)",
                                         "key:excerpt(.9)",
                                         "key:excerpt(0.9)"};
  for (const std::string_view expression : kWrong) {
    EXPECT_EQ(pick(kList, expression), "error") << expression;
  }
}

TEST(Fields, ReadsTheArgumentsOfExcerpt) {
  constexpr Case kCases[] = {{"key:excerpt(5.9)", "Z.zip"},    {"key:excerpt(05)", "Z.zip"},
                             {"key:excerpt(0x3)", "Z.z"},      {"key:excerpt(010)", "Z.zip"},
                             {"key:excerpt 2", "Z."},          {"key:excerpt( 2 , 1 )", "Z...."},
                             {"key:excerpt(2,TRUE)", "Z...."}, {"key:excerpt(2,yes)", "Z."},
                             {"key:excerpt(2,0)", "Z."},       {"key:excerpt(0b11)", "Z.z"},
                             {"key:excerpt(+2)", "Z."}};
  for (const Case& row : kCases) {
    const std::string expected = R"([{"key":")" + std::string{row.answer} + R"("}])";
    EXPECT_EQ(pick(R"([{"key":"Z.zip"}])", row.expression), expected) << row.expression;
  }
}

TEST(Excerpt, AnswersWhatPocketBaseWasSeenToAnswer) {
  struct Row {
    std::string_view html;
    Excerpt excerpt;
    std::string_view text;
  };
  constexpr Row kRows[] = {
      {"日本語のテキスト that goes on", {6, true}, "日本語のテキ..."},
      {"日本<b>語の名前", {3, true}, "日本"},
      {"日本<b>語の名前", {5, true}, "日本語の名..."},
      {"a<br>b<div>c</div>d<span>e</span>f<img src=x>g<style>p{}</style>h<textarea>t</textarea>i"
       "<button>z</button>j",
       {100, false},
       "ab c defghij"},
      {"Hello <b>World</b>", {6, true}, "Hello..."},
      {"", {5, true}, ""},
      {"<script>alert(1)</script>", {5, true}, ""},
  };
  for (const Row& row : kRows) { EXPECT_EQ(make_excerpt(row.html, row.excerpt), row.text); }
}

TEST(HtmlToText, ReadsWhatBrowsersRead) {
  constexpr Case kCases[] = {
      {"a<b", "a"},
      {"a < b", "a < b"},
      {"1<2 and 3>2", "1<2 and 3>2"},
      {"<p>one<p>two", "one two"},
      {"x<!-- <b>no</b> -->y", "xy"},
      {"x<!-->y", "xy"},
      {"<!doctype html><title>T</title><body>b", "b"},
      {"<head><title>T</title></head>after", "after"},
      {"<div title=\"a > b\">in</div>", "in"},
      {"<div title='a > b' x=y>in</div>", "in"},
      {"&copy2026 &copy; &#x41;&#66; &notit; &nosuch; &#128; &#0;",
       "©2026 © AB ¬it; &nosuch; € \xEF\xBF\xBD"},
      {"&CounterClockwiseContourIntegral;", "∳"},
      {"a<svg><text>no</text></svg>b", "ab"},
      {"a<svg><circle/><p>yes</p>", "a yes"},
      {"a<select><option>1<option>2</select>b", "ab"},
      {"<u>a</u>b", "a b"},
      {"a</p>b", "a b"},
      {"<xmp><b>raw</b> &amp;</xmp>", "<b>raw</b> &amp;"},
      {"x<template><p>no</p></template>y", "xy"},
      {"x<form>no</form>y", "xy"},
      {"a\n\t  b\xC2\xA0", "a b"},
      {"<plaintext><b>x", "<b>x"},
      {"</3>x<?php echo ?>y", "xy"},
      {"a<em>b</span>c</em>d", "abcd"},
  };
  for (const Case& row : kCases) {
    EXPECT_EQ(html_to_text(row.expression, 10'000), row.answer) << row.expression;
  }
}

// Expressions and texts come from strangers: neither time nor recursion may run away.
TEST(Fields, StaysFastWithHugeExpressionsAndTexts) {
  const auto start = std::chrono::steady_clock::now();
  std::string paths;
  for (int i = 0; i < 20'000; ++i) { paths += "key.a" + std::to_string(i) + ","; }
  std::string list = "[";
  for (int i = 0; i < 500; ++i) { list += R"({"key":{"a7":1,"b":2},"size":3},)"; }
  list.back() = ']';
  EXPECT_TRUE(pick(list, paths).starts_with(R"([{"key":{"a7":1}},)"));
  std::string nested;
  for (int i = 0; i < 20'000; ++i) { nested += "<div><i a='>'>"; }
  EXPECT_EQ(html_to_text(nested + "x", 10), "x");
  std::string ends;
  for (int i = 0; i < 600; ++i) { ends += "<span>"; }
  for (int i = 0; i < 20'000; ++i) { ends += "</q>"; }
  EXPECT_EQ(html_to_text(ends + "x", 10), "x");
  EXPECT_EQ(pick(kList, std::string(100'000, '.')), "[{},{}]");
  EXPECT_EQ(pick(kList, std::string(100'000, '(')), "error");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{20});
}

}  // namespace
}  // namespace pv::api
