// The vault block, pieces of entries, and archives made from the one before.
#include "zip/vault_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "testing/fixtures.h"
#include "zip/crc.h"
#include "zip/previous.h"
#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using testing::File;
using ::testing::HasSubstr;
using testing::MemorySink;
using testing::MemorySource;

constexpr std::size_t kChunk = 4096;
constexpr HashKey kKey{std::byte{7}, std::byte{1}};

// A file whose state is told, and whose reads are counted.
struct Watched {
  File file;
  std::optional<SourceIdentity> identity = std::nullopt;
  bool is_object = false;
};

std::atomic<int> opened = 0;

Result<ArchiveReport> pack(const std::vector<Watched>& files, const WriterOptions& options,
                           MemorySink& sink) {
  WorkPool pool{2};
  ZipWriter writer{sink, pool, options, {}};
  for (const Watched& one : files) {
    EntryMeta meta{.name = one.file.name,
                   .mode = one.file.mode,
                   .modified = one.file.modified,
                   .expected_bytes = one.file.content.size(),
                   .identity = one.identity,
                   .is_object = one.is_object};
    PV_CHECK(writer.add(std::move(meta), [&one]() -> Result<std::unique_ptr<Source>> {
      ++opened;
      return std::make_unique<MemorySource>(one.file.content);
    }));
  }
  return writer.finish([] { return Result<std::string>{R"({"app":"acme"})"}; });
}

WriterOptions options_with(const Previous* previous) {
  WriterOptions options;
  options.chunk_bytes = kChunk;
  options.hash_key = kKey;
  options.previous = previous;
  return options;
}

struct Made {
  std::string archive;
  ArchiveReport report;
};

Made make(const std::vector<Watched>& files, const WriterOptions& options) {
  MemorySink sink;
  auto report = pack(files, options, sink);
  EXPECT_TRUE(report.has_value()) << report.error().what;
  return {sink.content(), report.value_or(ArchiveReport{})};
}

std::vector<File> files_of(const std::vector<Watched>& watched) {
  std::vector<File> files;
  for (const Watched& one : watched) { files.push_back(one.file); }
  return files;
}

SourceIdentity identity_of(std::uint64_t inode, const std::string& content) {
  return {.device = 1,
          .inode = inode,
          .size_bytes = content.size(),
          .modified_ns = 1'700'000'000'000'000'001,
          .changed_ns = 1'700'000'000'000'000'002};
}

// A database and files, small and big, that compress and don't.
std::vector<Watched> some_files() {
  std::vector<Watched> files;
  files.push_back({{.name = "data.db", .content = testing::text_of(40 * kChunk + 123)}});
  files.push_back({{.name = "small.txt", .content = testing::text_of(900)}});
  files.push_back({{.name = "photo.jpg", .content = testing::noise_of(3000)}});
  files.push_back({{.name = "film.mp4", .content = testing::noise_of(9 * kChunk)}});
  files.push_back({{.name = "log.txt", .content = testing::text_of(7 * kChunk + 1)}});
  files.push_back({{.name = "empty", .content = ""}});
  for (std::size_t i = 1; i < files.size(); ++i) {
    files[i].identity = identity_of(i, files[i].file.content);
  }
  return files;
}

std::unique_ptr<Previous> previous_of(const std::string& archive) {
  auto previous = Previous::open(std::make_shared<MemorySource>(archive), kKey);
  EXPECT_TRUE(previous.has_value()) << previous.error().what;
  return std::move(*previous);
}

Result<std::string> by_pieces(const ZipReader& reader, const Entry& entry) {
  PV_TRY(const auto pieces, reader.pieces_of(entry));
  std::string content;
  for (const ZipReader::Piece& piece : pieces) {
    std::string raw(piece.raw_bytes, '\0');
    PV_CHECK(reader.extract_piece(entry, piece, std::as_writable_bytes(std::span{raw})));
    content += raw;
  }
  return content;
}

TEST(VaultBlock, LetsPiecesOfBigEntriesBeExtractedAlone) {
  const auto files = some_files();
  const auto reader = testing::open(make(files, options_with(nullptr)).archive).value();
  EXPECT_EQ(reader.why_no_block(), "");
  EXPECT_EQ(reader.facts(), R"({"app":"acme"})");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Entry& entry = reader.entries()[i];
    const std::string& content = files[i].file.content;
    const auto pieces = reader.pieces_of(entry).value();
    EXPECT_EQ(pieces.size(), content.size() > kChunk ? (content.size() - 1) / kChunk + 1 : 0);
    if (!pieces.empty()) { EXPECT_TRUE(by_pieces(reader, entry).value() == content); }
  }
}

TEST(VaultBlock, IsPassedOverByOthers) {
  const auto files = some_files();
  const pv::testing::TempFolder folder;
  pv::testing::write_file(folder / "a.zip", make(files, options_with(nullptr)).archive);
  for (const std::string command : {"unzip -t", "7z t", "bsdtar -tf", "python3 -m zipfile -t"}) {
    const auto run = pv::testing::run(command + " '" + (folder / "a.zip").string() + "'");
    EXPECT_EQ(run.status, 0) << command << "\n" << run.output;
    EXPECT_EQ(run.output.find("warning"), std::string::npos) << run.output;
  }
}

TEST(VaultBlock, IsMissedByNobody) {
  const auto reader = testing::open(testing::pack({{.name = "a", .content = "b"}}).archive).value();
  EXPECT_THAT(reader.why_no_block(), HasSubstr("no vault block"));
  EXPECT_EQ(reader.facts(), "");
  EXPECT_TRUE(reader.pieces_of(reader.entries()[0])->empty());
}

TEST(VaultBlock, TellsTheDeviceOfEachFile) {
  auto files = some_files();
  std::vector<std::uint64_t> devices;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].identity) { files[i].identity->device = devices.emplace_back(i % 3 == 0 ? 7 : 8); }
  }
  ASSERT_GE(devices.size(), 3U);
  const auto previous = previous_of(make(files, options_with(nullptr)).archive);
  std::vector<std::uint64_t> told;
  for (const Watched& one : files) {
    const auto identity = previous->find(one.file.name)->record.identity;
    if (identity) { told.push_back(identity->device); }
  }
  EXPECT_EQ(told, devices);
}

// Every byte of the block damaged, and damaged with the checksum put right: what comes out is
// right, or nothing does.
TEST(VaultBlock, ThatLiesNeverMakesWrongData) {
  constexpr std::size_t kCrcFromEnd = 36;  // of the block, to its checksum
  const auto files = some_files();
  const std::string good = make(files, options_with(nullptr)).archive;
  const std::size_t magic = good.rfind("pocketvaultblock");
  ASSERT_NE(magic, std::string::npos);
  const std::size_t end = magic + 16;
  std::uint64_t block_bytes = 0;
  std::memcpy(&block_bytes, &good[end - 52], sizeof block_bytes);
  const std::size_t start = end - block_bytes;
  int believed = 0;
  for (std::size_t at = start; at < end; ++at) {
    for (const bool with_checksum : {false, true}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x11);
      if (with_checksum) {
        const std::uint32_t crc = crc32(as_bytes(bad).subspan(start, block_bytes - kCrcFromEnd));
        std::memcpy(&bad[end - kCrcFromEnd], &crc, sizeof crc);
      }
      const auto reader = testing::open(bad);
      ASSERT_TRUE(reader.has_value()) << reader.error().what;  // the directory is enough
      // And no packed bytes are taken from it: nobody signed what it says now.
      if (with_checksum && bad != good) {
        EXPECT_FALSE(Previous::open(std::make_shared<MemorySource>(bad), kKey).has_value()) << at;
      }
      if (!reader->why_no_block().empty()) { continue; }
      ++believed;
      for (std::size_t i = 0; i < files.size(); ++i) {
        const auto pieces = reader->pieces_of(reader->entries()[i]);
        if (!pieces.has_value() || pieces->empty()) { continue; }
        const auto content = by_pieces(*reader, reader->entries()[i]);
        EXPECT_TRUE(!content.has_value() || *content == files[i].file.content) << at;
      }
      EXPECT_TRUE(testing::extract(*reader, reader->entries()[0]).has_value());
    }
  }
  EXPECT_GT(believed, 1000) << "a hash or a packed size that lies is only found out later";
}

Directory directory_of(const std::string& archive) {
  MemorySource source{archive};
  return read_directory(source, {}).value();
}

// The archive with another block, signed with our own key.
std::string with_block(const std::string& good, const std::vector<BlockRecord>& records) {
  const Directory directory = directory_of(good);
  const std::size_t magic = good.rfind("pocketvaultblock");
  std::uint64_t block_bytes = 0;
  std::memcpy(&block_bytes, &good[magic + 16 - 52], sizeof block_bytes);
  BlockWriter writer;
  for (const BlockRecord& record : records) { writer.append(record); }
  const std::string block = writer.finish("", directory.crc32, kKey);
  std::string made = good.substr(0, magic + 16 - block_bytes) + block +
                     good.substr(static_cast<std::size_t>(directory.offset));
  const auto offset = static_cast<std::uint32_t>(
      made.rfind("PK\5\6") - (good.rfind("PK\5\6") - static_cast<std::size_t>(directory.offset)));
  std::memcpy(&made[made.rfind("PK\5\6") + 16], &offset, sizeof offset);
  return made;
}

// Lies that a checksum over the block can't show, for whoever wrote it lied: of sizes, so that
// pieces overlap or leave gaps; of checksums, so that pieces change places.
TEST(VaultBlock, ThatLiesWithARightChecksumNeverMakesWrongData) {
  const auto files = some_files();
  const std::string good = make(files, options_with(nullptr)).archive;
  const Directory directory = directory_of(good);
  std::string why_not;
  MemorySource source{good};
  const auto block = VaultBlock::read(source, directory, why_not).value();
  ASSERT_TRUE(block.has_value()) << why_not;
  std::vector<BlockRecord> truth;
  for (std::size_t i = 0; i < files.size(); ++i) {
    truth.push_back(block->record(i, directory.entries[i]));
  }

  struct Lie {
    const char* label;
    void (*tell)(std::vector<Chunk>&);
  };
  constexpr Lie kLies[] = {
      {"a byte moves to the next piece", [](auto& c) { --c[0].packed_bytes, ++c[1].packed_bytes; }},
      {"a byte moves to the piece before",
       [](auto& c) { ++c[0].packed_bytes, --c[1].packed_bytes; }},
      {"one piece has all bytes",
       [](auto& c) { c[0].packed_bytes += c[1].packed_bytes, c[1].packed_bytes = 0; }},
      {"two pieces change places", [](auto& c) { std::swap(c[0], c[1]); }},
      {"two hashes change places", [](auto& c) { std::swap(c[0].hash, c[1].hash); }},
      {"two sizes change places", [](auto& c) { std::swap(c[0].packed_bytes, c[1].packed_bytes); }},
      {"wrong packed checksums", [](auto& c) { c[0].packed_crc32 ^= 1, c[1].packed_crc32 ^= 1; }},
      {"wrong raw checksums", [](auto& c) { c[0].raw_crc32 ^= 1; }},
      {"more than there is", [](auto& c) { c[0].packed_bytes += 0x01000000; }},
      {"less than there is", [](auto& c) { c[1].packed_bytes = 0; }},
      {"a piece too few", [](auto& c) { c.pop_back(); }},
      {"a piece too many", [](auto& c) { c.push_back(c.back()); }},
  };
  for (const Lie& lie : kLies) {
    SCOPED_TRACE(lie.label);
    std::vector<BlockRecord> told = truth;
    for (BlockRecord& record : told) {
      if (record.chunks.size() >= 2) { lie.tell(record.chunks); }
      if (record.content) { record.content->packed_crc32 ^= 1; }
    }
    const std::string bad = with_block(good, told);
    const auto reader = testing::open(bad);
    ASSERT_TRUE(reader.has_value()) << reader.error().what;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const Entry& entry = reader->entries()[i];
      EXPECT_TRUE(testing::extract(*reader, entry).value() == files[i].file.content);
      const auto pieces = reader->pieces_of(entry);
      if (!pieces.has_value() || pieces->empty()) { continue; }
      const auto content = by_pieces(*reader, entry);
      EXPECT_TRUE(!content.has_value() || *content == files[i].file.content);
    }
    // The next backup, of a database that has changed in between: right or not at all.
    auto changed = files;
    changed[0].file.content[5 * kChunk + 17] ^= 1;
    const auto previous = Previous::open(std::make_shared<MemorySource>(bad), kKey);
    if (!previous.has_value()) { continue; }
    MemorySink sink;
    const auto report = pack(changed, options_with(previous->get()), sink);
    if (!report.has_value()) { continue; }
    const auto unpacked = testing::unpack(sink.content());
    if (unpacked.has_value()) { testing::expect_same(files_of(changed), *unpacked); }
    EXPECT_TRUE(unpacked.has_value()) << unpacked.error().what;
  }
}

TEST(Incremental, TakesUnchangedFilesWithoutOpeningThem) {
  const auto files = some_files();
  const Made first = make(files, options_with(nullptr));
  const auto previous = previous_of(first.archive);
  opened = 0;
  const Made second = make(files, options_with(previous.get()));
  EXPECT_EQ(opened, 2) << "data.db has no identity, the empty file nothing to copy";
  EXPECT_EQ(second.report.copies_failed, 0U);
  EXPECT_EQ(second.report.copied_bytes, second.report.raw_bytes);
  EXPECT_EQ(second.archive, first.archive) << "nothing changed: not a byte differs";
}

TEST(Incremental, PacksWhatChangedAnew) {
  auto files = some_files();
  const auto previous = previous_of(make(files, options_with(nullptr)).archive);
  std::string& database = files[0].file.content;
  database[5 * kChunk + 17] ^= 1;
  database.resize(database.size() + 2 * kChunk, 'x');  // the old last chunk is one no more
  files[1].file.content += "more";
  *files[1].identity->size_bytes += 4;
  files[3].file.content[0] ^= 1;
  files[3].identity->modified_ns += 1;
  files[4].identity->changed_ns += 1;  // and nothing else: read, found to be the same
  files[5].file.name = "renamed";
  const Made second = make(files, options_with(previous.get()));
  testing::expect_same(files_of(files), testing::unpack(second.archive).value());
  EXPECT_EQ(second.report.copied_bytes, 39 * kChunk + 3000 + 7 * kChunk + 1);
}

TEST(Incremental, WhatWasStoredIsPackedWhenAnotherContentIsWorthIt) {
  std::vector<Watched> files{{{.name = "a", .content = testing::noise_of(9 * kChunk)}}};
  files[0].identity = identity_of(1, files[0].file.content);
  const auto previous = previous_of(make(files, options_with(nullptr)).archive);
  files[0].file.content = testing::text_of(9 * kChunk);
  files[0].identity->modified_ns += 1;
  const Made second = make(files, options_with(previous.get()));
  testing::expect_same(files_of(files), testing::unpack(second.archive).value());
  EXPECT_EQ(second.archive.size(), make(files, options_with(nullptr)).archive.size());
}

TEST(Incremental, ParanoidReadsAll) {
  auto files = some_files();
  const auto previous = previous_of(make(files, options_with(nullptr)).archive);
  files[4].file.content[0] ^= 1;  // behind the back of the clock
  WriterOptions options = options_with(previous.get());
  options.paranoid = true;
  opened = 0;
  const Made second = make(files, options);
  EXPECT_EQ(opened, 6);
  testing::expect_same(files_of(files), testing::unpack(second.archive).value());
  EXPECT_EQ(second.report.copied_bytes, 40 * kChunk + 123 + 6 * kChunk + 1);
}

// Wherever the previous archive is damaged, the new one is whole.
TEST(Incremental, PacksAnewWhatThePreviousArchiveHasLost) {
  const auto files = some_files();
  const std::string good = make(files, options_with(nullptr)).archive;
  const std::size_t data_end = good.rfind("pocketvaultblock") - 5000;
  std::uint64_t failed = 0;
  for (std::size_t at = 0; at < data_end; at += 1501) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    const auto previous = Previous::open(std::make_shared<MemorySource>(bad), kKey);
    ASSERT_TRUE(previous.has_value()) << previous.error().what;
    const Made second = make(files, options_with(previous->get()));
    failed += second.report.copies_failed;
    const auto unpacked = testing::unpack(second.archive);
    ASSERT_TRUE(unpacked.has_value()) << at << ": " << unpacked.error().what;
    testing::expect_same(files_of(files), *unpacked);
  }
  EXPECT_GT(failed, 20U);
}

TEST(Incremental, BelievesOnlyBlocksThatWereMadeHere) {
  WriterOptions options = options_with(nullptr);
  options.hash_key = HashKey{std::byte{8}};
  const std::string other = make(some_files(), options).archive;
  const auto previous = Previous::open(std::make_shared<MemorySource>(other), kKey);
  ASSERT_FALSE(previous.has_value());
  EXPECT_EQ(previous.error().code, Code::kUnsupported);
  EXPECT_THAT(previous.error().what, HasSubstr("not made here"));
}

// Generation after generation of random changes.
TEST(Incremental, ManyGenerationsRoundTrip) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random{seed};
  auto files = some_files();
  std::string archive = make(files, options_with(nullptr)).archive;
  for (int generation = 0; generation < 30; ++generation) {
    const auto previous = previous_of(archive);
    for (Watched& one : files) {
      std::string& content = one.file.content;
      if (random() % 2 == 0) { continue; }
      switch (random() % 4) {
        case 0: content.resize(random() % (30 * kChunk), 'y'); break;
        case 1:
          content += testing::text_of(random() % kChunk, static_cast<unsigned>(random()));
          break;
        case 2:
          content += testing::noise_of(random() % (3 * kChunk), static_cast<unsigned>(random()));
          break;
        default:
          if (!content.empty()) { content[random() % content.size()] ^= 1; }
      }
      if (one.identity) {
        one.identity->size_bytes = content.size();
        ++one.identity->changed_ns;
      }
    }
    archive = make(files, options_with(previous.get())).archive;
    const auto unpacked = testing::unpack(archive);
    ASSERT_TRUE(unpacked.has_value()) << unpacked.error().what;
    testing::expect_same(files_of(files), *unpacked);
    const auto reader = testing::open(archive).value();
    EXPECT_EQ(reader.why_no_block(), "");
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (reader.pieces_of(reader.entries()[i])->empty()) { continue; }
      EXPECT_TRUE(by_pieces(reader, reader.entries()[i]).value() == files[i].file.content);
    }
    if (HasFailure()) { return; }
  }
}

TEST(VaultBlock, TellsWhatWasAnObjectOfABucket) {
  std::vector<Watched> files = some_files();
  files[1].is_object = true;  // small
  files[4].is_object = true;  // in pieces
  const Made made = make(files, options_with(nullptr));
  const ZipReader reader = ZipReader::open(std::make_shared<MemorySource>(made.archive)).value();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(reader.is_object(reader.entries()[i]), files[i].is_object) << i;
  }
}

TEST(Incremental, WhatIsMadeOfFactsIsTakenWhateverItsSize) {
  std::vector<Watched> files = some_files();
  files[1].identity->size_bytes.reset();
  const Made first = make(files, options_with(nullptr));
  const auto previous = previous_of(first.archive);
  EXPECT_TRUE(previous->has_state("small.txt", *files[1].identity));
  EXPECT_FALSE(previous->has_state("photo.jpg", *files[1].identity));
  EXPECT_FALSE(previous->has_state("none", *files[1].identity));
  SourceIdentity sized = *files[1].identity;
  sized.size_bytes = 901;
  EXPECT_FALSE(previous->has_state("small.txt", sized)) << "a size that is told has to be right";
  opened = 0;
  std::ignore = make(files, options_with(previous.get()));
  EXPECT_EQ(opened, 2) << "the empty file, and data.db, of which nothing is known";
}

}  // namespace
}  // namespace pv::zip
