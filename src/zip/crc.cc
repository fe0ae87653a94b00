#include "zip/crc.h"

#include <isa-l/crc.h>

#include <array>

namespace pv::zip {
namespace {

// CRCs are remainders of polynomials over GF(2) modulo P = x^32 + x^26 + ... + 1, bits reversed:
// bit 31 is the coefficient of x^0. Appending n bytes multiplies what came before by x^(8n), so
// crc(AB) = crc(A) * x^(8 * |B|) mod P + crc(B).
constexpr std::uint32_t kPolynomial = 0xEDB88320U;
constexpr std::uint32_t kOne = 0x80000000U;  // x^0
constexpr std::uint32_t kX = 0x40000000U;    // x^1
constexpr std::size_t kPowers = 33;

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = kOne; bit != 0; bit >>= 1U) {
    if ((a & bit) != 0) { product ^= b; }
    b = (b & 1U) != 0 ? (b >> 1U) ^ kPolynomial : b >> 1U;  // b * x
  }
  return product;
}

// kSquares[k] = x^(2^k) mod P.
constexpr std::array<std::uint32_t, kPowers> kSquares = [] {
  std::array<std::uint32_t, kPowers> squares{};
  squares[0] = kX;
  for (std::size_t k = 1; k < kPowers; ++k) {
    squares[k] = multiply(squares[k - 1], squares[k - 1]);
  }
  return squares;
}();

// x^(8 * bytes) mod P: 8 * bytes is bytes << 3, hence k starts at 3. x^(2^32) = x again, because P
// is primitive: the powers repeat every 32.
std::uint32_t shift_by(std::uint64_t bytes) {
  std::uint32_t power = kOne;
  for (std::size_t k = 3; bytes != 0; ++k, bytes >>= 1U) {
    if ((bytes & 1U) != 0) { power = multiply(kSquares[k % 32], power); }
  }
  return power;
}

static_assert(kSquares[32] == kX);

}  // namespace

std::uint32_t crc32(Bytes bytes, std::uint32_t before) {
  return ::crc32_gzip_refl(before, reinterpret_cast<const unsigned char*>(bytes.data()),
                           bytes.size());
}

std::uint32_t combine_crc32(std::uint32_t a, std::uint32_t b, std::uint64_t b_bytes) {
  return multiply(shift_by(b_bytes), a) ^ b;
}

}  // namespace pv::zip
