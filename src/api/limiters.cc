#include "api/limiters.h"

#include <algorithm>

#include "base/ip.h"

namespace pv::api {
namespace {

constexpr std::size_t kCountsMax = 20'000;

bool is_for(const settings::RateLimitRule& rule, bool is_guest) {
  return rule.audience.empty() || rule.audience == (is_guest ? "@guest" : "@auth");
}

std::string network_of(std::string_view text) {
  auto ip = parse_client_ip(text);
  if (!ip) { return std::string{text}; }
  if (ip->is_v6) { std::fill(ip->bytes.begin() + 8, ip->bytes.end(), std::uint8_t{0}); }
  return expanded(*ip);
}

}  // namespace

Counts::Count& Counts::at(const std::string& key, Time now, std::chrono::seconds span) {
  auto found = counts_.find(key);
  if (found == counts_.end()) {
    if (counts_.size() >= kCountsMax) { make_room(now); }
    found = counts_.emplace(key, Entry{{.since = now}, span}).first;
  }
  Count& count = found->second.count;
  if (now - count.since >= span) { count = {.since = now}; }
  return count;
}

void Counts::forget_old(Time now) {
  std::erase_if(counts_,
                [&](const auto& one) { return now - one.second.count.since >= one.second.span; });
}

void Counts::make_room(Time now) {
  forget_old(now);
  if (counts_.size() >= kCountsMax) { counts_.clear(); }
}

const settings::RateLimitRule* find_rule(const settings::RateLimits& limits,
                                         const RateSubject& subject) {
  for (const std::string& label : subject.labels) {
    const settings::RateLimitRule* by_path = nullptr;
    for (const settings::RateLimitRule& rule : limits.rules) {
      if (!is_for(rule, subject.is_guest)) { continue; }
      if (rule.label == label) { return &rule; }
      const bool is_prefix = rule.label.ends_with('/') && (label + "/").starts_with(rule.label);
      if (is_prefix && by_path == nullptr) { by_path = &rule; }
    }
    if (by_path != nullptr) { return by_path; }
  }
  return nullptr;
}

bool RateLimiter::allow(const std::shared_ptr<const settings::Settings>& settings,
                        const RateSubject& subject, std::string_view ip, Counts::Time now,
                        Window window) {
  if (settings_ != settings) {
    settings_ = settings;
    counts_.clear();
  }
  const settings::RateLimits& limits = settings->rate_limits;
  if (!limits.enabled) { return true; }
  if (!limits.excluded_ips.empty() && allowed_ip(ip, limits.excluded_ips)) { return true; }
  const settings::RateLimitRule* rule = find_rule(limits, subject);
  if (rule == nullptr) { return true; }
  has_counted_ = true;
  const std::string bucket =
      subject.bucket.empty() ? rule->label + "@@" + rule->audience : subject.bucket;
  Counts::Count& count = counts_.at(bucket + ' ' + std::string{ip}, now, rule->duration);
  if (count.number >= rule->requests_max) { return false; }
  ++count.number;
  if (window == Window::kSinceLast) { count.since = now; }
  return true;
}

bool SignInGuard::begin(std::string_view ip, Counts::Time now) {
  Counts::Count& wrong = counts_.at(network_of(ip), now, kSpan);
  if (wrong.number >= kFailuresMax) { return false; }
  ++wrong.number;
  return true;
}

void SignInGuard::take_back(std::string_view ip, Counts::Time now) {
  Counts::Count& wrong = counts_.at(network_of(ip), now, kSpan);
  if (wrong.number > 0) { --wrong.number; }  // none: another span has begun meanwhile
}

}  // namespace pv::api
