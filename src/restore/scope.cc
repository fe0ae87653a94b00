#include "restore/scope.h"

#include <algorithm>

#include "base/text.h"
#include "restore/entry_name.h"
#include "restore/layout.h"

namespace pv::restore {
namespace {

Result<Scope::Unit> unit_of(const std::string& given) {
  const auto name = safe_name(given);
  if (!name.has_value() || name->empty()) {
    return fail(Code::kInvalid, "\"" + printable(given) +
                                    "\" names nothing in a data directory; `databases`, `storage`, "
                                    "or a file or folder of it, such as storage/abc");
  }
  if (stays(name->substr(0, name->find('/')))) {
    return fail(Code::kInvalid, printable(*name) + " is never part of a restore");
  }
  if (const std::string_view database = database_of(*name); database != *name) {
    return fail(Code::kInvalid, printable(*name) + " is part of a database; name the database: " +
                                    printable(database));
  }
  return Scope::Unit{*name, true};
}

}  // namespace

Result<Scope> Scope::parse(const std::vector<std::string>& only) {
  if (only.size() > kGivenMax) {
    return fail(Code::kInvalid, "more than " + std::to_string(kGivenMax) +
                                    " parts: name the folders that they are in");
  }
  std::vector<Unit> units;
  for (const std::string& given : only) {
    if (given == "databases") {
      units.push_back({"data.db", true});
      // A backup without logs has none; the one in place is then kept.
      units.push_back({"auxiliary.db", false});
      continue;
    }
    PV_TRY(Unit unit, unit_of(given));
    units.push_back(std::move(unit));
  }
  std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
    return a.name != b.name ? a.name < b.name : a.required > b.required;
  });
  Scope scope;
  for (const Unit& unit : units) {
    const bool is_known = !scope.units_.empty() && scope.contains(unit.name);
    if (!is_known) { scope.units_.push_back(unit); }
  }
  scope.given_ = only;
  return scope;
}

bool Scope::contains(std::string_view name) const {
  const auto is_unit = [&](std::string_view one) {
    const auto at = std::lower_bound(
        units_.begin(), units_.end(), one,
        [](const Unit& unit, std::string_view sought) { return unit.name < sought; });
    return at != units_.end() && at->name == one;
  };
  return units_.empty() || any_at_or_above(name, is_unit);
}

std::string Scope::describe() const {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < given_.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + given_[i];
  }
  if (given_.size() > kShown) {
    text += " and " + std::to_string(given_.size() - kShown) + " more";
  }
  return text;
}

}  // namespace pv::restore
