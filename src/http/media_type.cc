#include "http/media_type.h"

#include <algorithm>

#include "base/text.h"
#include "http/url.h"

namespace pv::http {

namespace {

using Parameters = std::map<std::string, std::string>;

bool is_special(char c) {  // RFC 2045 tspecials
  constexpr std::string_view kSpecials = "()<>@,;:\\\"/[]?=";
  return kSpecials.find(c) != std::string_view::npos;
}

bool is_token_char(char c) { return c > 0x20 && c < 0x7F && !is_special(c); }

std::string_view skip_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\v\f");
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

std::string_view trim_space(std::string_view text) {
  text = skip_space(text);
  return text.substr(0, text.find_last_not_of(" \t\r\n\v\f") + 1);
}

// Takes a token, perhaps empty, from the front of `text`.
std::string_view take_token(std::string_view& text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_token_char);
  const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(token.size());
  return token;
}

// A token or a quoted string. A backslash before an ordinary character stands for itself: old
// browsers send "C:\dir\file" unescaped.
std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string_view token = take_token(text);
    if (token.empty()) { return std::nullopt; }
    return std::string{token};
  }
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (c == '\r' || c == '\n') { return std::nullopt; }
    if (c == '\\' && i + 1 < text.size() && is_special(text[i + 1])) { c = text[++i]; }
    value += c;
  }
  return std::nullopt;
}

struct Parameter {
  std::string name;
  std::string value;
};

// "; name=value" from the front of `text`, which stays as it is when there is none.
std::optional<Parameter> take_parameter(std::string_view& text) {
  std::string_view rest = skip_space(text);
  if (!rest.starts_with(';')) { return std::nullopt; }
  rest = skip_space(rest.substr(1));
  std::string name = to_lower_ascii(take_token(rest));
  rest = skip_space(rest);
  if (name.empty() || !rest.starts_with('=')) { return std::nullopt; }
  rest = skip_space(rest.substr(1));
  auto value = take_value(rest);
  if (!value) { return std::nullopt; }
  text = rest;
  return Parameter{.name = std::move(name), .value = *std::move(value)};
}

// "charset'language'percent-encoded".
std::optional<std::string> decode_extended(std::string_view text) {
  const std::size_t first = text.find('\'');
  if (first == std::string_view::npos) { return std::nullopt; }
  const std::size_t second = text.find('\'', first + 1);
  if (second == std::string_view::npos) { return std::nullopt; }
  const std::string charset = to_lower_ascii(text.substr(0, first));
  if (charset != "utf-8" && charset != "us-ascii") { return std::nullopt; }
  return decode_path_segment(text.substr(second + 1));
}

// name*0, name*1*, ... put together; nullopt when there is no name*0.
std::optional<std::string> join_pieces(const std::string& name, const Parameters& pieces) {
  std::string value;
  for (std::size_t n = 0;; ++n) {
    const std::string piece = name + "*" + std::to_string(n);
    if (const auto plain = pieces.find(piece); plain != pieces.end()) {
      value += plain->second;
      continue;
    }
    const auto encoded = pieces.find(piece + "*");
    if (encoded == pieces.end()) {
      if (n == 0) { return std::nullopt; }
      return value;
    }
    value += (n == 0 ? decode_extended(encoded->second) : decode_path_segment(encoded->second))
                 .value_or("");
  }
}

void join_extended(const std::map<std::string, Parameters>& extended, Parameters& into) {
  for (const auto& [name, pieces] : extended) {
    const auto whole = pieces.find(name + "*");
    const auto value =
        whole != pieces.end() ? decode_extended(whole->second) : join_pieces(name, pieces);
    if (value) { into[name] = *value; }
  }
}

bool is_type(std::string_view text) {
  if (take_token(text).empty()) { return false; }
  if (text.empty()) { return true; }
  if (!text.starts_with('/')) { return false; }
  text.remove_prefix(1);
  return !take_token(text).empty() && text.empty();
}

}  // namespace

std::optional<MediaType> parse_media_type(std::string_view text) {
  const std::size_t semicolon = std::min(text.find(';'), text.size());
  MediaType media;
  media.type = to_lower_ascii(trim_space(text.substr(0, semicolon)));
  if (!is_type(media.type)) { return std::nullopt; }
  std::map<std::string, Parameters> extended;
  text.remove_prefix(semicolon);
  for (text = skip_space(text); !text.empty(); text = skip_space(text)) {
    auto parameter = take_parameter(text);
    if (!parameter) {
      if (trim_space(text) == ";") { break; }
      media.parameters.clear();
      media.parameters_broken = true;
      return media;
    }
    const std::size_t star = parameter->name.find('*');
    Parameters& into =
        star == std::string::npos ? media.parameters : extended[parameter->name.substr(0, star)];
    const auto [old, is_new] = into.emplace(parameter->name, parameter->value);
    if (!is_new && old->second != parameter->value) { return std::nullopt; }
  }
  join_extended(extended, media.parameters);
  return media;
}

}  // namespace pv::http
