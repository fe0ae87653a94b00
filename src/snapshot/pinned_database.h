// A pinned database as one run of bytes.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/io.h"
#include "fs/file.h"
#include "snapshot/overlay.h"
#include "snapshot/page_reader.h"
#include "snapshot/pin.h"
#include "snapshot/structure.h"

namespace pv::snapshot {

// Page by page: its newest frame among those of the moment, else the database file. While the pin
// is held neither can change under us:
//
// - Some frame is not yet in the database file (backfilled < frames): the reader holds a read mark
//   above 0. Nobody restarts the WAL under it, so the frames stay where they are; a checkpoint
//   copies no frame beyond the mark, so it only writes pages that are taken from the WAL anyway.
// - All are (or there are none): the WAL is not looked at. Either the reader is on mark 0, which
//   ignores the WAL; then others may restart the WAL, but a checkpoint needs that very lock for
//   itself before it writes the database file. Or it has a mark above 0, and a checkpoint has
//   nothing to copy up to there.
//
// A checkpoint that reaches the end of the WAL also cuts the file to the size that the last commit
// gave it; under our mark that commit is ours or was before it.
//
// Threads    All methods from any, but create().
class PinnedDatabase {
 public:
  // Reads and checks the WAL. kDamaged where file or WAL don't hold what the wal-index promises;
  // then `held` is given back through `rejected`, still in its transaction.
  [[nodiscard]] static Result<std::shared_ptr<PinnedDatabase>> create(Held held,
                                                                      std::optional<Held>& rejected,
                                                                      std::stop_token stop);

  [[nodiscard]] const std::string& name() const { return held_.name; }
  [[nodiscard]] const fs::Path& path() const { return held_.path; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into);

  // By how much the WAL file is longer than at the moment; 0 once the pin is dropped.
  [[nodiscard]] std::uint64_t wal_growth_bytes() const;

  // Copies the chunks (1 MiB) that nobody has read whole yet into a nameless file in `folder` and
  // drops the pin. Whatever happens the pin is dropped: when the copy fails, reading fails from
  // then on with that error, for the app's disk is worth more than this backup.
  void spill(const fs::Path& folder, std::uint64_t growth_max);

  // Checks the moment as SQLite sees it, through the connection that holds the pin; the pin stays
  // until it is done, or until spill() or abandon() break it off. Once, and it or, in its place,
  // release() must come: until then another release() does not let go of the pin.
  [[nodiscard]] Structure check_structure();

  // Nothing is read after that. The pin goes now, or when the check is done.
  void release();
  // The pin goes now.
  void abandon() { drop_pin(State::kReleased); }

 private:
  enum class State { kPinned, kSpilled, kLost, kReleased };
  static constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20U;

  PinnedDatabase(Held held, const fs::Stat& about);
  [[nodiscard]] Result<void> check(std::stop_token stop);
  [[nodiscard]] Result<void> read_pinned(std::uint64_t offset, MutableBytes into);
  [[nodiscard]] Result<void> patch(PageReader& reader, std::uint64_t offset, MutableBytes into);
  [[nodiscard]] Result<std::size_t> read_spilled(std::uint64_t offset, MutableBytes into);
  void note_read(std::uint64_t offset, std::uint64_t count);
  [[nodiscard]] Result<void> copy_unread(const fs::Fd& file);
  void drop_pin(State state);

  Held held_;
  std::uint64_t size_bytes_;
  fs::Path wal_path_;
  std::uint64_t wal_bytes_;  // at the moment
  PageReaders readers_;
  Overlay overlay_;
  std::uint64_t file_bytes_needed_ = 0;  // of the database file, without pages that the WAL has

  std::atomic<State> state_{State::kPinned};
  std::atomic<int> users_{2};    // of the pin: who reads, and who checks
  std::shared_mutex pin_mutex_;  // shared: use of the pin; alone: drops it
  std::vector<std::atomic<bool>> read_;
  std::vector<bool> spilled_;  // written by spill() alone, before kSpilled
  fs::Fd spill_file_;
  Error lost_;
};

}  // namespace pv::snapshot
