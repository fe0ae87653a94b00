#include "zip/output.h"

#include <algorithm>
#include <bit>
#include <utility>

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
constexpr std::size_t kStepBytes = std::size_t{128} << 10U;

}  // namespace

std::uint64_t Output::block_bytes_of(const Sink& sink) {
  const std::uint64_t bytes = sink.clone_block_bytes();
  return std::has_single_bit(bytes) && bytes >= kBlockMin && bytes <= kAlignedBlockMax ? bytes : 0;
}

Output::Output(Sink& sink, Source* previous)
    : sink_{sink},
      previous_{previous},
      block_bytes_{block_bytes_of(sink)},
      shares_{block_bytes_ > 0 && previous != nullptr} {}

Result<void> Output::write(Bytes bytes) {
  PV_CHECK(end_run());
  PV_CHECK(send_around());
  repeated_up_to_.reset();
  return put(bytes);
}

Result<void> Output::repeat(Bytes bytes, std::uint64_t at) {
  PV_ASSERT(block_bytes_ == 0 && sink_.can_repeat());
  const std::uint64_t around = around_.size();
  const bool goes_on = repeated_up_to_ ? *repeated_up_to_ + around == at : around <= at;
  if (!goes_on) { PV_CHECK(send_around()); }
  if (!around_.empty()) { PV_CHECK(sink_.repeat(as_bytes(around_), at - around)); }
  around_.clear();
  PV_CHECK(sink_.repeat(bytes, at));
  offset_ += bytes.size();
  repeated_up_to_ = at + bytes.size();
  return {};
}

Result<void> Output::write_around(Bytes bytes) {
  if (!sink_.can_repeat()) { return write(bytes); }
  around_ += as_text(bytes);
  offset_ += bytes.size();
  return around_.size() > kPlainBytesMax ? send_around() : Result<void>{};
}

Result<void> Output::send_around() {
  if (around_.empty()) { return {}; }
  repeated_up_to_.reset();
  PV_CHECK(sink_.write(as_bytes(around_)));
  around_.clear();
  return {};
}

Result<void> Output::write_same(std::uint64_t size_bytes, std::uint64_t at, std::uint32_t crc32) {
  PV_ASSERT(previous_ != nullptr);
  if (at != run_.at + run_.size_bytes) {
    PV_CHECK(end_run());
    run_.at = at;
  }
  run_.crc32 = combine_crc32(run_.crc32, crc32, size_bytes);
  run_.size_bytes += size_bytes;
  offset_ += size_bytes;
  return {};
}

Result<void> Output::patch(std::uint64_t offset, Bytes bytes) {
  if (offset + bytes.size() > sent_bytes_) { PV_CHECK(flush()); }
  return sink_.patch(offset, bytes);
}

Result<void> Output::flush() {
  PV_CHECK(end_run());
  PV_CHECK(send_around());
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

Result<void> Output::end_run() {
  const Run run = std::exchange(run_, {});
  if (run.size_bytes == 0) { return {}; }
  offset_ -= run.size_bytes;  // put() and share() count it again
  const std::uint64_t end = run.at + run.size_bytes;
  std::uint64_t at = run.at;
  std::uint32_t crc = 0;
  if (shares_ && at % block_bytes_ == offset_ % block_bytes_) {
    const std::uint64_t from = (at + block_bytes_ - 1) / block_bytes_ * block_bytes_;
    const std::uint64_t to = end / block_bytes_ * block_bytes_;
    if (to >= from + kBlocksSharedMin * block_bytes_) {
      PV_CHECK(copy({.offset = at, .size_bytes = from - at}, crc));
      at = from;
      PV_TRY(const bool shared, share({.offset = from, .size_bytes = to - from}));
      if (shared) { return copy({.offset = to, .size_bytes = end - to}, crc); }
    }
  }
  PV_CHECK(copy({.offset = at, .size_bytes = end - at}, crc));
  if (crc != run.crc32) {
    return fail(Code::kUnavailable, "the backup before changed while it was read");
  }
  return {};
}

Result<bool> Output::share(ByteRange blocks) {
  PV_CHECK(send(as_bytes(plain_)));
  plain_.clear();
  PV_TRY(shares_, sink_.clone(*previous_, blocks));
  if (!shares_) { return false; }
  offset_ += blocks.size_bytes;
  sent_bytes_ += blocks.size_bytes;
  shared_bytes_ += blocks.size_bytes;
  return true;
}

Result<void> Output::copy(ByteRange range, std::uint32_t& crc) {
  if (step_.empty()) { step_.resize(kStepBytes); }
  for (std::uint64_t done = 0; done < range.size_bytes;) {
    const auto count = std::min<std::uint64_t>(step_.size(), range.size_bytes - done);
    const MutableBytes bytes{step_.data(), static_cast<std::size_t>(count)};
    PV_CHECK(read_exactly(*previous_, range.offset + done, bytes));
    crc = crc32(bytes, crc);
    PV_CHECK(put(bytes));
    done += count;
  }
  return {};
}

}  // namespace pv::zip
