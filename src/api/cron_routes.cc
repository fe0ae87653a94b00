// What the server does by the clock: listed, and begun before its time.
#include <boost/json/array.hpp>

#include "api/exchange.h"

namespace pv::api {

namespace json = boost::json;

namespace {

// PocketBase registers it with the first request that it counts. Here counts go by themselves, when
// there is no room for more; whoever asks has the old ones go at once.
constexpr std::string_view kLimitsCleanup = "__pbRateLimitersCleanup__";
constexpr std::string_view kHourly = "2 * * * *";

void add(json::array& array, std::string_view id, std::string_view expression) {
  json::object object;
  object.emplace("id", id);
  object.emplace("expression", expression);
  array.push_back(std::move(object));
}

}  // namespace

AnswerTask list_crons(Exchange& exchange) {
  json::array array;
  for (const schedule::CronJob& job : exchange.services.parts.scheduler.jobs()) {
    add(array, job.id, job.expression);
  }
  if (exchange.services.limiters.rates.has_counted()) { add(array, kLimitsCleanup, kHourly); }
  co_return json_answer(exchange, 200, array);
}

AnswerTask run_cron(Exchange& exchange) {
  RateLimiter& rates = exchange.services.limiters.rates;
  if (exchange.value() == kLimitsCleanup && rates.has_counted()) {
    rates.forget_old(exchange.services.parts.clock.steady_now());
    co_return empty_answer(204);
  }
  const auto begun = exchange.services.parts.scheduler.run(exchange.value());
  if (!begun.has_value()) { co_return tl::unexpected{problem(404, phrase::kNoCron)}; }
  co_return empty_answer(204);
}

}  // namespace pv::api
