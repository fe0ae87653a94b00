// Routes of our own: what is wrong with the backups, who was told, and trying it.
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "api/sentences.h"

namespace pv::api {

namespace json = boost::json;

namespace {

constexpr Sentence kOfAlerts[] = {
    {"title"}, {"text", SaidAs::kLines}, {"error"}, {"settingsError"}};

}  // namespace

AnswerTask show_alerts(Exchange& exchange) {
  return answer_told(exchange, exchange.services.parts.pools.databases, kOfAlerts,
                     [&alerts = exchange.services.parts.alerts] { return alerts.report(); });
}

AnswerTask test_alert(Exchange& exchange) {
  static constexpr std::array<FormField, 1> kFields{{{"channel", "Channel"}}};
  Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }
  const std::string channel = form.values["channel"];
  if (channel.empty()) {
    FieldProblem blank{.field = "channel",
                       .code = "validation_required",
                       .message = say(phrase::kBlank),
                       .params = {}};
    co_return tl::unexpected{invalid(std::move(blank))};
  }
  std::function<Result<void>()> work = [&alerts = exchange.services.parts.alerts, channel] {
    return alerts.test(channel, alerts.wishes());
  };
  const auto sent = co_await asking_peer<void>(exchange.services, std::move(work));
  if (sent.has_value()) { co_return empty_answer(204); }
  const unsigned status = sent.error().code == Code::kNotFound ? 404 : 502;
  Problem failed = problem(status, phrase::kAlertTestFailed, {sent.error().what});
  failed.cause = sent.error();
  co_return tl::unexpected{std::move(failed)};
}

}  // namespace pv::api
