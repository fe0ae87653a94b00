// Which pages of a moment are in the WAL, and where.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/io.h"
#include "sqlite/wal_index.h"

namespace pv::snapshot {

// A page whose newest version is in frame `frame` of the WAL. Both count from 1.
struct Place {
  std::uint32_t page = 0;
  std::uint32_t frame = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

// Takes 8 bytes a page that the WAL has.
class Overlay {
 public:
  Overlay() = default;
  explicit Overlay(std::vector<Place> places);  // in any order; of one page the last frame counts

  // Places of pages first to last, by page.
  [[nodiscard]] std::span<const Place> of_pages(std::uint64_t first, std::uint64_t last) const;
  [[nodiscard]] bool has(std::uint64_t page) const { return !of_pages(page, page).empty(); }
  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  std::vector<Place> places_;  // by page, each page once
};

// Where the bytes of a page stand in the WAL.
[[nodiscard]] std::uint64_t frame_content_at(std::uint32_t frame, std::uint32_t page_bytes);

// Fills all of `into` from `offset` of the WAL, or says why not.
using ReadWal = std::function<Result<void>(std::uint64_t offset, MutableBytes into)>;

// Reads frames 1 to index.frames and holds them against everything that SQLite says of them: salts,
// the chain of checksums from the WAL's header to the last frame, and that this one is the commit
// that the index names. kDamaged where they differ. Reads the WAL once, in blocks of about 1 MiB.
[[nodiscard]] Result<Overlay> read_overlay(const sqlite::WalIndex& index, const ReadWal& read,
                                           std::stop_token stop);

}  // namespace pv::snapshot
