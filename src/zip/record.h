// The records of a zip archive (PKWARE APPNOTE 6.3.9), encoded and parsed. Little-endian.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/io.h"

namespace pv::zip {

inline constexpr std::uint32_t kLocalSignature = 0x04034B50;       // "PK\3\4"
inline constexpr std::uint32_t kDescriptorSignature = 0x08074B50;  // "PK\7\8"
inline constexpr std::uint32_t kCentralSignature = 0x02014B50;     // "PK\1\2"
inline constexpr std::uint32_t kEndSignature = 0x06054B50;         // "PK\5\6"
inline constexpr std::uint32_t kEnd64Signature = 0x06064B50;       // "PK\6\6"
inline constexpr std::uint32_t kLocator64Signature = 0x07064B50;   // "PK\6\7"

inline constexpr std::size_t kLocalBytes = 30;
inline constexpr std::size_t kCentralBytes = 46;
inline constexpr std::size_t kEndBytes = 22;
inline constexpr std::size_t kEnd64Bytes = 56;
inline constexpr std::size_t kLocator64Bytes = 20;
inline constexpr std::size_t kNameBytesMax = 0xFFFF;
inline constexpr std::size_t kCommentBytesMax = 0xFFFF;

// A field that holds this says: see the zip64 record.
inline constexpr std::uint16_t kIn64Short = 0xFFFF;
inline constexpr std::uint32_t kIn64 = 0xFFFFFFFF;

inline constexpr std::uint16_t kFlagEncrypted = 1U << 0U;
inline constexpr std::uint16_t kFlagDescriptor = 1U << 3U;
inline constexpr std::uint16_t kFlagUtf8 = 1U << 11U;

// What local header and central record say about one entry that we write.
struct Header {
  std::string_view name;
  std::uint32_t mode = 0;
  WallTime modified{};
  std::uint16_t method = 0;
  bool has_descriptor = false;
  bool local_is_64 = false;         // the local header has room for 64-bit sizes
  std::uint64_t padding_bytes = 0;  // in the local header (padding.h)
  std::uint32_t crc32 = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t raw_bytes = 0;
};

// What a local header takes beside its name and padding, at most: the fixed part, zip64 and
// timestamp fields.
inline constexpr std::size_t kLocalBytesMax = kLocalBytes + 20 + 9;

// Each appends to `out`. With a descriptor the local header's CRC and sizes are zero.
void append_local_header(std::string& out, const Header& header);
void append_descriptor(std::string& out, const Header& header);
void append_central_record(std::string& out, const Header& header, std::uint64_t header_offset);

struct DirectoryPlace {
  std::uint64_t entries = 0;
  std::uint64_t offset = 0;  // from the start of the archive
  std::uint64_t size_bytes = 0;
};
// The end record, preceded by the zip64 ones where a number needs them.
void append_end_records(std::string& out, const DirectoryPlace& place);

// MS-DOS time, 2 s steps, 1980 to 2107; what lies outside becomes the nearest that fits.
struct DosTime {
  std::uint16_t time = 0;  // hhhhhmmmmmmsssss
  std::uint16_t date = 0;  // yyyyyyymmmmddddd
};
[[nodiscard]] DosTime to_dos_time(WallTime time);
[[nodiscard]] std::optional<WallTime> from_dos_time(DosTime time);  // nullopt: no such date

// A parsed extra field: the parts that matter here.
struct Extra {
  bool has_64 = false;
  std::optional<std::uint64_t> raw_bytes;
  std::optional<std::uint64_t> packed_bytes;
  std::optional<std::uint64_t> header_offset;
  std::optional<std::uint32_t> disk;
  std::optional<WallTime> modified = std::nullopt;
};
// Which numbers the zip64 field must hold, in this order.
struct In64 {
  bool raw_bytes = false;
  bool packed_bytes = false;
  bool header_offset = false;
  bool disk = false;
};
// kDamaged when the zip64 field lacks what it must hold. Bytes after the last whole field are
// ignored, as others do.
[[nodiscard]] Result<Extra> parse_extra(Bytes extra, In64 in_64);

// Reads fields one after another. The caller has checked that the bytes are there.
class FieldReader {
 public:
  explicit FieldReader(Bytes bytes) : left_{bytes} {}
  std::uint16_t u16() { return static_cast<std::uint16_t>(take(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(take(4)); }
  std::uint64_t u64() { return take(8); }
  Bytes bytes(std::size_t count) {
    PV_ASSERT(count <= left_.size());
    const Bytes result = left_.first(count);
    left_ = left_.subspan(count);
    return result;
  }
  [[nodiscard]] std::size_t left() const { return left_.size(); }

 private:
  std::uint64_t take(std::size_t count) {
    std::uint64_t value = 0;
    const Bytes field = bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
      value |= std::to_integer<std::uint64_t>(field[i]) << (8U * i);
    }
    return value;
  }
  Bytes left_;
};

}  // namespace pv::zip
