#include "zip/packer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "zip/crc.h"
#include "zip/padding.h"
#include "zip/record.h"
#include "zip/sample.h"

namespace pv::zip {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{128} << 10U;

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
  return kLocalBytesMax + kNameBytesMax + store_bytes_max(chunk_bytes) + kStreamPaddingMax;
}

std::size_t scratch_bytes(std::size_t chunk_bytes) { return chunk_bytes + (std::size_t{1} << 19U); }

Scratch::Scratch(const PackSettings& settings)
    : deflater{settings.level},
      block{std::make_unique_for_overwrite<std::byte[]>(settings.chunk_bytes)} {
  if (settings.hash_key) { hasher.emplace(*settings.hash_key, KeyedHasher::Use::kContent); }
  if (settings.shares) { window.resize(kWindowBytes); }
}

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
    if (batch.opened == nullptr) {
      if (auto previous = unchanged(batch.entries[batch.next].meta)) {
        if (!previous->record.chunks.empty()) {
          if (segment.used_bytes > 0) { return {}; }
          return {.big = start_copy(std::move(batch.entries[batch.next++]), std::move(*previous))};
        }
        const Copied copied = copy_small(batch, *previous, segment, scratch);
        if (copied == Copied::kDone) { continue; }
        if (copied == Copied::kNoRoom) { return {}; }
      }
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

// What the previous archive has of a file that was not written since.
std::optional<PreviousEntry> Packer::unchanged(const EntryMeta& meta) const {
  if (settings_.previous == nullptr || settings_.paranoid || !meta.identity) { return {}; }
  auto previous = settings_.previous->find(meta.name);
  if (!previous || !previous->is_of(*meta.identity)) { return std::nullopt; }
  const bool cut_alike = previous->record.chunk_bytes == settings_.chunk_bytes;
  const bool usable = previous->record.chunks.empty()
                          ? previous->record.content.has_value() && previous->raw_bytes > 0
                          : cut_alike;
  if (!usable) { return std::nullopt; }
  return previous;
}

// Where blocks are shared only looks whether the bytes are there, and leaves `into` alone.
bool Packer::copy_chunk(const Chunk& chunk, std::uint64_t offset, MutableBytes into,
                        Scratch& scratch) {
  const bool copied = settings_.shares ? settings_.previous->has(chunk, offset, scratch.window)
                                       : settings_.previous->copy(chunk, offset, into);
  if (!copied) { ++copies_failed_; }
  return copied;
}

Packer::Copied Packer::copy_small(Batch& batch, const PreviousEntry& previous, Segment& segment,
                                  Scratch& scratch) {
  Pending& pending = batch.entries[batch.next];
  const Chunk& content = *previous.record.content;
  if (pending.meta.name.size() > kNameBytesMax) { return Copied::kNot; }
  SmallEntry entry{.meta = std::move(pending.meta),
                   .header_at = segment.used_bytes,
                   .raw_bytes = previous.raw_bytes,
                   .packed_bytes = content.packed_bytes,
                   .crc32 = previous.crc32,
                   .method = previous.method,
                   .hash = content.hash,
                   .packed_crc32 = content.packed_crc32};
  scratch.header.clear();
  append_local_header(scratch.header, header_of(entry));
  const MutableBytes room = segment.room();
  const std::uint64_t data_bytes = settings_.shares ? 0 : content.packed_bytes;
  Copied outcome = Copied::kNoRoom;
  if (scratch.header.size() + data_bytes <= room.size()) {
    const bool copied =
        copy_chunk(content, previous.data_offset, room.subspan(scratch.header.size()), scratch);
    outcome = copied ? Copied::kDone : Copied::kNot;
  } else if (segment.used_bytes == 0) {
    outcome = Copied::kNot;  // it was cut otherwise
  }
  if (outcome != Copied::kDone) {
    pending.meta = std::move(entry.meta);
    return outcome;
  }
  if (settings_.shares) { entry.copied = place_of(entry, previous); }
  entry.header_bytes = scratch.header.size();
  append(segment, as_bytes(scratch.header));
  segment.used_bytes += static_cast<std::size_t>(data_bytes);
  raw_bytes_done_ += entry.raw_bytes;
  copied_bytes_ += entry.raw_bytes;
  segment.entries.push_back(std::move(entry));
  ++batch.next;
  return Copied::kDone;
}

// Most often the local header is the same as well, but for its padding.
CopiedFrom Packer::place_of(const SmallEntry& entry, const PreviousEntry& previous) const {
  CopiedFrom place{.offset = previous.data_offset};
  Header header = header_of(entry);
  std::string bytes;
  append_local_header(bytes, header);
  if (previous.header_bytes < bytes.size()) { return place; }
  header.padding_bytes = previous.header_bytes - bytes.size();
  if (header.padding_bytes != 0) {
    if (header.padding_bytes < kHeaderPaddingMin || header.padding_bytes > kHeaderPaddingMax) {
      return place;
    }
    bytes.clear();
    append_local_header(bytes, header);
  }
  if (settings_.previous->holds(previous.data_offset - bytes.size(), as_bytes(bytes))) {
    place.header_padding = header.padding_bytes;
  }
  return place;
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
  if (scratch.hasher) { entry.hash = scratch.hasher->hash(raw); }
  if (!raw.empty() && looks_compressible(raw)) {
    const MutableBytes block{scratch.block.get(), raw.size() - 1};
    if (const auto packed = scratch.deflater.run(raw, block, StreamEnd::kFinal)) {
      entry.method = Method::kDeflated;
      entry.packed_bytes = *packed;
      std::memcpy(raw.data(), block.data(), *packed);
    }
  }
  entry.packed_crc32 = entry.method == Method::kStored || !scratch.hasher
                           ? entry.crc32
                           : crc32(raw.first(static_cast<std::size_t>(entry.packed_bytes)));
  scratch.header.clear();
  append_local_header(scratch.header, header_of(entry));
  entry.header_bytes = scratch.header.size();
  append(segment, as_bytes(scratch.header));
  segment.used_bytes += static_cast<std::size_t>(entry.packed_bytes);
  raw_bytes_done_ += entry.raw_bytes;
  entry.repeated_at = place_of_same(entry);
  segment.entries.push_back(std::move(entry));
}

std::shared_ptr<BigEntry> Packer::start_big(Pending pending, std::unique_ptr<Source> source) const {
  auto entry = std::make_shared<BigEntry>();
  entry->meta = std::move(pending.meta);
  entry->raw_bytes = source->size_bytes();
  entry->chunks = (entry->raw_bytes - 1) / settings_.chunk_bytes + 1;
  find_chunks(*entry);
  // Chunks of the previous archive are deflated or stored, as it was decided then. What was stored
  // is looked at again: another content may be worth it.
  const bool was_deflated = entry->previous && entry->previous->method == Method::kDeflated;
  const bool deflates =
      was_deflated || entry->meta.is_object || is_worth_deflating(*source, entry->raw_bytes);
  entry->method = deflates ? Method::kDeflated : Method::kStored;
  if (entry->previous && entry->previous->method != entry->method) {
    entry->previous.reset();
    entry->previous_offsets.clear();
  }
  set_width(*entry);
  entry->source = std::move(source);
  return entry;
}

void Packer::set_width(BigEntry& entry) const {
  // At worst every chunk is framed as stored blocks, of which each costs store_bytes_max, and
  // followed by padding.
  const std::uint64_t overhead =
      store_bytes_max(settings_.chunk_bytes) - settings_.chunk_bytes + kStreamPaddingMax;
  entry.is_64 = entry.raw_bytes + overhead * entry.chunks >= kIn64;
}

// The previous archive's chunks of the same name, where they were cut at the same places.
void Packer::find_chunks(BigEntry& entry) const {
  std::optional<PreviousEntry> previous;
  if (settings_.previous != nullptr) { previous = settings_.previous->find(entry.meta.name); }
  if (settings_.repeats != nullptr) { previous = settings_.repeats->find_unread(entry.meta.name); }
  if (!previous || previous->record.chunk_bytes != settings_.chunk_bytes) { return; }
  use_chunks_of(entry, std::move(*previous));
}

void Packer::use_chunks_of(BigEntry& entry, PreviousEntry previous) {
  std::uint64_t offset = previous.data_offset;
  entry.previous_offsets.reserve(previous.record.chunks.size());
  for (const Chunk& chunk : previous.record.chunks) {
    entry.previous_offsets.push_back(offset);
    offset += chunk.packed_bytes;
  }
  entry.previous = std::move(previous);
}

// The same deflate makes the same of the same bytes.
template <class Packed>
bool came_out_as(const Chunk& chunk, const Packed& packed) {
  return chunk.bare_bytes() == packed.packed_bytes && chunk.packed_crc32 == packed.packed_crc32 &&
         chunk.hash == packed.hash;
}

std::optional<std::uint64_t> Packer::place_of_same(const Part& part) const {
  const BigEntry& entry = *part.entry;
  if (settings_.repeats == nullptr || !entry.previous) { return std::nullopt; }
  const std::vector<Chunk>& chunks = entry.previous->record.chunks;
  if (part.index >= chunks.size()) { return std::nullopt; }
  const bool is_same = came_out_as(chunks[part.index], part);
  return is_same ? std::optional{entry.previous_offsets[part.index]} : std::nullopt;
}

std::optional<std::uint64_t> Packer::place_of_same(const SmallEntry& entry) const {
  if (settings_.repeats == nullptr) { return std::nullopt; }
  const auto previous = settings_.repeats->find_unread(entry.meta.name);
  if (!previous || !previous->record.content) { return std::nullopt; }
  const bool is_same = came_out_as(*previous->record.content, entry);
  return is_same ? std::optional{previous->data_offset} : std::nullopt;
}

// An entry whose file was not written since: only where a chunk of the previous archive turns out
// damaged, the file is opened.
std::shared_ptr<BigEntry> Packer::start_copy(Pending pending, PreviousEntry previous) const {
  auto entry = std::make_shared<BigEntry>();
  entry->meta = std::move(pending.meta);
  entry->open = std::move(pending.open);
  entry->raw_bytes = previous.raw_bytes;
  entry->chunks = previous.record.chunks.size();
  entry->method = previous.method;
  set_width(*entry);
  use_chunks_of(*entry, std::move(previous));
  return entry;
}

Result<std::size_t> Packer::read_part(BigEntry& entry, std::uint64_t offset, MutableBytes into) {
  if (entry.open) {
    const std::lock_guard lock{entry.opening};
    if (entry.source == nullptr) { PV_TRY(entry.source, entry.open()); }
  }
  return entry.source->read_at(offset, into);
}

// Copies a whole chunk of an unchanged file.
bool Packer::copy_part(Part& part, Segment& segment, Scratch& scratch) {
  const BigEntry& entry = *part.entry;
  if (!entry.open) { return false; }
  const Chunk& chunk = entry.previous->record.chunks[part.index];
  const std::uint64_t offset = entry.previous_offsets[part.index];
  if (!copy_chunk(chunk, offset, segment.room(), scratch)) { return false; }
  part.raw_bytes = std::min<std::uint64_t>(settings_.chunk_bytes,
                                           entry.raw_bytes - part.index * settings_.chunk_bytes);
  part.crc32 = chunk.raw_crc32;
  part.hash = chunk.hash;
  set_copied(part, chunk, offset);
  return true;
}

void Packer::set_copied(Part& part, const Chunk& chunk, std::uint64_t offset) const {
  part.packed_bytes = chunk.bare_bytes();
  part.packed_crc32 = chunk.packed_crc32;
  if (!settings_.shares) { return; }
  part.copied = CopiedFrom{.offset = offset, .stream_padding = chunk.padding_bytes};
}

// Takes the packed form of a chunk that was read, and is what it was in the previous archive.
bool Packer::take_previous(Part& part, Bytes raw, Segment& segment, Scratch& scratch) {
  const BigEntry& entry = *part.entry;
  const bool may_copy = settings_.previous != nullptr && entry.previous;
  if (!may_copy || part.index >= entry.previous->record.chunks.size()) { return false; }
  const PreviousEntry& previous = *entry.previous;
  const Chunk& chunk = previous.record.chunks[part.index];
  const bool was_last = part.index + 1 == previous.record.chunks.size();
  const std::uint64_t raw_bytes =
      was_last ? previous.raw_bytes - part.index * settings_.chunk_bytes : settings_.chunk_bytes;
  // The last one ends the stream of deflate, others don't.
  if (was_last != part.is_last || raw_bytes != raw.size() || chunk.hash != part.hash ||
      chunk.raw_crc32 != part.crc32) {
    return false;
  }
  const std::uint64_t offset = entry.previous_offsets[part.index];
  if (!copy_chunk(chunk, offset, segment.room(), scratch)) { return false; }
  set_copied(part, chunk, offset);
  return true;
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
  if (copy_part(part, segment, scratch)) {
    copied_bytes_ += part.raw_bytes;
  } else {
    read_and_pack(part, segment, scratch);
    if (segment.failure) { return; }
    part.repeated_at = place_of_same(part);
  }
  if (!part.copied) { segment.used_bytes += static_cast<std::size_t>(part.packed_bytes); }
  raw_bytes_done_ += part.raw_bytes;
  segment.part = std::move(part);
}

// Leaves the packed bytes in segment.room().
void Packer::read_and_pack(Part& part, Segment& segment, Scratch& scratch) {
  BigEntry& entry = *part.entry;
  const std::uint64_t offset = part.index * settings_.chunk_bytes;
  const auto wanted = static_cast<std::size_t>(
      std::min<std::uint64_t>(settings_.chunk_bytes, entry.raw_bytes - offset));
  const bool deflates = entry.method == Method::kDeflated;
  const MutableBytes room =
      deflates ? MutableBytes{scratch.block.get(), wanted} : segment.room().first(wanted);
  const auto count = read_part(entry, offset, room);
  if (!count.has_value() || *count < wanted) {
    Error why = count.has_value() ? ended_early(offset + *count, entry.raw_bytes) : count.error();
    entry.ended = true;
    part.is_last = true;
    if (entry.meta.required) {
      segment.failure = why.within(printable(entry.meta.name));
      return;
    }
    const bool is_left_out = !count.has_value() && part.index == 0;
    (is_left_out ? part.skipped : part.shortened) = std::move(why);
  }
  const Bytes raw = room.first(count.value_or(0));
  part.raw_bytes = raw.size();
  part.crc32 = crc32(raw);
  part.packed_bytes = raw.size();
  part.packed_crc32 = part.crc32;
  if (scratch.hasher) { part.hash = scratch.hasher->hash(raw); }
  if (!deflates) { return; }
  if (take_previous(part, raw, segment, scratch)) {
    copied_bytes_ += raw.size();
    return;
  }
  part.packed_bytes = deflate_part(part, raw, segment, scratch);
  if (scratch.hasher) {
    part.packed_crc32 = crc32(segment.room().first(static_cast<std::size_t>(part.packed_bytes)));
  }
}

std::size_t Packer::deflate_part(const Part& part, Bytes raw, Segment& segment, Scratch& scratch) {
  const StreamEnd end = part.is_last ? StreamEnd::kFinal : StreamEnd::kFlush;
  const MutableBytes room = segment.room().first(store_bytes_max(raw.size()));
  std::optional<std::size_t> packed;
  if (!raw.empty() && looks_compressible(raw)) { packed = scratch.deflater.run(raw, room, end); }
  return packed ? *packed : store_blocks(raw, room, end);
}

}  // namespace pv::zip
