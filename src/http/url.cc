#include "http/url.h"

#include <algorithm>

namespace pv::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') { return c - '0'; }
  if (c >= 'a' && c <= 'f') { return c - 'a' + 10; }
  if (c >= 'A' && c <= 'F') { return c - 'A' + 10; }
  return -1;
}

std::optional<std::string> decode(std::string_view text, char plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += plus;
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) { return std::nullopt; }
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) { return std::nullopt; }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

// Go's path.Clean of a rooted path: "." and empty elements go, ".." takes the one before with it.
std::string without_dots(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view element = path.substr(at, end - at);
    at = end + 1;
    if (element.empty() || element == ".") { continue; }
    if (element == "..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
    } else {
      out += '/';
      out += element;
    }
  }
  return out.empty() ? "/" : out;
}

// Go's net/url refuses queries with more, since a single one could cost gigabytes.
constexpr std::ptrdiff_t kPairsMax = 10'000;

}  // namespace

std::optional<std::string> decode_path_segment(std::string_view text) { return decode(text, '+'); }

std::optional<std::string> decode_query_component(std::string_view text) {
  return decode(text, ' ');
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (std::count(query.begin(), query.end(), '&') >= kPairsMax) { return pairs; }
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty() || pair.find(';') != std::string_view::npos) { continue; }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode_query_component(pair.substr(0, equals));
    auto value = decode_query_component(pair.substr(std::min(equals + 1, pair.size())));
    if (name && value) { pairs.emplace_back(*std::move(name), *std::move(value)); }
  }
  return pairs;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  for (auto& [key, value] : parse_query(query)) {
    if (key == name) { return std::move(value); }
  }
  return std::nullopt;
}

std::optional<std::string> cleaned_path(std::string_view path) {
  std::string clean = without_dots(path);
  if (path.ends_with('/') && clean != "/") { clean += '/'; }
  if (clean == path) { return std::nullopt; }
  return clean;
}

}  // namespace pv::http
