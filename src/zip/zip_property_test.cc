// Any set of files, with any sizes and limits, comes back as it was.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using testing::File;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_{seed} {}
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
  unsigned seed() { return static_cast<unsigned>(engine_()); }

 private:
  std::mt19937_64 engine_;
};

std::size_t any_size(Dice& dice, std::size_t chunk) {
  switch (dice.below(6)) {
    case 0: return dice.below(4);
    case 1: return chunk * dice.below(5);
    case 2: return chunk * (1 + dice.below(4)) + 1 - 2 * dice.below(2);
    case 3: return dice.below(30 * chunk);
    default: return dice.below(2 * chunk);
  }
}

std::string any_content(Dice& dice, std::size_t size) {
  switch (dice.below(5)) {
    case 0: return testing::noise_of(size, dice.seed());
    case 1: return std::string(size, static_cast<char>(dice.below(256)));
    case 2: {
      const std::size_t cut = dice.below(size + 1);
      return testing::noise_of(cut, dice.seed()) + testing::text_of(size - cut, dice.seed());
    }
    default: return testing::text_of(size, dice.seed());
  }
}

std::string any_name(Dice& dice, std::size_t number) {
  std::string name = std::to_string(number) + "-";
  for (std::size_t i = dice.below(40); i > 0; --i) {
    name += static_cast<char>(1 + dice.below(255));
  }
  if (name.ends_with('/')) { name += 'x'; }
  return name;
}

TEST(ZipProperty, AnySetOfFilesRoundTrips) {
  const char* given = std::getenv("PV_SEED");
  const std::uint64_t first_seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first_seed; seed < first_seed + 40; ++seed) {
    SCOPED_TRACE(::testing::Message() << "PV_SEED=" << seed);
    Dice dice{seed};
    const std::size_t chunk = std::size_t{64} << dice.below(10);
    const WriterOptions options{.chunk_bytes = chunk,
                                .chunks_in_flight_max = dice.below(12),
                                .level = static_cast<int>(dice.below(4))};
    std::vector<File> files;
    const std::size_t count = dice.below(60);
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back({.name = any_name(dice, i),
                       .content = any_content(dice, any_size(dice, chunk)),
                       .mode = static_cast<std::uint32_t>(0100000 + dice.below(01000)),
                       .modified = WallTime{std::chrono::seconds{dice.below(0x7FFFFFFF)}}});
    }
    const auto patching = dice.below(2) == 0 ? testing::Patching::kYes : testing::Patching::kNo;
    testing::expect_round_trip(files, options, patching, dice.below(2) == 0);
    if (::testing::Test::HasFailure()) { return; }
  }
}

}  // namespace
}  // namespace pv::zip
