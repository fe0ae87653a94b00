// Backups removed by the rules of a retention.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fs/file.h"
#include "jobs/retention.h"

namespace pv::jobs {

struct PruneOrder {
  std::optional<settings::Retention> rules = std::nullopt;  // else those of the settings
  bool is_dry_run = false;
  std::string made = {};  // just now: it stays
};

struct Pruning {
  struct Failure {
    std::string key;
    Error error;
  };
  std::string summary;               // of the rules, as summary_of(); empty: there are none
  std::vector<Decision> decisions;   // newest first
  std::vector<std::string> removed;  // in the order of removal, oldest first; of a dry run none
  std::vector<Failure> failed;       // which were to go, and stayed
};

// What is decided about: all backups of the store, with what is known of them. `busy`: why one
// can't go now. Looks into the newest archives that were never verified, until one can be read.
// Fails where it is not known what is pinned, or what verifications found: then nothing is to go.
[[nodiscard]] Result<std::vector<Candidate>> candidates_of(
    store::BackupStore& store, const fs::Path& vault_folder,
    const std::map<std::string, std::string>& busy, WallTime now);

// decide(), but for what would be kept in the place of others without being known to be of use:
// what was neither verified nor made here (as the history has it) is looked into, and counts as
// damaged where doubt_about() doubts it. Where nothing goes nothing is looked into, and never more
// than the rules keep.
[[nodiscard]] std::vector<Decision> decide_by_looks(std::vector<Candidate> candidates,
                                                    const settings::Retention& rules, WallTime now,
                                                    store::BackupStore& store,
                                                    const fs::Path& vault_folder);

// Calls `remove` for each that is to go, the oldest first, until `stop` says so; a failure stops
// none of the others, and what is gone already is no failure.
void carry_out(Pruning& pruning,
               const std::function<Result<void>(const store::BackupName&)>& remove,
               const std::function<bool()>& stop);

// docs/api.md, "Retention". Strings are valid UTF-8.
[[nodiscard]] boost::json::object to_json(const Pruning& pruning);
[[nodiscard]] Pruning pruning_from_json(const boost::json::object& object);

// The members of the settings and the parameters of the API: "keepLast", ..., "minAgeHours",
// "governs". The first of "keep..." that is given makes all others that are not 0. kInvalid.
class RulesReader {
 public:
  explicit RulesReader(const settings::Retention& base) : rules_{base} {}
  // false: it is no name of a rule.
  [[nodiscard]] Result<bool> take(std::string_view name, std::string_view value);
  [[nodiscard]] const settings::Retention& rules() const { return rules_; }

 private:
  settings::Retention rules_;
  bool has_kept_ = false;
};

}  // namespace pv::jobs
