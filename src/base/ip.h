// Addresses of the Internet Protocol, and lists of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pv {

struct Ip {
  bool is_v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // an IPv4 address takes the first four
  std::string zone;                      // "eth0" of "fe80::1%eth0"
  friend bool operator==(const Ip&, const Ip&) = default;
};

// A bare address: no port, no brackets. "::ffff:1.2.3.4" stays an IPv6 address.
[[nodiscard]] std::optional<Ip> parse_ip(std::string_view text);

// Who an address is, for one from a connection or a header: one client has one. Without a zone, and
// IPv4 where IPv6 stands for it: "::ffff:1.2.3.4", and "64:ff9b::1.2.3.4" (NAT64).
[[nodiscard]] std::optional<Ip> parse_client_ip(std::string_view text);

// IPv6 written out in full: "0000:0000:0000:0000:0000:0000:0000:0001".
[[nodiscard]] std::string expanded(const Ip& ip);

// An address, or a prefix as "10.0.0.0/8".
[[nodiscard]] bool is_ip_or_prefix(std::string_view text);

// Whether the client `ip` is one of the addresses and prefixes; an empty list lets everyone in. An
// address in the list is that of a client too, and "::ffff:1.2.3.0/120" is "1.2.3.0/24". A prefix
// of NAT64 is no prefix of IPv4: it would be all of it.
[[nodiscard]] bool allowed_ip(std::string_view ip, const std::vector<std::string>& list);

}  // namespace pv
