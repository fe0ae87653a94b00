// CRC-32 as zip, gzip and PNG use it (ISO 3309), computed in pieces and put together.
#pragma once

#include <cstdint>

#include "base/io.h"

namespace pv::zip {

// The CRC of `bytes` when `before` is the CRC of what came before them (0 at the start).
[[nodiscard]] std::uint32_t crc32(Bytes bytes, std::uint32_t before = 0);

// The CRC of A followed by B, from those of A and of B and the length of B. Takes below a
// microsecond whatever the length.
[[nodiscard]] std::uint32_t combine_crc32(std::uint32_t a, std::uint32_t b, std::uint64_t b_bytes);

}  // namespace pv::zip
