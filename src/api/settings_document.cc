// PocketBase's settings as a document: shown and changed.
#include "api/exchange.h"
#include "api/settings_form.h"

namespace pv::api {
namespace {

namespace json = boost::json;

settings::Edition edition_of(const Exchange& exchange) {
  return exchange.strict() ? settings::Edition::k036 : settings::Edition::k039;
}

}  // namespace

AnswerTask show_settings(Exchange& exchange) {
  std::function<Result<json::object>()> work = [&settings = exchange.services.parts.settings,
                                                edition = edition_of(exchange)] {
    return settings.show(edition);
  };
  const auto shown = co_await blocking<json::object>(exchange.services, std::move(work));
  if (!shown.has_value()) { co_return tl::unexpected{problem_of(shown.error())}; }
  co_return json_answer(exchange, 200, *shown);
}

AnswerTask change_settings(Exchange& exchange) {
  const settings::Edition edition = edition_of(exchange);
  const FormNames names = exchange.strict() ? FormNames::kLastObject : FormNames::kWhole;
  auto changes = co_await read_changes(exchange, settings::shape_of(edition), names);
  if (!changes.has_value()) { co_return tl::unexpected{changes.error()}; }
  std::function<Result<jobs::SettingsChange>()> work =
      [&settings = exchange.services.parts.settings, edition, changes = *std::move(changes)] {
        return settings.change(changes, edition);
      };
  const auto changed = co_await blocking<jobs::SettingsChange>(exchange.services, std::move(work));
  if (!changed.has_value()) { co_return tl::unexpected{problem_of(changed.error())}; }
  if (changed->is_unreadable && exchange.strict()) {
    co_return tl::unexpected{problem(400, phrase::kLoading)};
  }
  if (!changed->faults.empty()) {
    const Phrase& phrase = changed->is_unreadable ? phrase::kLoading : phrase::kSaveSettingsFailed;
    co_return tl::unexpected{refused_change(phrase, changed->faults)};
  }
  co_return json_answer(exchange, 200, changed->shown);
}

}  // namespace pv::api
