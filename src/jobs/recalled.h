// The backups of a store, without asking for each of very many.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/file.h"
#include "jobs/verdicts.h"
#include "state/history.h"
#include "store/backup_store.h"

namespace pv::jobs {

// What the history says of backups, in the place of the store.
struct Recalled {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  WallTime newest = WallTime::min();  // when the last of them was made
};

struct Seen {
  std::vector<store::Backup> backups;  // ascending by the bytes of the name
  Recalled recalled;                   // the others
};

// Whether it is the archive that the history knows, by size and time.
[[nodiscard]] bool is_as_made(const store::Backup& found, const state::MadeBackup& made);

// Names of backups, one behind the other: a string for each of ten thousand takes as long as
// reading them.
class PackedNames {
 public:
  void reserve(std::size_t names, std::size_t bytes);
  void add(std::string_view name);
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const;  // until the next add()

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

// As store.list(). But where they are many, and asking for each takes long, the size and the time
// of those that nobody named are taken from the history: archives never change, and a name with a
// moment in it is not used again. The store is asked for the newest of them all the same, for the
// newest that was made by the clock, for those that verifications found damaged, and for what the
// history does not know. Where one of them is not as it was made, somebody was at work in the
// folder: all are asked for.
class Recollection {
 public:
  // The names are read from now on, by a thread of their own. `store` must outlive it.
  explicit Recollection(store::BackupStore& store);
  Recollection(const Recollection&) = delete;
  Recollection& operator=(const Recollection&) = delete;

  // Once. Errors: as of store.list().
  [[nodiscard]] Result<Seen> finish(const fs::Path& vault_folder, const Verdicts& verdicts);

 private:
  Result<bool> read_names();
  void hand_over(PackedNames&& batch);
  const PackedNames* batch(std::size_t number);  // waits for it; nullptr: there are not so many
  std::optional<Seen> recall(const fs::Path& vault_folder, const Verdicts& verdicts);

  store::BackupStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PackedNames> batches_;    // each stays where it is
  bool is_complete_ = false;           // no batch comes after these
  std::future<Result<bool>> reading_;  // last: it waits for the thread
};

inline constexpr std::size_t kAskedNewest = 16;
// As many are listed without ado: that takes some milliseconds.
inline constexpr std::size_t kListedMax = 1000;
// And as many asked for one by one, each of which takes ten times as long as in a list.
inline constexpr std::size_t kAskedMax = 200;

}  // namespace pv::jobs
