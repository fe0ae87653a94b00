#include "zip/deflate.h"

#include <gtest/gtest.h>

#include "zip/sample.h"
#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using testing::noise_of;
using testing::text_of;

MutableBytes room_of(std::string& text) { return std::as_writable_bytes(std::span{text}); }

std::string deflated(const std::string& raw, int level, StreamEnd end) {
  Deflater deflater{level};
  std::string packed(raw.size() + raw.size() / 4 + 1000, '\0');
  const auto count = deflater.run(as_bytes(raw), room_of(packed), end);
  EXPECT_TRUE(count.has_value());
  packed.resize(count.value_or(0));
  return packed;
}

std::string framed(const std::string& raw, StreamEnd end) {
  std::string packed(store_bytes_max(raw.size()), '\0');
  packed.resize(store_blocks(as_bytes(raw), room_of(packed), end));
  return packed;
}

struct Inflated {
  std::string raw;
  bool is_over = false;
  std::size_t left = 0;
};
Result<Inflated> inflated(const std::string& packed, std::size_t input_step,
                          std::size_t output_step) {
  Inflater inflater;
  Inflated result;
  std::string output(output_step, '\0');
  Bytes left = as_bytes(packed);
  for (;;) {
    const Bytes input = left.first(std::min(input_step, left.size()));
    PV_TRY(const Inflater::Step step, inflater.run(input, room_of(output)));
    left = left.subspan(step.taken);
    result.raw.append(output, 0, step.made);
    result.is_over = step.is_over;
    result.left = left.size() + step.too_many;
    if (step.is_over || (left.empty() && step.made < output.size())) { return result; }
  }
}

TEST(Deflate, PiecesFlushedOnTheirOwnMakeOneStream) {
  const std::string text = text_of(70'000);
  const std::string noise = noise_of(70'000);
  for (const int level : {0, 1, 2, 3}) {
    const std::string stream = deflated(text, level, StreamEnd::kFlush) +
                               framed(noise, StreamEnd::kFlush) +
                               deflated(text, level, StreamEnd::kFinal);
    const auto result = inflated(stream, 1 << 16, 1 << 16);
    ASSERT_TRUE(result.has_value()) << result.error().what;
    EXPECT_TRUE(result->is_over);
    EXPECT_TRUE(result->raw == text + noise + text) << "level " << level;
  }
}

// The promise that parallel and partial reading rest on.
TEST(Deflate, AnyPieceInflatesWithoutTheOnesBefore) {
  const std::string text = text_of(70'000);
  for (const int level : {0, 1, 2, 3}) {
    Deflater deflater{level};
    std::string packed(200'000, '\0');
    const auto first = deflater.run(as_bytes(text), room_of(packed), StreamEnd::kFlush);
    const auto second = deflater.run(as_bytes(text), room_of(packed), StreamEnd::kFlush);
    ASSERT_TRUE(first && second);
    const auto result = inflated(packed.substr(0, *second), 1 << 16, 1 << 18);
    ASSERT_TRUE(result.has_value()) << result.error().what;
    EXPECT_TRUE(result->raw == text) << "level " << level;
    EXPECT_FALSE(result->is_over);
  }
}

TEST(Deflate, SaysWhenItDoesNotFit) {
  Deflater deflater{1};
  const std::string noise = noise_of(10'000);
  std::string room(9'999, '\0');
  EXPECT_EQ(deflater.run(as_bytes(noise), room_of(room), StreamEnd::kFinal), std::nullopt);
}

TEST(StoreBlocks, CoverEverySizeAroundABlock) {
  for (const std::size_t size : {0U, 1U, 65'534U, 65'535U, 65'536U, 131'070U, 131'071U, 200'000U}) {
    const std::string noise = noise_of(size);
    const auto result = inflated(framed(noise, StreamEnd::kFinal), 1 << 20, 1 << 20);
    ASSERT_TRUE(result.has_value()) << result.error().what;
    EXPECT_TRUE(result->is_over && result->left == 0) << size;
    EXPECT_TRUE(result->raw == noise) << size;
  }
}

TEST(Inflate, TakesItsInputInAnySteps) {
  const std::string text = text_of(20'000);
  const std::string stream = deflated(text, 1, StreamEnd::kFinal);
  for (const std::size_t input_step : {1U, 2U, 7U, 100U, 100'000U}) {
    for (const std::size_t output_step : {1U, 3U, 1000U, 100'000U}) {
      const auto result = inflated(stream, input_step, output_step);
      ASSERT_TRUE(result.has_value()) << result.error().what;
      EXPECT_TRUE(result->is_over && result->left == 0) << input_step << ' ' << output_step;
      EXPECT_TRUE(result->raw == text) << input_step << ' ' << output_step;
    }
  }
}

TEST(Inflate, CountsBytesBehindTheEndOfTheStream) {
  const std::string stream = deflated(text_of(20'000), 1, StreamEnd::kFinal);
  for (const std::size_t extra : {1U, 2U, 5U, 8U, 100U}) {
    for (const std::size_t input_step : {1U, 10U, 100'000U}) {
      const auto result = inflated(stream + std::string(extra, 'x'), input_step, 100'000);
      ASSERT_TRUE(result.has_value()) << result.error().what;
      EXPECT_TRUE(result->is_over);
      if (input_step == 100'000U) { EXPECT_EQ(result->left, extra); }
      EXPECT_GE(result->left, 1U) << "input step " << input_step;
    }
  }
}

TEST(Inflate, RefusesWhatIsNotDeflate) {
  EXPECT_EQ(inflated("\x07\x00\x00", 10, 10).error().code, Code::kDamaged);  // block type 3
  EXPECT_EQ(inflated(std::string{"\x01\x05\x00\x00\x00hello", 10}, 10, 10).error().code,
            Code::kDamaged);  // length and its complement differ
}

struct Taste {
  const char* label;
  std::string bytes;
  bool compressible;
};

TEST(Sample, TellsWhatIsWorthDeflating) {
  std::string base64 = noise_of(100'000);
  for (char& c : base64) {
    c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[c & 63];
  }
  std::string repeated;
  for (int i = 0; i < 100; ++i) { repeated += noise_of(1000, 7); }
  const Taste tastes[] = {
      {"text", text_of(100'000), true},
      {"zeros", std::string(100'000, '\0'), true},
      {"noise in 64 letters", base64, true},
      {"the same noise again and again", repeated, true},
      {"text at the start only", text_of(10'000) + noise_of(90'000), true},
      {"text at the end only", noise_of(90'000) + text_of(10'000), true},
      {"a few bytes", noise_of(100), true},
      {"noise", noise_of(100'000), false},
      {"noise, short", noise_of(5000), false},
      {"deflated text", deflated(text_of(300'000), 3, StreamEnd::kFinal), false},
  };
  for (const Taste& taste : tastes) {
    EXPECT_EQ(looks_compressible(as_bytes(taste.bytes)), taste.compressible) << taste.label;
  }
}

}  // namespace
}  // namespace pv::zip
