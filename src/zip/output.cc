#include "zip/output.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "zip/crc.h"
#include "zip/end_record.h"
#include "zip/padding.h"

namespace pv::zip {
namespace {

constexpr std::uint64_t kBlockMin = 32;  // padding of every length that is needed exists from here
constexpr std::uint64_t kBlocksApart = 64;
// A run of fewer blocks than this is written: a clone costs more than a few pages do, and cuts the
// file into pieces.
constexpr std::uint64_t kBlocksSharedMin = 16;
constexpr std::size_t kPlainBytesMax = std::size_t{64} << 10U;

std::uint64_t usable_block(std::uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= kBlockMin && bytes <= kAlignedBlockMax ? bytes : 0;
}

}  // namespace

Output::Output(Sink& sink, Source* previous)
    : sink_{sink},
      previous_{previous},
      block_bytes_{usable_block(sink.clone_block_bytes())},
      shares_{block_bytes_ > 0 && previous != nullptr} {}

Result<void> Output::write(Bytes bytes) {
  PV_CHECK(end_run());
  return put(bytes);
}

Result<void> Output::write_same(Bytes bytes, std::uint64_t at, std::uint32_t crc32) {
  if (run_.size_bytes > 0 && at == run_.at + run_.size_bytes) {
    extend_run(bytes, crc32);
    return {};
  }
  PV_CHECK(end_run());
  if (!shares_ || at % block_bytes_ != offset_ % block_bytes_) { return put(bytes); }
  const std::uint64_t to_block = (block_bytes_ - at % block_bytes_) % block_bytes_;
  const auto head = static_cast<std::size_t>(std::min<std::uint64_t>(to_block, bytes.size()));
  PV_CHECK(put(bytes.first(head)));
  if (head < bytes.size()) {
    const Bytes rest = bytes.subspan(head);
    run_.at = at + head;
    extend_run(rest, head == 0 ? crc32 : zip::crc32(rest));
  }
  return {};
}

Result<void> Output::patch(std::uint64_t offset, Bytes bytes) {
  if (offset + bytes.size() > sent_bytes_) { PV_CHECK(flush()); }
  return sink_.patch(offset, bytes);
}

Result<void> Output::flush() {
  PV_CHECK(end_run());
  PV_CHECK(send(as_bytes(plain_)));
  plain_.clear();
  return {};
}

bool Output::is_due(std::uint64_t bytes, bool was_aligned) const {
  const std::uint64_t apart = (was_aligned ? kBlocksApart / 2 : kBlocksApart) * block_bytes_;
  return offset_ - aligned_at_ >= apart || bytes >= kBlocksApart * block_bytes_;
}

std::uint64_t Output::pad_header(std::uint64_t header_bytes, std::uint64_t packed_bytes,
                                 bool was_aligned) {
  if (block_bytes_ == 0) { return 0; }
  const std::uint64_t padding = header_padding(offset_ + header_bytes, block_bytes_);
  if (padding > 0 && !is_due(packed_bytes, was_aligned)) { return 0; }
  aligned_at_ = offset_ + header_bytes + padding;
  return padding;
}

std::uint64_t Output::pad_stream(bool was_aligned) {
  if (block_bytes_ == 0) { return 0; }
  const std::uint64_t padding = stream_padding(offset_, block_bytes_);
  if (padding > 0 && !is_due(0, was_aligned)) { return 0; }
  aligned_at_ = offset_ + padding;
  return padding;
}

// Behind what was put before; not while a run is open.
Result<void> Output::put(Bytes bytes) {
  offset_ += bytes.size();
  if (block_bytes_ == 0) { return send(bytes); }
  if (plain_.size() + bytes.size() > kPlainBytesMax) {
    PV_CHECK(send(as_bytes(plain_)));
    plain_.clear();
    if (bytes.size() > kPlainBytesMax) { return send(bytes); }
  }
  plain_ += as_text(bytes);
  return {};
}

Result<void> Output::send(Bytes bytes) {
  if (bytes.empty()) { return {}; }
  PV_CHECK(sink_.write(bytes));
  sent_bytes_ += bytes.size();
  return {};
}

void Output::extend_run(Bytes bytes, std::uint32_t crc32) {
  run_.crc32 = combine_crc32(run_.crc32, crc32, bytes.size());
  run_.size_bytes += bytes.size();
  offset_ += bytes.size();
  if (run_.size_bytes < kBlocksSharedMin * block_bytes_) {
    run_.held += as_text(bytes);
    return;
  }
  const auto behind = static_cast<std::size_t>(run_.size_bytes % block_bytes_);
  run_.held += as_text(bytes.last(std::min(bytes.size(), behind)));
  run_.held.erase(0, run_.held.size() - behind);
}

Result<void> Output::end_run() {
  if (run_.size_bytes == 0) { return {}; }
  const std::uint64_t whole_bytes = run_.size_bytes - run_.held.size();
  if (whole_bytes > 0) {
    PV_CHECK(send(as_bytes(plain_)));
    plain_.clear();
    const ByteRange range{.offset = run_.at, .size_bytes = whole_bytes};
    PV_TRY(const bool shared, sink_.clone(*previous_, range));
    if (shared) {
      sent_bytes_ += whole_bytes;
      shared_bytes_ += whole_bytes;
    } else {
      shares_ = false;
      PV_CHECK(copy_run(whole_bytes));
    }
  }
  const std::string held = std::exchange(run_.held, {});
  offset_ -= held.size();  // put() counts them again
  run_ = {};
  return put(as_bytes(held));
}

// The bytes are not at hand any more: reads them again, and looks again whether they are right.
Result<void> Output::copy_run(std::uint64_t whole_bytes) {
  constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20U;
  std::vector<std::byte> step(static_cast<std::size_t>(std::min(kStepBytes, whole_bytes)));
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < whole_bytes;) {
    const MutableBytes bytes{step.data(), static_cast<std::size_t>(std::min<std::uint64_t>(
                                              step.size(), whole_bytes - done))};
    PV_CHECK(read_exactly(*previous_, run_.at + done, bytes));
    crc = crc32(bytes, crc);
    PV_CHECK(send(bytes));
    done += bytes.size();
  }
  if (crc32(as_bytes(run_.held), crc) != run_.crc32) {
    return fail(Code::kUnavailable, "the backup before changed while it was read");
  }
  return {};
}

}  // namespace pv::zip
