// Bytes that mean nothing, so that what follows begins at a block of the file system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pv::zip {

// Blocks that are worth padding for: half of one is what each place costs.
inline constexpr std::uint64_t kAlignedBlockMax = std::uint64_t{16} << 10U;

// Between two pieces of a deflate stream: empty blocks, from a byte boundary to a byte boundary.
// Their lengths are sums of 5 and 6, so 0, 5, 6, 10, 11, 12, 15 to 18, and all from 20 on.
[[nodiscard]] bool is_stream_padding(std::uint64_t bytes);
void append_stream_padding(std::string& out, std::uint64_t bytes);
inline constexpr std::uint64_t kStreamPaddingMax = kAlignedBlockMax + 19;
// The least such length after which `offset` is a multiple of `block_bytes` (32 or more).
[[nodiscard]] std::uint64_t stream_padding(std::uint64_t offset, std::uint64_t block_bytes);

// In a local header: an extra field 0xD935, which Android's zipalign made known.
// [0xD935: 2][bytes that follow: 2][1, "a multiple of": 2][zeros]
inline constexpr std::uint64_t kHeaderPaddingMin = 6;
inline constexpr std::uint64_t kHeaderPaddingMax = kAlignedBlockMax + kHeaderPaddingMin - 1;
[[nodiscard]] std::uint64_t header_padding(std::uint64_t offset, std::uint64_t block_bytes);

}  // namespace pv::zip
