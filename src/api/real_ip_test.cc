#include "api/real_ip.h"

#include <gtest/gtest.h>

namespace pv::api {
namespace {

using Lines = std::vector<std::string>;

std::string ask(const Lines& lines, bool leftmost = false, std::string peer = "127.0.0.1") {
  http::Request request;
  request.remote_ip = std::move(peer);
  for (const std::string& line : lines) { request.headers.add("X-Forwarded-For", line); }
  settings::Settings settings;
  settings.trusted_proxy_headers = {"X-Absent", "X-Forwarded-For"};
  settings.use_leftmost_ip = leftmost;
  return real_ip(request, settings);
}

TEST(RealIp, AnswersWhatPocketBaseWasSeenToAnswer) {
  EXPECT_EQ(ask({"8.8.8.8, 7.7.7.7"}), "7.7.7.7");
  EXPECT_EQ(ask({"8.8.8.8, 7.7.7.7"}, true), "8.8.8.8");
  EXPECT_EQ(ask({"junk, 5.5.5.5, junk"}), "5.5.5.5");
  EXPECT_EQ(ask({"junk"}), "127.0.0.1");
  EXPECT_EQ(ask({"1.1.1.1", "2.2.2.2, 3.3.3.3"}), "3.3.3.3");
  EXPECT_EQ(ask({"1.1.1.1", "2.2.2.2, 3.3.3.3"}, true), "2.2.2.2");
  EXPECT_EQ(ask({"1.2.3.4:80"}), "127.0.0.1");
  EXPECT_EQ(ask({"[::1]"}), "127.0.0.1");
  EXPECT_EQ(ask({"2001:db8::1"}), "2001:0db8:0000:0000:0000:0000:0000:0001");
  EXPECT_EQ(ask({}, false, "::1"), "0000:0000:0000:0000:0000:0000:0000:0001");
  EXPECT_EQ(ask({"01.2.3.4"}), "127.0.0.1");
}

// PocketBase takes each for a client of its own: who chooses how an address is written has as many
// as there are ways.
TEST(RealIp, IsOneForEachClient) {
  const std::string v6 = "fe80:0000:0000:0000:0000:0000:0000:0001";
  EXPECT_EQ(ask({"fe80::1%eth0"}), v6);
  EXPECT_EQ(ask({}, false, "fe80::1%2"), v6);
  EXPECT_EQ(ask({"::ffff:1.2.3.4"}), "1.2.3.4");
  EXPECT_EQ(ask({"64:ff9b::1.2.3.4"}), "1.2.3.4");
  EXPECT_EQ(ask({}, false, "::ffff:1.2.3.4"), "1.2.3.4");
}

TEST(RealIp, IgnoresHeadersThatAreNotTrusted) {
  http::Request request;
  request.remote_ip = "10.0.0.1";
  request.headers.add("X-Forwarded-For", "8.8.8.8");
  EXPECT_EQ(real_ip(request, {}), "10.0.0.1");
}

TEST(RealIp, NamesTheProxyHeader) {
  http::Request request;
  request.headers.add("X-Forwarded-For", "8.8.8.8");
  EXPECT_EQ(possible_proxy_header(request, {}), "");
  request.headers.add("Fly-Client-IP", "8.8.8.8");
  EXPECT_EQ(possible_proxy_header(request, {}), "Fly-Client-IP");
  request.headers.add("cf-connecting-ip", "8.8.8.8");
  EXPECT_EQ(possible_proxy_header(request, {}), "CF-Connecting-IP");
  settings::Settings settings;
  settings.trusted_proxy_headers = {"X-Forwarded-For"};
  EXPECT_EQ(possible_proxy_header(request, settings), "X-Forwarded-For");
}

}  // namespace
}  // namespace pv::api
