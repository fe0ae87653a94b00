// Settings of our own.
#include "api/exchange.h"
#include "api/settings_form.h"

namespace pv::api {

namespace json = boost::json;

namespace {

// What is wrong in the file is said, for only who sees it can mend it; where it is, is for the log.
Problem problem_of_file(const Error& error) {
  if (error.code == Code::kDamaged) { return explained(error); }
  return error.code == Code::kBusy ? busy() : problem_of(error);
}

}  // namespace

AnswerTask show_vault_settings(Exchange& exchange) {
  std::function<Result<json::object>()> work = [&own = exchange.services.parts.own_settings] {
    return own.show();
  };
  const auto shown = co_await blocking<json::object>(exchange.services, std::move(work));
  if (!shown.has_value()) { co_return tl::unexpected{problem_of_file(shown.error())}; }
  co_return json_answer(exchange, 200, *shown);
}

AnswerTask change_vault_settings(Exchange& exchange) {
  auto changes = co_await read_changes(exchange, settings::vault_shape(), FormNames::kWhole);
  if (!changes.has_value()) { co_return tl::unexpected{changes.error()}; }
  std::function<Result<settings::VaultSettingsChange>()> work =
      [&own = exchange.services.parts.own_settings, changes = *std::move(changes)] {
        return own.change(changes);
      };
  const auto changed =
      co_await blocking<settings::VaultSettingsChange>(exchange.services, std::move(work));
  if (!changed.has_value()) { co_return tl::unexpected{problem_of_file(changed.error())}; }
  if (!changed->faults.empty()) {
    co_return tl::unexpected{refused_change(phrase::kSaveSettingsFailed, changed->faults)};
  }
  co_return json_answer(exchange, 200, changed->shown);
}

}  // namespace pv::api
