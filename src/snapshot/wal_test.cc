#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "snapshot/overlay.h"
#include "snapshot/snapshot_testing.h"
#include "sqlite/wal_index.h"

namespace pv::snapshot {
namespace {

using ::testing::HasSubstr;

// The files that a few commits leave when nobody checkpoints.
struct Left {
  std::string wal;
  std::string index;  // the head of the -shm file
};

Left left_by_commits() {
  const Directory directory;
  {
    auto db = must(sqlite::Connection::open(
        directory / "a.db", {.create = true, .checkpoints = sqlite::Checkpoints::kNever}));
    must(
        db.exec("CREATE TABLE t (a); CREATE TABLE u (a); INSERT INTO t VALUES (1);"
                "INSERT INTO u VALUES (zeroblob(6000)); UPDATE t SET a = 2"));
  }
  return {pv::testing::read_file(directory / "a.db-wal"),
          pv::testing::read_file(directory / "a.db-shm").substr(0, sqlite::kWalIndexHeadBytes)};
}

Result<Overlay> overlay_of(const sqlite::WalIndex& index, const std::string& wal) {
  const ReadWal read = [&](std::uint64_t offset, MutableBytes into) -> Result<void> {
    if (offset + into.size() > wal.size()) { return fail(Code::kDamaged, "it ends early"); }
    std::memcpy(into.data(), wal.data() + offset, into.size());
    return {};
  };
  return read_overlay(index, read, {});
}

std::uint32_t big_endian_at(const std::string& bytes, std::size_t at) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    word = word << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return word;
}

void put_big_endian(std::string& bytes, std::size_t at, std::uint32_t word) {
  for (std::size_t i = 0; i < 4; ++i) { bytes[at + i] = static_cast<char>(word >> (24 - 8 * i)); }
}

TEST(WalIndex, SaysWhatSqliteWrote) {
  const Left left = left_by_commits();
  const sqlite::WalIndex index = must(sqlite::parse_wal_index(as_bytes(left.index)));
  EXPECT_EQ(index.page_bytes, 4096U);
  EXPECT_EQ((left.wal.size() - 32) / (24 + 4096), index.frames);
  EXPECT_EQ(index.backfilled, 0U);
  EXPECT_TRUE(index.needs_wal());
  EXPECT_EQ(std::memcmp(index.salts.data(), left.wal.data() + 16, 8), 0);
  const std::size_t last = 32 + (index.frames - 1) * std::size_t{24 + 4096};
  EXPECT_EQ(index.pages, big_endian_at(left.wal, last + 4));
  EXPECT_EQ(index.last_checksum[0], big_endian_at(left.wal, last + 16));
}

// Whatever byte of the two headers is off, one of the checks sees it.
TEST(WalIndex, RefusesEveryChangedByte) {
  const Left left = left_by_commits();
  for (std::size_t at = 0; at < 96; ++at) {
    std::string torn = left.index;
    torn[at] = static_cast<char>(torn[at] ^ 0x40);
    EXPECT_FALSE(sqlite::parse_wal_index(as_bytes(torn)).has_value()) << "one copy, byte " << at;
    torn[at < 48 ? at + 48 : at - 48] = torn[at];
    EXPECT_FALSE(sqlite::parse_wal_index(as_bytes(torn)).has_value()) << "both copies, byte " << at;
  }
  EXPECT_FALSE(sqlite::parse_wal_index(as_bytes(left.index.substr(0, 100))).has_value());
}

TEST(WalIndex, RefusesAnotherVersion) {
  Left left = left_by_commits();
  const std::uint32_t version = 3'008'000;
  for (const std::size_t at : {0U, 48U}) { std::memcpy(left.index.data() + at, &version, 4); }
  const auto parsed = sqlite::parse_wal_index(as_bytes(left.index));
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, Code::kUnsupported);
  EXPECT_THAT(parsed.error().what, HasSubstr("3008000"));
}

TEST(WalIndex, IsNotFooledByImpossibleNumbers) {
  Left left = left_by_commits();
  const std::uint32_t backfilled = 1'000'000;
  std::memcpy(left.index.data() + 96, &backfilled, 4);
  EXPECT_FALSE(sqlite::parse_wal_index(as_bytes(left.index)).has_value());
}

TEST(Overlay, KeepsTheNewestFrameOfEachPage) {
  const Overlay overlay{{{5, 1}, {2, 2}, {5, 3}, {9, 4}, {2, 5}}};
  EXPECT_EQ(overlay.size(), 3U);
  const auto all = overlay.of_pages(1, 100);
  EXPECT_EQ((std::vector<Place>{all.begin(), all.end()}),
            (std::vector<Place>{{2, 5}, {5, 3}, {9, 4}}));
  EXPECT_EQ(overlay.of_pages(3, 5).size(), 1U);
  EXPECT_EQ(overlay.of_pages(6, 8).size(), 0U);
  EXPECT_TRUE(overlay.has(9));
  EXPECT_FALSE(overlay.has(10));
}

TEST(Overlay, FindsFrames) {
  EXPECT_EQ(frame_content_at(1, 4096), 56U);
  EXPECT_EQ(frame_content_at(2, 4096), 4176U);
  EXPECT_EQ(frame_content_at(1'048'577, 4096), 56U + (std::uint64_t{1} << 20U) * 4120U);
}

TEST(Overlay, ReadsTheWalThatSqliteWrote) {
  const Left left = left_by_commits();
  const sqlite::WalIndex index = must(sqlite::parse_wal_index(as_bytes(left.index)));
  const Overlay overlay = must(overlay_of(index, left.wal));
  // Page 2 is table t: its last version says a = 2, in the last frame.
  const auto place = overlay.of_pages(2, 2);
  ASSERT_EQ(place.size(), 1U);
  EXPECT_EQ(place.front().frame, index.frames);
}

TEST(Overlay, RefusesEveryChangedByte) {
  const Left left = left_by_commits();
  const sqlite::WalIndex index = must(sqlite::parse_wal_index(as_bytes(left.index)));
  for (std::size_t at = 0; at < left.wal.size(); at += at < 100 ? 1 : 7) {
    std::string torn = left.wal;
    torn[at] = static_cast<char>(torn[at] ^ 0x01);
    const auto read = overlay_of(index, torn);
    ASSERT_FALSE(read.has_value()) << "byte " << at;
    EXPECT_EQ(read.error().code, Code::kDamaged);
  }
  EXPECT_FALSE(overlay_of(index, left.wal.substr(0, left.wal.size() - 1)).has_value());
}

// Whole commits cut off the end leave a sound WAL; only the index knows that they were there.
TEST(Overlay, RefusesAWalThatLacksTheLastCommits) {
  const Left left = left_by_commits();
  sqlite::WalIndex index = must(sqlite::parse_wal_index(as_bytes(left.index)));
  --index.frames;
  EXPECT_FALSE(overlay_of(index, left.wal).has_value());
}

// A WAL begun on a big-endian machine goes on with that order of words.
TEST(Overlay, ReadsBothOrdersOfWords) {
  Left left = left_by_commits();
  sqlite::WalIndex index = must(sqlite::parse_wal_index(as_bytes(left.index)));
  std::string& wal = left.wal;
  put_big_endian(wal, 0, 0x377f0683);
  const auto bytes = [&](std::size_t at, std::size_t count) {
    return as_bytes(wal).subspan(at, count);
  };
  auto sum = sqlite::wal_checksum({0, 0}, bytes(0, 24), sqlite::WordOrder::kBigEndian);
  put_big_endian(wal, 24, sum[0]);
  put_big_endian(wal, 28, sum[1]);
  for (std::size_t at = 32; at < wal.size(); at += 24 + 4096) {
    sum = sqlite::wal_checksum(sum, bytes(at, 8), sqlite::WordOrder::kBigEndian);
    sum = sqlite::wal_checksum(sum, bytes(at + 24, 4096), sqlite::WordOrder::kBigEndian);
    put_big_endian(wal, at + 16, sum[0]);
    put_big_endian(wal, at + 20, sum[1]);
  }
  EXPECT_FALSE(overlay_of(index, wal).has_value());  // the index still names the old last checksum
  index.last_checksum = sum;
  EXPECT_TRUE(overlay_of(index, wal).has_value());
}

TEST(Overlay, StopsWhenAsked) {
  const Left left = left_by_commits();
  const sqlite::WalIndex index = must(sqlite::parse_wal_index(as_bytes(left.index)));
  std::stop_source stop;
  stop.request_stop();
  const ReadWal read = [&](std::uint64_t offset, MutableBytes into) -> Result<void> {
    std::memcpy(into.data(), left.wal.data() + offset, into.size());
    return {};
  };
  EXPECT_EQ(read_overlay(index, read, stop.get_token()).error().code, Code::kCancelled);
}

}  // namespace
}  // namespace pv::snapshot
