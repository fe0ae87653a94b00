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
};

// One notice to one channel.
struct Delivery {
  std::int64_t number = 0;  // counts up; given when it is stored
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

// What one look at the directory changes, all at once.
struct AlertChange {
  std::vector<OpenAlert> open = {};      // opened, or told again
  std::vector<std::string> closed = {};  // kinds
  std::vector<Mark> marks = {};
  std::vector<Delivery> deliveries = {};  // new ones
  [[nodiscard]] bool is_empty() const {
    return open.empty() && closed.empty() && marks.empty() && deliveries.empty();
  }
};

// Errors of all: as VaultDb.

[[nodiscard]] Result<AlertState> read_alerts(const VaultDb& db);
[[nodiscard]] Result<void> change_alerts(const VaultDb& db, const AlertChange& change, WallTime now,
                                         const VaultDb::Say& say);

// Newest first, at most `count`.
[[nodiscard]] Result<std::vector<Delivery>> read_deliveries(const VaultDb& db, std::size_t count);
// Of each channel the oldest that waits, for what comes later must not overtake it.
[[nodiscard]] Result<std::vector<Delivery>> read_waiting(const VaultDb& db);
// How an attempt went: attempts, next, ended, outcome and error of the stored one.
[[nodiscard]] Result<void> note_attempt(const VaultDb& db, const Delivery& delivery,
                                        const VaultDb::Say& say);

}  // namespace pv::state
