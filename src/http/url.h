// Percent-coding and query strings, by the rules of Go's net/url that PocketBase's answers rest on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pv::http {

// nullopt for a broken escape. In a path '+' is itself; in a query it is a blank.
[[nodiscard]] std::optional<std::string> decode_path_segment(std::string_view text);
[[nodiscard]] std::optional<std::string> decode_query_component(std::string_view text);

// Pairs in order; a pair with a broken escape, or with ';', is left out, as PocketBase ignores it.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);
// The first value of `name`.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

// The cleaned path when `path` has literal "//", "/./" or "/../", else nullopt.
[[nodiscard]] std::optional<std::string> cleaned_path(std::string_view path);

}  // namespace pv::http
