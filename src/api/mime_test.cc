#include "api/mime.h"

#include <gtest/gtest.h>

#include <regex>

namespace pv::api {
namespace {

std::string header_of(const std::string& name, const std::string& extra = "") {
  std::string header{"PK\x03\x04"};
  header.resize(30, '\0');
  header[26] = static_cast<char>(name.size());
  header[28] = static_cast<char>(extra.size());
  return header + name + extra;
}

TEST(Mime, TellsZipsFromFormatsInsideZips) {
  struct Row {
    std::string_view label;
    std::string head;
    bool plain_zip;
  };
  const std::string data = header_of("data.db");
  const Row rows[] = {
      {"a backup", data + header_of("storage/x"), true},
      {"the signature alone", "PK\x03\x04", true},
      {"an empty archive", std::string{"PK\x05\x06"} + std::string(18, '\0'), true},
      {"a spanned one", "PK\x07\x08", true},
      {"mixed signature", "PK\x03\x08", true},
      {"too short", "PK\x03", false},
      {"empty", "", false},
      {"text", "hello", false},
      {"self-extracting", "MZ" + data, false},
      {"jar", header_of("META-INF/MANIFEST.MF"), false},
      {"jar folder", header_of("META-INF/"), false},
      {"manifest later", data + header_of("META-INF/MANIFEST.MF"), true},
      {"jar by its extra field", header_of("A.class", "\xFE\xCA"), false},
      {"apk", data + header_of("classes.dex"), false},
      {"kmz", data + header_of("doc.kml"), false},
      {"docx", header_of("[Content_Types].xml") + header_of("word/document.xml"), false},
      {"content types alone", header_of("[Content_Types].xml") + data, true},
      {"word folder first", header_of("word/x"), false},
      {"word folder later", data + header_of("word/x"), true},
      {"odt", header_of("mimetype", "") + "application/vnd.oasis.opendocument.text", false},
      {"epub", header_of("mimetype") + "application/epub+zip", false},
      {"past what is looked at", data + std::string(kSniffBytes, '\0') + header_of("classes.dex"),
       true},
      {"a name that is cut off", data + header_of("classes.dex").substr(0, 35), true},
  };
  for (const Row& row : rows) { EXPECT_EQ(is_plain_zip(row.head), row.plain_zip) << row.label; }
}

TEST(Mime, MakesTheNameThatARefusalShows) {
  struct Row {
    std::string name;
    std::string_view head;
    std::string pattern;
  };
  const std::string r = "[a-z0-9]{10}";
  const std::string long_list = "[" + std::string(5000, ' ') + "1]";
  const Row rows[] = {
      {"bad.txt", "hello", "bad_" + r + R"(\.txt)"},
      {"notes.txt", "hello", "notes_" + r + R"(\.txt)"},
      {"My Photo (1).JPG", "", "my_photo_1_" + r + R"(\.JPG)"},
      {"archive.tar.gz", "", "archive_" + r + R"(\.tar\.gz)"},
      {"a.b.tar.gz", "", "a_b_" + r + R"(\.tar\.gz)"},
      {"x.txt", "hello", "x" + r + "_" + r + R"(\.txt)"},
      {"blob", "hello", "blob_" + r + R"(\.txt)"},
      {"blob", " {\"a\": [1]}\n", "blob_" + r + R"(\.json)"},
      {"blob", long_list, "blob_" + r + R"(\.json)"},
      {"blob", "{a}", "blob_" + r + R"(\.txt)"},
      {"blob", "{\"a\": ", "blob_" + r + R"(\.txt)"},
      {"blob", "17", "blob_" + r + R"(\.txt)"},
      {"blob", "\x89PNG\r\n\x1A\n", "blob_" + r + R"(\.png)"},
      {"日本.txt", "hello", r + "_" + r + R"(\.txt)"},
      {"fooBar2Baz.t x!t", "", "foo_bar2_baz_" + r + R"(\.txt)"},
      {std::string(200, 'a') + ".txt", "", std::string(100, 'a') + "_" + r + R"(\.txt)"},
      {"abc." + std::string(30, 'e'), "", "abc_" + r + R"(\.)" + std::string(20, 'e')},
  };
  for (const Row& row : rows) {
    const std::string got = generated_name(row.name, row.head, system_random());
    EXPECT_TRUE(std::regex_match(got, std::regex{row.pattern})) << row.name << " gave " << got;
  }
}

}  // namespace
}  // namespace pv::api
