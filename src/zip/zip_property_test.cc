// Any set of files, with any sizes and limits, comes back as it was.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "testing/fixtures.h"
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

// A name that every tool writes to a disk as it is.
std::string plain_name(Dice& dice, std::size_t number) {
  constexpr const char* kParts[] = {"a",  "B c",     "caf\xc3\xa9", "x.y.z", "(1)", "\xe2\x82\xac",
                                    "--", "storage", "_",           "#&;'\""};
  std::string name;
  for (std::size_t i = dice.below(4); i > 0; --i) {
    name += std::string{kParts[dice.below(10)]} + "/";
  }
  return name + kParts[dice.below(10)] + std::to_string(number);
}

struct AnyArchive {
  WriterOptions options;
  std::vector<File> files;
  testing::Patching patching = testing::Patching::kYes;
  bool with_sizes = true;
};

AnyArchive any_archive(Dice& dice, std::string (*name)(Dice&, std::size_t)) {
  AnyArchive any;
  const std::size_t chunk = std::size_t{64} << dice.below(10);
  any.options.chunk_bytes = chunk;
  any.options.chunks_in_flight_max = dice.below(12);
  any.options.level = static_cast<int>(dice.below(4));
  const std::size_t count = dice.below(60);
  for (std::size_t i = 0; i < count; ++i) {
    any.files.push_back({.name = name(dice, i),
                         .content = any_content(dice, any_size(dice, chunk)),
                         .mode = static_cast<std::uint32_t>(0100000 + dice.below(01000)),
                         .modified = WallTime{std::chrono::seconds{dice.below(0x7FFFFFFF)}}});
  }
  any.patching = dice.below(2) == 0 ? testing::Patching::kYes : testing::Patching::kNo;
  any.with_sizes = dice.below(2) == 0;
  return any;
}

// PV_SEED, or another one each time.
std::uint64_t first_seed() {
  const char* given = std::getenv("PV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

TEST(ZipProperty, AnySetOfFilesRoundTrips) {
  const std::uint64_t first = first_seed();
  for (std::uint64_t seed = first; seed < first + 40; ++seed) {
    SCOPED_TRACE(::testing::Message() << "PV_SEED=" << seed);
    Dice dice{seed};
    const AnyArchive any = any_archive(dice, any_name);
    testing::expect_round_trip(any.files, any.options, any.patching, any.with_sizes);
    if (::testing::Test::HasFailure()) { return; }
  }
}

TEST(ZipProperty, AnySetOfFilesComesOutOfUnzipAsItWas) {
  const std::uint64_t first = first_seed();
  for (std::uint64_t seed = first; seed < first + 12; ++seed) {
    SCOPED_TRACE(::testing::Message() << "PV_SEED=" << seed);
    Dice dice{seed};
    const AnyArchive any = any_archive(dice, plain_name);
    if (any.files.empty()) { continue; }  // unzip has a status of its own for these
    const pv::testing::TempFolder folder;
    pv::testing::write_file(
        folder / "a.zip",
        testing::pack(any.files, any.options, any.patching, any.with_sizes).archive);
    const auto unzipped = pv::testing::run("cd '" + folder.path().string() +
                                           "' && unzip -qq a.zip -d out && chmod -R u+r out");
    ASSERT_EQ(unzipped.status, 0) << unzipped.output;
    for (const File& file : any.files) {
      EXPECT_TRUE(pv::testing::read_file(folder / ("out/" + file.name)) == file.content)
          << file.name;
    }
    if (::testing::Test::HasFailure()) { return; }
  }
}

}  // namespace
}  // namespace pv::zip
