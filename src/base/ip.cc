#include "base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace pv {
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

struct Network {
  Ip ip;
  std::optional<unsigned> bits;  // nullopt: that address alone
};

std::optional<Network> parse_network(std::string_view entry) {
  const std::size_t slash = entry.find('/');
  const auto ip = parse_ip(entry.substr(0, slash));
  if (!ip) { return std::nullopt; }
  if (slash == std::string_view::npos) { return Network{*ip, std::nullopt}; }
  const std::string_view digits = entry.substr(slash + 1);
  unsigned bits = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const bool number = end.ec == std::errc{} && end.ptr == digits.data() + digits.size();
  if (!number || bits > (ip->is_v6 ? 128U : 32U)) { return std::nullopt; }
  return Network{*ip, bits};
}

bool matches(const Ip& ip, std::string_view entry) {
  const auto network = parse_network(entry);
  if (!network) { return false; }
  if (!network->bits) { return ip == network->ip; }
  return ip.is_v6 == network->ip.is_v6 && ip.zone.empty() &&
         same_prefix(ip, network->ip, *network->bits);
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

bool is_ip_or_prefix(std::string_view text) {
  const auto network = parse_network(text);
  return network && (!network->bits || network->ip.zone.empty());
}

bool allowed_ip(std::string_view ip, const std::vector<std::string>& list) {
  if (list.empty()) { return true; }
  const auto address = parse_ip(ip);
  return address && std::any_of(list.begin(), list.end(),
                                [&](const std::string& entry) { return matches(*address, entry); });
}

}  // namespace pv
