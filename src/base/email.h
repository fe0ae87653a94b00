// Addresses of mail, by the rule of PocketBase.
#pragma once

#include <string_view>

namespace pv {

// "a@example.com": a dotted local part without quotes, a domain of two labels at least.
[[nodiscard]] bool is_email(std::string_view text);

}  // namespace pv
