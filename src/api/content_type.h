// What kind of content a file has, by its name.
#pragma once

#include <string>
#include <string_view>

namespace pv::api {

// "image/png" for "a/b.PNG"; "application/octet-stream" for what is not known.
[[nodiscard]] std::string_view type_by_name(std::string_view name);

// The value of Content-Disposition that saves under the last part of `name`, whatever bytes that
// has (RFC 6266): a name of plain letters, and the real one as UTF-8 where it differs.
[[nodiscard]] std::string attachment(std::string_view name);

}  // namespace pv::api
