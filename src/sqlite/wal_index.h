// The head of a wal-index (the "-shm" file): what SQLite itself knows about the WAL right now.
//
//     0   WalIndexHdr   48 bytes, native byte order, ends in a checksum of its own
//     48  WalIndexHdr   the same again: equal unless somebody is writing it
//     96  nBackfill, aReadMark[5], locks, nBackfillAttempted
//
// sqlite.org/walformat.html, section 2.
#pragma once

#include <array>
#include <cstdint>

#include "base/io.h"

namespace pv::sqlite {

// As every frame carries them, and the head of the WAL.
using WalSalts = std::array<std::byte, 8>;

struct WalIndex {
  std::uint32_t frames = 0;      // mxFrame: valid frames in the WAL, the last one a commit
  std::uint32_t backfilled = 0;  // nBackfill: of these, how many the database file has already
  std::uint32_t pages = 0;       // of the database after the last commit; 0: ask the file
  std::uint32_t page_bytes = 0;  // 0: no commit since the WAL was last found empty
  std::array<std::uint32_t, 2> last_checksum{};  // of frame number `frames`
  WalSalts salts{};

  // Whether some page of the moment is in the WAL alone.
  [[nodiscard]] bool needs_wal() const { return backfilled < frames; }
};

inline constexpr std::size_t kWalIndexHeadBytes = 136;

// kUnsupported: another version than SQLite has written since 2010. kUnavailable: being written, or
// not set up.
[[nodiscard]] Result<WalIndex> parse_wal_index(Bytes head);

// SQLite's checksum of whole pairs of 32-bit words, going on from `sum`.
enum class WordOrder { kBigEndian, kLittleEndian };
[[nodiscard]] std::array<std::uint32_t, 2> wal_checksum(std::array<std::uint32_t, 2> sum,
                                                        Bytes bytes, WordOrder order);

}  // namespace pv::sqlite
