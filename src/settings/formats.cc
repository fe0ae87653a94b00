#include "settings/formats.h"

#include <algorithm>
#include <array>

#include "base/ip.h"
#include "base/text.h"

namespace pv::settings {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) { return is_alphanumeric(c) || c == '_'; }

bool is_blank_or_control(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7F'; }

// Of an internationalized name: everything beyond ASCII is taken for a letter.
bool is_url_letter(char c) { return is_alphanumeric(c) || static_cast<unsigned char>(c) >= 0x80; }

bool is_url_label(std::string_view label) {
  return !label.empty() && is_url_letter(label.front()) && is_url_letter(label.back()) &&
         std::ranges::all_of(label,
                             [](char c) { return is_url_letter(c) || c == '-' || c == '_'; });
}

bool is_dns_label(std::string_view label) {
  constexpr std::size_t kLabelMax = 63;
  return !label.empty() && label.size() <= kLabelMax && is_word(label.front()) &&
         std::ranges::all_of(label, [](char c) { return is_word(c) || c == '-'; });
}

// Every part between dots; a dot at the end is fine.
template <class Predicate>
bool all_labels(std::string_view name, Predicate is_label) {
  if (name.ends_with('.')) { name.remove_suffix(1); }
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) { return false; }
    if (dot == std::string_view::npos) { return true; }
    name.remove_prefix(dot + 1);
  }
}

bool is_port(std::string_view text) {
  constexpr std::size_t kDigitsMax = 5;
  return !text.empty() && text.size() <= kDigitsMax && std::ranges::all_of(text, is_digit);
}

// "[::1]:9000", "example.com", "example.com:9000".
bool is_host_and_port(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) { return false; }
    const auto ip = parse_ip(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    return ip && ip->is_v6 && (text.empty() || (text.starts_with(':') && is_port(text.substr(1))));
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) { return false; }
  return all_labels(text.substr(0, colon), is_url_label);
}

}  // namespace

bool is_url(std::string_view text) {
  constexpr std::size_t kLengthMin = 4;
  constexpr std::size_t kLengthMax = 2082;
  constexpr std::array<std::string_view, 7> kSchemes{"ftp", "tcp",  "udp",  "ws",
                                                     "wss", "http", "https"};
  if (text.size() < kLengthMin || count_code_points(text) > kLengthMax || !is_utf8(text) ||
      std::ranges::any_of(text, is_blank_or_control)) {
    return false;
  }
  const std::size_t scheme = text.find("://");
  if (scheme != std::string_view::npos) {
    if (std::ranges::find(kSchemes, text.substr(0, scheme)) == kSchemes.end()) { return false; }
    text.remove_prefix(scheme + 3);
  } else if (text.find_first_of(".:") == std::string_view::npos) {
    return false;  // a bare word may be anything
  }
  std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  const std::size_t at = authority.rfind('@');
  if (at == 0) { return false; }
  if (at != std::string_view::npos) { authority.remove_prefix(at + 1); }
  return is_host_and_port(authority);
}

bool is_host(std::string_view text) {
  constexpr std::size_t kNameMax = 255;
  if (const auto ip = parse_ip(text)) { return ip->zone.empty(); }
  return text.size() <= kNameMax && all_labels(text, is_dns_label);
}

bool is_rate_limit_label(std::string_view text) {
  const auto is_words = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, is_word);
  };
  const auto is_path = [](std::string_view part) {
    return part.starts_with('/') &&
           std::ranges::all_of(part, [](char c) { return is_word(c) || c == '/' || c == '-'; });
  };
  if (is_path(text) || is_words(text)) { return true; }
  if (const std::size_t blank = text.find(' '); blank != std::string_view::npos) {
    return is_words(text.substr(0, blank)) && is_path(text.substr(blank + 1));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) { return false; }
  const std::string_view of = text.substr(0, colon);
  return (of == "*" || is_words(of)) && is_words(text.substr(colon + 1));
}

bool is_hex_color(std::string_view text) {
  constexpr std::size_t kLength = 7;
  return text.size() == kLength && text.front() == '#' &&
         std::ranges::all_of(text.substr(1), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

}  // namespace pv::settings
