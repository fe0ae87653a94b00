// The vault block: what a zip's own records can't say about its entries.
// docs/formats/vault-block.md.
//
//     [entry][entry]...[central directory][end records]     what every reader sees
//                      ^
//                      [records][facts][trailer]            the block, which only we look for
//
// It is optional and only ever believed where it agrees with the central directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/io.h"
#include "zip/directory.h"
#include "zip/keyed_hash.h"

namespace pv::zip {

inline constexpr std::uint32_t kVaultBlockVersion = 4;  // others are passed over
inline constexpr std::uint64_t kChunkRawBytesMax = std::uint64_t{16} << 20U;

// A piece of a big entry that can be inflated alone.
struct Chunk {
  std::uint32_t packed_bytes = 0;  // with its padding
  std::uint32_t raw_crc32 = 0;
  std::uint32_t packed_crc32 = 0;   // without
  Hash128 hash{};                   // of its raw bytes
  std::uint16_t padding_bytes = 0;  // at its end (padding.h)

  [[nodiscard]] std::uint32_t bare_bytes() const { return packed_bytes - padding_bytes; }
};

// What the block says about one entry. Of one that is not cut into chunks `content` tells what
// Chunk tells of a chunk; its packed_bytes and raw_crc32 are those of the entry and not stored.
struct BlockRecord {
  std::optional<SourceIdentity> identity = std::nullopt;  // but for its size, the entry's
  bool is_object = false;                                 // made of an object of a bucket
  std::optional<Chunk> content = std::nullopt;
  std::uint32_t chunk_bytes = 0;  // raw, of each chunk but the last; 0: not cut
  std::vector<Chunk> chunks = {};
};

// Gathers records, in the order of the central directory.
class BlockWriter {
 public:
  void append(const BlockRecord& record);

  // The whole block. `directory_crc32` is of the central directory's bytes, without end records.
  [[nodiscard]] std::string finish(std::string_view facts, std::uint32_t directory_crc32,
                                   const HashKey& key);

 private:
  std::string bytes_;
  std::uint64_t records_ = 0;
  std::optional<std::uint64_t> device_;  // of the last record that had one
};

// A block that has been read and agrees with its directory: every record is whole, chunks add up to
// the sizes of their entry. Nothing is known yet about the chunks' bytes.
//
// Threads    All methods from any thread.
class VaultBlock {
 public:
  // The block before `directory`; nullopt with the reason in `why_not` where there is none that can
  // be believed. Fails only when the source does.
  [[nodiscard]] static Result<std::optional<VaultBlock>> read(Source& source,
                                                              const Directory& directory,
                                                              std::string& why_not);

  // Of the directory's entry number `index`, which is `entry`.
  [[nodiscard]] BlockRecord record(std::size_t index, const Entry& entry) const;
  [[nodiscard]] bool has_chunks(std::size_t index) const;
  [[nodiscard]] bool is_object(std::size_t index) const;
  [[nodiscard]] std::string_view facts() const;
  // It ends where the directory begins.
  [[nodiscard]] std::uint64_t size_bytes() const { return bytes_.size(); }
  // Whether it was made with this key.
  [[nodiscard]] bool is_signed_with(const HashKey& key) const;

 private:
  // From this record on files lie on this device, up to the next run.
  struct DeviceRun {
    std::size_t from_record = 0;
    std::uint64_t device = 0;
  };
  [[nodiscard]] bool note_device(Bytes record);
  [[nodiscard]] std::uint64_t device_of(std::size_t index) const;

  std::string bytes_;
  std::vector<std::uint64_t> records_;  // where each begins
  std::vector<DeviceRun> devices_;      // in order; most often one
  std::uint64_t facts_at_ = 0;
  std::uint64_t facts_bytes_ = 0;
};

}  // namespace pv::zip
