#include "restore/scope.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "restore/entry_name.h"
#include "restore/layout.h"

namespace pv::restore {
namespace {

constexpr std::array<std::string_view, 3> kCompanions{"-wal", "-shm", "-journal"};

bool is_root_database(std::string_view name) {
  return name.find('/') == std::string_view::npos && name.ends_with(".db");
}

bool lies_in(std::string_view name, std::string_view folder) {
  return name.size() > folder.size() && name.starts_with(folder) && name[folder.size()] == '/';
}

// What a unit takes with it beside itself.
bool belongs_to(std::string_view name, std::string_view unit) {
  if (name == unit || lies_in(name, unit)) { return true; }
  return is_root_database(unit) && name.starts_with(unit) &&
         std::find(kCompanions.begin(), kCompanions.end(), name.substr(unit.size())) !=
             kCompanions.end();
}

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
  for (const std::string_view companion : kCompanions) {
    if (name->ends_with(".db" + std::string{companion})) {
      return fail(Code::kInvalid, printable(*name) + " is part of a database; name the database: " +
                                      printable(name->substr(0, name->size() - companion.size())));
    }
  }
  return Scope::Unit{*name, true};
}

}  // namespace

Result<Scope> Scope::parse(const std::vector<std::string>& only) {
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
  for (Unit& unit : units) {
    const bool is_known = std::any_of(units.begin(), units.end(), [&](const Unit& other) {
      return lies_in(unit.name, other.name);
    });
    const bool is_again = !scope.units_.empty() && scope.units_.back().name == unit.name;
    if (!is_known && !is_again) { scope.units_.push_back(unit); }
  }
  scope.given_ = only;
  return scope;
}

bool Scope::contains(std::string_view name) const {
  return units_.empty() || std::any_of(units_.begin(), units_.end(), [&](const Unit& unit) {
           return belongs_to(name, unit.name);
         });
}

std::string Scope::describe() const {
  std::string text;
  for (const std::string& given : given_) { text += (text.empty() ? "" : ", ") + given; }
  return text;
}

}  // namespace pv::restore
