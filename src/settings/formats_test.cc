#include "settings/formats.h"

#include <gtest/gtest.h>

#include <string>

namespace pv::settings {
namespace {

TEST(Formats, KnowUrls) {
  for (const char* good :
       {"s3.amazonaws.com", "localhost:9000", "minio:9000", "http://minio", "http://x",
        "http://[::1]:9000", "https://a_b.example.com", "https://s3.example.com/",
        "http://user:pw@example.com:80/a/b?c=d#e", "wss://example.com", "http://1.2.3.4",
        "https://bücher.example", "example.com."}) {
    EXPECT_TRUE(is_url(good)) << good;
  }
  for (const char* bad :
       {"", "x", "abcd", "HTTP://EX.COM", "http://a..b", " http://x.com", "not a url", "http://",
        "http:///path", "gopher://example.com", "http://-a.com", "http://a.com:port",
        "http://a.com:123456", "http://[::1", "http://[1.2.3.4]", "http://a.com/b c",
        ".example.com", "http://@x", "http://a.com\n"}) {
    EXPECT_FALSE(is_url(bad)) << bad;
  }
  EXPECT_TRUE(is_url("http://a.com/" + std::string(2000, 'x')));
  EXPECT_FALSE(is_url("http://a.com/" + std::string(3000, 'x')));
}

TEST(Formats, KnowHosts) {
  for (const char* good : {"localhost", "a.b.c", "smtp.example.com", "1.2.3.4", "::1", "_x.y",
                           "a-b.c", "example.com.", "1a"}) {
    EXPECT_TRUE(is_host(good)) << good;
  }
  for (const char* bad : {"", "a b", "-a", "a..b", "http://a", "a:80", "[::1]", "é.com", "a/b"}) {
    EXPECT_FALSE(is_host(bad)) << bad;
  }
  EXPECT_FALSE(is_host(std::string(64, 'a')));
}

TEST(Formats, KnowLabelsOfRateLimits) {
  for (const char* good : {"/", "/api/", "/api/a-b/c_d", "POST /api/backups", "*:auth",
                           "users:listAuthMethods", "word"}) {
    EXPECT_TRUE(is_rate_limit_label(good)) << good;
  }
  for (const char* bad : {"", "*", ":x", "*:", "a b", "GET  /x", "GET /x y", "/a b", "/a?b",
                          "a:b:c", " /x", "**:x"}) {
    EXPECT_FALSE(is_rate_limit_label(bad)) << bad;
  }
}

TEST(Formats, KnowColors) {
  EXPECT_TRUE(is_hex_color("#1055c9"));
  EXPECT_TRUE(is_hex_color("#ABCDEF"));
  for (const char* bad : {"", "1055c9", "#1055c", "#1055c99", "#1055cg", "red"}) {
    EXPECT_FALSE(is_hex_color(bad)) << bad;
  }
}

}  // namespace
}  // namespace pv::settings
