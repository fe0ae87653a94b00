#include "zip/record.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "zip/padding.h"

namespace pv::zip {
namespace {

constexpr std::uint16_t kExtra64 = 0x0001;
constexpr std::uint16_t kExtraTime = 0x5455;  // Info-ZIP "UT"
constexpr std::uint16_t kExtraPadding = 0xD935;
constexpr std::uint16_t kMadeByUnix = 3U << 8U;
constexpr std::uint16_t kVersionPlain = 20;
constexpr std::uint16_t kVersion64 = 45;

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out += static_cast<char>(static_cast<unsigned char>(value >> (8U * i)));
  }
}
void put16(std::string& out, std::uint64_t value) { put(out, value, 2); }
void put32(std::string& out, std::uint64_t value) { put(out, value, 4); }
void put64(std::string& out, std::uint64_t value) { put(out, value, 8); }

std::uint32_t in_32(std::uint64_t value) {
  return value >= kIn64 ? kIn64 : static_cast<std::uint32_t>(value);
}

std::uint16_t flags_of(const Header& header) {
  const bool is_ascii = std::all_of(header.name.begin(), header.name.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const bool marked = !is_ascii && is_utf8(header.name);
  return static_cast<std::uint16_t>((header.has_descriptor ? kFlagDescriptor : 0U) |
                                    (marked ? kFlagUtf8 : 0U));
}

// Seconds for the timestamp field, a signed 32-bit number: 1901 to 2038. Times beyond have the DOS
// fields alone.
std::optional<std::uint32_t> to_extra_time(WallTime time) {
  const std::int64_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  if (seconds < std::numeric_limits<std::int32_t>::min() ||
      seconds > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(seconds);
}

// [0x5455: 2][5: 2][1, "modified is here": 1][seconds since 1970: 4]
void put_extra_time(std::string& out, std::optional<std::uint32_t> seconds) {
  if (!seconds) { return; }
  put16(out, kExtraTime);
  put16(out, 5);
  put(out, 1, 1);
  put32(out, *seconds);
}
std::size_t extra_time_bytes(std::optional<std::uint32_t> seconds) { return seconds ? 9 : 0; }

// Says that it is there to align, and to how much; where data really lies it need not say.
void put_extra_padding(std::string& out, std::uint64_t bytes) {
  if (bytes == 0) { return; }
  PV_ASSERT(bytes >= kHeaderPaddingMin && bytes <= kHeaderPaddingMax);
  put16(out, kExtraPadding);
  put16(out, bytes - 4);
  put16(out, 1);
  out.append(static_cast<std::size_t>(bytes - kHeaderPaddingMin), '\0');
}

void put_dos_time(std::string& out, WallTime time) {
  const DosTime dos = to_dos_time(time);
  put16(out, dos.time);
  put16(out, dos.date);
}

}  // namespace

// [PK\3\4: 4][version: 2][flags: 2][method: 2][time: 2][date: 2][crc: 4][packed: 4][raw: 4]
// [name length: 2][extra length: 2] name, extra
//
// The zip64 field of a local header always holds both sizes, raw first: [1: 2][16: 2][8][8].
void append_local_header(std::string& out, const Header& header) {
  const bool known = !header.has_descriptor;
  const std::uint64_t raw_bytes = known ? header.raw_bytes : 0;
  const std::uint64_t packed_bytes = known ? header.packed_bytes : 0;
  const auto seconds = to_extra_time(header.modified);
  put32(out, kLocalSignature);
  put16(out, header.local_is_64 ? kVersion64 : kVersionPlain);
  put16(out, flags_of(header));
  put16(out, header.method);
  put_dos_time(out, header.modified);
  put32(out, known ? header.crc32 : 0);
  put32(out, header.local_is_64 ? kIn64 : packed_bytes);
  put32(out, header.local_is_64 ? kIn64 : raw_bytes);
  put16(out, header.name.size());
  put16(out, (header.local_is_64 ? 20U : 0U) + extra_time_bytes(seconds) + header.padding_bytes);
  out += header.name;
  if (header.local_is_64) {
    put16(out, kExtra64);
    put16(out, 16);
    put64(out, raw_bytes);
    put64(out, packed_bytes);
  }
  put_extra_time(out, seconds);
  put_extra_padding(out, header.padding_bytes);
}

// [PK\7\8: 4][crc: 4][packed: 4 or 8][raw: 4 or 8]; 8 where the local header has a zip64 field.
void append_descriptor(std::string& out, const Header& header) {
  const std::size_t width = header.local_is_64 ? 8 : 4;
  put32(out, kDescriptorSignature);
  put32(out, header.crc32);
  put(out, header.packed_bytes, width);
  put(out, header.raw_bytes, width);
}

// [PK\1\2: 4][made by: 2][version: 2][flags: 2][method: 2][time: 2][date: 2][crc: 4][packed: 4]
// [raw: 4][name length: 2][extra length: 2][comment length: 2][disk: 2][internal: 2][external: 4]
// [header offset: 4] name, extra
//
// The zip64 field holds only those of raw, packed and offset that do not fit, in this order.
void append_central_record(std::string& out, const Header& header, std::uint64_t header_offset) {
  std::string extra;
  for (const std::uint64_t value : {header.raw_bytes, header.packed_bytes, header_offset}) {
    if (value >= kIn64) { put64(extra, value); }
  }
  if (!extra.empty()) {
    std::string head;
    put16(head, kExtra64);
    put16(head, extra.size());
    extra.insert(0, head);
  }
  const bool is_64 = !extra.empty() || header.local_is_64;
  put_extra_time(extra, to_extra_time(header.modified));
  const std::uint32_t dos_folder = header.name.ends_with('/') ? 0x10U : 0U;
  const std::uint32_t dos_read_only = (header.mode & 0200U) == 0 ? 0x01U : 0U;

  put32(out, kCentralSignature);
  put16(out, kMadeByUnix | (is_64 ? kVersion64 : kVersionPlain));
  put16(out, is_64 ? kVersion64 : kVersionPlain);
  put16(out, flags_of(header));
  put16(out, header.method);
  put_dos_time(out, header.modified);
  put32(out, header.crc32);
  put32(out, in_32(header.packed_bytes));
  put32(out, in_32(header.raw_bytes));
  put16(out, header.name.size());
  put16(out, extra.size());
  put16(out, 0);
  put16(out, 0);
  put16(out, 0);
  put32(out, (header.mode << 16U) | dos_folder | dos_read_only);
  put32(out, in_32(header_offset));
  out += header.name;
  out += extra;
}

// zip64 end record:  [PK\6\6: 4][bytes that follow, 44: 8][made by: 2][version: 2][disk: 4]
//                    [directory's disk: 4][entries here: 8][entries: 8][size: 8][offset: 8]
// zip64 locator:     [PK\6\7: 4][disk: 4][offset of the zip64 end record: 8][disks: 4]
// end record:        [PK\5\6: 4][disk: 2][directory's disk: 2][entries here: 2][entries: 2]
//                    [size: 4][offset: 4][comment length: 2]
void append_end_records(std::string& out, const DirectoryPlace& place) {
  const bool is_64 =
      place.entries >= kIn64Short || place.size_bytes >= kIn64 || place.offset >= kIn64;
  if (is_64) {
    put32(out, kEnd64Signature);
    put64(out, kEnd64Bytes - 12);
    put16(out, kMadeByUnix | kVersion64);
    put16(out, kVersion64);
    put32(out, 0);
    put32(out, 0);
    put64(out, place.entries);
    put64(out, place.entries);
    put64(out, place.size_bytes);
    put64(out, place.offset);
    put32(out, kLocator64Signature);
    put32(out, 0);
    put64(out, place.offset + place.size_bytes);
    put32(out, 1);
  }
  const std::uint64_t entries = std::min<std::uint64_t>(place.entries, kIn64Short);
  put32(out, kEndSignature);
  put16(out, 0);
  put16(out, 0);
  put16(out, entries);
  put16(out, entries);
  put32(out, in_32(place.size_bytes));
  put32(out, in_32(place.offset));
  put16(out, 0);
}

DosTime to_dos_time(WallTime time) {
  using namespace std::chrono;
  constexpr WallTime kFirst{sys_days{year{1980} / 1 / 1}};
  constexpr WallTime kLast{sys_days{year{2107} / 12 / 31} + 23h + 59min + 58s};
  time = std::clamp(time, kFirst, kLast);
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time - day)};
  const auto years = static_cast<unsigned>(static_cast<int>(date.year()) - 1980);
  const auto count = [](auto span) { return static_cast<unsigned>(span.count()); };
  return {.time = static_cast<std::uint16_t>((count(clock.hours()) << 11U) |
                                             (count(clock.minutes()) << 5U) |
                                             (count(clock.seconds()) / 2)),
          .date = static_cast<std::uint16_t>((years << 9U) |
                                             (static_cast<unsigned>(date.month()) << 5U) |
                                             static_cast<unsigned>(date.day()))};
}

std::optional<WallTime> from_dos_time(DosTime time) {
  using namespace std::chrono;
  const year_month_day date{year{1980 + (time.date >> 9U)}, month{(time.date >> 5U) & 15U},
                            day{time.date & 31U}};
  if (!date.ok()) { return std::nullopt; }
  return WallTime{sys_days{date} + hours{time.time >> 11U} + minutes{(time.time >> 5U) & 63U} +
                  seconds{(time.time & 31U) * 2U}};
}

namespace {

// The numbers that the fixed record sends here, in the order of APPNOTE 4.5.3.
Result<void> parse_extra_64(Bytes field, In64 in_64, Extra& extra) {
  FieldReader reader{field};
  extra.has_64 = true;
  for (const auto& [wanted, value] : {std::pair{in_64.raw_bytes, &extra.raw_bytes},
                                      std::pair{in_64.packed_bytes, &extra.packed_bytes},
                                      std::pair{in_64.header_offset, &extra.header_offset}}) {
    if (!wanted) { continue; }
    if (reader.left() < 8) { return fail(Code::kDamaged, "zip64 field is too short"); }
    *value = reader.u64();
  }
  if (in_64.disk) {
    if (reader.left() < 4) { return fail(Code::kDamaged, "zip64 field is too short"); }
    extra.disk = reader.u32();
  }
  return {};
}

void parse_extra_time(Bytes field, Extra& extra) {
  FieldReader reader{field};
  if (reader.left() < 5) { return; }
  const bool has_modified = (std::to_integer<unsigned>(reader.bytes(1)[0]) & 1U) != 0;
  if (!has_modified) { return; }
  extra.modified = WallTime{std::chrono::seconds{static_cast<std::int32_t>(reader.u32())}};
}

}  // namespace

Result<Extra> parse_extra(Bytes bytes, In64 in_64) {
  Extra extra;
  FieldReader reader{bytes};
  while (reader.left() >= 4) {
    const std::uint16_t id = reader.u16();
    const std::uint16_t length = reader.u16();
    if (length > reader.left()) { break; }
    const Bytes field = reader.bytes(length);
    if (id == kExtra64 && !extra.has_64) { PV_CHECK(parse_extra_64(field, in_64, extra)); }
    if (id == kExtraTime && !extra.modified) { parse_extra_time(field, extra); }
  }
  const bool needs_64 = in_64.raw_bytes || in_64.packed_bytes || in_64.header_offset || in_64.disk;
  if (needs_64 && !extra.has_64) { return fail(Code::kDamaged, "zip64 field is missing"); }
  return extra;
}

}  // namespace pv::zip
