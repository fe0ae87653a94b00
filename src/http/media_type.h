// "type/subtype; name=value" and "form-data; name=value", read as Go's mime.ParseMediaType does:
// quoted strings, RFC 2231 (name*, name*0, name*0*).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pv::http {

struct MediaType {
  std::string type;                               // lower case
  std::map<std::string, std::string> parameters;  // names in lower case
  bool parameters_broken = false;                 // then there are none
};

// nullopt: no type at the front, or one name with two values.
[[nodiscard]] std::optional<MediaType> parse_media_type(std::string_view text);

}  // namespace pv::http
