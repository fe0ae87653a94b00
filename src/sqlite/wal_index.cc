#include "sqlite/wal_index.h"

#include <bit>
#include <cstring>
#include <string>

namespace pv::sqlite {
namespace {

constexpr std::uint32_t kVersion = 3'007'000;
constexpr std::size_t kHeaderBytes = 48;
constexpr std::size_t kChecksumAt = 40;  // of the header, over what stands before it
constexpr std::size_t kBackfillAt = 2 * kHeaderBytes;

std::uint32_t native_word(Bytes bytes, std::size_t at) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

template <WordOrder order>
std::uint32_t word_of(const std::byte* at) {
  std::uint32_t word = 0;
  std::memcpy(&word, at, sizeof word);
  constexpr bool kSwap =
      (order == WordOrder::kBigEndian) != (std::endian::native == std::endian::big);
  return kSwap ? __builtin_bswap32(word) : word;
}

template <WordOrder order>
std::array<std::uint32_t, 2> checksum(std::array<std::uint32_t, 2> sum, Bytes bytes) {
  std::uint32_t first = sum[0];
  std::uint32_t second = sum[1];
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    first += word_of<order>(bytes.data() + at) + second;
    second += word_of<order>(bytes.data() + at + 4) + first;
  }
  return {first, second};
}

// 65536 does not fit into 16 bits and is kept as 1.
std::uint32_t page_bytes_of(std::uint16_t stored) {
  return (stored & 0xfe00U) + ((stored & 0x0001U) << 16U);
}

}  // namespace

std::array<std::uint32_t, 2> wal_checksum(std::array<std::uint32_t, 2> sum, Bytes bytes,
                                          WordOrder order) {
  return order == WordOrder::kBigEndian ? checksum<WordOrder::kBigEndian>(sum, bytes)
                                        : checksum<WordOrder::kLittleEndian>(sum, bytes);
}

Result<WalIndex> parse_wal_index(Bytes head) {
  if (head.size() < kWalIndexHeadBytes) {
    return fail(Code::kUnavailable, "the wal-index is too short");
  }
  const Bytes header = head.first(kHeaderBytes);
  if (std::memcmp(header.data(), head.data() + kHeaderBytes, kHeaderBytes) != 0) {
    return fail(Code::kUnavailable, "the wal-index is being written");
  }
  const std::uint32_t version = native_word(header, 0);
  if (version != kVersion) {
    return fail(Code::kUnsupported, "the wal-index has version " + std::to_string(version) +
                                        ", known is " + std::to_string(kVersion));
  }
  if (header[12] == std::byte{0}) {
    return fail(Code::kUnavailable, "the wal-index is not set up");
  }
  constexpr auto kNative =
      std::endian::native == std::endian::big ? WordOrder::kBigEndian : WordOrder::kLittleEndian;
  const auto sum = wal_checksum({0, 0}, header.first(kChecksumAt), kNative);
  if (sum[0] != native_word(header, kChecksumAt) ||
      sum[1] != native_word(header, kChecksumAt + 4)) {
    return fail(Code::kUnavailable, "the wal-index fails its checksum");
  }

  WalIndex index;
  std::uint16_t stored_page_bytes = 0;
  std::memcpy(&stored_page_bytes, header.data() + 14, sizeof stored_page_bytes);
  index.page_bytes = page_bytes_of(stored_page_bytes);
  index.frames = native_word(header, 16);
  index.pages = native_word(header, 20);
  index.last_checksum = {native_word(header, 24), native_word(header, 28)};
  std::memcpy(index.salts.data(), header.data() + 32, index.salts.size());
  index.backfilled = native_word(head, kBackfillAt);
  if (index.backfilled > index.frames) {
    return fail(Code::kUnavailable, "the wal-index says that more frames were copied than exist");
  }
  return index;
}

}  // namespace pv::sqlite
