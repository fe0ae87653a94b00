#include "zip/padding.h"

#include <string_view>

#include "base/error.h"

namespace pv::zip {
namespace {

using namespace std::string_view_literals;

// [0: final, 00: stored, 00000: to the byte][length 0: 2][its complement: 2]
constexpr std::string_view kStored = "\x00\x00\x00\xFF\xFF"sv;
// [0: final, 01: fixed codes][0000000: end of block] and one as above from the 11th bit on.
constexpr std::string_view kFixedAndStored = "\x02\x00\x00\x00\xFF\xFF"sv;

std::uint64_t gap(std::uint64_t offset, std::uint64_t block_bytes) {
  return (block_bytes - offset % block_bytes) % block_bytes;
}

}  // namespace

// 5 a + 6 b with b <= a + b: as many sixes as the rest of the division by 5 says.
bool is_stream_padding(std::uint64_t bytes) { return bytes % 5 <= bytes / 5; }

void append_stream_padding(std::string& out, std::uint64_t bytes) {
  PV_ASSERT(is_stream_padding(bytes));
  const std::uint64_t longer = bytes % 5;
  const std::uint64_t blocks = bytes / 5;
  for (std::uint64_t i = 0; i < blocks; ++i) { out += i < longer ? kFixedAndStored : kStored; }
}

std::uint64_t stream_padding(std::uint64_t offset, std::uint64_t block_bytes) {
  const std::uint64_t least = gap(offset, block_bytes);
  return is_stream_padding(least) ? least : least + block_bytes;
}

std::uint64_t header_padding(std::uint64_t offset, std::uint64_t block_bytes) {
  const std::uint64_t least = gap(offset, block_bytes);
  return least == 0 || least >= kHeaderPaddingMin ? least : least + block_bytes;
}

}  // namespace pv::zip
