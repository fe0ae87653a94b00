// Checksums that S3 servers check.
//
// CRC32C and not CRC64NVME: both are known to the same servers, for a whole object too, and the
// ISA-L of Debian 12 computes only this one with the processor's instruction.
#pragma once

#include <cstdint>
#include <string>

#include "base/io.h"

namespace pv::s3 {

// Of what came before (0: nothing) followed by `bytes`.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0);

// As in x-amz-checksum-crc32c: base64 of four bytes, the highest first.
[[nodiscard]] std::string crc32c_text(std::uint32_t crc);

// 16 bytes.
[[nodiscard]] std::string md5(Bytes bytes);

}  // namespace pv::s3
