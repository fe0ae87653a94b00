// Which backups stay and which go: values in, decisions out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "settings/retention.h"
#include "store/backup_store.h"

namespace pv::jobs {

enum class Soundness { kUnknown, kSound, kDamaged };  // as its last verification found it

struct Candidate {
  store::Backup backup;
  Soundness soundness = Soundness::kUnknown;
  bool is_incomplete = false;  // files are known to lack in it
  bool is_pinned = false;
  std::string busy = {};  // why it can't go now: "a running job uses it"; empty: it can
};

struct Decision {
  store::Backup backup;
  bool is_kept = true;
  bool fills_place = false;  // of a rule, or as the newest that counts: others go in its favour
  // All that keep it: "daily 2026-11-24", "pinned"; of one that goes, why nothing does.
  std::vector<std::string> reasons;
};

// Of each rule: the newest backup of each of the last so many hours, days, ISO weeks, months and
// years (in UTC) that have one, and the last few whatever their time. A backup is kept if any rule
// keeps it. A damaged one fills no place: it is kept beside the next good one, and where its span
// of time has none. An incomplete one takes no complete one's place: what is kept besides is what
// would be if there were no incomplete ones.
//
// Whatever the rules say, these are kept: what they do not govern; all, if there are no rules; what
// is pinned, waits to be sent, is busy, too young or from the future; the newest that counts; the
// newest that a verification found sound, and of both kinds the newest complete one. Backups that
// restores made are never governed.
//
// Newest first; of one time, by name. Takes as long as sorting.
[[nodiscard]] std::vector<Decision> decide(std::vector<Candidate> candidates,
                                           const settings::Retention& rules, WallTime now);

// What PocketBase's cronMaxKeep says instead: of the backups that are made by themselves the newest
// `count`, `made` before all others, whatever its time. What is pinned, from the future, the newest
// that counts and the newest that a verification found sound are kept besides; and so are of the
// complete ones as many as if there were no others.
[[nodiscard]] std::vector<Decision> decide_by_count(std::vector<Candidate> candidates,
                                                    std::int64_t count, std::string_view made,
                                                    WallTime now);

// Whether a retention is about it at all.
[[nodiscard]] bool is_governed(const store::BackupName& name, settings::Retention::Governs governs);

// "keeps the last 3, 7 daily, 4 weekly"; empty without rules.
[[nodiscard]] std::string summary_of(const settings::Retention& rules);

}  // namespace pv::jobs
