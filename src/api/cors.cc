#include "api/cors.h"

namespace pv::api {

bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;  // the last '*', to come back to
  std::size_t star_took = 0;                  // how far it reaches by now
  while (at < text.size()) {
    const bool more = in_pattern < pattern.size();
    if (more && pattern[in_pattern] == '*') {
      star = in_pattern++;
      star_took = at;
    } else if (more && (pattern[in_pattern] == '?' || pattern[in_pattern] == text[at])) {
      ++at;
      ++in_pattern;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++star_took;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') { ++in_pattern; }
  return in_pattern == pattern.size();
}

std::string allowed_origin(std::string_view origin, const std::vector<std::string>& allowed) {
  if (origin.empty()) { return {}; }
  for (const std::string& pattern : allowed) {
    if (pattern == "*") { return "*"; }
    if (matches_pattern(origin, pattern)) { return std::string{origin}; }
  }
  return {};
}

http::Response preflight(const http::Request& request, const std::vector<std::string>& allowed) {
  http::Response response;
  response.status = 204;
  response.headers.add("Vary", "Origin");
  const std::string origin = allowed_origin(request.headers.find("Origin").value_or(""), allowed);
  if (origin.empty()) { return response; }
  response.headers.add("Vary", "Access-Control-Request-Method");
  response.headers.add("Vary", "Access-Control-Request-Headers");
  response.headers.add("Access-Control-Allow-Origin", origin);
  response.headers.add("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
  const auto wanted = request.headers.find("Access-Control-Request-Headers").value_or("");
  if (!wanted.empty()) {
    response.headers.add("Access-Control-Allow-Headers", std::string{wanted});
  }
  return response;
}

void add_cors_headers(const http::Request& request, const std::vector<std::string>& allowed,
                      http::Headers& headers) {
  headers.add("Vary", "Origin");
  const std::string origin = allowed_origin(request.headers.find("Origin").value_or(""), allowed);
  if (!origin.empty()) { headers.add("Access-Control-Allow-Origin", origin); }
}

}  // namespace pv::api
