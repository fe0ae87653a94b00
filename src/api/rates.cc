// Whether a request comes too soon after others, by the settings' rateLimits.
#include <span>

#include "api/exchange.h"
#include "http/url.h"

namespace pv::api {
namespace {

using boost::asio::awaitable;

// What PocketBase's rules call the routes of a collection.
std::span<const std::string_view> tags_of(Route route) {
  static constexpr std::string_view kMethods[] = {"listAuthMethods"};
  static constexpr std::string_view kRefresh[] = {"authRefresh"};
  static constexpr std::string_view kPassword[] = {"authWithPassword", "auth"};
  switch (route) {
    case Route::kAuthMethods: return kMethods;
    case Route::kAuthRefresh: return kRefresh;
    case Route::kAuthWithPassword: return kPassword;
    default: return {};
  }
}

void add_collection(RateSubject& subject, const std::string& collection,
                    std::span<const std::string_view> tags) {
  for (const std::string_view tag : tags) {
    subject.labels.push_back(collection + ":" + std::string{tag});
  }
  for (const std::string_view tag : tags) { subject.labels.push_back("*:" + std::string{tag}); }
  subject.bucket = subject.labels.front();
}

}  // namespace

awaitable<std::optional<Problem>> check_rate(Exchange& exchange) {
  const Services& services = exchange.services;
  const auto settings = services.parts.settings.now();
  if (!settings->rate_limits.enabled || exchange.superuser()) { co_return std::nullopt; }
  RateSubject subject;
  subject.is_guest = !exchange.who.has_value();
  const auto tags = tags_of(exchange.match.route);
  if (!tags.empty()) {
    const auto collection = co_await find_collection(services, exchange.value());
    if (!collection.has_value()) { co_return std::nullopt; }  // the route has words for that
    add_collection(subject, collection->name, tags);
  }
  // Decoded as a whole, as PocketBase compares it: "/%61pi/health" is "/api/health".
  const std::string path =
      http::decode_path_segment(exchange.request.path).value_or(exchange.request.path);
  subject.labels.push_back(exchange.request.method + " " + path);
  subject.labels.push_back(path);
  const Window window = exchange.strict() ? Window::kSinceLast : Window::kFixed;
  const bool allowed = services.limiters.rates.allow(settings, subject, exchange.ip,
                                                     services.parts.clock.steady_now(), window);
  if (allowed) { co_return std::nullopt; }
  co_return problem(429, phrase::kTooMany);
}

}  // namespace pv::api
