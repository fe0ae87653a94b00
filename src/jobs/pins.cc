#include "jobs/pins.h"

#include <boost/json.hpp>

#include "base/text.h"
#include "jobs/json_reader.h"

namespace pv::jobs {

Result<Pins> read_pins(const fs::Path& vault_folder) {
  PV_TRY(std::vector<state::Pin> all, state::read_pins(vault_folder));
  Pins pins;
  for (state::Pin& pin : all) {
    std::string key = pin.key;
    pins.emplace(std::move(key), std::move(pin));
  }
  return pins;
}

std::optional<state::Pin> pin_of(const Pins& pins, const std::string& key) {
  const auto found = pins.find(key);
  return found == pins.end() ? std::nullopt : std::optional{found->second};
}

Result<void> refuse_pinned(const fs::Path& vault_folder, const std::string& key) {
  const auto pins = read_pins(vault_folder);
  if (!pins.has_value()) {
    // A vault.db that can't be read keeps nobody from removing where it never had a pin.
    if (!state::has_pins(vault_folder)) { return {}; }
    return fail(pins.error().within("whether " + printable(key) + " is pinned is not known"));
  }
  if (!pins->contains(key)) { return {}; }
  return fail(Code::kUnsupported, printable(key) + " is pinned: unpin it first");
}

boost::json::value to_json(const std::optional<state::Pin>& pin) {
  if (!pin) { return nullptr; }
  return boost::json::object{{"note", printable(pin->note)},
                             {"at", format_pocketbase_date(pin->at)}};
}

std::optional<state::Pin> pin_from(const std::string& key, const boost::json::object* object) {
  if (object == nullptr) { return std::nullopt; }
  const Reader from{*object};
  return state::Pin{.key = key,
                    .note = from.text("note"),
                    .at = parse_date(from.text("at")).value_or(WallTime{})};
}

}  // namespace pv::jobs
