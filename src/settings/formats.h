// Forms of text that PocketBase's settings must have.
#pragma once

#include <string_view>

namespace pv::settings {

// "localhost:9000", "https://s3.example.com/path": 4 to 2082 characters without blanks; a scheme
// that is known, if any; a host; a port and a path, if any.
[[nodiscard]] bool is_url(std::string_view text);

// An IP address or a DNS name.
[[nodiscard]] bool is_host(std::string_view text);

// "POST /api/backups", "/api/", "users:auth", "*:auth", or a bare word.
[[nodiscard]] bool is_rate_limit_label(std::string_view text);

// "#1055c9".
[[nodiscard]] bool is_hex_color(std::string_view text);

}  // namespace pv::settings
