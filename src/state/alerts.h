// What is wrong with a directory's backups, whom that is to be told, and who was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "state/vault_db.h"

namespace pv::state {

// One a kind, for as long as it lasts.
struct OpenAlert {
  std::string kind;  // "failed"
  WallTime since;
  WallTime told;     // last
  std::string text;  // lines
  friend bool operator==(const OpenAlert&, const OpenAlert&) = default;
};

// A channel that was told of an open alert. One that was set later has yet to be.
struct Told {
  std::string kind;
  std::string channel;
  WallTime at;  // last
  friend bool operator==(const Told&, const Told&) = default;
};

// A fact that outlasts the process.
struct Mark {
  std::string name;
  std::string text;
  WallTime at;
  friend bool operator==(const Mark&, const Mark&) = default;
};

struct AlertState {
  std::vector<OpenAlert> open;
  std::vector<Mark> marks;
  std::vector<Told> told = {};  // of what is open
};

// One notice to one channel.
struct Delivery {
  std::int64_t number = 0;  // counts up; 0: given when it is stored
  std::string channel;
  std::string kind;  // of the alert; "recovered", "succeeded", "test"
  bool is_reminder = false;
  std::string title;
  std::string text;
  WallTime created;
  std::int64_t attempts = 0;
  WallTime next;  // attempt, while `ended` is not there
  std::optional<WallTime> ended;
  std::string outcome;     // "waiting"; "sent", "failed", "dropped"
  std::string error = {};  // of the last attempt, at most 500 bytes
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

inline constexpr std::int64_t kDeliveriesKept = 1000;  // that have ended, the last ones
inline constexpr std::int64_t kWaitingMax = 100;       // of one channel; older ones are dropped

// What changes all at once, in this order.
struct AlertChange {
  std::vector<std::string> closed = {};  // kinds; who was told of them is forgotten
  std::vector<std::string> gone = {};    // channels that are no more: what they were told as well
  std::vector<OpenAlert> open = {};      // opened, or told again
  std::vector<Told> told = {};
  std::vector<Mark> marks = {};
  std::vector<Delivery> deliveries = {};  // new ones
  std::vector<Delivery> attempts = {};    // attempts, next, ended, outcome and error of stored ones
  [[nodiscard]] bool is_empty() const {
    return closed.empty() && gone.empty() && open.empty() && told.empty() && marks.empty() &&
           deliveries.empty() && attempts.empty();
  }
};

// What is known after it; of deliveries nothing.
void apply(const AlertChange& change, AlertState& state);
// Makes one of two; `next` comes after.
void append(AlertChange next, AlertChange& change);

// Errors of all: as VaultDb.

[[nodiscard]] Result<void> change_alerts(const VaultDb& db, const AlertChange& change, WallTime now,
                                         const VaultDb::Say& say);
// The same, in a transaction of write().
[[nodiscard]] Result<void> put(sqlite::Connection& connection, const AlertChange& change,
                               WallTime now);

// Newest first, at most `count`.
[[nodiscard]] Result<std::vector<Delivery>> read_deliveries(const VaultDb& db, std::size_t count);
// Both of one moment: what is known, and all that wait, the oldest first; so many at most.
inline constexpr std::size_t kWaitingReadMax = 1000;
struct AlertMemory {
  AlertState state;
  std::vector<Delivery> waiting;
};
[[nodiscard]] Result<AlertMemory> read_alert_memory(const VaultDb& db);
// Of each channel the oldest that waits, for what comes later must not overtake it.
[[nodiscard]] Result<std::vector<Delivery>> read_waiting(const VaultDb& db);

}  // namespace pv::state
