// How a directory and its backups are, at one look: for people, and for what watches over them.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "fs/file.h"
#include "jobs/health.h"
#include "jobs/kept.h"
#include "jobs/lease.h"
#include "jobs/risk.h"
#include "jobs/verdicts.h"
#include "places/mirror.h"
#include "store/backup_store.h"

namespace pv::jobs {

// A backup that nobody should rely on, though it is there.
struct Discounted {
  store::Backup backup;
  std::string why;
};

struct Overview {
  WallTime looked{};  // when that was, by the clock of who looked
  // By its time of change, of those that count: none from the future, none that was made of what a
  // restore replaced, none that is damaged as far as that is known.
  std::optional<store::Backup> newest;
  // When what it holds was taken, as far as that is known: one that was copied here or uploaded may
  // be older than its time of change. nullopt: as that says.
  std::optional<WallTime> newest_made = std::nullopt;
  // Whether neither the history nor its name says that it was made of this directory, by us or by
  // the app's clock. Then it is no proof that backups are made.
  bool is_newest_foreign = false;
  // When another was made that is such a proof: one before a foreign one, or one that waits.
  std::optional<WallTime> other_made = std::nullopt;
  std::vector<Discounted> discounted;            // newer than that; newest first, the first few
  std::optional<state::Verdict> newest_verdict;  // of its last verification
  std::optional<state::Gaps> newest_gaps = {};   // what lacks in it; nullopt: nothing
  std::string unknown_because;                   // as of Listing
  std::vector<Discounted> damaged = {};          // as verifications found; newest first, as above
  std::uint64_t damaged_count = 0;               // all of them
  std::string retention = {};                    // summary_of() that of the settings
  std::uint64_t backups = 0;
  std::uint64_t backups_bytes = 0;
  std::optional<std::uint64_t> backups_free_bytes;  // nullopt: the store can't say
  std::optional<std::uint64_t> data_free_bytes;
  std::vector<Kept> kept;     // newest first
  std::uint64_t waiting = 0;  // in the spool, to be sent to their store
  std::optional<WallTime> waiting_since = {};
  // Where nothing can be written, for it is mounted so: "the data lies".
  std::string read_only = {};
  std::optional<Unverified> unverified = {};  // by the settings of alerts
  std::vector<LowSpace> low_spaces = {};      // the same
  bool is_served = false;                     // by a server of ours
  // backups.cron of PocketBase's settings. Of who read them; look_over() does not.
  std::string cron_wanted = {};
  bool is_cut_off = false;                    // a restore or an undo died between its renames
  std::optional<LeaseNote> job;               // that is at work on the directory
  std::vector<fs::LockHolder> users;          // other processes that have the databases open
  std::optional<places::MirrorState> mirror;  // nullopt: there is none; look_over() does not ask
  Health health;
  // Why it is not known whether this is the store that counts; empty: it is. Of who chose it;
  // look_over() does not ask.
  std::string store_doubt = {};
  // Why the backups could not be listed; empty: they could. Then nothing is known of them but what
  // the history says.
  std::string store_trouble = {};
  // Of another process's status: what that says itself (risks_of()).
  std::optional<std::vector<Risk>> told_risks = std::nullopt;
};

// Opens no database of PocketBase, and of archives the newest alone, unless it was verified: one
// whose directory can't be read is none. Changes nothing: good in any state of the directory, and
// without the store (store_trouble). kInvalid: .pocketvault is a link. kCancelled.
[[nodiscard]] Result<Overview> look_over(const fs::Path& directory, store::BackupStore& store,
                                         std::chrono::seconds keep, WallTime now);

// By what a verification found, else by looking into the archive's directory: whether it can be
// read, is that of damage that is known, and has what a restore needs of it, data.db at its top.
// Damage begins with "damaged". The error: the store does not give it now.
[[nodiscard]] Result<std::string> look_for_doubt(const store::Backup& backup,
                                                 store::BackupStore& store,
                                                 const Verdicts& verdicts);
// The same, where not to be read is a doubt as well.
[[nodiscard]] std::string doubt_about(const store::Backup& backup, store::BackupStore& store,
                                      const Verdicts& verdicts);

// When the newest was made.
[[nodiscard]] std::optional<WallTime> newest_made(const Overview& overview);
// When the last was made that proves that backups of this directory are made.
[[nodiscard]] std::optional<WallTime> own_made(const Overview& overview);

// Why a backup can't be relied on, beside its name and its time; empty where it can.
using Doubt = std::function<std::string(const store::Backup&)>;
// The same, and all backups, by one list of the store, as which it fails.
struct Survey {
  Overview overview;
  Listing listing;
};
[[nodiscard]] Result<Survey> survey(const fs::Path& directory, store::BackupStore& store,
                                    std::chrono::seconds keep, WallTime now);

// Where a backup comes from.
struct Origin {
  WallTime made;            // at the latest its time of change
  bool is_foreign = false;  // as Overview::is_newest_foreign
};
using FindOrigin = std::function<Origin(const store::Backup&)>;

// Fills what the list of all backups says. `doubt` is asked about the newest, until one is good;
// `find_origin` about the good ones, until none can be newer. Without it they are what they seem.
void count(std::vector<store::Backup> backups, WallTime now, const Doubt& doubt, Overview& overview,
           const FindOrigin& find_origin = {});

// After jobs were counted in that vault.db does not have: the newest may be of one of these.
void recognize(WallTime now, Overview& overview);

// docs/api.md, "Status". Strings are valid UTF-8.
[[nodiscard]] boost::json::object to_json(const Overview& overview, WallTime now);
[[nodiscard]] boost::json::object to_json(const Kept& kept);
[[nodiscard]] boost::json::object to_json(const places::MirrorState& mirror);

}  // namespace pv::jobs
