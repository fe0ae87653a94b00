// The inputs of the fuzz targets fuzz/form_fuzz.cc and fuzz/fields_fuzz.cc, and random bytes.
#include <gtest/gtest.h>

#include <random>

#include "api/fields.h"
#include "api/json.h"
#include "api/json_fields.h"
#include "api/xml_fields.h"
#include "base/text.h"
#include "testing/fuzz_corpus.h"

namespace pv::api {
namespace {

constexpr std::string_view kNames[] = {"name", "other"};
constexpr XmlName kElements[] = {{"name", "Name"}};

std::string outcome(std::string_view text, std::size_t piece) {
  using Progress = JsonFields::Progress;
  JsonFields json{kNames};
  Progress progress = Progress::kMore;
  while (!text.empty() && progress == Progress::kMore) {
    progress = json.feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  if (progress == Progress::kMore) { progress = json.finish(); }
  if (progress == Progress::kMalformed) { return "malformed"; }
  std::string all = "fine:";
  for (const auto& [name, value] : json.take_values()) {
    EXPECT_TRUE(is_utf8(value));
    all += name + "=" + value + ";";
  }
  return all;
}

void try_everything(const std::string& text) {
  EXPECT_EQ(outcome(text, text.size() + 1), outcome(text, 1)) << text;
  if (const auto values = read_xml_fields(text, kElements)) {
    for (const auto& [name, value] : *values) { EXPECT_TRUE(is_utf8(value)); }
  }
  const std::size_t line = std::min(text.find('\n'), text.size());
  const auto fields = Fields::parse(std::string_view{text}.substr(0, line));
  if (!fields.has_value()) { return; }
  const boost::json::object object{{"a", text.substr(line)}, {"b", {{"c", text.substr(line)}}}};
  EXPECT_TRUE(is_utf8(to_json(fields->apply(object)))) << text;
}

TEST(Strangers, TheCorpusOfTheFuzzTargetsDoesNoHarm) {
  for (const char* target : {"form", "fields"}) {
    for (const auto& [name, content] : testing::fuzz_corpus(PV_FUZZ_DIR, target)) {
      SCOPED_TRACE(name);
      try_everything(content);
    }
  }
}

// Pieces that mean something, in any order.
TEST(Strangers, RandomTextsDoNoHarm) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  constexpr std::string_view kPieces[] = {
      "{",     "}",    "[",    "]",    "\"",        "\\u", "d83d", "\\ude00",  ":",    ",",
      "name",  "null", "1e5",  "-0.",  "<",         ">",   "/",    "<x>",      "</x>", "<Name>",
      "&amp;", "&#x",  ";",    "<!--", "-->",       "*",   ".",    ":excerpt", "(",    ")",
      "\n",    "\xFF", "\xE6", "true", "<svg",      "<p>", "</",   "<title>",  "'",    "`",
      " ",     "<?",   "<!",   "]]>",  "<![CDATA[", "a",   "b",    "c"};
  std::uniform_int_distribution<std::size_t> pick{0, std::size(kPieces) - 1};
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 == 0 ? "{\"name\":" : "";
    for (int i = 0; i < round % 40; ++i) { text += kPieces[pick(random)]; }
    try_everything(text);
  }
}

}  // namespace
}  // namespace pv::api
