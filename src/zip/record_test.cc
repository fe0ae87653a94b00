#include "zip/record.h"

#include <gtest/gtest.h>

namespace pv::zip {
namespace {

using namespace std::chrono_literals;

WallTime at(std::chrono::year_month_day date, std::chrono::seconds time = 0s) {
  return WallTime{std::chrono::sys_days{date} + time};
}

TEST(DosTime, KeepsEvenSecondsFrom1980To2107) {
  using namespace std::chrono;
  const WallTime time = at(2026y / 11 / 21, 0h + 54min + 46s);
  EXPECT_EQ(from_dos_time(to_dos_time(time)), time);
  EXPECT_EQ(from_dos_time(to_dos_time(time + 1999ms)), time);
  EXPECT_EQ(from_dos_time(to_dos_time(at(1970y / 1 / 1))), at(1980y / 1 / 1));
  EXPECT_EQ(from_dos_time(to_dos_time(at(2200y / 1 / 1))), at(2107y / 12 / 31, 23h + 59min + 58s));
  EXPECT_EQ(from_dos_time({.time = 0, .date = 0}), std::nullopt);  // month 0
}

TEST(Records, NumbersMoveToZip64OnlyWhenTheyMust) {
  const auto record_of = [](std::uint64_t size, std::uint64_t offset) {
    std::string record;
    append_central_record(record, {.name = "a", .packed_bytes = size, .raw_bytes = size}, offset);
    return record.size();
  };
  const std::size_t plain = kCentralBytes + 1 + 9;  // with the timestamp
  EXPECT_EQ(record_of(0xFFFFFFFE, 0xFFFFFFFE), plain);
  EXPECT_EQ(record_of(0xFFFFFFFF, 0), plain + 4 + 16);
  EXPECT_EQ(record_of(0, 0xFFFFFFFF), plain + 4 + 8);
  EXPECT_EQ(record_of(1ULL << 40U, 1ULL << 41U), plain + 4 + 24);

  const auto end_of = [](DirectoryPlace place) {
    std::string record;
    append_end_records(record, place);
    return record.size();
  };
  const std::size_t with_64 = kEnd64Bytes + kLocator64Bytes + kEndBytes;
  EXPECT_EQ(end_of({.entries = 65'534, .offset = 0xFFFFFFFE, .size_bytes = 0xFFFFFFFE}), kEndBytes);
  EXPECT_EQ(end_of({.entries = 65'535}), with_64);
  EXPECT_EQ(end_of({.offset = 0xFFFFFFFF}), with_64);
  EXPECT_EQ(end_of({.size_bytes = 0xFFFFFFFF}), with_64);
}

TEST(Records, NoLocalHeaderIsLongerThanRoomIsLeftFor) {
  std::string record;
  append_local_header(record, {.name = "name", .local_is_64 = true});
  EXPECT_EQ(record.size(), kLocalBytesMax + 4);
}

TEST(Extra, HoldsOnlyWhatTheRecordSendsThere) {
  const std::string field{"\x01\x00\x08\x00\x2A\x00\x00\x00\x01\x00\x00\x00", 12};
  const auto extra = parse_extra(as_bytes(field), {.packed_bytes = true});
  ASSERT_TRUE(extra.has_value());
  EXPECT_EQ(extra->packed_bytes, 0x1'0000'002AULL);
  EXPECT_EQ(extra->raw_bytes, std::nullopt);
  EXPECT_FALSE(parse_extra(as_bytes(field), {.raw_bytes = true, .packed_bytes = true}).has_value());
  EXPECT_FALSE(parse_extra({}, {.header_offset = true}).has_value());
  EXPECT_TRUE(parse_extra(as_bytes("\x01"), {}).has_value()) << "a stray byte is no field";
}

}  // namespace
}  // namespace pv::zip
