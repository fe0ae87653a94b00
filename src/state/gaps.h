// What is known to lack in backups that are sound for the rest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "state/vault_db.h"

namespace pv::state {

// Counts of files; folders that could not be read count as one.
struct Gaps {
  std::uint64_t unread = 0;    // could not be read when the backup was made
  std::uint64_t left_out = 0;  // it was told to do without
  // Records name them and the data directory has them, as a deep verification found.
  std::uint64_t missing = 0;
  [[nodiscard]] bool is_empty() const { return unread + left_out + missing == 0; }
  // A verification finds those that were not read, or left out, as well.
  [[nodiscard]] std::uint64_t files() const { return std::max(unread + left_out, missing); }
  friend bool operator==(const Gaps&, const Gaps&) = default;
};

// Of the archive of that name and size, whatever its time: it is sent from the spool, or copied.
struct NotedGaps {
  std::string key;
  std::uint64_t size_bytes = 0;
  Gaps gaps;
  friend bool operator==(const NotedGaps&, const NotedGaps&) = default;
};

// Errors of all: as VaultDb.

// By key; at most 10,000.
[[nodiscard]] Result<std::vector<NotedGaps>> read_gaps(const VaultDb& db);

// Of a backup that was just made, in the place of what is known of that key. Nothing is written
// where nothing lacks and nothing is known.
[[nodiscard]] Result<void> note_made(const VaultDb& db, const NotedGaps& noted,
                                     const VaultDb::Say& say);
// Of a verification: besides what is known of that archive. What it does not find any more stays
// known, for the archive is the same.
[[nodiscard]] Result<void> note_missing(const VaultDb& db, const NotedGaps& noted,
                                        const VaultDb::Say& say);

// In a transaction of VaultDb::write() or change().
[[nodiscard]] Result<void> drop_gaps(sqlite::Connection& connection, const std::string& key);

}  // namespace pv::state
