#include "zip/vault_block.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

#include "zip/crc.h"
#include "zip/deflate.h"
#include "zip/end_record.h"
#include "zip/padding.h"
#include "zip/record.h"

namespace pv::zip {
namespace {

constexpr std::string_view kMagic{"pocketvaultblock"};
// [entries: 8][facts bytes: 8][block bytes: 8][directory CRC: 4][version: 4][CRC of all before: 4]
// [signature of all before: 16][magic: 16]
constexpr std::size_t kTrailerBytes = 8 + 8 + 8 + 4 + 4 + 4 + 16 + 16;
constexpr std::size_t kSignatureFromEnd = 32;
constexpr std::size_t kCrcFromEnd = kSignatureFromEnd + 4;
constexpr std::uint64_t kBlockBytesMax = std::uint64_t{512} << 20U;
constexpr std::uint64_t kFactsBytesMax = std::uint64_t{64} << 10U;

constexpr unsigned kHasIdentity = 1;
constexpr unsigned kHasContent = 2;
constexpr unsigned kHasChunks = 4;
constexpr unsigned kHasPackedCrc = 8;  // of the content; else it is the entry's own
constexpr unsigned kSameDevice = 16;   // of the identity: as of the nearest before that has one
constexpr unsigned kIsObject = 32;     // of a bucket
constexpr unsigned kAllFlags =
    kHasIdentity | kHasContent | kHasChunks | kHasPackedCrc | kSameDevice | kIsObject;
constexpr std::size_t kDeviceBytes = 8;
constexpr std::size_t kIdentityBytes = 3 * 8;  // without the device
constexpr std::size_t kPackedCrcBytes = 4;
constexpr std::size_t kChunkBytes = 4 + 4 + 4 + 16 + 2;
constexpr std::size_t kChunksHeadBytes = 4;

void append_number(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out += static_cast<char>(static_cast<unsigned char>(value >> (8U * i)));
  }
}

void append_chunk(std::string& out, const Chunk& chunk) {
  append_number(out, chunk.packed_bytes, 4);
  append_number(out, chunk.raw_crc32, 4);
  append_number(out, chunk.packed_crc32, 4);
  out += as_text(chunk.hash);
  append_number(out, chunk.padding_bytes, 2);
}

Chunk read_chunk(FieldReader& reader) {
  Chunk chunk;
  chunk.packed_bytes = reader.u32();
  chunk.raw_crc32 = reader.u32();
  chunk.packed_crc32 = reader.u32();
  std::ranges::copy(reader.bytes(chunk.hash.size()), chunk.hash.begin());
  chunk.padding_bytes = reader.u16();
  return chunk;
}

bool has_sound_padding(const Chunk& chunk) {
  return chunk.padding_bytes == 0 ||
         (chunk.padding_bytes <= kStreamPaddingMax && chunk.padding_bytes < chunk.packed_bytes &&
          is_stream_padding(chunk.padding_bytes));
}

std::uint64_t chunk_count(std::uint64_t raw_bytes, std::uint64_t chunk_bytes) {
  return raw_bytes / chunk_bytes + (raw_bytes % chunk_bytes == 0 ? 0 : 1);
}

// The bytes that the record at the start of `bytes` takes, when it is one of `entry`.
std::optional<std::size_t> measure(Bytes bytes, const Entry& entry) {
  FieldReader reader{bytes};
  const auto skip = [&](std::uint64_t count) {
    if (count > reader.left()) { return false; }
    reader.bytes(static_cast<std::size_t>(count));
    return true;
  };
  if (reader.left() < 1) { return std::nullopt; }
  const auto flags = std::to_integer<unsigned>(reader.bytes(1).front());
  const bool has_content = (flags & kHasContent) != 0;
  const bool has_packed_crc = (flags & kHasPackedCrc) != 0;
  const bool has_identity = (flags & kHasIdentity) != 0;
  const bool has_device = has_identity && (flags & kSameDevice) == 0;
  if ((flags & ~kAllFlags) != 0 || (has_packed_crc && !has_content) ||
      ((flags & kSameDevice) != 0 && !has_identity)) {
    return std::nullopt;
  }
  if (has_device && !skip(kDeviceBytes)) { return std::nullopt; }
  if (has_identity && !skip(kIdentityBytes)) { return std::nullopt; }
  if (has_content &&
      (entry.packed_bytes > std::numeric_limits<std::uint32_t>::max() || !skip(sizeof(Hash128)))) {
    return std::nullopt;
  }
  if (has_packed_crc && !skip(kPackedCrcBytes)) { return std::nullopt; }
  if ((flags & kHasChunks) != 0) {
    if (reader.left() < kChunksHeadBytes) { return std::nullopt; }
    const std::uint64_t chunk_bytes = reader.u32();
    if (chunk_bytes == 0 || chunk_bytes > kChunkRawBytesMax || entry.raw_bytes == 0) {
      return std::nullopt;
    }
    const std::uint64_t bare_max = store_bytes_max(static_cast<std::size_t>(chunk_bytes));
    const std::uint64_t count = chunk_count(entry.raw_bytes, chunk_bytes);
    if (count > reader.left() / kChunkBytes) { return std::nullopt; }
    std::uint64_t packed = 0;
    std::uint32_t crc = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const Chunk chunk = read_chunk(reader);
      if (!has_sound_padding(chunk) || chunk.bare_bytes() > bare_max) { return std::nullopt; }
      packed += chunk.packed_bytes;
      const std::uint64_t raw = std::min(chunk_bytes, entry.raw_bytes - i * chunk_bytes);
      crc = combine_crc32(crc, chunk.raw_crc32, raw);
    }
    if (packed != entry.packed_bytes || crc != entry.crc32) { return std::nullopt; }
  }
  return bytes.size() - reader.left();
}

}  // namespace

void BlockWriter::append(const BlockRecord& record) {
  const bool has_chunks = !record.chunks.empty();
  const bool same_device = record.identity && device_ == record.identity->device;
  const bool has_packed_crc =
      record.content && record.content->packed_crc32 != record.content->raw_crc32;
  bytes_ += static_cast<char>(
      (record.identity ? kHasIdentity : 0U) | (record.content ? kHasContent : 0U) |
      (has_chunks ? kHasChunks : 0U) | (has_packed_crc ? kHasPackedCrc : 0U) |
      (same_device ? kSameDevice : 0U) | (record.is_object ? kIsObject : 0U));
  if (record.identity) {
    if (!same_device) { append_number(bytes_, record.identity->device, kDeviceBytes); }
    device_ = record.identity->device;
    append_number(bytes_, record.identity->inode, 8);
    append_number(bytes_, static_cast<std::uint64_t>(record.identity->modified_ns), 8);
    append_number(bytes_, static_cast<std::uint64_t>(record.identity->changed_ns), 8);
  }
  if (record.content) { bytes_ += as_text(record.content->hash); }
  if (has_packed_crc) { append_number(bytes_, record.content->packed_crc32, kPackedCrcBytes); }
  if (has_chunks) {
    append_number(bytes_, record.chunk_bytes, 4);
    for (const Chunk& chunk : record.chunks) { append_chunk(bytes_, chunk); }
  }
  ++records_;
}

std::string BlockWriter::finish(std::string_view facts, std::uint32_t directory_crc32,
                                const HashKey& key) {
  std::string block = std::move(bytes_);
  facts = facts.substr(0, kFactsBytesMax);
  block += facts;
  const std::uint64_t block_bytes = block.size() + kTrailerBytes;
  append_number(block, records_, 8);
  append_number(block, facts.size(), 8);
  append_number(block, block_bytes, 8);
  append_number(block, directory_crc32, 4);
  append_number(block, kVaultBlockVersion, 4);
  append_number(block, crc32(as_bytes(block)), 4);
  block += as_text(KeyedHasher{key, KeyedHasher::Use::kBlock}.hash(as_bytes(block)));
  block += kMagic;
  return block_bytes <= kBlockBytesMax ? block : std::string{};
}

Result<std::optional<VaultBlock>> VaultBlock::read(Source& source, const Directory& directory,
                                                   std::string& why_not) {
  const auto none = [&](const char* why) {
    why_not = why;
    return std::optional<VaultBlock>{};
  };
  if (directory.offset < kTrailerBytes) { return none("it has no vault block"); }
  std::array<std::byte, kTrailerBytes> trailer{};
  PV_CHECK(read_exactly(source, directory.offset - kTrailerBytes, trailer));
  FieldReader fields{trailer};
  const std::uint64_t entries = fields.u64();
  const std::uint64_t facts_bytes = fields.u64();
  const std::uint64_t block_bytes = fields.u64();
  const std::uint32_t directory_crc32 = fields.u32();
  const std::uint32_t version = fields.u32();
  const std::uint32_t crc = fields.u32();
  fields.bytes(sizeof(Hash128));
  if (as_text(fields.bytes(kMagic.size())) != kMagic) { return none("it has no vault block"); }
  if (version != kVaultBlockVersion) {
    return none("its vault block is of a version not known here");
  }
  if (block_bytes < kTrailerBytes || block_bytes > std::min(kBlockBytesMax, directory.offset) ||
      facts_bytes > std::min(kFactsBytesMax, block_bytes - kTrailerBytes)) {
    return none("its vault block is damaged: sizes");
  }
  if (entries != directory.entries.size() || directory_crc32 != directory.crc32) {
    return none("its vault block belongs to another directory");
  }
  VaultBlock block;
  block.bytes_.resize(static_cast<std::size_t>(block_bytes));
  const MutableBytes all = std::as_writable_bytes(std::span{block.bytes_});
  PV_CHECK(read_exactly(source, directory.offset - block_bytes, all));
  if (crc32(Bytes{all}.first(all.size() - kCrcFromEnd)) != crc) {
    return none("its vault block is damaged: checksum");
  }
  block.facts_bytes_ = facts_bytes;
  block.facts_at_ = block_bytes - kTrailerBytes - facts_bytes;
  const Bytes records = Bytes{all}.first(static_cast<std::size_t>(block.facts_at_));
  block.records_.reserve(directory.entries.size());
  std::uint64_t at = 0;
  for (const Entry& entry : directory.entries) {
    const auto taken = measure(records.subspan(static_cast<std::size_t>(at)), entry);
    if (!taken) { return none("its vault block and its directory disagree"); }
    if (!block.note_device(records.subspan(static_cast<std::size_t>(at)))) {
      return none("its vault block is damaged: devices");
    }
    block.records_.push_back(at);
    at += *taken;
  }
  if (at != records.size()) { return none("its vault block is damaged: records"); }
  return std::optional{std::move(block)};
}

// Of the next record, a whole one; false when it says that its device is that of one before, and
// there is none.
bool VaultBlock::note_device(Bytes record) {
  const auto flags = std::to_integer<unsigned>(record.front());
  if ((flags & kSameDevice) != 0) { return !devices_.empty(); }
  if ((flags & kHasIdentity) == 0) { return true; }
  FieldReader reader{record.subspan(1)};
  devices_.push_back({.from_record = records_.size(), .device = reader.u64()});
  return true;
}

std::uint64_t VaultBlock::device_of(std::size_t index) const {
  const auto next = std::ranges::upper_bound(devices_, index, {}, &DeviceRun::from_record);
  return std::prev(next)->device;
}

BlockRecord VaultBlock::record(std::size_t index, const Entry& entry) const {
  const bool is_last = index + 1 == records_.size();
  const std::uint64_t from = records_[index];
  const std::uint64_t to = is_last ? facts_at_ : records_[index + 1];
  FieldReader reader{as_bytes(bytes_).subspan(static_cast<std::size_t>(from),
                                              static_cast<std::size_t>(to - from))};
  BlockRecord record;
  const auto flags = std::to_integer<unsigned>(reader.bytes(1).front());
  record.is_object = (flags & kIsObject) != 0;
  if ((flags & kHasIdentity) != 0) {
    SourceIdentity& identity = record.identity.emplace();
    identity.device = device_of(index);
    if ((flags & kSameDevice) == 0) { reader.bytes(kDeviceBytes); }
    identity.inode = reader.u64();
    identity.modified_ns = static_cast<std::int64_t>(reader.u64());
    identity.changed_ns = static_cast<std::int64_t>(reader.u64());
  }
  if ((flags & kHasContent) != 0) {
    Chunk& content = record.content.emplace();
    content.packed_bytes = static_cast<std::uint32_t>(entry.packed_bytes);
    content.raw_crc32 = entry.crc32;
    std::ranges::copy(reader.bytes(content.hash.size()), content.hash.begin());
    content.packed_crc32 = (flags & kHasPackedCrc) != 0 ? reader.u32() : entry.crc32;
  }
  if ((flags & kHasChunks) != 0) {
    record.chunk_bytes = reader.u32();
    record.chunks.reserve(reader.left() / kChunkBytes);
    while (reader.left() > 0) { record.chunks.push_back(read_chunk(reader)); }
  }
  return record;
}

bool VaultBlock::has_chunks(std::size_t index) const {
  return (static_cast<unsigned char>(bytes_[records_[index]]) & kHasChunks) != 0;
}

bool VaultBlock::is_object(std::size_t index) const {
  return (static_cast<unsigned char>(bytes_[records_[index]]) & kIsObject) != 0;
}

std::string_view VaultBlock::facts() const {
  return std::string_view{bytes_}.substr(facts_at_, facts_bytes_);
}

bool VaultBlock::is_signed_with(const HashKey& key) const {
  const Bytes all = as_bytes(bytes_);
  const Bytes signed_part = all.first(all.size() - kSignatureFromEnd);
  const Hash128 expected = KeyedHasher{key, KeyedHasher::Use::kBlock}.hash(signed_part);
  return std::memcmp(&all[signed_part.size()], expected.data(), expected.size()) == 0;
}

}  // namespace pv::zip
