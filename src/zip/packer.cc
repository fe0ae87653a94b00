#include "zip/packer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "zip/crc.h"
#include "zip/record.h"
#include "zip/sample.h"

namespace pv::zip {
namespace {

// How an entry without an opener reads: empty. Folders are such.
class EmptySource final : public Source {
 public:
  [[nodiscard]] std::uint64_t size_bytes() const override { return 0; }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t, MutableBytes) override { return 0; }
};

Error ended_early(std::uint64_t read_bytes, std::uint64_t size_bytes) {
  return Error{Code::kUnavailable,
               "it became shorter while it was read: " + std::to_string(read_bytes) + " of " +
                   std::to_string(size_bytes) + " bytes"};
}

Error cancelled() { return Error{Code::kCancelled, "cancelled"}; }

// Leaves an entry out, or, when it is required, gives the archive up.
void skip(EntryMeta meta, Error error, Segment& segment) {
  if (meta.required) {
    segment.failure = error.within(printable(meta.name));
    return;
  }
  segment.entries.push_back({.meta = std::move(meta), .skipped = std::move(error)});
}

// Whether any of 16 places spread over the file compresses. A wrong yes costs little: each chunk
// is looked at again and may still be framed as stored.
bool is_worth_deflating(Source& source, std::uint64_t size_bytes) {
  constexpr std::uint64_t kSpots = 16;
  std::array<std::byte, kSampleBytesMin> spot{};
  if (size_bytes < spot.size()) { return true; }
  for (std::uint64_t i = 0; i < kSpots; ++i) {
    const std::uint64_t offset = (size_bytes - spot.size()) / (kSpots - 1) * i;
    const auto count = source.read_at(offset, spot);
    if (!count.has_value() || *count < spot.size()) { return true; }  // packing will tell why
    if (looks_compressible(spot)) { return true; }
  }
  return false;
}

void append(Segment& segment, Bytes bytes) {
  PV_ASSERT(bytes.size() <= segment.room().size());
  if (!bytes.empty()) { std::memcpy(segment.room().data(), bytes.data(), bytes.size()); }
  segment.used_bytes += bytes.size();
}

}  // namespace

std::size_t segment_bytes(std::size_t chunk_bytes) {
  return kLocalBytesMax + kNameBytesMax + store_bytes_max(chunk_bytes);
}

std::size_t scratch_bytes(std::size_t chunk_bytes) { return chunk_bytes + (std::size_t{1} << 19U); }

Scratch::Scratch(const PackSettings& settings)
    : deflater{settings.level},
      block{std::make_unique_for_overwrite<std::byte[]>(settings.chunk_bytes)} {}

Header header_of(const SmallEntry& entry) {
  return {.name = entry.meta.name,
          .mode = entry.meta.mode,
          .modified = entry.meta.modified,
          .method = static_cast<std::uint16_t>(entry.method),
          .crc32 = entry.crc32,
          .packed_bytes = entry.packed_bytes,
          .raw_bytes = entry.raw_bytes};
}

Header header_of(const BigEntry& entry, bool sink_can_patch) {
  return {.name = entry.meta.name,
          .mode = entry.meta.mode,
          .modified = entry.meta.modified,
          .method = static_cast<std::uint16_t>(entry.method),
          .has_descriptor = !sink_can_patch,
          .local_is_64 = entry.is_64};
}

Packer::Filled Packer::fill(Batch& batch, Segment& segment, Scratch& scratch) {
  while (batch.next < batch.entries.size() && !segment.failure) {
    if (stop_.stop_requested()) {
      segment.failure = cancelled();
      break;
    }
    if (!open_next(batch, segment)) { continue; }
    Pending& pending = batch.entries[batch.next];
    const std::uint64_t size_bytes = batch.opened->size_bytes();
    if (size_bytes > settings_.chunk_bytes) {
      if (segment.used_bytes > 0) { return {}; }
      ++batch.next;
      return {.big = start_big(std::move(pending), std::move(batch.opened))};
    }
    if (kLocalBytesMax + pending.meta.name.size() + size_bytes > segment.room().size()) {
      return {};
    }
    ++batch.next;
    const std::unique_ptr<Source> source = std::move(batch.opened);
    pack_small(std::move(pending), *source, segment, scratch);
  }
  return {.is_over = true};
}

// Makes batch.opened the source of the next entry; false when that entry was left out instead.
bool Packer::open_next(Batch& batch, Segment& segment) {
  if (batch.opened != nullptr) { return true; }
  Pending& pending = batch.entries[batch.next];
  if (pending.meta.name.empty() || pending.meta.name.size() > kNameBytesMax) {
    skip(std::move(pending.meta), {Code::kInvalid, "a zip can't hold a name of this length"},
         segment);
    ++batch.next;
    return false;
  }
  if (pending.open == nullptr) {
    batch.opened = std::make_unique<EmptySource>();
    return true;
  }
  auto opened = pending.open();
  if (!opened.has_value()) {
    skip(std::move(pending.meta), std::move(opened).error(), segment);
    ++batch.next;
    return false;
  }
  batch.opened = *std::move(opened);
  return true;
}

// Reads the file to where its bytes will be written from, so that one that is stored is not copied
// at all. Deflated bytes go through the scratch block: 2 % of the time that deflate takes.
void Packer::pack_small(Pending pending, Source& source, Segment& segment, Scratch& scratch) {
  SmallEntry entry{.meta = std::move(pending.meta), .header_at = segment.used_bytes};
  scratch.header.clear();
  append_local_header(scratch.header, header_of(entry));  // its length does not depend on numbers
  const std::uint64_t size_bytes = source.size_bytes();
  const MutableBytes room =
      segment.room().subspan(scratch.header.size(), static_cast<std::size_t>(size_bytes));
  const auto count = source.read_at(0, room);
  if (!count.has_value()) { return skip(std::move(entry.meta), count.error(), segment); }
  if (*count < size_bytes) {
    entry.shortened = ended_early(*count, size_bytes);
    if (entry.meta.required) {
      segment.failure = entry.shortened->within(printable(entry.meta.name));
      return;
    }
  }
  const MutableBytes raw = room.first(*count);
  entry.raw_bytes = raw.size();
  entry.packed_bytes = raw.size();
  entry.crc32 = crc32(raw);
  if (!raw.empty() && looks_compressible(raw)) {
    const MutableBytes block{scratch.block.get(), raw.size() - 1};
    if (const auto packed = scratch.deflater.run(raw, block, StreamEnd::kFinal)) {
      entry.method = Method::kDeflated;
      entry.packed_bytes = *packed;
      std::memcpy(raw.data(), block.data(), *packed);
    }
  }
  scratch.header.clear();
  append_local_header(scratch.header, header_of(entry));
  append(segment, as_bytes(scratch.header));
  segment.used_bytes += static_cast<std::size_t>(entry.packed_bytes);
  raw_bytes_done_ += entry.raw_bytes;
  segment.entries.push_back(std::move(entry));
}

std::shared_ptr<BigEntry> Packer::start_big(Pending pending, std::unique_ptr<Source> source) const {
  auto entry = std::make_shared<BigEntry>();
  entry->meta = std::move(pending.meta);
  entry->raw_bytes = source->size_bytes();
  entry->chunks = (entry->raw_bytes - 1) / settings_.chunk_bytes + 1;
  const bool worth = is_worth_deflating(*source, entry->raw_bytes);
  entry->method = worth ? Method::kDeflated : Method::kStored;
  // At worst every chunk is framed as stored blocks, of which each costs store_bytes_max.
  const std::uint64_t overhead = store_bytes_max(settings_.chunk_bytes) - settings_.chunk_bytes;
  entry->is_64 = entry->raw_bytes + overhead * entry->chunks >= kIn64;
  entry->source = std::move(source);
  return entry;
}

void Packer::pack_part(std::shared_ptr<BigEntry> shared, std::uint64_t index, Segment& segment,
                       Scratch& scratch) {
  BigEntry* const entry = shared.get();
  Part part{.entry = std::move(shared), .index = index, .is_last = index + 1 == entry->chunks};
  if (stop_.stop_requested()) {
    segment.failure = cancelled();
    return;
  }
  if (index == 0) {
    scratch.header.clear();
    append_local_header(scratch.header, header_of(*entry, settings_.sink_can_patch));
    append(segment, as_bytes(scratch.header));
  }
  const std::uint64_t offset = index * settings_.chunk_bytes;
  const auto wanted = static_cast<std::size_t>(
      std::min<std::uint64_t>(settings_.chunk_bytes, entry->raw_bytes - offset));
  const bool deflates = entry->method == Method::kDeflated;
  const MutableBytes room =
      deflates ? MutableBytes{scratch.block.get(), wanted} : segment.room().first(wanted);
  const auto count = entry->source->read_at(offset, room);
  if (!count.has_value() || *count < wanted) {
    Error why = count.has_value() ? ended_early(offset + *count, entry->raw_bytes) : count.error();
    entry->ended = true;
    part.is_last = true;
    if (entry->meta.required) {
      segment.failure = why.within(printable(entry->meta.name));
      return;
    }
    const bool is_left_out = !count.has_value() && index == 0;
    (is_left_out ? part.skipped : part.shortened) = std::move(why);
  }
  const Bytes raw = room.first(count.value_or(0));
  part.raw_bytes = raw.size();
  part.crc32 = crc32(raw);
  const std::size_t before = segment.used_bytes;
  if (deflates) {
    deflate_part(part, raw, segment, scratch);
  } else {
    segment.used_bytes += raw.size();
  }
  part.packed_bytes = segment.used_bytes - before;
  raw_bytes_done_ += raw.size();
  segment.part = std::move(part);
}

void Packer::deflate_part(Part& part, Bytes raw, Segment& segment, Scratch& scratch) const {
  const StreamEnd end = part.is_last ? StreamEnd::kFinal : StreamEnd::kFlush;
  const std::size_t stored_bytes = store_bytes_max(raw.size());
  const MutableBytes room = segment.room().first(stored_bytes);
  std::optional<std::size_t> packed;
  if (!raw.empty() && looks_compressible(raw)) { packed = scratch.deflater.run(raw, room, end); }
  segment.used_bytes += packed ? *packed : store_blocks(raw, room, end);
}

}  // namespace pv::zip
