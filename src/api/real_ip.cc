#include "api/real_ip.h"

#include <algorithm>
#include <optional>

#include "base/ip.h"
#include "base/text.h"

namespace pv::api {
namespace {

std::optional<std::string> address_in(std::string_view line, bool leftmost) {
  std::optional<std::string> found;
  while (!line.empty()) {
    const std::size_t comma = std::min(line.find(','), line.size());
    if (const auto ip = parse_client_ip(trim_blanks(line.substr(0, comma)))) {
      found = expanded(*ip);
      if (leftmost) { return found; }
    }
    line.remove_prefix(std::min(comma + 1, line.size()));
  }
  return found;
}

}  // namespace

std::string real_ip(const http::Request& request, const settings::Settings& settings) {
  for (const std::string& name : settings.trusted_proxy_headers) {
    const auto lines = request.headers.all(name);
    if (lines.empty()) { continue; }
    if (auto found = address_in(lines.back(), settings.use_leftmost_ip)) { return *found; }
  }
  const auto peer = parse_client_ip(request.remote_ip);
  return peer ? expanded(*peer) : request.remote_ip;
}

std::string possible_proxy_header(const http::Request& request,
                                  const settings::Settings& settings) {
  std::vector<std::string> names = settings.trusted_proxy_headers;
  names.insert(names.end(), {"CF-Connecting-IP", "Fly-Client-IP"});
  for (const std::string& name : names) {
    if (!request.headers.find(name).value_or("").empty()) { return name; }
  }
  return {};
}

}  // namespace pv::api
