// How often somebody may ask, as the settings say, and how often fail to sign in.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "settings/settings.h"

namespace pv::api {

// Counts by key, each for a span of time. At most 20,000 keys: beyond that those whose span is over
// go, else all of them, so that a flood of addresses costs no memory.
class Counts {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Count {
    Time since;
    std::int64_t number = 0;
  };

  // The count of `key`, begun anew at `now` where it is older than `span`.
  [[nodiscard]] Count& at(const std::string& key, Time now, std::chrono::seconds span);
  void clear() { counts_.clear(); }
  void forget_old(Time now);  // those whose span is over
  [[nodiscard]] std::size_t size() const { return counts_.size(); }

 private:
  struct Entry {
    Count count;
    std::chrono::seconds span;
  };
  void make_room(Time now);
  std::unordered_map<std::string, Entry> counts_;
};

// What a rate limit is looked up by.
struct RateSubject {
  std::vector<std::string> labels;  // most special first: "users:auth", "POST /api/x", "/api/x"
  std::string bucket = {};          // of a collection's route; empty: that of the rule
  bool is_guest = true;
};

// When a span begins anew, after a request that was let through: v0.36 lets it begin with each.
enum class Window { kFixed, kSinceLast };

// The first rule for one of the labels, in their order: one of just that label, else one of a path
// that the label begins with. nullptr: none.
[[nodiscard]] const settings::RateLimitRule* find_rule(const settings::RateLimits& limits,
                                                       const RateSubject& subject);

// PocketBase's limits. One thread.
class RateLimiter {
 public:
  // False: too often. Every change of the settings forgets what was counted.
  [[nodiscard]] bool allow(const std::shared_ptr<const settings::Settings>& settings,
                           const RateSubject& subject, std::string_view ip, Counts::Time now,
                           Window window);
  // Whether any request ever was counted: then PocketBase has a job that forgets old counts.
  [[nodiscard]] bool has_counted() const { return has_counted_; }
  void forget_old(Counts::Time now) { counts_.forget_old(now); }

 private:
  std::shared_ptr<const settings::Settings> settings_;
  Counts counts_;
  bool has_counted_ = false;
};

// Our own limit: so many wrong passwords from one address (of IPv6, from one network of 64 bits) in
// so much time, then none from there until it is over. One that is being checked counts as wrong
// until it has proved right: else as many could be tried as are checked at once. One thread.
class SignInGuard {
 public:
  static constexpr std::int64_t kFailuresMax = 50;
  static constexpr std::chrono::minutes kSpan{10};

  // False: too many were wrong, this one is not to be checked.
  [[nodiscard]] bool begin(std::string_view ip, Counts::Time now);
  // What begin() allowed was not wrong.
  void take_back(std::string_view ip, Counts::Time now);

 private:
  Counts counts_;
};

struct Limiters {
  RateLimiter rates;
  SignInGuard sign_ins;
};

}  // namespace pv::api
