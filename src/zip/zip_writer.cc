#include "zip/zip_writer.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "zip/crc.h"
#include "zip/output.h"
#include "zip/padding.h"
#include "zip/pipeline.h"
#include "zip/record.h"
#include "zip/vault_block.h"

namespace pv::zip {
namespace {

// What the writer's buffers may take in all. With chunks of 1 MiB that is enough for 10 threads;
// more would wait for the sink anyway.
constexpr std::size_t kBufferBytesMax = std::size_t{40} << 20U;
constexpr std::size_t kChunkBytesMin = 64;  // tests use small ones
constexpr std::size_t kChunkBytesMax = kChunkRawBytesMax;

constexpr std::size_t kBatchEntriesMax = 256;
// A file of unknown size is taken for this big when files are put together for one thread.
constexpr std::uint64_t kUnknownBytes = std::uint64_t{256} << 10U;

PipelineSettings pipeline_settings(const WriterOptions& options, const Sink& sink,
                                   const WorkPool& pool) {
  PipelineSettings settings;
  settings.pack.chunk_bytes = std::clamp(options.chunk_bytes, kChunkBytesMin, kChunkBytesMax);
  settings.pack.level = std::clamp(options.level, 0, 3);
  settings.pack.sink_can_patch = sink.can_patch();
  settings.pack.hash_key = options.hash_key;
  if (options.hash_key) {
    (sink.can_repeat() ? settings.pack.repeats : settings.pack.previous) = options.previous;
  }
  settings.pack.shares = settings.pack.previous != nullptr && Output::block_bytes_of(sink) > 0;
  settings.pack.paranoid = options.paranoid;
  // Two segments a worker: one is packed while the other waits for its turn or is written.
  const std::size_t segment = segment_bytes(settings.pack.chunk_bytes);
  const std::size_t worker = scratch_bytes(settings.pack.chunk_bytes) + 2 * segment;
  const std::size_t affordable = std::max<std::size_t>(1, (kBufferBytesMax - 2 * segment) / worker);
  settings.workers = std::min(pool.thread_count(), affordable);
  settings.segments = 2 * settings.workers + 2;
  if (options.chunks_in_flight_max != 0) {
    settings.segments = std::max<std::size_t>(options.chunks_in_flight_max, 2);
    settings.workers = std::min(settings.workers, settings.segments);
  }
  return settings;
}

// The central directory while it grows: small blocks, so that it never has to be moved.
class DirectoryWriter {
 public:
  void append(const Header& header, std::uint64_t header_offset) {
    if (blocks_.empty() || blocks_.back().size() >= kBlockBytes) {
      blocks_.emplace_back().reserve(kBlockBytes + kBlockBytes / 8);
    }
    const std::size_t before = blocks_.back().size();
    append_central_record(blocks_.back(), header, header_offset);
    crc32_ = crc32(as_bytes(blocks_.back()).subspan(before), crc32_);
    size_bytes_ += blocks_.back().size() - before;
    ++entries_;
  }
  [[nodiscard]] const std::deque<std::string>& blocks() const { return blocks_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  [[nodiscard]] std::uint32_t checksum() const { return crc32_; }

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{64} << 10U;
  std::deque<std::string> blocks_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint32_t crc32_ = 0;
};

// What the vault block says of a small entry, or of a part of a big one.
template <class Packed>
Chunk chunk_of(const Packed& packed) {
  return {.packed_bytes = static_cast<std::uint32_t>(packed.packed_bytes),
          .raw_crc32 = packed.crc32,
          .packed_crc32 = packed.packed_crc32,
          .hash = packed.hash};
}

}  // namespace

// The writing side: takes segments in order, writes them, keeps the directory. All on the thread
// that calls add() and finish().
class ZipWriter::Impl {
 public:
  Impl(Sink& sink, WorkPool& pool, const WriterOptions& options, std::stop_token stop)
      : settings_{pipeline_settings(options, sink, pool)},
        reports_all_{options.report_all},
        output_{sink, settings_.pack.previous ? &settings_.pack.previous->source() : nullptr},
        stop_{stop},
        pipeline_{pool, settings_, std::move(stop)} {}

  Result<void> add(EntryMeta meta, SourceOpener open);
  Result<void> settle();
  Result<ArchiveReport> finish(const FactsMaker& make_facts);
  [[nodiscard]] std::uint64_t raw_bytes_done() const { return pipeline_.raw_bytes_done(); }

 private:
  // A big entry whose parts are being written.
  struct Open {
    std::shared_ptr<BigEntry> entry = nullptr;
    std::uint64_t header_offset = 0;
    std::uint64_t header_padding = 0;
    std::uint64_t raw_bytes = 0;
    std::uint64_t packed_bytes = 0;
    std::uint32_t crc32 = 0;
    bool is_over = false;         // further parts are dropped
    bool is_all_repeated = true;  // so far
    std::vector<Chunk> chunks = {};
  };

  Result<void> send_batch(Pipeline::Wait wait);
  Result<void> write_segments(Pipeline::Wait wait);
  Result<void> write_segment(const Segment& segment);
  Result<void> write_aligned(const Segment& segment);
  Result<void> write_repeating(const Segment& segment);
  Result<void> write_small(const SmallEntry& entry, Bytes header, Bytes data);
  void note_small(const SmallEntry& entry, std::uint64_t header_offset);
  Result<void> begin_big(const Part& part, Bytes header);
  Result<void> write_packed(const Part& part, Bytes packed);
  Result<void> write_part(const Part& part, Bytes content);
  Result<std::uint64_t> pad_part(const Part& part);
  Result<void> end_big(std::optional<Error> shortened);
  Result<void> write_block(const FactsMaker& make_facts);
  Result<void> write_directory();
  void note(EntryReport entry);

  const PipelineSettings settings_;
  const bool reports_all_;
  Output output_;
  const std::stop_token stop_;
  std::vector<Pending> batch_;  // small files that one thread will pack
  std::uint64_t batch_bytes_ = 0;
  Open big_;
  DirectoryWriter directory_;
  BlockWriter block_;
  ArchiveReport report_;
  std::optional<Error> failure_;
  bool is_finished_ = false;
  std::string record_;  // reused
  Pipeline pipeline_;   // last: destroyed first, while the rest is there
};

Result<void> ZipWriter::Impl::add(EntryMeta meta, SourceOpener open) {
  PV_ASSERT(!is_finished_);
  if (failure_) { return fail(*failure_); }
  const std::uint64_t content = open == nullptr ? 0 : meta.expected_bytes.value_or(kUnknownBytes);
  const std::uint64_t bytes = std::min<std::uint64_t>(content, settings_.pack.chunk_bytes) +
                              kLocalBytesMax + meta.name.size();
  if (batch_bytes_ + bytes > settings_.pack.chunk_bytes || batch_.size() >= kBatchEntriesMax) {
    PV_CHECK(send_batch(Pipeline::Wait::kForRoom));
  }
  batch_bytes_ += bytes;
  batch_.push_back({.meta = std::move(meta), .open = std::move(open)});
  return {};
}

Result<void> ZipWriter::Impl::settle() {
  PV_ASSERT(!is_finished_);
  if (failure_) { return fail(*failure_); }
  return send_batch(Pipeline::Wait::kForAll);
}

Result<ArchiveReport> ZipWriter::Impl::finish(const FactsMaker& make_facts) {
  PV_ASSERT(!is_finished_);
  if (failure_) { return fail(*failure_); }
  PV_CHECK(send_batch(Pipeline::Wait::kForAll));
  auto written = write_block(make_facts);
  if (written.has_value()) { written = write_directory(); }
  if (!written.has_value()) {
    failure_ = std::move(written).error();
    return fail(*failure_);
  }
  is_finished_ = true;
  report_.entry_count = directory_.entries();
  report_.archive_bytes = output_.offset();
  report_.shared_bytes = output_.shared_bytes();
  report_.copied_bytes = pipeline_.copied_bytes();
  report_.copies_failed = pipeline_.copies_failed();
  return std::move(report_);
}

Result<void> ZipWriter::Impl::send_batch(Pipeline::Wait wait) {
  if (!batch_.empty()) { pipeline_.add(std::exchange(batch_, {})); }
  batch_bytes_ = 0;
  Result<void> written = write_segments(wait);
  if (!written.has_value()) { failure_ = written.error(); }
  return written;
}

Result<void> ZipWriter::Impl::write_segments(Pipeline::Wait wait) {
  for (;;) {
    PV_TRY(const Segment* const segment, pipeline_.next(wait));
    if (stop_.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    if (segment == nullptr) { return {}; }
    PV_CHECK(write_segment(*segment));
    pipeline_.release();
  }
}

Result<void> ZipWriter::Impl::write_segment(const Segment& segment) {
  if (segment.failure) { return fail(*segment.failure); }
  // The entry before a big one may have been left out.
  if (segment.part) {
    for (const SmallEntry& entry : segment.entries) { note_small(entry, 0); }
    return write_part(*segment.part, segment.content());
  }
  if (output_.block_bytes() > 0) { return write_aligned(segment); }
  if (settings_.pack.repeats != nullptr) { return write_repeating(segment); }
  for (const SmallEntry& entry : segment.entries) {
    note_small(entry, output_.offset() + entry.header_at);
  }
  return output_.write(segment.content());
}

// Entry by entry: each may get padding, or be the previous archive's.
Result<void> ZipWriter::Impl::write_aligned(const Segment& segment) {
  for (const SmallEntry& entry : segment.entries) {
    if (entry.skipped) {
      note_small(entry, 0);
      continue;
    }
    const Bytes bytes = segment.content().subspan(entry.header_at);
    const std::uint64_t data_bytes = entry.copied ? 0 : entry.packed_bytes;
    PV_CHECK(write_small(entry, bytes.first(entry.header_bytes),
                         bytes.subspan(entry.header_bytes, static_cast<std::size_t>(data_bytes))));
  }
  return {};
}

// Likewise, where the previous archive may have the same.
Result<void> ZipWriter::Impl::write_repeating(const Segment& segment) {
  for (const SmallEntry& entry : segment.entries) {
    note_small(entry, output_.offset());
    if (entry.skipped) { continue; }
    const Bytes bytes = segment.content().subspan(entry.header_at);
    const Bytes header = bytes.first(entry.header_bytes);
    const Bytes data =
        bytes.subspan(entry.header_bytes, static_cast<std::size_t>(entry.packed_bytes));
    PV_CHECK(output_.write_around(header));
    PV_CHECK(entry.repeated_at ? output_.repeat(data, *entry.repeated_at) : output_.write(data));
  }
  return {};
}

Result<void> ZipWriter::Impl::write_small(const SmallEntry& entry, Bytes header, Bytes data) {
  const std::uint64_t at = output_.offset();
  const bool was_aligned = entry.copied && entry.copied->offset % output_.block_bytes() == 0;
  const std::uint64_t padding = output_.pad_header(header.size(), entry.packed_bytes, was_aligned);
  if (padding > 0) {
    Header padded = header_of(entry);
    padded.padding_bytes = padding;
    record_.clear();
    append_local_header(record_, padded);
    header = as_bytes(record_);
  }
  note_small(entry, at);
  if (!entry.copied) {
    PV_CHECK(output_.write(header));
    return output_.write(data);
  }
  if (entry.copied->header_padding == padding) {
    PV_CHECK(
        output_.write_same(header.size(), entry.copied->offset - header.size(), crc32(header)));
  } else {
    PV_CHECK(output_.write(header));
  }
  return output_.write_same(entry.packed_bytes, entry.copied->offset, entry.packed_crc32);
}

void ZipWriter::Impl::note_small(const SmallEntry& entry, std::uint64_t header_offset) {
  if (entry.shortened && entry.meta.is_object) {
    return note({.name = entry.meta.name, .skipped = entry.shortened});
  }
  if (!entry.skipped) {
    directory_.append(header_of(entry), header_offset);
    if (settings_.pack.hash_key) {
      block_.append({.identity = entry.shortened ? std::nullopt : entry.meta.identity,
                     .is_object = entry.meta.is_object,
                     .content = chunk_of(entry)});
    }
  }
  note({.name = entry.meta.name,
        .raw_bytes = entry.raw_bytes,
        .packed_bytes = entry.packed_bytes,
        .method = entry.method,
        .crc32 = entry.crc32,
        .skipped = entry.skipped,
        .shortened = entry.shortened});
}

Result<void> ZipWriter::Impl::write_part(const Part& part, Bytes content) {
  if (part.index == 0) { big_ = {.entry = part.entry, .header_offset = output_.offset()}; }
  if (big_.is_over) { return {}; }
  if (part.skipped) {
    big_.is_over = true;
    note({.name = part.entry->meta.name, .skipped = part.skipped});
    return {};
  }
  const Bytes packed = content.last(part.copied ? 0 : static_cast<std::size_t>(part.packed_bytes));
  if (part.index == 0) { PV_CHECK(begin_big(part, content.first(content.size() - packed.size()))); }
  PV_CHECK(write_packed(part, packed));
  PV_TRY(const std::uint64_t padding, pad_part(part));
  big_.crc32 = combine_crc32(big_.crc32, part.crc32, part.raw_bytes);
  big_.raw_bytes += part.raw_bytes;
  big_.packed_bytes += part.packed_bytes + padding;
  if (settings_.pack.hash_key) {
    Chunk chunk = chunk_of(part);
    chunk.packed_bytes += static_cast<std::uint32_t>(padding);
    chunk.padding_bytes = static_cast<std::uint16_t>(padding);
    big_.chunks.push_back(chunk);
  }
  return part.is_last ? end_big(part.shortened) : Result<void>{};
}

Result<void> ZipWriter::Impl::write_packed(const Part& part, Bytes packed) {
  if (part.copied) {
    return output_.write_same(part.packed_bytes, part.copied->offset, part.packed_crc32);
  }
  big_.is_all_repeated = big_.is_all_repeated && part.repeated_at.has_value();
  return part.repeated_at ? output_.repeat(packed, *part.repeated_at) : output_.write(packed);
}

Result<void> ZipWriter::Impl::begin_big(const Part& part, Bytes header) {
  big_.header_padding = output_.pad_header(header.size(), part.entry->raw_bytes, false);
  if (big_.header_padding > 0) {
    Header padded = header_of(*part.entry, settings_.pack.sink_can_patch);
    padded.padding_bytes = big_.header_padding;
    record_.clear();
    append_local_header(record_, padded);
    header = as_bytes(record_);
  }
  return output_.write_around(header);
}

// Between the pieces of a deflated entry; returns how much.
Result<std::uint64_t> ZipWriter::Impl::pad_part(const Part& part) {
  if (part.is_last || part.entry->method != Method::kDeflated) { return 0; }
  const std::uint64_t before = part.copied ? part.copied->stream_padding : 0;
  const std::uint64_t padding = output_.pad_stream(before > 0);
  if (padding == 0) { return 0; }
  record_.clear();
  append_stream_padding(record_, padding);
  const Bytes bytes = as_bytes(record_);
  if (before == padding) {
    PV_CHECK(
        output_.write_same(bytes.size(), part.copied->offset + part.packed_bytes, crc32(bytes)));
  } else {
    PV_CHECK(output_.write(bytes));
  }
  return padding;
}

Result<void> ZipWriter::Impl::end_big(std::optional<Error> shortened) {
  big_.is_over = true;
  const BigEntry& entry = *big_.entry;
  if (shortened && entry.meta.is_object) {  // what was written of it, no directory knows
    note({.name = entry.meta.name, .skipped = std::move(shortened)});
    return {};
  }
  Header header = header_of(entry, settings_.pack.sink_can_patch);
  header.crc32 = big_.crc32;
  header.packed_bytes = big_.packed_bytes;
  header.raw_bytes = big_.raw_bytes;
  header.padding_bytes = big_.header_padding;
  directory_.append(header, big_.header_offset);
  if (settings_.pack.hash_key) {
    // One that ended early may have a last chunk that ends nothing.
    BlockRecord record{.is_object = entry.meta.is_object};
    if (!shortened) {
      record.identity = entry.meta.identity;
      record.chunk_bytes = static_cast<std::uint32_t>(settings_.pack.chunk_bytes);
      record.chunks = std::move(big_.chunks);
    }
    block_.append(record);
  }
  record_.clear();
  if (header.has_descriptor) {
    append_descriptor(record_, header);
    const Bytes bytes = as_bytes(record_);
    PV_CHECK(big_.is_all_repeated ? output_.write_around(bytes) : output_.write(bytes));
  } else {
    append_local_header(record_, header);
    PV_CHECK(output_.patch(big_.header_offset, as_bytes(record_)));
  }
  note({.name = entry.meta.name,
        .raw_bytes = header.raw_bytes,
        .packed_bytes = header.packed_bytes,
        .method = entry.method,
        .crc32 = header.crc32,
        .shortened = std::move(shortened)});
  return {};
}

Result<void> ZipWriter::Impl::write_block(const FactsMaker& make_facts) {
  std::string facts;
  if (make_facts) { PV_TRY(facts, make_facts()); }
  if (!settings_.pack.hash_key) { return {}; }
  const std::string block = block_.finish(facts, directory_.checksum(), *settings_.pack.hash_key);
  return output_.write(as_bytes(block));
}

Result<void> ZipWriter::Impl::write_directory() {
  const DirectoryPlace place{.entries = directory_.entries(),
                             .offset = output_.offset(),
                             .size_bytes = directory_.size_bytes()};
  for (const std::string& block : directory_.blocks()) { PV_CHECK(output_.write(as_bytes(block))); }
  record_.clear();
  append_end_records(record_, place);
  PV_CHECK(output_.write(as_bytes(record_)));
  return output_.flush();
}

void ZipWriter::Impl::note(EntryReport entry) {
  report_.raw_bytes += entry.raw_bytes;
  if (reports_all_ || entry.skipped || entry.shortened) {
    report_.entries.push_back(std::move(entry));
  }
}

ZipWriter::ZipWriter(Sink& sink, WorkPool& pool, WriterOptions options, std::stop_token stop)
    : impl_{std::make_unique<Impl>(sink, pool, options, std::move(stop))} {}

ZipWriter::~ZipWriter() = default;

Result<void> ZipWriter::add(EntryMeta meta, SourceOpener open) {
  return impl_->add(std::move(meta), std::move(open));
}

Result<void> ZipWriter::settle() { return impl_->settle(); }

Result<ArchiveReport> ZipWriter::finish(const FactsMaker& facts) { return impl_->finish(facts); }

std::uint64_t ZipWriter::raw_bytes_done() const { return impl_->raw_bytes_done(); }

}  // namespace pv::zip
