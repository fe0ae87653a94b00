// The names of new backups, and what names and times tell of those that are there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/backup_store.h"

namespace pv::jobs {

inline constexpr std::size_t kNewNameCharactersMax = 150;

enum class NameFault {
  kLength,  // not 1 to 150 characters
  kFormat,  // not [a-z0-9_-]+\.zip
};

// What PocketBase objects to in a name given for a new backup; the length is looked at first.
[[nodiscard]] std::optional<NameFault> fault_of_new_name(std::string_view name);

// The same as an error for people: kInvalid.
[[nodiscard]] Result<store::BackupName> validate_new_name(std::string_view name);

// Names that nobody gave begin so.
inline constexpr std::string_view kAutomaticPrefix = "pb_backup_";
// Those that are made by themselves, and pruned, by PocketBase as well.
inline constexpr std::string_view kScheduledPrefix = "@auto_pb_backup_";
// It leaves these alone.
inline constexpr std::string_view kSafetyPrefix = "@pre_restore_";

// "pb_backup_corner_shop_20261121005447.zip"; without an app "pb_backup_20261121005447.zip". `app`
// is settings::snake_case() of its name and may be empty ("pb_backup__2026...zip", as PocketBase).
// The second of one second is number 2: "pb_backup_20261121005447_02.zip", which sorts behind the
// first and before the next second.
[[nodiscard]] std::string automatic_name(std::string_view prefix,
                                         std::optional<std::string_view> app, WallTime now,
                                         int number = 1);

// Whether `name` may be one of those: it ends in a moment, so whoever makes another has another
// name.
[[nodiscard]] bool is_automatic(std::string_view name);

// The moment in such a name, by the clock of who made it; nullopt where there is none.
[[nodiscard]] std::optional<WallTime> moment_in(std::string_view name);

// The first such name that is free in `store`. kExists: 99 in this second are taken.
[[nodiscard]] Result<store::BackupName> free_name(store::BackupStore& store,
                                                  std::string_view prefix,
                                                  std::optional<std::string_view> app,
                                                  WallTime now);

// A clock may be wrong by as much; a backup whose date is further ahead would look young for ever.
inline constexpr std::chrono::minutes kAheadMax{5};

// Why a backup can't be relied on by its name and its time: it is from the future, or a restore
// made it. Empty: nothing is against it.
[[nodiscard]] std::string doubt_by_looks(const store::Backup& backup, WallTime now);

}  // namespace pv::jobs
