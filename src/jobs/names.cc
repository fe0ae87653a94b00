#include "jobs/names.h"

#include <algorithm>

#include "base/text.h"

namespace pv::jobs {

std::optional<NameFault> fault_of_new_name(std::string_view name) {
  constexpr std::string_view kEnding = ".zip";
  const std::size_t characters = count_code_points(name);
  if (characters < 1 || characters > kNewNameCharactersMax) { return NameFault::kLength; }
  if (!name.ends_with(kEnding) || name.size() == kEnding.size()) { return NameFault::kFormat; }
  const auto allowed = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_' ||
           letter == '-';
  };
  name.remove_suffix(kEnding.size());
  if (!std::all_of(name.begin(), name.end(), allowed)) { return NameFault::kFormat; }
  return std::nullopt;
}

Result<store::BackupName> validate_new_name(std::string_view name) {
  const std::optional<NameFault> fault = fault_of_new_name(name);
  if (fault == NameFault::kLength) {
    return fail(Code::kInvalid, "the name of a backup has 1 to " +
                                    std::to_string(kNewNameCharactersMax) + " characters");
  }
  if (fault == NameFault::kFormat) {
    return fail(Code::kInvalid, "\"" + printable(name) +
                                    "\" can't name a new backup: only a-z, 0-9, _ and -, then .zip "
                                    "(for example nightly_2026-11-21.zip)");
  }
  return store::BackupName::parse(name);
}

std::string automatic_name(std::optional<std::string_view> app, WallTime now) {
  std::string name = "pb_backup_";
  if (app) {
    name += *app;
    name += '_';
  }
  return name + format_stamp(now) + ".zip";
}

}  // namespace pv::jobs
