#include "api/real_ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace pv::api {
namespace {

// Whether the first `bits` bits agree.
bool same_prefix(const Ip& a, const Ip& b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  b.bytes.begin())) {
    return false;
  }
  const unsigned rest = bits % 8;
  if (rest == 0) { return true; }
  const unsigned mask = (0xFF00U >> rest) & 0xFFU;
  return ((a.bytes[whole] ^ b.bytes[whole]) & mask) == 0;
}

bool matches(const Ip& ip, std::string_view entry) {
  const std::size_t slash = entry.find('/');
  const auto network = parse_ip(entry.substr(0, slash));
  if (!network) { return false; }
  if (slash == std::string_view::npos) { return ip == *network; }
  const std::string_view digits = entry.substr(slash + 1);
  unsigned bits = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const bool number = end.ec == std::errc{} && end.ptr == digits.data() + digits.size();
  if (!number || bits > (network->is_v6 ? 128U : 32U)) { return false; }
  return ip.is_v6 == network->is_v6 && ip.zone.empty() && same_prefix(ip, *network, bits);
}

std::optional<std::string> address_in(std::string_view line, bool leftmost) {
  std::optional<std::string> found;
  while (!line.empty()) {
    const std::size_t comma = std::min(line.find(','), line.size());
    if (const auto ip = parse_ip(trim_blanks(line.substr(0, comma)))) {
      found = expanded(*ip);
      if (leftmost) { return found; }
    }
    line.remove_prefix(std::min(comma + 1, line.size()));
  }
  return found;
}

}  // namespace

std::optional<Ip> parse_ip(std::string_view text) {
  constexpr std::size_t kTextMax = 128;  // 45 letters of address, the rest for a zone
  if (text.size() > kTextMax || text.find('\0') != std::string_view::npos) { return std::nullopt; }
  Ip ip;
  const std::size_t percent = text.find('%');
  const std::string address{text.substr(0, percent)};
  if (percent != std::string_view::npos) {
    ip.zone = text.substr(percent + 1);
    if (ip.zone.empty()) { return std::nullopt; }
  }
  ip.is_v6 = address.find(':') != std::string::npos;
  if (!ip.is_v6 && !ip.zone.empty()) { return std::nullopt; }
  if (::inet_pton(ip.is_v6 ? AF_INET6 : AF_INET, address.c_str(), ip.bytes.data()) != 1) {
    return std::nullopt;
  }
  return ip;
}

std::string expanded(const Ip& ip) {
  std::string text;
  if (!ip.is_v6) {
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) { text += '.'; }
      text += std::to_string(ip.bytes[i]);
    }
    return text;
  }
  for (std::size_t i = 0; i < 16; i += 2) {
    if (i > 0) { text += ':'; }
    text += to_hex(std::as_bytes(std::span{ip.bytes}.subspan(i, 2)));
  }
  if (!ip.zone.empty()) { text += '%' + ip.zone; }
  return text;
}

std::string real_ip(const http::Request& request, const settings::Settings& settings) {
  for (const std::string& name : settings.trusted_proxy_headers) {
    const auto lines = request.headers.all(name);
    if (lines.empty()) { continue; }
    if (auto found = address_in(lines.back(), settings.use_leftmost_ip)) { return *found; }
  }
  const auto peer = parse_ip(request.remote_ip);
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

bool allowed_ip(std::string_view ip, const std::vector<std::string>& list) {
  if (list.empty()) { return true; }
  const auto address = parse_ip(ip);
  return address && std::any_of(list.begin(), list.end(),
                                [&](const std::string& entry) { return matches(*address, entry); });
}

}  // namespace pv::api
