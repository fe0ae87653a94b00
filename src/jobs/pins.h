// Pinned backups, for those who list and prune.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>

#include "fs/file.h"
#include "state/pins.h"

namespace pv::jobs {

// By key.
using Pins = std::map<std::string, state::Pin, std::less<>>;

// Errors as state::read_pins().
[[nodiscard]] Result<Pins> read_pins(const fs::Path& vault_folder);
[[nodiscard]] std::optional<state::Pin> pin_of(const Pins& pins, const std::string& key);

// Succeeds where `key` may be removed. kUnsupported: it is pinned. The errors of read_pins(), as
// far as there are pins at all.
[[nodiscard]] Result<void> refuse_pinned(const fs::Path& vault_folder, const std::string& key);

// {"note","at"}; null without one. Strings are valid UTF-8.
[[nodiscard]] boost::json::value to_json(const std::optional<state::Pin>& pin);
[[nodiscard]] std::optional<state::Pin> pin_from(const std::string& key,
                                                 const boost::json::object* object);

}  // namespace pv::jobs
