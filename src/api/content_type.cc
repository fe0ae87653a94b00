#include "api/content_type.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace pv::api {
namespace {

constexpr std::string_view kUnknown = "application/octet-stream";

// What people upload; ascending.
constexpr std::array<std::pair<std::string_view, std::string_view>, 42> kTypes{{
    {"aac", "audio/aac"},
    {"attrs", "application/json"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"db", "application/vnd.sqlite3"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"heic", "image/heic"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ogg", "audio/ogg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"svg", "image/svg+xml"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"txt", "text/plain; charset=utf-8"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
}};
static_assert(std::is_sorted(kTypes.begin(), kTypes.end()));

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('/') + 1); }

bool is_plain(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '.' || letter == '_' || letter == '-';
}

std::string percent_coded(std::string_view text) {
  std::string coded;
  for (const char letter : text) {
    coded += is_plain(letter) ? std::string(1, letter)
                              : "%" + to_hex(as_bytes(std::string_view{&letter, 1}));
  }
  return coded;
}

}  // namespace

std::string_view type_by_name(std::string_view name) {
  const std::string_view last = last_part(name);
  const std::size_t dot = last.rfind('.');
  if (dot == std::string_view::npos) { return kUnknown; }
  const std::string extension = to_lower_ascii(last.substr(dot + 1));
  const auto found = std::lower_bound(
      kTypes.begin(), kTypes.end(), extension,
      [](const auto& type, const std::string& wanted) { return type.first < wanted; });
  return found != kTypes.end() && found->first == extension ? found->second : kUnknown;
}

std::string attachment(std::string_view name) {
  const std::string_view last = last_part(name);
  std::string plain{last};
  std::replace_if(
      plain.begin(), plain.end(), [](char letter) { return !is_plain(letter); }, '_');
  std::string value = "attachment; filename=\"" + plain + "\"";
  if (plain != last && is_utf8(last)) { value += "; filename*=UTF-8''" + percent_coded(last); }
  return value;
}

}  // namespace pv::api
