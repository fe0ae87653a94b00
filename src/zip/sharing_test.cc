// Archives that share blocks with the one before.

#include <gtest/gtest.h>

#include <random>

#include "testing/fixtures.h"
#include "zip/previous.h"
#include "zip/vault_block.h"
#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using pv::testing::CloningSink;
using testing::File;
using testing::MemorySource;
using testing::Patching;

constexpr std::size_t kBlock = 64;
constexpr std::size_t kChunk = 64 * kBlock;  // text makes about 20 blocks of one
constexpr HashKey kKey{std::byte{7}, std::byte{1}};

struct Watched {
  File file;
  std::optional<SourceIdentity> identity = std::nullopt;
};

struct Made {
  std::string archive;
  ArchiveReport report;
  std::size_t clones = 0;
};

struct Way {
  std::uint64_t block_bytes = kBlock;
  Patching patching = Patching::kYes;
  std::size_t refuses_from = SIZE_MAX;
};

Result<Made> try_to_make(const std::vector<Watched>& files, const Previous* previous, Way way) {
  WorkPool pool{2};
  CloningSink sink{way.block_bytes, way.patching, way.refuses_from};
  const WriterOptions options{.chunk_bytes = kChunk, .hash_key = kKey, .previous = previous};
  ZipWriter writer{sink, pool, options, {}};
  for (const Watched& one : files) {
    EntryMeta meta{.name = one.file.name,
                   .modified = one.file.modified,
                   .expected_bytes = one.file.content.size(),
                   .identity = one.identity};
    PV_CHECK(writer.add(std::move(meta), testing::open_memory(one.file.content)));
  }
  PV_TRY(ArchiveReport report, writer.finish());
  return Made{sink.content(), std::move(report), sink.clones()};
}

Made make(const std::vector<Watched>& files, const Previous* previous, Way way = {}) {
  auto made = try_to_make(files, previous, way);
  EXPECT_TRUE(made.has_value()) << made.error().what;
  return made.has_value() ? *std::move(made) : Made{};
}

std::unique_ptr<Previous> previous_of(const std::string& archive) {
  auto previous = Previous::open(std::make_shared<MemorySource>(archive), kKey);
  EXPECT_TRUE(previous.has_value()) << previous.error().what;
  return std::move(*previous);
}

Watched watched(std::string name, std::string content) {
  static std::uint64_t inode = 0;
  const SourceIdentity identity{
      .device = 1, .inode = ++inode, .size_bytes = content.size(), .modified_ns = 7};
  return {{.name = std::move(name), .content = std::move(content)}, identity};
}

void change(Watched& one) {
  one.file.content[one.file.content.size() / 2] ^= 1;
  ++one.identity->changed_ns;
}

// Many of every kind: small and big, that compress and don't.
std::vector<Watched> some_files() {
  std::vector<Watched> files;
  files.push_back(watched("data.db", testing::text_of(30 * kChunk + 123)));
  files.push_back(watched("film.mp4", testing::noise_of(9 * kChunk + 1)));
  files.push_back(watched("zeros", std::string(20 * kChunk, '\0')));
  files.push_back(watched("mixed", testing::text_of(3 * kChunk) + testing::noise_of(3 * kChunk)));
  files.push_back(watched("empty", ""));
  for (unsigned i = 0; i < 60; ++i) {
    const std::string name = "storage/" + std::to_string(i);
    files.push_back(watched(name + ".txt", testing::text_of(10 + 97 * i, i)));
    files.push_back(watched(name + ".jpg", testing::noise_of(50 + 61 * i, i)));
  }
  return files;
}

void expect_holds(const std::string& archive, const std::vector<Watched>& files) {
  const auto unpacked = testing::unpack(archive);
  ASSERT_TRUE(unpacked.has_value()) << unpacked.error().what;
  std::vector<File> expected;
  for (const Watched& one : files) { expected.push_back(one.file); }
  testing::expect_same(expected, *unpacked);
  const auto reader = testing::open(archive).value();
  EXPECT_EQ(reader.why_no_block(), "");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Entry& entry = reader.entries()[i];
    std::string content;
    const auto pieces = reader.pieces_of(entry).value();
    for (const ZipReader::Piece& piece : pieces) {
      std::string raw(piece.raw_bytes, '\0');
      ASSERT_TRUE(
          reader.extract_piece(entry, piece, std::as_writable_bytes(std::span{raw})).has_value());
      content += raw;
    }
    if (!content.empty()) { EXPECT_TRUE(content == files[i].file.content); }
  }
}

TEST(Sharing, BeginsDataAtBlocksWhereTheSinkCanClone) {
  const auto files = some_files();
  const Made made = make(files, nullptr);
  expect_holds(made.archive, files);
  const auto previous = previous_of(made.archive);
  for (const char* name : {"data.db", "film.mp4", "zeros", "mixed"}) {
    EXPECT_EQ(previous->find(name)->data_offset % kBlock, 0U) << name;
  }
  std::uint64_t aligned = 0;
  std::uint64_t at = 0;
  const PreviousEntry database = previous->find("data.db").value();
  for (const Chunk& chunk : database.record.chunks) {
    at += chunk.packed_bytes;
    aligned += at % kBlock == 0 ? 1 : 0;
  }
  EXPECT_GE(aligned, 7U) << "of 31: each is about a third of what makes it worth while";
  const Made plain = make(files, nullptr, {.block_bytes = 0});
  EXPECT_GT(made.archive.size(), plain.archive.size());
  EXPECT_LT(made.archive.size(), plain.archive.size() * 102 / 100);
  EXPECT_EQ(made.clones, 0U);
}

TEST(Sharing, OfAllInOneCloneWhereNothingChanged) {
  std::vector<Watched> files;
  for (unsigned i = 0; i < 300; ++i) {
    files.push_back(watched(std::to_string(i), testing::noise_of(100 + 13 * i, i)));
  }
  const Made first = make(files, nullptr);
  const auto previous = previous_of(first.archive);
  const Made second = make(files, previous.get());
  EXPECT_TRUE(second.archive == first.archive);
  EXPECT_EQ(second.clones, 1U) << "local headers lie in the run as well";
  EXPECT_GT(second.report.shared_bytes, first.archive.size() * 9 / 10);
}

TEST(Sharing, LeavesOutWhatChangedAndMeetsThePreviousArchiveAgain) {
  auto files = some_files();
  const Made first = make(files, nullptr);
  const auto previous = previous_of(first.archive);
  change(files[0]);
  files[0].file.content[7] ^= 1;
  files[9].file.content += "longer by some bytes";
  *files[9].identity->size_bytes += 20;
  files.erase(files.begin() + 40);
  files.insert(files.begin() + 70, watched("new", testing::text_of(1000)));
  const Made second = make(files, previous.get());
  expect_holds(second.archive, files);
  EXPECT_GT(second.report.shared_bytes, first.archive.size() * 7 / 10);
}

TEST(Sharing, CopiesFromArchivesThatAreNotAligned) {
  const auto files = some_files();
  const Made first = make(files, nullptr, {.block_bytes = 0});
  const auto previous = previous_of(first.archive);
  const Made second = make(files, previous.get());
  expect_holds(second.archive, files);
  EXPECT_EQ(second.report.copied_bytes, second.report.raw_bytes);
  const auto aligned = previous_of(second.archive);
  const Made third = make(files, aligned.get());
  EXPECT_TRUE(third.archive == second.archive);
  EXPECT_GT(third.report.shared_bytes, third.archive.size() * 8 / 10);
}

TEST(Sharing, LeavesPaddingBehindWhereTheSinkCanNotClone) {
  const auto files = some_files();
  const Made plain = make(files, nullptr, {.block_bytes = 0});
  const Made aligned = make(files, previous_of(plain.archive).get());
  EXPECT_GT(aligned.archive.size(), plain.archive.size());
  const Made again = make(files, previous_of(aligned.archive).get(), {.block_bytes = 0});
  EXPECT_TRUE(again.archive == plain.archive);
  EXPECT_EQ(again.report.copied_bytes, again.report.raw_bytes);
}

// A clone that the file system refuses half way: the bytes are read, and checked, once more.
TEST(Sharing, CopiesWhenACloneFails) {
  const auto files = some_files();
  const Made first = make(files, nullptr);
  const auto previous = previous_of(first.archive);
  const Made all = make(files, previous.get());
  ASSERT_GT(all.clones, 3U);
  for (std::size_t refused = 0; refused < all.clones; ++refused) {
    const Made second = make(files, previous.get(), {.refuses_from = refused});
    EXPECT_EQ(second.clones, refused);
    EXPECT_TRUE(second.archive == first.archive);
  }
}

TEST(Sharing, WorksWithoutPatching) {
  auto files = some_files();
  const Way streamed{.patching = Patching::kNo};
  const auto previous = previous_of(make(files, nullptr, streamed).archive);
  change(files[0]);
  const Made second = make(files, previous.get(), streamed);
  expect_holds(second.archive, files);
  EXPECT_GT(second.report.shared_bytes, second.archive.size() / 2);
}

// Wherever the previous archive is damaged, in data, headers or padding, the new one is whole.
TEST(Sharing, NeverTakesOverWhatIsDamaged) {
  const auto files = some_files();
  const std::string good = make(files, nullptr).archive;
  const std::size_t data_end = good.rfind("storage/59.jpg", good.rfind("pocketvaultblock"));
  std::uint64_t failed = 0;
  for (std::size_t at = 0; at < data_end; at += 577) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    const auto previous = previous_of(bad);
    const Made second = make(files, previous.get());
    failed += second.report.copies_failed;
    SCOPED_TRACE(at);
    expect_holds(second.archive, files);
  }
  EXPECT_GT(failed, 200U);
}

// A source that is read once as it is, later otherwise.
class Turncoat final : public Source {
 public:
  explicit Turncoat(std::string content) : content_{std::move(content)} {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return content_.size(); }
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    const auto count = MemorySource{content_}.read_at(offset, into);
    if (was_read_ && into.size() >= kChunk) { into[0] ^= std::byte{1}; }
    was_read_ = was_read_ || into.size() == kChunk;  // the content alone, as it is checked
    return count;
  }

 private:
  const std::string content_;
  bool was_read_ = false;
};

TEST(Sharing, FailsWhenWhatWasCheckedIsNoMoreThere) {
  const std::vector<Watched> files{watched("film.mp4", testing::noise_of(kChunk))};
  const std::string archive = make(files, nullptr).archive;
  const auto previous = Previous::open(std::make_shared<Turncoat>(archive), kKey).value();
  const auto made = try_to_make(files, previous.get(), {.refuses_from = 0});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, Code::kUnavailable);
}

TEST(Sharing, IsNotTriedWithBlocksThatMakeNoSense) {
  const auto files = some_files();
  const std::string plain = make(files, nullptr, {.block_bytes = 0}).archive;
  const auto previous = previous_of(plain);
  for (const std::uint64_t block : {1U, 16U, 100U, 65536U}) {
    const Made made = make(files, previous.get(), {.block_bytes = block});
    EXPECT_TRUE(made.archive == plain) << block;
    EXPECT_EQ(made.clones, 0U) << block;
  }
}

TEST(Sharing, MakesArchivesThatOthersRead) {
  auto files = some_files();
  std::string archive = make(files, nullptr).archive;
  change(files[0]);
  archive = make(files, previous_of(archive).get()).archive;
  const pv::testing::TempFolder folder;
  pv::testing::write_file(folder / "a.zip", archive);
  for (const std::string command : {"unzip -t", "7z t", "bsdtar -xOf", "python3 -m zipfile -t"}) {
    const auto run =
        pv::testing::run(command + " '" + (folder / "a.zip").string() + "' > /dev/null");
    EXPECT_EQ(run.status, 0) << command << "\n" << run.output;
    EXPECT_EQ(run.output.find("arning"), std::string::npos) << run.output;
  }
  const auto piped =
      pv::testing::run("cat '" + (folder / "a.zip").string() + "' | bsdtar -xOf - | wc -c");
  std::size_t bytes = 0;
  for (const Watched& one : files) { bytes += one.file.content.size(); }
  EXPECT_EQ(piped.output, std::to_string(bytes) + "\n");
}

// Generation after generation of random changes: always whole, always shared, never bigger than
// padding explains.
TEST(Sharing, ManyGenerationsRoundTrip) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random{seed};
  auto files = some_files();
  std::string archive = make(files, nullptr).archive;
  for (int generation = 0; generation < 40; ++generation) {
    const auto previous = previous_of(archive);
    for (Watched& one : files) {
      if (random() % 20 != 0) { continue; }
      std::string& content = one.file.content;
      switch (random() % 3) {
        case 0: content.resize(random() % (3 * kChunk), 'y'); break;
        case 1:
          content += testing::text_of(random() % kChunk, static_cast<unsigned>(generation));
          break;
        default:
          if (!content.empty()) { content[random() % content.size()] ^= 1; }
      }
      one.identity->size_bytes = content.size();
      ++one.identity->changed_ns;
    }
    const Way way{.refuses_from = random() % 4 == 0 ? random() % 5 : SIZE_MAX};
    const Made made = make(files, previous.get(), way);
    archive = made.archive;
    expect_holds(archive, files);
    const std::size_t plain = make(files, nullptr, {.block_bytes = 0}).archive.size();
    EXPECT_LT(archive.size(), plain * 103 / 100);
    if (HasFailure()) { return; }
  }
}

}  // namespace
}  // namespace pv::zip
