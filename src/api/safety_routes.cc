// Routes of our own, for superusers: taking a restore back, what can be taken back, how all is.
#include <algorithm>
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "api/job_answer.h"
#include "api/sentences.h"

namespace pv::api {
namespace {

namespace json = boost::json;

// What a client asks for before it sends a wish that a server without it would pass over.
constexpr std::string_view kFeatures[] = {"only", "filesTo", "retention"};

constexpr Sentence kOfStatus[] = {{"risk"},
                                  {"text"},
                                  {"why"},
                                  {"verdictsUnknownBecause"},
                                  {"settingsError"},
                                  {"offBecause"},
                                  {"unwrittenBecause"},
                                  {"memoryError"},
                                  {"storeUnknownBecause"},
                                  {"storeError"},
                                  {"error"},
                                  {"trouble"},
                                  {"reason"},
                                  {"place"},
                                  {"summary", SaidAs::kList}};
constexpr Sentence kOfHistory[] = {{"error"}};

}  // namespace

AnswerTask undo_restore(Exchange& exchange) {
  static constexpr std::array<FormField, 1> kFields{{{"id", "Id"}}};
  Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }
  const std::string id = form.values["id"];
  std::function<Result<std::shared_ptr<jobs::Job>>()> work =
      [&vault = exchange.services.parts.vault, id] { return vault.start_undo(id); };
  const auto job =
      co_await blocking<std::shared_ptr<jobs::Job>>(exchange.services, std::move(work));
  if (!job.has_value()) { co_return tl::unexpected{explained(job.error())}; }
  co_return accepted(exchange, **job);
}

AnswerTask show_status(Exchange& exchange) {
  auto make = [&vault = exchange.services.parts.vault,
               &scheduler = exchange.services.parts.scheduler,
               now = exchange.services.parts.clock.now()]() -> Result<json::value> {
    PV_TRY(jobs::Overview overview, vault.overview());
    jobs::Timetable& timetable = overview.health.timetable;
    timetable.off_because = scheduler.why_off();
    if (const auto next = scheduler.next_backup()) { timetable.next = next; }
    jobs::Timetable& verification = overview.health.verification;
    verification.off_because = scheduler.verifications().why_off();
    verification.next = scheduler.verifications().next();
    json::object status = jobs::to_json(overview, now);
    status.emplace("features", json::array(std::begin(kFeatures), std::end(kFeatures)));
    return status;
  };
  return answer_told(exchange, exchange.services.parts.pools.peers, kOfStatus, std::move(make));
}

AnswerTask list_history(Exchange& exchange) {
  constexpr std::size_t kCount = 1000;
  auto make = [&vault = exchange.services.parts.vault]() -> Result<json::value> {
    PV_TRY(const std::vector<state::PastJob> history, vault.history(kCount));
    json::array array;
    for (const state::PastJob& job : history) { array.push_back(jobs::to_json(job)); }
    return array;
  };
  return answer_told(exchange, exchange.services.parts.pools.databases, kOfHistory,
                     std::move(make));
}

AnswerTask list_replaced(Exchange& exchange) {
  std::function<Result<json::array>()> work =
      [&vault = exchange.services.parts.vault]() -> Result<json::array> {
    PV_TRY(const std::vector<jobs::Kept> kept, vault.kept());
    json::array array;
    for (const jobs::Kept& one : kept) { array.push_back(jobs::to_json(one)); }
    return array;
  };
  const auto array = co_await blocking<json::array>(exchange.services, std::move(work));
  if (!array.has_value()) { co_return tl::unexpected{explained(array.error())}; }
  co_return json_answer(exchange, 200, *array);
}

AnswerTask delete_replaced(Exchange& exchange) {
  std::function<Result<void>()> work = [&vault = exchange.services.parts.vault,
                                        id = exchange.value()] { return vault.remove_kept(id); };
  const auto removed = co_await blocking<void>(exchange.services, std::move(work));
  if (!removed.has_value()) { co_return tl::unexpected{explained(removed.error())}; }
  co_return empty_answer(204);
}

}  // namespace pv::api
