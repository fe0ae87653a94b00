// Archives for a sink that knows the one before, and is told what lies where in it.

#include <gtest/gtest.h>

#include "testing/fixtures.h"
#include "zip/previous.h"
#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using pv::testing::RepeatingSink;
using testing::File;
using testing::MemorySource;

constexpr std::size_t kChunk = 4096;
constexpr HashKey kKey{std::byte{7}, std::byte{1}};

void pack(Sink& sink, const std::vector<File>& files, const Previous* previous) {
  WorkPool pool{2};
  const WriterOptions options{.chunk_bytes = kChunk, .hash_key = kKey, .previous = previous};
  ZipWriter writer{sink, pool, options, {}};
  for (const File& file : files) {
    EntryMeta meta{
        .name = file.name, .modified = file.modified, .expected_bytes = file.content.size()};
    ASSERT_TRUE(writer.add(std::move(meta), testing::open_memory(file.content)).has_value());
  }
  ASSERT_TRUE(writer.finish().has_value());
}

std::string packed(const std::vector<File>& files) {
  testing::MemorySink sink{testing::Patching::kNo};
  pack(sink, files, nullptr);
  return sink.content();
}

// Where nothing but the end may be read, as nobody wants to from far away.
class FarSource final : public Source {
 public:
  FarSource(std::string content, std::uint64_t from) : content_{std::move(content)}, from_{from} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return content_.size_bytes(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    EXPECT_GE(offset, from_);
    return content_.read_at(offset, into);
  }

 private:
  MemorySource content_;
  const std::uint64_t from_;
};

// Of what does not compress: ISA-L makes now and then something else of the same text, as long as
// it is right, when its thread was interrupted.
std::vector<File> some_files() {
  std::vector<File> files{{.name = "auxiliary.db", .content = testing::noise_of(7 * kChunk + 5)},
                          {.name = "data.db", .content = testing::noise_of(90 * kChunk + 123, 2)},
                          {.name = "film.mp4", .content = testing::noise_of(20 * kChunk)},
                          {.name = "storage/", .content = ""}};
  for (unsigned i = 0; i < 90; ++i) {
    const std::string name = "storage/" + std::to_string(i);
    files.push_back({.name = name + ".txt", .content = testing::noise_of(10 + 31 * i, i)});
    files.push_back({.name = name + ".jpg", .content = testing::noise_of(50 + 40 * i, i)});
  }
  return files;
}

struct Repeated {
  std::uint64_t bytes = 0;  // of the previous archive
  std::uint64_t right = 0;
  std::uint64_t wrong = 0;
  std::size_t runs = 0;
};

// Packs `files` after `before`, and sees that the archive holds them.
Repeated repeated(const std::vector<File>& files, const std::string& before) {
  constexpr std::uint64_t kLookedForEnd = 70'000;  // the end record may have a comment
  auto previous =
      Previous::open(std::make_shared<FarSource>(before, before.size() - kLookedForEnd), kKey)
          .value();
  RepeatingSink sink{before};
  pack(sink, files, previous.get());
  const auto unpacked = testing::unpack(sink.content());
  EXPECT_TRUE(unpacked.has_value());
  if (unpacked.has_value()) { testing::expect_same(files, *unpacked); }
  return {before.size(), sink.right_bytes(), sink.wrong_bytes(), sink.runs()};
}

TEST(Repeating, AllOfAnUnchangedArchiveIsOneRun) {
  const auto files = some_files();
  const Repeated found = repeated(files, packed(files));
  EXPECT_EQ(found.wrong, 0U);
  EXPECT_EQ(found.runs, 1U);
  constexpr std::uint64_t kBlockAndDirectory = 40'000;
  EXPECT_GT(found.right + kBlockAndDirectory, found.bytes);
  EXPECT_LT(found.right, found.bytes);
}

TEST(Repeating, WhatIsDeflatedComesOutAsItWas) {
  auto files = some_files();
  for (File& file : files) {
    if (!file.content.empty()) { file.content = testing::text_of(file.content.size()); }
  }
  const Repeated found = repeated(files, packed(files));
  EXPECT_EQ(found.wrong, 0U);
  EXPECT_GT(found.right * 2, found.bytes);
}

TEST(Repeating, WhatChangedCutsItAndWhatMovedGoesOn) {
  auto files = some_files();
  const std::string before = packed(files);
  files[1].content[40 * kChunk] ^= 1;               // one chunk
  files[50].content = testing::noise_of(5000, 77);  // another size
  files.insert(files.begin() + 100, {.name = "storage/new", .content = testing::noise_of(3000, 9)});
  files.erase(files.begin() + 150);
  const Repeated found = repeated(files, before);
  EXPECT_EQ(found.wrong, 0U);
  EXPECT_LE(found.runs, 6U);
  EXPECT_GT(found.right * 10, found.bytes * 9);
}

// A header of the same length with another time in it is taken for the same: the sink sees to that.
TEST(Repeating, TimesOfFilesAreGuessed) {
  auto files = some_files();
  const std::string before = packed(files);
  files[60].modified += std::chrono::hours{1};
  const Repeated found = repeated(files, before);
  EXPECT_EQ(found.runs, 1U);
  EXPECT_GT(found.wrong, 0U);
  EXPECT_LT(found.wrong, 200U);
}

TEST(Repeating, OfAnotherArchiveNothingIsTaken) {
  std::vector<File> others;
  for (const File& file : some_files()) {
    others.push_back({.name = file.name, .content = testing::noise_of(file.content.size() + 9, 5)});
  }
  const Repeated found = repeated(some_files(), packed(others));
  EXPECT_EQ(found.right, 0U);
}

}  // namespace
}  // namespace pv::zip
