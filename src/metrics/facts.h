// What the metrics tell of a directory and its backups.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/work_pool.h"
#include "jobs/vault.h"

namespace pv::metrics {

struct MirrorFacts {
  std::uint64_t missing = 0;
  bool is_up = true;  // the last try to fill it did not fail
  friend bool operator==(const MirrorFacts&, const MirrorFacts&) = default;
};

// As of one look, but for what could not be found out: that is as of the look before.
struct Facts {
  std::optional<bool> is_store_up;  // the backups could be listed; nullopt: nobody looked yet, so
                                    // that nothing below is known
  // When they last could; nullopt: never, so that of what is in the store nothing is known.
  std::optional<WallTime> looked;
  std::uint64_t backups = 0;
  std::uint64_t backups_bytes = 0;
  std::uint64_t sound = 0;                  // by their last verifications
  std::uint64_t damaged = 0;                // the others were not verified
  std::uint64_t waiting = 0;                // to be sent to the store
  std::optional<WallTime> newest;           // backup that one can rely on, as far as that is known
  std::optional<store::Backup> in_order;    // looked into for that, for it was never verified
  std::optional<WallTime> verified;         // when a backup that is there was last found sound
  std::optional<WallTime> newest_verified;  // the same of the newest one
  std::optional<std::uint64_t> data_free_bytes;
  std::optional<std::uint64_t> backups_free_bytes;  // nullopt: the store can't say
  std::uint64_t replaced_bytes = 0;
  std::optional<MirrorFacts> mirror;   // nullopt: none, or not filled yet
  bool is_history_known = false;       // vault.db could be read, at this look or one before
  std::optional<state::PastJob> last;  // backup that was tried
  std::optional<state::PastJob> last_succeeded;
  bool is_missed = false;  // a backup by the clock
};

// Looks now: at the store, the notes of the directory, the disks. Opens no database of the app, and
// of archives the newest, once, where it was not verified.
[[nodiscard]] Facts look(jobs::Vault& vault, WallTime now, Facts before);

// Keeps what a look found, so that scrapes cost little and no network: a folder is looked at again
// after 10 s, a store elsewhere after 5 minutes, both when a job has ended.
//
// Threads    Any.
// Lifetime   The vault and `pool` outlive the looks that they are given; the pool is joined before
//            the vault goes.
class Lookout {
 public:
  Lookout(jobs::Vault& vault, WorkPool& pool, const Clock& clock);

  // What is known, after a look if one is due. One at a store elsewhere is only begun: the next
  // call has what it found.
  [[nodiscard]] Facts facts();
  void expire();  // the next call looks

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pv::metrics
