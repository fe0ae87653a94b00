// The Prefer header (RFC 7240), as far as this program heeds it.
#pragma once

#include <span>
#include <string_view>

namespace pv::api {

struct Preferences {
  bool respond_async = false;          // "respond-async"
  bool return_representation = false;  // "return=representation"
};

// The values of all Prefer headers. Of one preference given twice the first counts.
[[nodiscard]] Preferences parse_prefer(std::span<const std::string_view> values);

}  // namespace pv::api
