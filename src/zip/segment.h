// What travels from the threads that pack to the one that writes: segments, in order.
//
//     unit       a few small files, or one big one; what one add() or several make
//     segment    bytes of the archive that follow each other: several small entries with their
//                headers, or one chunk of a big entry
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "zip/previous.h"
#include "zip/zip_writer.h"

namespace pv::zip {

// A file waiting to be packed.
struct Pending {
  EntryMeta meta;
  SourceOpener open;
};

// Where the previous archive has the same packed bytes. They are not in the segment.
struct CopiedFrom {
  std::uint64_t offset = 0;
  // Of a small entry: before them lies its local header with so much padding.
  std::optional<std::uint64_t> header_padding = std::nullopt;
  std::uint64_t stream_padding = 0;  // behind them, of a part
};

// An entry that is wholly in one segment, or was left out.
struct SmallEntry {
  EntryMeta meta;
  std::size_t header_at = 0;     // in its segment
  std::size_t header_bytes = 0;  // without padding
  std::uint64_t raw_bytes = 0;
  std::uint64_t packed_bytes = 0;
  std::uint32_t crc32 = 0;
  Method method = Method::kStored;
  Hash128 hash{};
  std::uint32_t packed_crc32 = 0;
  std::optional<CopiedFrom> copied = std::nullopt;
  std::optional<std::uint64_t> repeated_at = std::nullopt;  // where the previous archive has it too
  std::optional<Error> skipped = std::nullopt;
  std::optional<Error> shortened = std::nullopt;
};

// An entry of several chunks, shared by the threads that pack them.
struct BigEntry {
  EntryMeta meta;
  std::unique_ptr<Source> source;  // nullptr: it is copied, and opened only if that fails
  SourceOpener open;               // then
  std::mutex opening;
  std::optional<PreviousEntry> previous;
  std::vector<std::uint64_t> previous_offsets;  // of its chunks, in the previous archive
  std::uint64_t raw_bytes = 0;                  // when it was opened
  std::uint64_t chunks = 0;
  Method method = Method::kStored;
  bool is_64 = false;               // its sizes may need 64 bits
  std::atomic<bool> ended = false;  // a chunk came out short: later ones are in vain
};

// One chunk of a big entry, in the segment that holds it.
struct Part {
  std::shared_ptr<BigEntry> entry = nullptr;
  std::uint64_t index = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t packed_bytes = 0;  // without padding
  std::uint32_t crc32 = 0;         // of this chunk alone
  std::uint32_t packed_crc32 = 0;
  Hash128 hash{};
  std::optional<CopiedFrom> copied = std::nullopt;
  std::optional<std::uint64_t> repeated_at = std::nullopt;  // where the previous archive has it too
  bool is_last = false;                                     // also when reading went no further
  std::optional<Error> skipped =
      std::nullopt;  // the first chunk could not be read: the entry is left out
  std::optional<Error> shortened = std::nullopt;
};

struct Segment {
  explicit Segment(std::size_t capacity)
      : capacity_bytes{capacity}, bytes{std::make_unique_for_overwrite<std::byte[]>(capacity)} {}

  [[nodiscard]] MutableBytes room() const {
    return {&bytes[used_bytes], capacity_bytes - used_bytes};
  }
  [[nodiscard]] Bytes content() const { return {bytes.get(), used_bytes}; }
  void clear() {
    used_bytes = 0;
    entries.clear();
    part.reset();
    failure.reset();
    is_done = false;
  }

  const std::size_t capacity_bytes;
  const std::unique_ptr<std::byte[]> bytes;
  std::size_t used_bytes = 0;
  std::vector<SmallEntry> entries;
  std::optional<Part> part;
  std::optional<Error> failure;  // of the whole archive
  bool is_done = false;          // guarded by the pipeline's mutex
};

}  // namespace pv::zip
