// Checksums that S3 servers check.
//
// CRC32C and not CRC64NVME: both are known to the same servers, for a whole object too, and the
// ISA-L of Debian 12 computes only this one with the processor's instruction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/io.h"

namespace pv::s3 {

// Of what came before (0: nothing) followed by `bytes`.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0);

// As in x-amz-checksum-crc32c: base64 of four bytes, the highest first.
[[nodiscard]] std::string crc32c_text(std::uint32_t crc);

// 16 bytes.
[[nodiscard]] std::string md5(Bytes bytes);

// The MD5 of what is written, whole and in parts: what servers that encrypt nothing make the ETags
// of their objects of.
class EtagHasher final : public Sink {
 public:
  explicit EtagHasher(std::size_t part_bytes);
  ~EtagHasher() override;
  EtagHasher(const EtagHasher&) = delete;
  EtagHasher& operator=(const EtagHasher&) = delete;

  [[nodiscard]] Result<void> write(Bytes bytes) override;
  // Whether `etag`, with or without its quotes, is that of an object of these bytes, put as one or
  // in such parts. Nothing is written afterwards.
  [[nodiscard]] bool fits(std::string_view etag);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Without the quotes that it may have.
[[nodiscard]] std::string_view bare_etag(std::string_view etag);

}  // namespace pv::s3
