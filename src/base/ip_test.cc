#include "base/ip.h"

#include <gtest/gtest.h>

namespace pv {
namespace {

TEST(Ip, ListsMatchAddressesAndPrefixes) {
  struct Row {
    std::string_view ip;
    std::vector<std::string> list;
    bool allowed;
  };
  const Row rows[] = {
      {"1.2.3.4", {}, true},
      {"1.2.3.4", {"1.2.3.4"}, true},
      {"1.2.3.4", {"1.2.3.5", "junk", "1.2.3.0/24"}, true},
      {"1.2.4.4", {"1.2.3.0/24"}, false},
      {"1.2.3.129", {"1.2.3.128/25"}, true},
      {"1.2.3.127", {"1.2.3.128/25"}, false},
      {"9.9.9.9", {"0.0.0.0/0"}, true},
      {"0000:0000:0000:0000:0000:ffff:0102:0309", {"1.2.3.0/24"}, true},
      {"::ffff:1.2.3.4", {"1.2.3.4"}, true},
      {"1.2.3.4", {"::ffff:1.2.3.4"}, true},
      {"1.2.3.4", {"::ffff:1.2.3.0/120"}, true},
      {"1.2.4.4", {"::ffff:1.2.3.0/120"}, false},
      {"1.2.3.4", {"::/0", "64:ff9b::/96"}, false},
      {"64:ff9b::1.2.3.4", {"1.2.3.4"}, true},
      {"fe80::1%eth0", {"fe80::/64"}, true},
      {"fe80::1%eth0", {"fe80::1%eth1"}, true},
      {"2001:0db8:0000:0000:0000:0000:0000:0001", {"2001:db8::/32"}, true},
      {"2001:0db9:0000:0000:0000:0000:0000:0001", {"2001:db8::/32"}, false},
      {"0000:0000:0000:0000:0000:0000:0000:0001", {"::1"}, true},
      {"1.2.3.4", {"1.2.3.4/33"}, false},
      {"1.2.3.4", {"1.2.3.4/"}, false},
      {"not an address", {"0.0.0.0/0"}, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(allowed_ip(row.ip, row.list), row.allowed)
        << row.ip << " in " << (row.list.empty() ? "" : row.list.back());
  }
}

TEST(Ip, TellsWhoAClientIs) {
  const std::pair<const char*, const char*> rows[] = {
      {"1.2.3.4", "1.2.3.4"},
      {"::ffff:1.2.3.4", "1.2.3.4"},
      {"::FFFF:102:304%eth0", "1.2.3.4"},
      {"64:ff9b::1.2.3.4", "1.2.3.4"},
      {"64:ff9b:1::1.2.3.4", "0064:ff9b:0001:0000:0000:0000:0102:0304"},
      {"::1.2.3.4", "0000:0000:0000:0000:0000:0000:0102:0304"},
      {"fe80::1%eth0", "fe80:0000:0000:0000:0000:0000:0000:0001"},
  };
  for (const auto& [text, client] : rows) {
    EXPECT_EQ(expanded(parse_client_ip(text).value()), client) << text;
  }
  EXPECT_EQ(parse_client_ip("::ffff:1.2.3"), std::nullopt);
}

TEST(Ip, KnowsWhatMayStandInAList) {
  for (const char* good : {"1.2.3.4", "::1", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"}) {
    EXPECT_TRUE(is_ip_or_prefix(good)) << good;
  }
  for (const char* bad : {"", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "::1/129", "x", "1.2.3.4/-1"}) {
    EXPECT_FALSE(is_ip_or_prefix(bad)) << bad;
  }
}

}  // namespace
}  // namespace pv
