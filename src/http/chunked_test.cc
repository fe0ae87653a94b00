#include "http/chunked.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace pv::http {
namespace {

struct Decoded {
  std::string data;
  bool done = false;
  bool broken = false;
  std::size_t used = 0;
};

// Feeds `text` in pieces of `piece` bytes, taking out at most `room` at a time.
Decoded decode(std::string_view text, std::size_t piece, std::size_t room = 7) {
  ChunkDecoder decoder;
  Decoded all;
  std::array<std::byte, 64> out{};
  while (all.used < text.size() && !decoder.done()) {
    const auto step =
        decoder.decode(as_bytes(text.substr(all.used, piece)), MutableBytes{out}.first(room));
    if (!step.has_value()) {
      all.broken = true;
      return all;
    }
    all.data += as_text(Bytes{out}.first(step->made));
    all.used += step->used;
    if (step->used == 0 && step->made == 0) {
      ADD_FAILURE() << "stands still";
      break;
    }
  }
  all.done = decoder.done();
  return all;
}

TEST(ChunkDecoder, DecodesWhateverThePieces) {
  const std::string text =
      "5\r\nhello\r\n00A;name=\"v\"\r\n, world!!!\r\n1 \t\r\n.\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Decoded all = decode(text + "GET", piece);
    EXPECT_EQ(all.data, "hello, world!!!.") << piece;
    EXPECT_TRUE(all.done);
    EXPECT_EQ(all.used, text.size()) << "what follows belongs to the next request";
  }
}

TEST(ChunkDecoder, IsNotDoneBeforeTheEnd) {
  const std::string text = "5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Decoded all = decode(std::string_view{text}.substr(0, size), 4);
    EXPECT_FALSE(all.done) << size;
    EXPECT_FALSE(all.broken) << size;
  }
}

TEST(ChunkDecoder, RefusesWhatTwoServersCouldReadDifferently) {
  for (const char* broken :
       {"\r\n", "5\nhello", "5\r\nhelloX", "5\r\nhello\n", "5\rx\r\n", "g\r\n", "-5\r\n", "+5\r\n",
        " 5\r\n", "0x5\r\n", "5 5\r\n", ";a\r\n", "11111111111111111\r\n", "0\r\nX: y\rz\r\n"}) {
    EXPECT_TRUE(decode(broken, 64).broken) << broken;
  }
}

TEST(ChunkDecoder, BoundsWhatCarriesNoData) {
  EXPECT_TRUE(decode("5;" + std::string(5000, 'x') + "\r\nhello\r\n", 64).broken);
  EXPECT_TRUE(decode("0\r\nX: " + std::string(9000, 'x'), 64).broken);
  std::string many;
  for (int i = 0; i < 100; ++i) { many += "1;" + std::string(400, 'x') + "\r\ny\r\n"; }
  EXPECT_TRUE(decode(many, 64).broken);
  std::string honest;
  for (int i = 0; i < 10'000; ++i) { honest += "1\r\ny\r\n"; }
  EXPECT_EQ(decode(honest + "0\r\n\r\n", 64).data, std::string(10'000, 'y'));
}

}  // namespace
}  // namespace pv::http
