// A second store that is to have every backup of the first.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fs/file.h"
#include "places/copying.h"
#include "places/spooled_store.h"

namespace pv::places {

// How a mirror is, for people.
struct MirrorState {
  static constexpr std::size_t kNamesMax = 10;
  std::string place;               // "S3 bucket backups at https://..."
  std::uint64_t missing = 0;       // backups that it lacks
  std::vector<std::string> names;  // of the first, newest first
  std::string trouble;             // why the last try failed, or why nothing is known; empty: fine
  std::optional<WallTime> missing_since = {};  // the time of the oldest that it lacks
  friend bool operator==(const MirrorState&, const MirrorState&) = default;
};

// What is missing is never written down: it is what the store has and the mirror has not, so
// nothing can be forgotten, whatever ends when. It has a backup when it has the content (is_it),
// under that name or a numbered one; what was compared is remembered while the process lasts. A
// name that the mirror has given to another archive gets a number there. Nothing is ever removed
// from a mirror.
//
//     lock     `.pocketvault/mirror.lock`: held by whoever fills it
//
// Threads    Any.
// Errors     Those of the stores. kBusy: another process fills it just now. kCancelled.
// Lifetime   `store` outlives it.
class Mirror {
 public:
  Mirror(SpooledStore& store, std::shared_ptr<store::BackupStore> mirror,
         const fs::Path& vault_folder);

  // Newest first. While the store is away, of those that wait for it. Compares contents; one after
  // the other, so that many who ask at once don't each read all.
  [[nodiscard]] Result<std::vector<store::Backup>> missing(const std::stop_token& stop = {});

  // Copies what is missing; the names under which it is there. One that can't be copied stops none
  // of the others, unless the mirror itself is away or full.
  [[nodiscard]] Result<std::vector<store::BackupName>> fill(const CopyProgress& progress,
                                                            const std::stop_token& stop);

  // As the last fill() found it; before the first one, as it is now, by names and sizes alone.
  [[nodiscard]] MirrorState state();
  // As the last fill() found it, without asking a store; nullopt: before the first one.
  [[nodiscard]] std::optional<MirrorState> known();

 private:
  using Listed = std::map<store::BackupName, store::Backup>;
  // A backup of the store and one of the mirror, of one size.
  struct Pair {
    store::BackupName name;
    WallTime modified;
    store::BackupName there_name;
    WallTime there_modified;
    std::uint64_t size_bytes = 0;
    friend auto operator<=>(const Pair&, const Pair&) = default;
  };
  static constexpr std::size_t kComparedMax = 50'000;  // then all are forgotten: about 15 MB

  [[nodiscard]] Result<bool> is_copy(const store::Backup& backup, const store::Backup& there);
  enum class By { kContent, kLooks };
  [[nodiscard]] Result<bool> has(const Listed& there, const store::Backup& backup, By by,
                                 const std::stop_token& stop);
  [[nodiscard]] Result<std::vector<store::Backup>> compare(By by, const std::stop_token& stop);
  [[nodiscard]] Result<std::vector<store::BackupName>> copy_all(std::vector<store::Backup> backups,
                                                                const CopyProgress& progress,
                                                                const std::stop_token& stop);
  [[nodiscard]] MirrorState state_of(const std::vector<store::Backup>& missing) const;
  void remember(const std::vector<store::Backup>& missing, const std::string& trouble);

  SpooledStore& store_;
  const std::shared_ptr<store::BackupStore> mirror_;
  const fs::Path lock_;
  std::mutex comparing_;  // held while stores are compared by content; before mutex_
  std::mutex mutex_;
  std::map<Pair, bool> compared_;  // whether they are the same
  std::optional<MirrorState> known_;
};

}  // namespace pv::places
