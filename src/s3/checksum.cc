#include "s3/checksum.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/text.h"

namespace pv::s3 {

std::uint32_t crc32c(Bytes bytes, std::uint32_t before) {
  constexpr std::size_t kStepBytesMax = std::size_t{1} << 30U;  // ISA-L counts in int
  std::uint32_t state = ~before;
  while (!bytes.empty()) {
    const Bytes step = bytes.first(std::min(bytes.size(), kStepBytesMax));
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(step.data()));
    state = ::crc32_iscsi(data, static_cast<int>(step.size()), state);  // reads only
    bytes = bytes.subspan(step.size());
  }
  return ~state;
}

std::string crc32c_text(std::uint32_t crc) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    bytes += static_cast<char>(static_cast<unsigned char>(crc >> shift));
  }
  return to_base64(as_bytes(bytes));
}

std::string md5(Bytes bytes) {
  constexpr std::size_t kHashBytes = 16;
  std::string hash(kHashBytes, '\0');
  unsigned int length = 0;
  PV_ASSERT(::EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()),
                         &length, ::EVP_md5(), nullptr) == 1);
  return hash;
}

}  // namespace pv::s3
