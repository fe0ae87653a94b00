// What a restore of an archive would meet and do, found out without doing it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jobs/job.h"
#include "restore/changes.h"

namespace pv::jobs {

// kRefused: a restore would be refused, for the reasons told. kWarnings: it would be done, with the
// warnings that the job has.
enum class Verdict { kOk, kWarnings, kRefused };
[[nodiscard]] std::string_view verdict_name(Verdict verdict);  // "ok"

// Records of one collection, by its name.
struct CollectionChange {
  std::string name;
  std::string type;  // "base", "auth", "view"
  bool is_in_place = false;
  bool is_in_archive = false;
  std::optional<std::uint64_t> before;  // nullopt: not there, or not to be counted (a view)
  std::optional<std::uint64_t> after;
  friend bool operator==(const CollectionChange&, const CollectionChange&) = default;
};

struct Names {
  static constexpr std::size_t kNamesMax = 20;
  std::uint64_t count = 0;
  std::vector<std::string> names;  // the first few
  friend bool operator==(const Names&, const Names&) = default;
};

// What a data.db tells of the app and of the PocketBase that worked with it last.
struct AppFacts {
  std::string name;              // of the app; empty: unknown
  std::string version;           // "v0.39 or later": what is known of PocketBase's
  std::string newest_migration;  // the last by name, with its time in front
  bool settings_locked = false;  // encrypted, and the key that was given does not fit
  bool files_in_s3 = false;      // uploads are in a bucket, not in the archive or the directory
  friend bool operator==(const AppFacts&, const AppFacts&) = default;
};

struct Preflight {
  Verdict verdict = Verdict::kOk;
  std::vector<Error> reasons;  // of a refusal

  std::uint64_t space_needed = 0;  // beside what the directory holds now; 0: not known
  std::uint64_t space_free = 0;

  bool databases_checked = false;             // opened, sound, and PocketBase's
  std::optional<restore::Changes> changes;    // nullopt: not found out
  std::vector<CollectionChange> collections;  // in byte order; empty unless databases_checked
  Names migrations_only_in_archive;
  Names migrations_only_in_place;
  // Who will be able to sign in as superuser: e-mails; and those who can now, and will not.
  Names superusers;
  Names superusers_lost;
  AppFacts archive;
  std::optional<AppFacts> in_place;  // nullopt: no data, or none that can be read
  std::optional<WallTime> made;      // when the backup was, as its maker noted it
  std::string way;                   // how: "pinned"

  friend bool operator==(const Preflight&, const Preflight&) = default;
};

}  // namespace pv::jobs
