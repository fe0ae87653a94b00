// Names of tables and columns inside SQL.
#pragma once

#include <string>
#include <string_view>

namespace pv::sqlite {

// `name`, with backquotes: unlike "name", SQLite never takes that for a string when there is no
// such column.
[[nodiscard]] std::string backquoted(std::string_view name);

}  // namespace pv::sqlite
