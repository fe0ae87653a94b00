#include "api/prefer.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace pv::api {
namespace {

// Up to the next `separator` outside of a quoted string; taken off `text`.
std::string_view take_until(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '"') { quoted = !quoted; }
    if (quoted && text[end] == '\\') { ++end; }
    if (!quoted && end < text.size() && text[end] == separator) { break; }
  }
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trim_blanks(piece);
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

}  // namespace

Preferences parse_prefer(std::span<const std::string_view> values) {
  Preferences preferences;
  std::optional<std::string> wanted_return;
  for (std::string_view line : values) {
    while (!line.empty()) {
      std::string_view item = take_until(line, ',');
      std::string_view word = take_until(item, ';');  // parameters say nothing to us
      const std::string_view name = take_until(word, '=');
      if (equals_ignoring_case(name, "respond-async")) { preferences.respond_async = true; }
      if (equals_ignoring_case(name, "return") && !wanted_return) {
        wanted_return = to_lower_ascii(unquoted(trim_blanks(word)));
      }
    }
  }
  preferences.return_representation = wanted_return == "representation";
  return preferences;
}

}  // namespace pv::api
