// Whose request it is, behind proxies or not.
#pragma once

#include <string>

#include "http/message.h"
#include "settings/settings.h"

namespace pv::api {

// The peer, or what the trusted headers say (settings.trustedProxy): of each named header the last
// line, in it the right-most (or left-most) entry that is an address. That of the
// client (base/ip.h), expanded.
[[nodiscard]] std::string real_ip(const http::Request& request, const settings::Settings& settings);

// The first header of a request that looks as if a proxy had set it; empty: none.
[[nodiscard]] std::string possible_proxy_header(const http::Request& request,
                                                const settings::Settings& settings);

}  // namespace pv::api
