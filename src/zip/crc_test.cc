#include "zip/crc.h"

#include <gtest/gtest.h>

#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

TEST(Crc32, IsTheOneThatZipUses) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926U);  // the catalogue's check value
  EXPECT_EQ(crc32({}), 0U);
  EXPECT_EQ(crc32(as_bytes("56789"), crc32(as_bytes("1234"))), 0xCBF43926U);
}

TEST(Crc32, OfTwoPiecesIsThatOfTheWhole) {
  const std::string noise = testing::noise_of(100'000);
  const Bytes whole = as_bytes(noise);
  for (const std::size_t cut : {0U, 1U, 7U, 4096U, 65'535U, 99'999U, 100'000U}) {
    EXPECT_EQ(combine_crc32(crc32(whole.first(cut)), crc32(whole.subspan(cut)), whole.size() - cut),
              crc32(whole))
        << "cut at " << cut;
  }
}

TEST(Crc32, CombinesLengthsBeyond32Bits) {
  // 5 GiB of zeros, put together from 1 GiB five times, and at once from halves of other sizes.
  const std::string zeros(1 << 20, '\0');
  const std::uint32_t mebibyte = crc32(as_bytes(zeros));
  std::uint32_t whole = 0;
  for (int i = 0; i < 5 * 1024; ++i) { whole = combine_crc32(whole, mebibyte, zeros.size()); }
  std::uint32_t first = 0;
  for (int i = 0; i < 17; ++i) { first = combine_crc32(first, mebibyte, zeros.size()); }
  std::uint32_t rest = 0;
  for (int i = 0; i < 5 * 1024 - 17; ++i) { rest = combine_crc32(rest, mebibyte, zeros.size()); }
  EXPECT_EQ(combine_crc32(first, rest, (std::uint64_t{5 * 1024 - 17}) << 20U), whole);
}

}  // namespace
}  // namespace pv::zip
