// Which web pages of other origins may read answers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace pv::api {

// `*` stands for any text, `?` for one character. Time: at most the product of both lengths.
[[nodiscard]] bool matches_pattern(std::string_view text, std::string_view pattern);

// What Access-Control-Allow-Origin says to `origin`: "*", the origin itself, or empty for nothing.
[[nodiscard]] std::string allowed_origin(std::string_view origin,
                                         const std::vector<std::string>& allowed);

// The answer of any OPTIONS request.
[[nodiscard]] http::Response preflight(const http::Request& request,
                                       const std::vector<std::string>& allowed);

// What an answer to any other request gets.
void add_cors_headers(const http::Request& request, const std::vector<std::string>& allowed,
                      http::Headers& headers);

}  // namespace pv::api
