#include "zip/padding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "testing/fixtures.h"
#include "zip/deflate.h"

namespace pv::zip {
namespace {

std::string stream_padding_of(std::uint64_t bytes) {
  std::string padding;
  append_stream_padding(padding, bytes);
  return padding;
}

TEST(StreamPadding, HasLengthsThatAreSumsOfFiveAndSix) {
  const std::vector<std::uint64_t> none{1, 2, 3, 4, 7, 8, 9, 13, 14, 19};
  for (std::uint64_t bytes = 0; bytes < 100; ++bytes) {
    const bool is_none = std::find(none.begin(), none.end(), bytes) != none.end();
    EXPECT_EQ(is_stream_padding(bytes), !is_none) << bytes;
    if (!is_none) { EXPECT_EQ(stream_padding_of(bytes).size(), bytes); }
  }
}

TEST(StreamPadding, ReachesTheNextBlockFromAnywhere) {
  for (const std::uint64_t block : {32U, 512U, 4096U, 16384U}) {
    for (std::uint64_t offset = 0; offset < 3 * block; ++offset) {
      const std::uint64_t bytes = stream_padding(offset, block);
      ASSERT_TRUE(is_stream_padding(bytes)) << offset;
      ASSERT_EQ((offset + bytes) % block, 0U) << offset;
      ASSERT_LE(bytes, kStreamPaddingMax);
    }
  }
}

TEST(HeaderPadding, ReachesTheNextBlockFromAnywhere) {
  for (const std::uint64_t block : {32U, 4096U, 16384U}) {
    for (std::uint64_t offset = 0; offset < 2 * block; ++offset) {
      const std::uint64_t bytes = header_padding(offset, block);
      ASSERT_TRUE(bytes == 0 || bytes >= kHeaderPaddingMin) << offset;
      ASSERT_EQ((offset + bytes) % block, 0U) << offset;
      ASSERT_LE(bytes, kHeaderPaddingMax);
    }
  }
}

// Every length that is ever written, in one file for zlib: pieces, each with padding behind it.
TEST(StreamPadding, OfEveryLengthIsNothingToZlib) {
  std::string stream;
  std::string expected;
  for (std::uint64_t bytes = 0; bytes <= kStreamPaddingMax; ++bytes) {
    if (!is_stream_padding(bytes)) { continue; }
    const std::string raw = std::to_string(bytes);
    std::string piece(raw.size() + 5, '\0');
    piece.resize(
        store_blocks(as_bytes(raw), std::as_writable_bytes(std::span{piece}), StreamEnd::kFlush));
    // Few of the long ones: all together would be 130 MB.
    if (bytes < 1000 || bytes % 97 == 0) {
      stream += piece + stream_padding_of(bytes);
      expected += raw;
    }
  }
  std::string end(5, '\0');
  (void)store_blocks({}, std::as_writable_bytes(std::span{end}), StreamEnd::kFinal);
  stream += end;
  const pv::testing::TempFolder folder;
  pv::testing::write_file(folder / "stream", stream);
  pv::testing::write_file(folder / "expected", expected);
  const auto run = pv::testing::run(
      "cd '" + folder.path().string() +
      "' && python3 -c \"import zlib; d = zlib.decompressobj(-15); "
      "assert d.decompress(open('stream', 'rb').read()) == open('expected', 'rb').read(); "
      "assert d.eof and not d.unused_data\"");
  EXPECT_EQ(run.status, 0) << run.output;
}

}  // namespace
}  // namespace pv::zip
