#include "zip/previous.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "zip/crc.h"
#include "zip/end_record.h"
#include "zip/padding.h"
#include "zip/record.h"

namespace pv::zip {

bool is_same_state(const BlockRecord& record, std::uint64_t raw_bytes,
                   const SourceIdentity& identity) {
  if (!record.identity) { return false; }
  SourceIdentity there = *record.identity;
  there.size_bytes = identity.size_bytes ? std::optional{raw_bytes} : std::nullopt;
  return there == identity;
}

Previous::Previous(std::shared_ptr<Source> source, Directory directory, VaultBlock block)
    : source_{std::move(source)}, directory_{std::move(directory)}, block_{std::move(block)} {
  by_name_.resize(directory_.entries.size());
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  // Of two of one name the first counts.
  std::ranges::stable_sort(by_name_, {}, [&](std::uint32_t i) { return name_of(i); });
}

Result<std::unique_ptr<Previous>> Previous::open(std::shared_ptr<Source> source,
                                                 const HashKey& key) {
  PV_TRY(Directory directory, read_directory(*source, {}));
  std::string why_not;
  PV_TRY(std::optional<VaultBlock> block, VaultBlock::read(*source, directory, why_not));
  if (!block) { return fail(Code::kUnsupported, why_not); }
  if (!block->is_signed_with(key)) {
    return fail(Code::kUnsupported, "its vault block was not made here");
  }
  return std::unique_ptr<Previous>{
      new Previous{std::move(source), std::move(directory), std::move(*block)}};
}

std::optional<std::uint32_t> Previous::lookup(std::string_view name) const {
  const auto found =
      std::ranges::lower_bound(by_name_, name, {}, [&](std::uint32_t i) { return name_of(i); });
  if (found == by_name_.end() || name_of(*found) != name) { return std::nullopt; }
  return *found;
}

std::optional<PreviousEntry> Previous::find(std::string_view name) const {
  const auto found = lookup(name);
  if (!found) { return std::nullopt; }
  const Entry& entry = directory_.entries[*found];
  std::array<std::byte, kLocalBytes> header{};
  if (!read_exactly(*source_, entry.header_offset, header).has_value()) { return std::nullopt; }
  FieldReader reader{header};
  if (reader.u32() != kLocalSignature) { return std::nullopt; }
  constexpr std::size_t kToNameLength = 22;
  reader.bytes(kToNameLength);
  const std::uint64_t name_bytes = reader.u16();
  const std::uint64_t extra_bytes = reader.u16();
  return PreviousEntry{.record = block_.record(*found, entry),
                       .method = static_cast<Method>(entry.method),
                       .crc32 = entry.crc32,
                       .raw_bytes = entry.raw_bytes,
                       .data_offset = entry.header_offset + kLocalBytes + name_bytes + extra_bytes,
                       .header_bytes = kLocalBytes + name_bytes + extra_bytes};
}

std::optional<PreviousEntry> Previous::find_unread(std::string_view name) const {
  const auto found = lookup(name);
  if (!found) { return std::nullopt; }
  const Entry& entry = directory_.entries[*found];
  // Reckoned from its end, where the next one begins: how long its own header is, only that tells.
  const std::uint64_t end = std::min(directory_.end_of_entry_at(entry.header_offset),
                                     directory_.offset - block_.size_bytes());
  std::uint64_t behind = 0;
  if ((entry.flags & kFlagDescriptor) != 0) {
    constexpr std::uint64_t kDescriptorBytes = 16;
    constexpr std::uint64_t kDescriptor64Bytes = 24;
    behind = entry.raw_bytes >= kIn64 ? kDescriptor64Bytes : kDescriptorBytes;
  }
  const std::uint64_t header_bytes = kLocalBytes + entry.name.size();
  const std::uint64_t taken = header_bytes + entry.packed_bytes + behind;
  if (entry.header_offset > end || end - entry.header_offset < taken) { return std::nullopt; }
  const std::uint64_t data_offset = end - behind - entry.packed_bytes;
  return PreviousEntry{.record = block_.record(*found, entry),
                       .method = static_cast<Method>(entry.method),
                       .crc32 = entry.crc32,
                       .raw_bytes = entry.raw_bytes,
                       .data_offset = data_offset,
                       .header_bytes = data_offset - entry.header_offset};
}

bool Previous::has_state(std::string_view name, const SourceIdentity& identity) const {
  const auto found = lookup(name);
  if (!found) { return false; }
  const Entry& entry = directory_.entries[*found];
  return is_same_state(block_.record(*found, entry), entry.raw_bytes, identity);
}

bool Previous::copy(const Chunk& chunk, std::uint64_t offset, MutableBytes into) const {
  if (into.size() < chunk.packed_bytes) { return false; }
  const MutableBytes packed = into.first(chunk.packed_bytes);
  if (!read_exactly(*source_, offset, packed).has_value() ||
      crc32(packed.first(chunk.bare_bytes())) != chunk.packed_crc32) {
    return false;
  }
  std::string padding;
  append_stream_padding(padding, chunk.padding_bytes);
  return as_text(packed.last(padding.size())) == padding;
}

bool Previous::has(const Chunk& chunk, std::uint64_t offset, MutableBytes window) const {
  std::uint32_t crc = 0;
  const std::uint64_t end = offset + chunk.bare_bytes();
  for (std::uint64_t at = offset; at < end;) {
    const auto count = std::min<std::uint64_t>(window.size(), end - at);
    const MutableBytes part = window.first(static_cast<std::size_t>(count));
    if (!read_exactly(*source_, at, part).has_value()) { return false; }
    crc = crc32(part, crc);
    at += count;
  }
  if (crc != chunk.packed_crc32) { return false; }
  std::string padding;
  append_stream_padding(padding, chunk.padding_bytes);
  return holds(end, as_bytes(padding));
}

bool Previous::holds(std::uint64_t offset, Bytes bytes) const {
  std::vector<std::byte> found(bytes.size());
  return read_exactly(*source_, offset, found).has_value() &&
         as_text(Bytes{found}) == as_text(bytes);
}

}  // namespace pv::zip
