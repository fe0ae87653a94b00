// What the server does by the clock: listed, and begun before its time.
#include <boost/json/array.hpp>

#include "api/exchange.h"

namespace pv::api {

namespace json = boost::json;

AnswerTask list_crons(Exchange& exchange) {
  json::array array;
  for (const jobs::CronJob& job : exchange.services.parts.scheduler.jobs()) {
    json::object object;
    object.emplace("id", job.id);
    object.emplace("expression", job.expression);
    array.push_back(std::move(object));
  }
  co_return json_answer(exchange, 200, array);
}

AnswerTask run_cron(Exchange& exchange) {
  const auto begun = exchange.services.parts.scheduler.run(exchange.value());
  if (!begun.has_value()) { co_return tl::unexpected{problem(404, phrase::kNoCron)}; }
  co_return empty_answer(204);
}

}  // namespace pv::api
