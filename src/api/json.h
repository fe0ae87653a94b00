// JSON as PocketBase writes it (Go's encoding/json): no blanks, <, >, & and U+2028/2029 escaped,
// invalid UTF-8 as U+FFFD, floats in their shortest form.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace pv::api {

// Keys in the order of the object.
[[nodiscard]] std::string to_json(const boost::json::value& value);

// With quotes.
[[nodiscard]] std::string to_json_string(std::string_view text);

// The same value with the keys of every object in byte order.
[[nodiscard]] boost::json::value sorted(const boost::json::value& value);

}  // namespace pv::api
