// What a process notes in vault.db: how jobs ended, what is wrong, who was told.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "state/alerts.h"
#include "state/history.h"
#include "state/vault_db.h"

namespace pv::state {

inline constexpr std::size_t kUnwrittenMax = 1000;  // outcomes, and as many notices

// What can't be written (a full disk, one that is read-only) stays in memory and counts as if it
// were written; all of it is written with the first note that can be. Memory has the last
// kUnwrittenMax of a kind; what it had to drop is told when the rest is written.
//
// Where the file vanished, began anew or is another one, what is remembered of alerts and what
// waits is written into it again; to be told apart, each has a mark of its own. The rest of a lost
// file is lost.
//
// Threads    Any; a call waits for the one before, as long as VaultDb may take.
// Errors     As VaultDb; what is noted is kept all the same.
class Notebook {
 public:
  explicit Notebook(const fs::Path& vault_folder) : db_{vault_folder} {}

  [[nodiscard]] Result<void> note_job(PastJob job, WallTime now, const VaultDb::Say& say);
  // Newest first. Where the file can't be read, those in memory; an error without any.
  [[nodiscard]] Result<std::vector<PastJob>> jobs(std::size_t count) const;
  [[nodiscard]] std::vector<PastJob> unwritten_jobs() const;  // newest first

  // What is known of alerts: of the file and of memory, of memory alone where the file can't be
  // read; an error where it never could be.
  [[nodiscard]] Result<AlertState> alerts();
  // From now on what this process notes is what is known, if the file can't be read.
  void begin_alerts();
  [[nodiscard]] Result<void> change_alerts(AlertChange change, WallTime now,
                                           const VaultDb::Say& say);
  // Newest first, at most `count`; as alerts().
  [[nodiscard]] Result<std::vector<Delivery>> deliveries(std::size_t count);
  // Of each channel the oldest that waits; as alerts().
  [[nodiscard]] Result<std::vector<Delivery>> waiting();

  // Of a notice that is sent before it is noted; none has the same, nor had in a file that was
  // lost.
  [[nodiscard]] std::int64_t new_number(WallTime now);

  // Writes what waits for it. Without any it only looks whether the file can be written to.
  [[nodiscard]] Result<void> write_down(WallTime now, const VaultDb::Say& say);
  // Why it could not be written when that was last tried; empty: it could.
  [[nodiscard]] std::string trouble() const;

 private:
  // All of these with mutex_ held.
  [[nodiscard]] Result<void> flush(WallTime now, const VaultDb::Say& say);
  [[nodiscard]] bool has_unwritten() const { return !jobs_.empty() || !change_.is_empty(); }
  [[nodiscard]] Result<void> look();
  void recall(const AlertMemory& found);
  void give_numbers(AlertChange& change, WallTime now);
  void keep_waiting(const std::vector<Delivery>& written);
  void remember(AlertChange change, WallTime now);
  void bound_deliveries(WallTime now);
  [[nodiscard]] std::int64_t next_number(WallTime now);

  const VaultDb db_;
  mutable std::mutex mutex_;
  std::string trouble_;
  std::deque<PastJob> jobs_;  // not written yet, oldest first
  AlertChange change_;        // the same
  std::uint64_t lost_jobs_ = 0;
  std::uint64_t lost_notices_ = 0;
  std::int64_t last_number_ = 0;
  // As of the last time that the file could be read, and what was noted since; nullopt: never.
  std::optional<AlertState> alerts_;
  std::vector<Delivery> stored_waiting_;
  std::string file_id_;  // of the file that all that is from; empty: it has none yet
};

}  // namespace pv::state
