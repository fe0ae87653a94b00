#include "api/mime.h"

#include <algorithm>
#include <array>
#include <boost/json/stream_parser.hpp>
#include <optional>
#include <span>

#include "base/text.h"

namespace pv::api {
namespace {

constexpr std::string_view kLocalHeader{"PK\x03\x04"};
constexpr std::size_t kEntriesMax = 100;

bool is_zip(std::string_view head) {
  const auto among = [&](std::size_t i, std::string_view bytes) {
    return bytes.find(head[i]) != std::string_view::npos;
  };
  return head.size() > 3 && head.starts_with("PK") && among(2, "\x03\x05\x07") &&
         among(3, "\x04\x06\x08");
}

// 16 bits, little endian; nullopt past the end.
std::optional<std::size_t> read_u16(std::string_view bytes, std::size_t at) {
  if (bytes.size() < at + 2) { return std::nullopt; }
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) |
         static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + 1])) << 8U;
}

// Names in the local headers, found by their signature wherever it stands; lengths that the headers
// declare for the contents are not believed.
class EntryNames {
 public:
  explicit EntryNames(std::string_view head) : rest_{head} {}

  // Empty at the end, and for a name that is cut off.
  std::string_view next() {
    const std::size_t at = rest_.find(kLocalHeader);
    if (at == std::string_view::npos) { return {}; }
    rest_.remove_prefix(at);
    const auto length = read_u16(rest_, 26);
    if (!length || rest_.size() < 30 + *length) { return {}; }
    const std::string_view name = rest_.substr(30, *length);
    rest_.remove_prefix(30);
    return name;
  }

 private:
  std::string_view rest_;
};

using Names = std::span<const std::string_view>;

bool any_entry_is(std::string_view head, Names wanted, std::size_t entries_max) {
  EntryNames names{head};
  for (std::size_t i = 0; i < entries_max; ++i) {
    const std::string_view name = names.next();
    if (name.empty()) { return false; }
    if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) { return true; }
  }
  return false;
}

// Office files start with one of a few entries and have a folder of their own.
bool is_office(std::string_view head, std::string_view folder) {
  constexpr std::array<std::string_view, 5> kFirst{"[Content_Types].xml", "_rels/.rels", "docProps",
                                                   "customXml", "[trash]"};
  EntryNames names{head};
  for (std::size_t i = 0; i < kEntriesMax; ++i) {
    const std::string_view name = names.next();
    if (name.empty()) { return false; }
    if (name.starts_with(folder)) { return true; }
    if (i == 0 && std::find(kFirst.begin(), kFirst.end(), name) == kFirst.end()) { return false; }
  }
  return false;
}

bool is_jar(std::string_view head) {
  constexpr std::array<std::string_view, 2> kFirst{"META-INF/MANIFEST.MF", "META-INF/"};
  if (any_entry_is(head, kFirst, 1)) { return true; }
  // Java's own archiver marks the first entry with an extra field 0xCAFE.
  const auto name_length = read_u16(head, 26);
  return name_length && read_u16(head, 30 + *name_length) == 0xCAFE;
}

bool is_apk(std::string_view head) {
  constexpr std::array<std::string_view, 5> kNames{
      "AndroidManifest.xml", "META-INF/com/android/build/gradle/app-metadata.properties",
      "classes.dex", "resources.arsc", "res/drawable"};
  return any_entry_is(head, kNames, kEntriesMax);
}

bool is_kmz(std::string_view head) {
  constexpr std::array<std::string_view, 1> kNames{"doc.kml"};
  return any_entry_is(head, kNames, kEntriesMax);
}

struct Typed {
  std::string_view mark;
  std::string_view extension;
};

// The uncompressed first entry of OpenDocument and epub files.
constexpr std::array<Typed, 9> kMimetypes{{
    {"mimetypeapplication/epub+zip", ".epub"},
    {"mimetypeapplication/vnd.oasis.opendocument.text", ".odt"},
    {"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", ".ods"},
    {"mimetypeapplication/vnd.oasis.opendocument.presentation", ".odp"},
    {"mimetypeapplication/vnd.oasis.opendocument.graphics", ".odg"},
    {"mimetypeapplication/vnd.oasis.opendocument.formula", ".odf"},
    {"mimetypeapplication/vnd.oasis.opendocument.chart", ".odc"},
    {"mimetypeapplication/vnd.oasis.opendocument", ".odt"},
    {"mimetypeapplication/vnd.sun.xml.calc", ".sxc"},
}};

// The extension of the format inside a zip; empty for a plain one.
std::string_view extension_inside(std::string_view head) {
  if (head.size() > 30) {
    for (const Typed& type : kMimetypes) {
      if (head.substr(30).starts_with(type.mark)) { return type.extension; }
    }
  }
  if (is_office(head, "xl/")) { return ".xlsx"; }
  if (is_office(head, "word/")) { return ".docx"; }
  if (is_office(head, "ppt/")) { return ".pptx"; }
  if (is_apk(head)) { return ".apk"; }
  if (is_jar(head)) { return ".jar"; }
  if (is_kmz(head)) { return ".kmz"; }
  return {};
}

bool is_text(std::string_view head) {
  return std::none_of(head.begin(), head.end(), [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte <= 0x08 || byte == 0x0B || (byte >= 0x0E && byte <= 0x1A) ||
           (byte >= 0x1C && byte <= 0x1F);
  });
}

// An object or array, as far as it goes.
bool is_json(std::string_view head) {
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (head[first] != '{' && head[first] != '[')) {
    return false;
  }
  boost::json::stream_parser parser;
  boost::system::error_code error;
  parser.write(head.data(), head.size(), error);
  return !error && (parser.done() || head.size() == kSniffBytes);
}

// For names without an extension; what is commonly sent by mistake, and text.
std::string_view guessed_extension(std::string_view head) {
  using namespace std::string_view_literals;
  constexpr std::array<Typed, 13> kMarks{{
      {"%PDF-", ".pdf"},
      {"\x89PNG\r\n\x1A\n", ".png"},
      {"\xFF\xD8\xFF", ".jpg"},
      {"GIF8", ".gif"},
      {"\x1F\x8B", ".gz"},
      {"7z\xBC\xAF\x27\x1C", ".7z"},
      {"Rar!\x1A\x07", ".rar"},
      {"\xFD"
       "7zXZ\x00"sv,
       ".xz"},
      {"BZh", ".bz2"},
      {"\x28\xB5\x2F\xFD", ".zst"},
      {"SQLite format 3\x00"sv, ".sqlite"},
      {"<?xml", ".xml"},
      {"<!DOCTYPE html", ".html"},
  }};
  for (const Typed& type : kMarks) {
    if (head.starts_with(type.mark)) { return type.extension; }
  }
  if (is_zip(head)) {
    const std::string_view inside = extension_inside(head);
    return inside.empty() ? ".zip" : inside;
  }
  if (!is_text(head)) { return ""; }
  return is_json(head) ? ".json" : ".txt";
}

// With the dot; "x.tar.gz" has ".tar.gz".
std::string_view extension_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) { return {}; }
  const std::size_t second = dot == 0 ? std::string_view::npos : name.rfind('.', dot - 1);
  return name.substr(second == std::string_view::npos ? dot : second);
}

bool is_upper(char letter) { return letter >= 'A' && letter <= 'Z'; }
bool is_word(char letter) {
  return is_upper(letter) || (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
}

// Words are split at what is no ASCII letter or digit and before an upper-case letter that follows
// another kind, then joined with "_".
std::string snake_case(std::string_view name) {
  std::string snake;
  bool pending = false;
  char previous = '\0';
  for (const char letter : name) {
    if (!is_word(letter)) {
      pending = !snake.empty();
      previous = '\0';
      continue;
    }
    const bool hump = previous != '\0' && is_upper(letter) && !is_upper(previous);
    if (pending || hump) { snake += '_'; }
    pending = false;
    previous = letter;
    snake += letter;
  }
  return to_lower_ascii(snake);
}

std::string clean_extension(std::string_view extension) {
  constexpr std::size_t kLengthMax = 20;
  std::string clean;
  for (const char letter : extension) {
    if (is_word(letter) || std::string_view{"_.*+=#-"}.find(letter) != std::string_view::npos) {
      clean += letter;
    }
  }
  if (clean.size() > kLengthMax) { clean = "." + clean.substr(clean.size() - kLengthMax); }
  return clean;
}

}  // namespace

bool is_plain_zip(std::string_view head) {
  head = head.substr(0, kSniffBytes);
  return is_zip(head) && extension_inside(head).empty();
}

std::string generated_name(std::string_view client_name, std::string_view head, Random& random) {
  constexpr std::size_t kStemMin = 3;
  constexpr std::size_t kStemMax = 100;
  constexpr std::size_t kRandomLength = 10;
  const std::string_view extension = extension_of(client_name);
  std::string clean = clean_extension(extension);
  if (clean.empty()) { clean = guessed_extension(head.substr(0, kSniffBytes)); }
  std::string stem =
      snake_case(client_name.substr(0, client_name.size() - extension.size())).substr(0, kStemMax);
  const auto random_part = [&] { return random_text(random, kLowerAlphanumeric, kRandomLength); };
  if (stem.size() < kStemMin) { stem += random_part(); }
  return stem + "_" + random_part() + clean;
}

}  // namespace pv::api
