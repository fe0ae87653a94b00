#include "zip/zip_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "zip/crc.h"
#include "zip/record.h"
#include "zip/zip_testing.h"

namespace pv::zip {
namespace {

using testing::File;
using testing::noise_of;
using testing::pack;
using testing::text_of;

const std::vector<File>& two_files() {
  static const std::vector<File> files{{.name = "first.txt", .content = text_of(3000)},
                                       {.name = "second.bin", .content = noise_of(2000)}};
  return files;
}

// Where the records of an archive of ours begin.
struct Layout {
  explicit Layout(const std::string& archive)
      : end{archive.rfind("PK\5\6")},
        directory{archive.find("PK\1\2")},
        second_record{archive.find("PK\1\2", directory + 1)},
        second_local{archive.find("PK\3\4", 1)} {}
  std::size_t end;
  std::size_t directory;
  std::size_t second_record;
  std::size_t second_local;
};

void set(std::string& archive, std::size_t at, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    archive.at(at + i) = static_cast<char>(static_cast<unsigned char>(value >> (8U * i)));
  }
}
std::uint32_t get32(const std::string& archive, std::size_t at) {
  return FieldReader{as_bytes(archive).subspan(at)}.u32();
}

TEST(ZipReader, ToleratesBytesBeforeAndAfterTheArchive) {
  const std::string archive = pack(two_files()).archive;
  const std::string cases[] = {archive, "#!/bin/sh\nexit 1\n" + archive, archive + "trailing",
                               archive + std::string(65'535, '\0'),
                               std::string(100'000, 'x') + archive + "y"};
  for (const std::string& bytes : cases) {
    const auto files = testing::unpack(bytes);
    ASSERT_TRUE(files.has_value()) << files.error().what;
    testing::expect_same(two_files(), *files);
  }
  EXPECT_FALSE(testing::open(archive + std::string(65'536, '\0')).has_value());
}

TEST(ZipReader, ReadsTheComment) {
  for (const std::size_t size : {0U, 1U, 1000U, 65'535U}) {
    std::string archive = pack(two_files()).archive;
    set(archive, Layout{archive}.end + 20, size, 2);
    const std::string comment = text_of(size);
    const auto reader = testing::open(archive + comment);
    ASSERT_TRUE(reader.has_value()) << reader.error().what;
    EXPECT_TRUE(reader->comment() == comment);
  }
}

TEST(ZipReader, AStoredArchiveInsideIsNotTakenForTheWhole) {
  const std::string inner = pack({{.name = "inner.txt", .content = "inner"}}).archive;
  std::string outer = pack({{.name = "data.db", .content = text_of(500)},
                            {.name = "inner.zip", .content = noise_of(20'000) + inner}},
                           {.chunk_bytes = 4096})
                          .archive;
  const auto reader = testing::open(outer);
  ASSERT_TRUE(reader.has_value()) << reader.error().what;
  EXPECT_EQ(reader->entries().size(), 2U);
  // Cut off just behind the inner archive, which is all that a search for an end record finds.
  outer.resize(outer.find(inner) + inner.size());
  const auto cut = testing::open(outer);
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, Code::kDamaged);
}

TEST(ZipReader, RefusesAnArchiveCutOffAnywhere) {
  const std::string archive = pack(two_files(), {.chunk_bytes = 1024}).archive;
  ASSERT_TRUE(testing::unpack(archive).has_value());
  for (std::size_t size = 0; size < archive.size(); ++size) {
    const auto reader = testing::open(archive.substr(0, size));
    ASSERT_FALSE(reader.has_value()) << "cut at " << size;
    EXPECT_EQ(reader.error().code, Code::kDamaged);
  }
}

// Whatever single byte is wrong: an error, or the right data.
TEST(ZipReader, NeverDeliversWrongDataWhicheverByteIsDamaged) {
  for (const auto patching : {testing::Patching::kYes, testing::Patching::kNo}) {
    const std::string archive = pack(two_files(), {.chunk_bytes = 1024}, patching).archive;
    std::size_t refused = 0;
    for (std::size_t at = 0; at < archive.size(); ++at) {
      for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
        std::string damaged = archive;
        damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
        const auto files = testing::unpack(damaged);
        if (!files.has_value()) {
          ++refused;
          EXPECT_FALSE(files.error().what.empty());
          continue;
        }
        ASSERT_EQ(files->size(), 2U) << "byte " << at;
        for (std::size_t i = 0; i < 2; ++i) {
          ASSERT_TRUE((*files)[i].content == two_files()[i].content) << "byte " << at;
        }
      }
    }
    // All but names, times, modes and the like.
    EXPECT_GT(refused, archive.size() * 3 * 9 / 10);
  }
}

TEST(ZipReader, AnEmptyDeflatedEntryMayHaveNoBytesAtAll) {
  std::string archive = pack({{.name = "a", .content = ""}}).archive;
  const Layout at{archive};
  set(archive, 8, 8, 2);
  set(archive, at.directory + 10, 8, 2);
  const auto files = testing::unpack(archive);
  ASSERT_TRUE(files.has_value()) << files.error().what;
  EXPECT_EQ(files->front().content, "");
}

TEST(ZipReader, StopsWhenAsked) {
  const std::string archive = pack({{.name = "a", .content = text_of(1 << 20)}}).archive;
  const auto reader = testing::open(archive);
  std::stop_source stop;
  stop.request_stop();
  testing::MemorySink sink;
  EXPECT_EQ(reader->extract(reader->entries()[0], sink, stop.get_token()).error().code,
            Code::kCancelled);
}

TEST(ZipReader, PassesOnWhatTheSinkSays) {
  class FullSink final : public Sink {
    [[nodiscard]] Result<void> write(Bytes) override { return fail(Code::kNoSpace, "full"); }
  } sink;
  const auto reader = testing::open(pack(two_files()).archive);
  EXPECT_EQ(reader->extract(reader->entries()[0], sink).error().code, Code::kNoSpace);
}

TEST(ZipReader, NeverDeliversMoreThanDeclared) {
  std::string archive = pack({{.name = "a", .content = text_of(500'000)}}).archive;
  const Layout at{archive};
  set(archive, 22, 300'000, 4);
  set(archive, at.directory + 24, 300'000, 4);
  const auto reader = testing::open(archive);
  ASSERT_TRUE(reader.has_value()) << reader.error().what;
  testing::MemorySink sink;
  EXPECT_EQ(reader->extract(reader->entries()[0], sink).error().code, Code::kDamaged);
  EXPECT_LE(sink.content().size(), 300'000U);
}

TEST(ZipReader, KeepsToItsLimits) {
  const std::string archive = pack(two_files()).archive;
  const auto open = [&](ReaderLimits limits) {
    return ZipReader::open(std::make_shared<testing::MemorySource>(archive), limits);
  };
  EXPECT_TRUE(open({.entries_max = 2}).has_value());
  EXPECT_EQ(open({.entries_max = 1}).error().code, Code::kUnsupported);
  EXPECT_EQ(open({.directory_bytes_max = 50}).error().code, Code::kUnsupported);
}

TEST(ZipReader, TakesTimeAndModeFromWhereTheyAre) {
  std::string archive = pack({{.name = "a",
                               .content = "x",
                               .mode = 0100640,
                               .modified = WallTime{std::chrono::seconds{1'700'000'001}}}})
                            .archive;
  const Layout at{archive};
  std::string no_field = archive;
  set(no_field, at.directory + 46 + 1, 0x7777, 2);  // the timestamp field gets an unknown id
  set(no_field, at.directory + 5, 0, 1);            // made on MS-DOS
  const auto entry_of = [](const std::string& bytes) { return testing::open(bytes)->entries()[0]; };
  EXPECT_EQ(entry_of(archive).modified, WallTime{std::chrono::seconds{1'700'000'001}});
  EXPECT_EQ(entry_of(archive).mode, 0100640U);
  EXPECT_EQ(entry_of(no_field).modified, WallTime{std::chrono::seconds{1'700'000'000}});
  EXPECT_EQ(entry_of(no_field).mode, 0U);
}

// An archive that tries something. `change` gets a good one of two entries.
struct Hostile {
  const char* label;
  std::function<void(std::string&, const Layout&)> change;
  Code code = Code::kDamaged;
};

const Hostile kHostile[] = {
    {"nothing but an end record's signature", [](auto& a, auto&) { a = "PK\5\6"; }},
    {"not a zip", [](auto& a, auto&) { a = text_of(100'000); }},
    {"empty", [](auto& a, auto&) { a.clear(); }},
    {"one entry fewer declared", [](auto& a, auto& at) { set(a, at.end + 8, 0x10001, 4); }},
    {"one entry more declared", [](auto& a, auto& at) { set(a, at.end + 8, 0x30003, 4); }},
    {"60,000 entries declared",
     [](auto& a, auto& at) { set(a, at.end + 8, 60'000 + (60'000U << 16U), 4); }},
    {"entries but no directory", [](auto& a, auto& at) { set(a, at.end + 12, 0, 4); }},
    {"a directory without entries", [](auto& a, auto& at) { set(a, at.end + 8, 0, 4); }},
    {"directory of 4 GB", [](auto& a, auto& at) { set(a, at.end + 12, 0xFFFFFFF0, 4); }},
    {"directory offset beyond the file",
     [](auto& a, auto& at) { set(a, at.end + 16, 0x7FFFFFFF, 4); }},
    {"directory offset too small",
     [](auto& a, auto& at) { set(a, at.end + 16, at.directory - 1, 4); }},
    {"several disks", [](auto& a, auto& at) { set(a, at.end + 4, 1, 2); }, Code::kUnsupported},
    {"fewer entries on this disk", [](auto& a, auto& at) { set(a, at.end + 8, 1, 2); },
     Code::kUnsupported},
    {"an entry on another disk", [](auto& a, auto& at) { set(a, at.directory + 34, 1, 2); },
     Code::kUnsupported},
    {"comment longer than the file", [](auto& a, auto& at) { set(a, at.end + 20, 500, 2); }},
    {"zip64 promised, absent", [](auto& a, auto& at) { set(a, at.end + 16, 0xFFFFFFFF, 4); }},
    {"zip64 sizes promised, absent",
     [](auto& a, auto& at) { set(a, at.directory + 20, 0xFFFFFFFF, 4); }},
    {"two end records, the second in the first one's comment",
     [](auto& a, auto& at) {
       std::string second = a.substr(at.end);
       set(a, at.end + 20, second.size(), 2);
       a += second;
       // The second counts its directory up to itself: give it one that includes the first record.
       const std::size_t second_end = a.size() - 22;
       set(a, second_end + 12, second_end - at.directory, 4);
       set(a, second_end + 16, at.directory, 4);
     }},
    {"a flood of end records",
     [](auto& a, auto& at) {
       std::string record = a.substr(at.end);
       set(record, 12, 46 * 3, 4);
       a.resize(at.end);
       for (int i = 0; i < 2500; ++i) { a += record; }
     }},
    {"record name longer than the directory",
     [](auto& a, auto& at) { set(a, at.second_record + 28, 60'000, 2); }},
    {"record extra longer than the directory",
     [](auto& a, auto& at) { set(a, at.second_record + 30, 60'000, 2); }},
    {"record comment longer than the directory",
     [](auto& a, auto& at) { set(a, at.second_record + 32, 60'000, 2); }},
    {"record without a name",
     [](auto& a, auto& at) {
       set(a, at.directory + 28, 0, 2);
       set(a, at.directory + 30, 9 + 9, 2);
     }},
    {"both entries in one place", [](auto& a, auto& at) { set(a, at.second_record + 42, 0, 4); }},
    {"an entry inside another's data",
     [](auto& a, auto& at) { set(a, at.second_record + 42, 50, 4); }},
    {"an entry in the directory",
     [](auto& a, auto& at) { set(a, at.second_record + 42, at.directory, 4); }},
    {"an entry beyond the file",
     [](auto& a, auto& at) { set(a, at.second_record + 42, 0x7FFFFFFF, 4); }},
    {"an entry where no header is",
     [](auto& a, auto& at) { set(a, at.second_record + 42, at.second_local - 1, 4); }},
    {"packed size reaches into the next entry",
     [](auto& a, auto& at) { set(a, at.directory + 20, get32(a, at.directory + 20) + 500, 4); }},
    {"packed size reaches into the directory",
     [](auto& a, auto& at) {
       set(a, at.second_record + 20, 0x7FFFFFFF, 4);
       set(a, at.second_record + 24, 0x7FFFFFFF, 4);
     }},
    {"more raw bytes than deflate can make",
     [](auto& a, auto& at) { set(a, at.directory + 24, 0xFFFFFFF0, 4); }},
    {"stored entry of two sizes",
     [](auto& a, auto& at) { set(a, at.second_record + 24, 1999, 4); }},
    {"raw size one less in both places",
     [](auto& a, auto& at) {
       set(a, 22, 2999, 4);
       set(a, at.directory + 24, 2999, 4);
     }},
    {"raw size one more in both places",
     [](auto& a, auto& at) {
       set(a, 22, 3001, 4);
       set(a, at.directory + 24, 3001, 4);
     }},
    {"packed size one less in both places",
     [](auto& a, auto& at) {
       const std::uint32_t packed = get32(a, 18);
       set(a, 18, packed - 1, 4);
       set(a, at.directory + 20, packed - 1, 4);
     }},
    {"wrong CRC in both places",
     [](auto& a, auto& at) {
       set(a, 14, 12345, 4);
       set(a, at.directory + 16, 12345, 4);
     }},
    {"wrong CRC in the local header", [](auto& a, auto&) { set(a, 14, 12345, 4); }},
    {"wrong CRC in the directory", [](auto& a, auto& at) { set(a, at.directory + 16, 12345, 4); }},
    {"other raw size in the local header", [](auto& a, auto&) { set(a, 22, 2999, 4); }},
    {"other packed size in the local header", [](auto& a, auto&) { set(a, 18, 1, 4); }},
    {"other method in the local header", [](auto& a, auto&) { set(a, 8, 0, 2); }},
    {"other name in the local header", [](auto& a, auto&) { a[30] = 'F'; }},
    {"other name length in the local header", [](auto& a, auto&) { set(a, 26, 8, 2); }},
    {"local header longer than there is room", [](auto& a, auto&) { set(a, 28, 60'000, 2); }},
    {"encrypted by the local header alone", [](auto& a, auto&) { set(a, 6, 1, 2); }},
    {"descriptor by the directory alone",
     [](auto& a, auto& at) { set(a, at.directory + 8, 8, 2); }},
    {"descriptor promised, absent",
     [](auto& a, auto& at) {
       set(a, 6, 8, 2);
       set(a, at.directory + 8, 8, 2);
     }},
    {"encrypted",
     [](auto& a, auto& at) {
       set(a, 6, 1, 2);
       set(a, at.directory + 8, 1, 2);
     },
     Code::kUnsupported},
    {"bzip2",
     [](auto& a, auto& at) {
       set(a, 8, 12, 2);
       set(a, at.directory + 10, 12, 2);
     },
     Code::kUnsupported},
    {"garbage for deflate", [](auto& a, auto&) { a.replace(60, 200, std::string(200, '\xFF')); }},
};

TEST(ZipReader, RefusesHostileArchives) {
  const std::string good = pack(two_files()).archive;
  ASSERT_TRUE(testing::unpack(good).has_value());
  for (const Hostile& hostile : kHostile) {
    SCOPED_TRACE(hostile.label);
    std::string archive = good;
    hostile.change(archive, Layout{good});
    const auto files = testing::unpack(archive);
    if (files.has_value()) {
      ADD_FAILURE() << "was read";
      continue;
    }
    EXPECT_EQ(files.error().code, hostile.code) << files.error().what;
    EXPECT_FALSE(files.error().what.empty());
  }
}

// 42 bytes of kernel for every quoted entry would unfold to terabytes; nothing of it is inflated.
TEST(ZipReader, RefusesABombOfOverlappingEntries) {
  const std::string kernel = pack({{.name = "a", .content = std::string(1 << 20, '\0')}}).archive;
  const Layout at{kernel};
  const std::string record = kernel.substr(at.directory, at.end - at.directory);
  std::string bomb = kernel.substr(0, at.directory);
  for (int i = 0; i < 1000; ++i) { bomb += record; }
  append_end_records(bomb,
                     {.entries = 1000, .offset = at.directory, .size_bytes = 1000 * record.size()});
  const auto reader = testing::open(bomb);
  ASSERT_FALSE(reader.has_value());
  EXPECT_EQ(reader.error().code, Code::kDamaged);
}

TEST(ZipReader, EndRecordAndZip64EndRecordMustAgree) {
  const std::string archive = pack(two_files()).archive;
  const Layout at{archive};
  // The zip64 records are optional for a small archive; written all the same, both say the same.
  std::string records;
  append_end_records(
      records, {.entries = 70'000, .offset = at.directory, .size_bytes = at.end - at.directory});
  std::string with_64 = archive.substr(0, at.end) + records;
  const std::size_t end_64 = at.end;
  const std::size_t end = with_64.size() - 22;
  set(with_64, end_64 + 24, 2, 8);
  set(with_64, end_64 + 32, 2, 8);
  set(with_64, end + 8, 0x20002, 4);
  ASSERT_TRUE(testing::unpack(with_64).has_value()) << testing::unpack(with_64).error().what;
  ASSERT_TRUE(testing::unpack("before" + with_64).has_value());

  std::string disagreeing = with_64;
  set(disagreeing, end + 8, 0x10001, 4);
  EXPECT_EQ(testing::open(disagreeing).error().code, Code::kDamaged);
  std::string lying = with_64;
  set(lying, end_64 + 24, ~0ULL, 8);
  set(lying, end_64 + 32, ~0ULL, 8);
  set(lying, end + 8, 0xFFFFFFFF, 4);
  EXPECT_EQ(testing::open(lying).error().code, Code::kDamaged);
  std::string far = with_64;
  set(far, end_64 + 48, ~0ULL - 10, 8);
  set(far, end + 16, 0xFFFFFFFF, 4);
  EXPECT_EQ(testing::open(far).error().code, Code::kDamaged);
}

TEST(EntryStream, GivesTheEntryInPiecesOfAnySize) {
  const std::string text = testing::text_of(900'000);
  const std::string noise = testing::noise_of(600'000);
  const auto packed = testing::pack({{"text", text}, {"noise", noise}, {"empty", ""}});
  const auto reader = testing::open(packed.archive).value();
  for (const std::size_t piece :
       {std::size_t{1000}, std::size_t{262'144}, std::size_t{2'000'000}}) {
    for (const Entry& entry : reader.entries()) {
      EntryStream stream{reader, entry};
      std::string got;
      std::string buffer(piece, '\0');
      for (;;) {
        const auto count = stream.read(std::as_writable_bytes(std::span{buffer}));
        ASSERT_TRUE(count.has_value()) << count.error().what;
        got.append(buffer, 0, *count);
        if (*count < piece) { break; }
      }
      EXPECT_TRUE(got == testing::extract(reader, entry).value()) << entry.name << " " << piece;
    }
  }
}

TEST(EntryStream, KeepsItsErrorAndHoldsTheEndBack) {
  const std::string noise = testing::noise_of(600'000);
  std::string archive = testing::pack({{"noise", noise}}).archive;
  archive[300] = static_cast<char>(archive[300] ^ 1);
  const auto reader = testing::open(archive).value();
  EntryStream stream{reader, reader.entries().front()};
  ASSERT_TRUE(stream.prepare().has_value());
  std::string buffer(noise.size(), '\0');
  for (int i = 0; i < 2; ++i) {
    const auto count = stream.read(std::as_writable_bytes(std::span{buffer}));
    ASSERT_FALSE(count.has_value());
    EXPECT_EQ(count.error().code, Code::kDamaged);
  }
}

}  // namespace
}  // namespace pv::zip
