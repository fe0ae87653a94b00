// Reads files and turns them into segments. Runs on the pool's threads.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "zip/deflate.h"
#include "zip/record.h"
#include "zip/segment.h"

namespace pv::zip {

struct PackSettings {
  std::size_t chunk_bytes = 0;
  int level = 0;
  bool sink_can_patch = false;
  bool shares = false;  // what the previous archive has is told by its place, not copied
  std::optional<HashKey> hash_key;     // nullopt: no hashes
  const Previous* previous = nullptr;  // with a hash_key only
  // All is packed anew, and where it comes out as in that archive its place is told; likewise.
  const Previous* repeats = nullptr;
  bool paranoid = false;
};

// A segment's capacity: the largest header, and a chunk that had to be framed as stored blocks and
// had padding in the previous archive.
[[nodiscard]] std::size_t segment_bytes(std::size_t chunk_bytes);

// Work space of one thread.
struct Scratch {
  explicit Scratch(const PackSettings& settings);
  Deflater deflater;
  std::optional<KeyedHasher> hasher;
  std::unique_ptr<std::byte[]> block;  // one chunk
  std::vector<std::byte> window;       // of the previous archive; stays in a processor's own cache
  std::string header;
};
[[nodiscard]] std::size_t scratch_bytes(std::size_t chunk_bytes);

// Files packed one after another by one thread at a time, but for the chunks of a big one.
struct Batch {
  std::vector<Pending> entries;
  std::size_t next = 0;
  std::unique_ptr<Source> opened;  // of entries[next], when it did not fit any more
};

// Threads    Any at once, each with a batch, a segment and a scratch of its own.
class Packer {
 public:
  Packer(PackSettings settings, std::stop_token stop)
      : settings_{settings}, stop_{std::move(stop)} {}

  // What to do next with a batch.
  struct Filled {
    bool is_over = false;  // nothing is left of it
    std::shared_ptr<BigEntry> big =
        nullptr;  // its chunks come next, the first into this same segment
  };
  // Packs entries until the batch is over, the segment is full, or a big entry comes.
  Filled fill(Batch& batch, Segment& segment, Scratch& scratch);

  // Packs one chunk; the first with the entry's local header before it.
  void pack_part(std::shared_ptr<BigEntry> entry, std::uint64_t index, Segment& segment,
                 Scratch& scratch);

  [[nodiscard]] std::uint64_t raw_bytes_done() const { return raw_bytes_done_; }
  // Of these the bytes whose packed form came out of the previous archive.
  [[nodiscard]] std::uint64_t copied_bytes() const { return copied_bytes_; }
  // How often it did not hold what it should.
  [[nodiscard]] std::uint64_t copies_failed() const { return copies_failed_; }

 private:
  enum class Copied { kDone, kNoRoom, kNot };
  [[nodiscard]] CopiedFrom place_of(const SmallEntry& entry, const PreviousEntry& previous) const;
  Copied copy_small(Batch& batch, const PreviousEntry& previous, Segment& segment,
                    Scratch& scratch);
  [[nodiscard]] std::optional<PreviousEntry> unchanged(const EntryMeta& meta) const;
  std::shared_ptr<BigEntry> start_copy(Pending pending, PreviousEntry previous) const;
  [[nodiscard]] bool copy_part(Part& part, Segment& segment, Scratch& scratch);
  [[nodiscard]] bool copy_chunk(const Chunk& chunk, std::uint64_t offset, MutableBytes into,
                                Scratch& scratch);
  void set_copied(Part& part, const Chunk& chunk, std::uint64_t offset) const;
  [[nodiscard]] bool take_previous(Part& part, Bytes raw, Segment& segment, Scratch& scratch);
  static Result<std::size_t> read_part(BigEntry& entry, std::uint64_t offset, MutableBytes into);
  bool open_next(Batch& batch, Segment& segment);
  void pack_small(Pending pending, Source& source, Segment& segment, Scratch& scratch);
  std::shared_ptr<BigEntry> start_big(Pending pending, std::unique_ptr<Source> source) const;
  void read_and_pack(Part& part, Segment& segment, Scratch& scratch);
  static std::size_t deflate_part(const Part& part, Bytes raw, Segment& segment, Scratch& scratch);
  void set_width(BigEntry& entry) const;
  void find_chunks(BigEntry& entry) const;
  [[nodiscard]] std::optional<std::uint64_t> place_of_same(const SmallEntry& entry) const;
  [[nodiscard]] std::optional<std::uint64_t> place_of_same(const Part& part) const;
  static void use_chunks_of(BigEntry& entry, PreviousEntry previous);

  const PackSettings settings_;
  const std::stop_token stop_;
  std::atomic<std::uint64_t> raw_bytes_done_ = 0;
  std::atomic<std::uint64_t> copied_bytes_ = 0;
  std::atomic<std::uint64_t> copies_failed_ = 0;
};

// For a big entry without CRC and sizes, which only the sum of its parts tells.
[[nodiscard]] Header header_of(const BigEntry& entry, bool sink_can_patch);
[[nodiscard]] Header header_of(const SmallEntry& entry);

}  // namespace pv::zip
