// The filters and orders of PocketBase's lists, as far as its log is asked with them.
//
//     filter  = term *( ( "&&" | "||" ) term )          && binds as tightly as ||: left to right
//     term    = "(" filter ")" | field operator literal
//     field   = "id" | "created" | "level" | "message" | "data" | "data." name *( "." name )
//     literal = 'text' | "text" | number | true | false | null
//     operator = "=" | "!=" | ">" | ">=" | "<" | "<=" | "~" | "!~"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sqlite/connection.h"

namespace pv::logs {

// An SQL condition, and what its parameters ?1, ?2, ... stand for. Nothing of the text that was
// given is in the SQL but names of letters, digits and _.
struct Condition {
  std::string sql;
  std::vector<sqlite::Value> parameters;
};

// Of nothing: "1". kInvalid: none of the above; more than 100 terms or 20 levels of parentheses.
[[nodiscard]] Result<Condition> parse_filter(std::string_view text);

// "-created,level,@rowid": what stands behind ORDER BY; of nothing "rowid". kInvalid.
[[nodiscard]] Result<std::string> parse_sort(std::string_view text);

}  // namespace pv::logs
