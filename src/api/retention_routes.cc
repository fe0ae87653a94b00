// Routes of our own, for superusers: what stays and what goes.
#include <algorithm>
#include <array>

#include "api/exchange.h"
#include "api/forms.h"
#include "api/sentences.h"
#include "http/url.h"

namespace pv::api {
namespace {

namespace json = boost::json;

constexpr Sentence kOfPruning[] = {{"summary", SaidAs::kList}, {"reasons"}, {"message"}};

// A parameter that does not decode is left out by parse_query().
bool is_readable(std::string_view query, std::size_t parameters) {
  std::size_t sent = 0;
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    sent += end > at ? 1U : 0U;
    at = end + 1;
  }
  return sent == parameters;
}

// Rules in the query instead of those of the settings; nullopt: none are given. Another parameter
// is refused: a slip must not prune by other rules than were meant.
Result<std::optional<settings::Retention>> rules_of(const http::Request& request,
                                                    const settings::VaultSettingsFile& own) {
  const auto parameters = http::parse_query(request.query);
  if (!is_readable(request.query, parameters.size())) {
    return fail(Code::kInvalid, "the query can't be read");
  }
  const bool is_about_rules = std::ranges::any_of(
      parameters, [](const auto& parameter) { return parameter.first != "fields"; });
  if (!is_about_rules) { return std::nullopt; }
  PV_TRY(const settings::VaultSettings settings, own.read());
  jobs::RulesReader reader{settings.retention};
  for (const auto& [name, value] : parameters) {
    if (name == "fields") { continue; }
    PV_TRY(const bool is_rule, reader.take(name, value));
    if (!is_rule) { return fail(Code::kInvalid, "there is no rule " + name); }
  }
  return std::optional{reader.rules()};
}

bool has_body(const http::Request& request) {
  return request.content_length.value_or(0) > 0 || request.headers.find("Transfer-Encoding");
}

AnswerTask answer_pruning(Exchange& exchange, bool is_dry_run) {
  auto make = [&vault = exchange.services.parts.vault, &own = exchange.services.parts.own_settings,
               &request = exchange.request, is_dry_run]() -> Result<json::value> {
    PV_TRY(const auto rules, rules_of(request, own));
    PV_TRY(const jobs::Pruning pruning, vault.prune({.rules = rules, .is_dry_run = is_dry_run}));
    return jobs::to_json(pruning);
  };
  return answer_told(exchange, exchange.services.parts.pools.peers, kOfPruning, std::move(make));
}

}  // namespace

AnswerTask preview_retention(Exchange& exchange) { return answer_pruning(exchange, true); }

AnswerTask prune_backups(Exchange& exchange) {
  if (has_body(exchange.request)) {
    const Error error{Code::kInvalid, "rules are parameters of the query; a body is not read"};
    co_return tl::unexpected{explained(error)};
  }
  AnswerTask running = answer_pruning(exchange, false);
  co_return co_await std::move(running);
}

AnswerTask pin_backup(Exchange& exchange) {
  static constexpr std::array<FormField, 1> kFields{{{"note", "Note"}}};
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  Form form = co_await read_form(exchange.request, exchange.body, kFields);
  if (form.fault) { co_return tl::unexpected{unreadable(*form.fault)}; }
  std::optional<std::string> note;
  if (const auto given = form.values.find("note"); given != form.values.end()) {
    note = given->second;
  }
  std::function<Result<void>()> work = [&vault = exchange.services.parts.vault, name = *name,
                                        note] { return vault.pin(name, note); };
  const auto pinned = co_await asking_peer<void>(exchange.services, std::move(work));
  if (!pinned.has_value()) { co_return tl::unexpected{explained(pinned.error())}; }
  co_return empty_answer(204);
}

AnswerTask unpin_backup(Exchange& exchange) {
  const auto name = name_of_key(exchange.value());
  if (!name) { co_return tl::unexpected{not_found()}; }
  std::function<Result<void>()> work = [&vault = exchange.services.parts.vault, name = *name] {
    return vault.unpin(name);
  };
  const auto unpinned = co_await asking_peer<void>(exchange.services, std::move(work));
  if (!unpinned.has_value()) { co_return tl::unexpected{explained(unpinned.error())}; }
  co_return empty_answer(204);
}

}  // namespace pv::api
