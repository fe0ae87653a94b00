// The inputs of the fuzz targets fuzz/form_fuzz.cc and fuzz/fields_fuzz.cc, and random bytes.
#include <gtest/gtest.h>

#include <random>

#include "api/fuzz_entry.h"
#include "testing/fuzz_corpus.h"

namespace pv::api {
namespace {

void try_everything(const std::string& text) {
  fuzz_form(text);
  fuzz_fields(text);
}

TEST(Strangers, TheCorpusOfTheFuzzTargetsDoesNoHarm) {
  for (const char* target : {"form", "fields"}) {
    for (const auto& [name, content] : testing::fuzz_corpus(target)) {
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
