#include "zip/deflate.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace pv::zip {
namespace {

constexpr std::size_t kStoredMax = 65'535;  // a stored block's length is 16 bits
constexpr std::size_t kStoredHead = 5;      // 3 bits and padding, length, its complement

constexpr std::uint32_t level_buffer_bytes(int level) {
  switch (level) {
    case 0: return ISAL_DEF_LVL0_LARGE;
    case 1: return ISAL_DEF_LVL1_LARGE;
    case 2: return ISAL_DEF_LVL2_LARGE;
    default: return ISAL_DEF_LVL3_LARGE;
  }
}

// ISA-L takes plain pointers even to what it only reads.
std::uint8_t* input_pointer(Bytes bytes) {
  return reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(bytes.data()));
}
std::uint8_t* output_pointer(MutableBytes bytes) {
  return reinterpret_cast<std::uint8_t*>(bytes.data());
}
std::uint32_t cut_to_32(std::size_t count) {
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

struct Deflater::State {
  isal_zstream stream;
  std::uint32_t level = 0;
  std::uint32_t buffer_bytes = 0;
  std::unique_ptr<std::uint8_t[]> buffer;
};

Deflater::Deflater(int level) : state_{std::make_unique<State>()} {
  PV_ASSERT(level >= ISAL_DEF_MIN_LEVEL && level <= ISAL_DEF_MAX_LEVEL);
  state_->level = static_cast<std::uint32_t>(level);
  state_->buffer_bytes = level_buffer_bytes(level);
  state_->buffer = std::make_unique<std::uint8_t[]>(state_->buffer_bytes);
}

Deflater::~Deflater() = default;

std::optional<std::size_t> Deflater::run(Bytes raw, MutableBytes into, StreamEnd end) {
  PV_ASSERT(raw.size() <= std::numeric_limits<std::uint32_t>::max());
  isal_zstream& stream = state_->stream;
  ::isal_deflate_stateless_init(&stream);
  stream.level = state_->level;
  stream.level_buf = state_->buffer.get();
  stream.level_buf_size = state_->buffer_bytes;
  stream.flush = end == StreamEnd::kFlush ? FULL_FLUSH : NO_FLUSH;
  stream.end_of_stream = end == StreamEnd::kFinal ? 1 : 0;
  stream.next_in = input_pointer(raw);
  stream.avail_in = static_cast<std::uint32_t>(raw.size());
  stream.next_out = output_pointer(into);
  stream.avail_out = cut_to_32(into.size());
  const int outcome = ::isal_deflate_stateless(&stream);
  if (outcome == STATELESS_OVERFLOW) { return std::nullopt; }
  PV_ASSERT(outcome == COMP_OK && stream.avail_in == 0);
  return stream.total_out;
}

std::size_t store_bytes_max(std::size_t raw_bytes) {
  return raw_bytes + (raw_bytes / kStoredMax + 1) * kStoredHead;
}

// A stored block: [final, 00, padding: 1 byte][length: 2][~length: 2][bytes].
std::size_t store_blocks(Bytes raw, MutableBytes into, StreamEnd end) {
  PV_ASSERT(into.size() >= store_bytes_max(raw.size()));
  std::size_t at = 0;
  do {
    const Bytes block = raw.first(std::min(raw.size(), kStoredMax));
    raw = raw.subspan(block.size());
    const bool is_final = raw.empty() && end == StreamEnd::kFinal;
    const std::size_t length = block.size();
    into[at] = std::byte{is_final};
    into[at + 1] = static_cast<std::byte>(length & 0xFFU);
    into[at + 2] = static_cast<std::byte>(length >> 8U);
    into[at + 3] = ~into[at + 1];
    into[at + 4] = ~into[at + 2];
    at += kStoredHead;
    if (!block.empty()) { std::memcpy(&into[at], block.data(), length); }
    at += length;
  } while (!raw.empty());
  return at;
}

struct Inflater::State {
  inflate_state stream;
};

Inflater::Inflater() : state_{std::make_unique<State>()} { reset(); }
Inflater::~Inflater() = default;

void Inflater::reset() { ::isal_inflate_init(&state_->stream); }

Result<Inflater::Step> Inflater::run(Bytes packed, MutableBytes into) {
  inflate_state& stream = state_->stream;
  const std::uint32_t given = cut_to_32(packed.size());
  const std::uint32_t room = cut_to_32(into.size());
  stream.next_in = input_pointer(packed);
  stream.avail_in = given;
  stream.next_out = output_pointer(into);
  stream.avail_out = room;
  const int outcome = ::isal_inflate(&stream);
  if (outcome < 0) { return fail(Code::kDamaged, "compressed data is damaged"); }
  Step step{.taken = given - stream.avail_in,
            .made = room - stream.avail_out,
            .is_over = stream.block_state == ISAL_BLOCK_FINISH};
  if (step.is_over) {
    step.too_many = static_cast<std::size_t>(std::max(stream.read_in_length, 0)) / 8;
  }
  return step;
}

}  // namespace pv::zip
