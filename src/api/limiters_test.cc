#include "api/limiters.h"

#include <gtest/gtest.h>

namespace pv::api {
namespace {

using std::chrono::seconds;

constexpr Counts::Time kStart{};

std::shared_ptr<const settings::Settings> limited(std::vector<settings::RateLimitRule> rules) {
  auto settings = std::make_shared<settings::Settings>();
  settings->rate_limits = {.enabled = true, .rules = std::move(rules), .excluded_ips = {}};
  return settings;
}

TEST(RateLimits, TakeTheFirstRuleThatFits) {
  const settings::RateLimits limits{.enabled = true,
                                    .rules = {{"/api/", "", seconds{1}, 1},
                                              {"/api/backups/", "", seconds{1}, 2},
                                              {"POST /api/backups", "", seconds{1}, 3},
                                              {"/api/backups/x", "@auth", seconds{1}, 4},
                                              {"*:auth", "", seconds{1}, 5},
                                              {"users:auth", "@guest", seconds{1}, 6},
                                              {"/other/", "", seconds{1}, 7}},
                                    .excluded_ips = {}};
  struct Row {
    RateSubject subject;
    std::int64_t rule;  // 0: none
  };
  const Row rows[] = {
      {{{"GET /api/health", "/api/health"}}, 1},
      {{{"GET /api/backups", "/api/backups"}}, 1},  // in the order of the rules, not the longest
      {{{"POST /api/backups", "/api/backups"}}, 3},
      {{{"GET /api/backups/x", "/api/backups/x"}, "", true}, 1},
      {{{"GET /api/backups/x", "/api/backups/x"}, "", false}, 4},
      {{{"users:auth", "*:auth", "/api/x"}, "", true}, 6},
      {{{"users:auth", "*:auth", "/api/x"}, "", false}, 5},
      {{{"GET /other", "/other"}}, 7},
      {{{"GET /_/", "/_/"}}, 0},
  };
  for (const Row& row : rows) {
    const settings::RateLimitRule* rule = find_rule(limits, row.subject);
    EXPECT_EQ(rule == nullptr ? 0 : rule->requests_max, row.rule) << row.subject.labels.front();
  }
}

// 2 requests in 3 s, asked for at 0, 2, 4 and 5 s: both versions of PocketBase were seen.
TEST(RateLimits, RefillAsEachVersionOfPocketBase) {
  const auto settings = limited({{"/a", "", seconds{3}, 2}});
  const RateSubject subject{.labels = {"/a"}};
  const auto play = [&](Window window) {
    RateLimiter limiter;
    std::string seen;
    for (const int at : {0, 2, 4, 5, 5, 5}) {
      const bool allowed =
          limiter.allow(settings, subject, "1.2.3.4", kStart + seconds{at}, window);
      seen += allowed ? '+' : '-';
    }
    return seen;
  };
  EXPECT_EQ(play(Window::kSinceLast), "++-++-");
  EXPECT_EQ(play(Window::kFixed), "++++--");
}

TEST(RateLimits, CountEachAddressAndEachBucketOfItsOwn) {
  const auto settings = limited({{"/a/", "", seconds{3}, 1}});
  RateLimiter limiter;
  const auto ask = [&](const RateSubject& subject, std::string_view ip) {
    return limiter.allow(settings, subject, ip, kStart, Window::kFixed);
  };
  EXPECT_TRUE(ask({.labels = {"/a/b"}}, "1.1.1.1"));
  EXPECT_FALSE(ask({.labels = {"/a/c"}}, "1.1.1.1"));
  EXPECT_TRUE(ask({.labels = {"/a/c"}}, "1.1.1.2"));
  EXPECT_TRUE(ask({.labels = {"/a/c"}, .bucket = "users list"}, "1.1.1.1"));
  EXPECT_FALSE(ask({.labels = {"/a/d"}, .bucket = "users list"}, "1.1.1.1"));
  EXPECT_TRUE(ask({.labels = {"/b"}}, "1.1.1.1"));
}

TEST(RateLimits, BeginAnewWithOtherSettings) {
  const RateSubject subject{.labels = {"/a"}};
  RateLimiter limiter;
  const auto ask = [&](const auto& settings) {
    return limiter.allow(settings, subject, "1.1.1.1", kStart, Window::kFixed);
  };
  const auto settings = limited({{"/a", "", seconds{3}, 1}});
  EXPECT_TRUE(ask(settings));
  EXPECT_FALSE(ask(settings));
  EXPECT_TRUE(ask(limited({{"/a", "", seconds{3}, 1}})));
}

TEST(RateLimits, LetExcludedAddressesPass) {
  auto settings = std::make_shared<settings::Settings>();
  settings->rate_limits = {
      .enabled = true, .rules = {{"/a", "", seconds{3}, 1}}, .excluded_ips = {"10.0.0.0/8"}};
  RateLimiter limiter;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(limiter.allow(settings, {.labels = {"/a"}}, "10.1.2.3", kStart, Window::kFixed));
  }
}

TEST(Counts, KeepNoMoreThanTheyMay) {
  Counts counts;
  for (int i = 0; i < 50'000; ++i) {
    counts.at(std::to_string(i), kStart, seconds{60}).number = 1;
    ASSERT_LE(counts.size(), 20'000U);
  }
  counts.clear();
  counts.at("kept", kStart + seconds{61}, seconds{60}).number = 7;
  for (int i = 0; i < 19'999; ++i) { counts.at(std::to_string(i), kStart, seconds{60}).number = 1; }
  const auto later = kStart + seconds{61};
  counts.at("one more", later, seconds{60}).number = 1;
  EXPECT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts.at("kept", later, seconds{60}).number, 7);
}

TEST(SignInGuard, StopsAnAddressThatFailsTooOften) {
  SignInGuard guard;
  const std::string v6 = "2001:0db8:0000:0001:0000:0000:0000:000";
  for (int i = 0; i < SignInGuard::kFailuresMax; ++i) {
    ASSERT_TRUE(guard.begin("1.2.3.4", kStart));
    ASSERT_TRUE(guard.begin(v6 + std::to_string(i % 10), kStart));
  }
  EXPECT_FALSE(guard.begin("1.2.3.4", kStart));
  EXPECT_TRUE(guard.begin("1.2.3.5", kStart));
  EXPECT_FALSE(guard.begin(v6 + "a", kStart)) << "another address of the same network";
  EXPECT_TRUE(guard.begin("2001:0db8:0000:0002:0000:0000:0000:0001", kStart));
  EXPECT_TRUE(guard.begin("1.2.3.4", kStart + SignInGuard::kSpan));
}

// With the count of wrong ones alone, all 60 would be checked.
TEST(SignInGuard, CountsThoseThatAreBeingChecked) {
  SignInGuard guard;
  int checked = 0;
  for (int i = 0; i < SignInGuard::kFailuresMax + 10; ++i) {
    checked += guard.begin("1.2.3.4", kStart) ? 1 : 0;
  }
  EXPECT_EQ(checked, SignInGuard::kFailuresMax);
  guard.take_back("1.2.3.4", kStart);
  EXPECT_TRUE(guard.begin("1.2.3.4", kStart));
  EXPECT_FALSE(guard.begin("1.2.3.4", kStart));
  guard.take_back("1.2.3.4", kStart + SignInGuard::kSpan);  // of a span that is over
  for (int i = 0; i < SignInGuard::kFailuresMax; ++i) {
    ASSERT_TRUE(guard.begin("1.2.3.4", kStart + SignInGuard::kSpan));
  }
  EXPECT_FALSE(guard.begin("1.2.3.4", kStart + SignInGuard::kSpan));
}

TEST(SignInGuard, TakesAnIpv4AddressInIpv6ForThatAddress) {
  SignInGuard guard;
  for (int i = 0; i < SignInGuard::kFailuresMax; ++i) {
    ASSERT_TRUE(guard.begin("::ffff:203.0.113.9", kStart));
  }
  EXPECT_FALSE(guard.begin("203.0.113.9", kStart));
  EXPECT_FALSE(guard.begin("64:ff9b::203.0.113.9", kStart));
  EXPECT_TRUE(guard.begin("::ffff:203.0.113.8", kStart));
  EXPECT_TRUE(guard.begin("64:ff9b::203.0.113.8", kStart));
  EXPECT_TRUE(guard.begin("::1", kStart));
}

}  // namespace
}  // namespace pv::api
