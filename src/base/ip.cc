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

constexpr std::size_t kV4At = 12;  // in an IPv6 address that stands for an IPv4 address
constexpr unsigned kV4AtBit = kV4At * 8;
using Prefix = std::array<std::uint8_t, kV4At>;
constexpr Prefix kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr Prefix kNat64{0, 0x64, 0xFF, 0x9B};

bool is_below(const Ip& ip, const Prefix& prefix) {
  return ip.is_v6 && std::equal(prefix.begin(), prefix.end(), ip.bytes.begin());
}

Ip v4_in(const Ip& ip) {
  Ip v4;
  std::copy(ip.bytes.begin() + kV4At, ip.bytes.end(), v4.bytes.begin());
  return v4;
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

bool matches(const Ip& client, std::string_view entry) {
  auto network = parse_network(entry);
  if (!network) { return false; }
  if (!network->bits) { return client == parse_client_ip(entry); }
  if (is_below(network->ip, kMapped) && *network->bits >= kV4AtBit) {
    network = Network{v4_in(network->ip), *network->bits - kV4AtBit};
  }
  return client.is_v6 == network->ip.is_v6 && same_prefix(client, network->ip, *network->bits);
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

std::optional<Ip> parse_client_ip(std::string_view text) {
  auto ip = parse_ip(text);
  if (!ip) { return std::nullopt; }
  if (is_below(*ip, kMapped) || is_below(*ip, kNat64)) { return v4_in(*ip); }
  ip->zone.clear();
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
  const auto address = parse_client_ip(ip);
  return address && std::any_of(list.begin(), list.end(),
                                [&](const std::string& entry) { return matches(*address, entry); });
}

}  // namespace pv
