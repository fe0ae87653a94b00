// Builds zips record by record: every field of every record can be made to lie.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/io.h"
#include "zip/crc.h"
#include "zip/deflate.h"
#include "zip/record.h"

namespace pv::zip::testing {

// `bytes` low bytes of `value`, little-endian.
inline std::string number(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) { out += static_cast<char>(value >> (8U * i)); }
  return out;
}

// An extra field: [id: 2][size: 2][content].
inline std::string extra_field(std::uint16_t id, const std::string& content) {
  return number(id, 2) + number(content.size(), 2) + content;
}

// What local header and central record both have.
struct CraftedHeader {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc32 = 0;
  std::uint32_t packed_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::string extra = {};

  // From the flags to the length of the extra field; `time` and date are of 14 November 2023.
  [[nodiscard]] std::string middle() const {
    return number(flags, 2) + number(method, 2) + number(0xB1A3, 2) + number(0x576E, 2) +
           number(crc32, 4) + number(packed_bytes, 4) + number(raw_bytes, 4) +
           number(name.size(), 2) + number(extra.size(), 2);
  }
};

struct CraftedItem {
  CraftedHeader local;
  CraftedHeader central;
  std::string gap = {};         // bytes in front of the local header
  std::string data = {};        // as it stands in the file
  std::string descriptor = {};  // behind it
  std::uint16_t made_by = 3U << 8U | 30U;
  std::uint32_t mode = 0100644;  // Unix, the high half of the external attributes
  std::string comment = {};
  std::uint16_t disk = 0;
  std::optional<std::uint32_t> offset = std::nullopt;  // of the local header; else the true one

  // Changes both headers.
  CraftedItem& both(const std::function<void(CraftedHeader&)>& change) {
    change(local);
    change(central);
    return *this;
  }
};

inline CraftedItem stored(const std::string& name, const std::string& content,
                          std::uint32_t mode = 0100644) {
  const auto size = static_cast<std::uint32_t>(content.size());
  const CraftedHeader header{
      .name = name, .crc32 = crc32(as_bytes(content)), .packed_bytes = size, .raw_bytes = size};
  return {.local = header, .central = header, .data = content, .mode = mode};
}

inline std::string deflate(const std::string& content) {
  std::string packed(content.size() + content.size() / 8 + 1024, '\0');
  Deflater deflater{1};
  const auto bytes =
      deflater.run(as_bytes(content), std::as_writable_bytes(std::span{packed}), StreamEnd::kFinal);
  PV_ASSERT(bytes.has_value());
  packed.resize(*bytes);
  return packed;
}

inline CraftedItem deflated(const std::string& name, const std::string& content) {
  CraftedItem item = stored(name, content);
  item.data = deflate(content);
  item.both([&](CraftedHeader& header) {
    header.method = 8;
    header.packed_bytes = static_cast<std::uint32_t>(item.data.size());
  });
  return item;
}

// Sizes and CRC behind the data instead of in the local header.
enum class Descriptor { kSigned, kUnsigned, kSigned64, kUnsigned64 };
inline CraftedItem with_descriptor(CraftedItem item, Descriptor kind) {
  const bool is_64 = kind == Descriptor::kSigned64 || kind == Descriptor::kUnsigned64;
  const bool is_signed = kind == Descriptor::kSigned || kind == Descriptor::kSigned64;
  const std::size_t width = is_64 ? 8 : 4;
  item.descriptor = (is_signed ? number(kDescriptorSignature, 4) : "") +
                    number(item.central.crc32, 4) + number(item.central.packed_bytes, width) +
                    number(item.central.raw_bytes, width);
  item.both([](CraftedHeader& header) { header.flags |= kFlagDescriptor; });
  item.local.crc32 = item.local.packed_bytes = item.local.raw_bytes = 0;
  return item;
}

// The end record; what is not given is what is true.
struct CraftedEnd {
  std::uint16_t disk = 0;
  std::uint16_t directory_disk = 0;
  std::optional<std::uint16_t> entries_here = std::nullopt;
  std::optional<std::uint16_t> entries = std::nullopt;
  std::optional<std::uint32_t> directory_bytes = std::nullopt;
  std::optional<std::uint32_t> directory_offset = std::nullopt;
  std::string comment = {};
};

struct CraftedZip {
  std::string before = {};  // which no offset counts
  std::vector<CraftedItem> items = {};
  bool is_reversed = false;  // the directory names the last entry first
  // Bytes between directory and end record, given the directory's offset and size: zip64 records.
  std::function<std::string(std::uint64_t offset, std::uint64_t bytes)> before_end = {};
  CraftedEnd end = {};
  std::string after = {};

  [[nodiscard]] std::string build() const {
    std::string out;
    std::string directory;
    for (const CraftedItem& item : items) {
      out += item.gap;
      const std::string record = central_record(item, out.size());
      directory = is_reversed ? record + directory : directory + record;
      out += number(kLocalSignature, 4) + number(20, 2) + item.local.middle() + item.local.name +
             item.local.extra + item.data + item.descriptor;
    }
    const std::size_t offset = out.size();
    out += directory;
    if (before_end) { out += before_end(offset, directory.size()); }
    return before + out + end_record(offset, directory.size()) + after;
  }

 private:
  static std::string central_record(const CraftedItem& item, std::size_t offset) {
    return number(kCentralSignature, 4) + number(item.made_by, 2) + number(20, 2) +
           item.central.middle() + number(item.comment.size(), 2) + number(item.disk, 2) +
           number(0, 2) + number(std::uint64_t{item.mode} << 16U, 4) +
           number(item.offset.value_or(static_cast<std::uint32_t>(offset)), 4) + item.central.name +
           item.central.extra + item.comment;
  }
  [[nodiscard]] std::string end_record(std::size_t offset, std::size_t bytes) const {
    const auto count = static_cast<std::uint16_t>(items.size());
    return number(kEndSignature, 4) + number(end.disk, 2) + number(end.directory_disk, 2) +
           number(end.entries_here.value_or(count), 2) + number(end.entries.value_or(count), 2) +
           number(end.directory_bytes.value_or(static_cast<std::uint32_t>(bytes)), 4) +
           number(end.directory_offset.value_or(static_cast<std::uint32_t>(offset)), 4) +
           number(end.comment.size(), 2) + end.comment;
  }
};

}  // namespace pv::zip::testing
