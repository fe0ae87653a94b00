#include "jobs/names.h"

#include <algorithm>

#include "base/text.h"
#include "jobs/json_reader.h"

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

std::string automatic_name(std::string_view prefix, std::optional<std::string_view> app,
                           WallTime now, int number) {
  std::string name{prefix};
  if (app) {
    name += *app;
    name += '_';
  }
  name += format_stamp(now);
  if (number > 1) { name += (number < 10 ? "_0" : "_") + std::to_string(number); }
  return name + ".zip";
}

namespace {

// The digits of the moment in an automatic name; empty where it has none.
std::string_view stamp_in(std::string_view name) {
  constexpr std::string_view kEnding = ".zip";
  if (!name.ends_with(kEnding) ||
      !(name.starts_with(kAutomaticPrefix) || name.starts_with(kScheduledPrefix))) {
    return {};
  }
  name.remove_suffix(kEnding.size());
  const auto take_digits = [&name](std::size_t count) -> std::string_view {
    const auto is_digit = [](char letter) { return letter >= '0' && letter <= '9'; };
    if (name.size() <= count || name[name.size() - count - 1] != '_' ||
        !std::ranges::all_of(name.substr(name.size() - count), is_digit)) {
      return {};
    }
    const std::string_view digits = name.substr(name.size() - count);
    name.remove_suffix(count + 1);
    return digits;
  };
  constexpr std::size_t kNumberDigits = 2;
  constexpr std::size_t kMomentDigits = 14;
  std::ignore = take_digits(kNumberDigits);
  return take_digits(kMomentDigits);
}

}  // namespace

bool is_automatic(std::string_view name) { return !stamp_in(name).empty(); }

std::optional<WallTime> moment_in(std::string_view name) {
  const std::string_view stamp = stamp_in(name);
  if (stamp.empty()) { return std::nullopt; }
  const auto part = [&](std::size_t from, std::size_t count) {
    return std::string{stamp.substr(from, count)};
  };
  // As PocketBase writes dates: "2026-11-21 00:54:47.000Z".
  return parse_date(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + " " + part(8, 2) + ":" +
                    part(10, 2) + ":" + part(12, 2) + ".000Z");
}

Result<store::BackupName> free_name(store::BackupStore& store, std::string_view prefix,
                                    std::optional<std::string_view> app, WallTime now) {
  constexpr int kNumberMax = 99;
  for (int number = 1; number <= kNumberMax; ++number) {
    PV_TRY(store::BackupName name,
           store::BackupName::parse(automatic_name(prefix, app, now, number)));
    const Result<store::Backup> there = store.stat(name);
    if (there.has_value()) { continue; }
    if (there.error().code != Code::kNotFound) { return fail(there.error()); }
    return name;
  }
  return fail(Code::kExists, "the automatic names of this second are all taken");
}

std::string doubt_by_looks(const store::Backup& backup, WallTime now) {
  if (backup.modified > now + kAheadMax) { return "its time lies in the future"; }
  if (backup.name.last_part().starts_with(kSafetyPrefix)) {
    return "it was made of what a restore replaced";
  }
  return {};
}

}  // namespace pv::jobs
