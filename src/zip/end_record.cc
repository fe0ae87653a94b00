#include "zip/end_record.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "zip/record.h"

namespace pv::zip {
namespace {

// Each look costs a few reads, which may be requests over a network.
constexpr int kLooksMax = 16;

struct Numbers {
  std::uint64_t disk = 0;
  std::uint64_t directory_disk = 0;
  std::uint64_t entries_here = 0;
  std::uint64_t entries = 0;
  std::uint64_t directory_bytes = 0;
  std::uint64_t directory_offset = 0;  // from the start of the archive
};

Numbers read_end(FieldReader& reader) {
  Numbers numbers;
  numbers.disk = reader.u16();
  numbers.directory_disk = reader.u16();
  numbers.entries_here = reader.u16();
  numbers.entries = reader.u16();
  numbers.directory_bytes = reader.u32();
  numbers.directory_offset = reader.u32();
  return numbers;
}

Numbers read_end_64(Bytes record) {
  FieldReader reader{record.subspan(16)};  // behind signature, length and versions
  Numbers numbers;
  numbers.disk = reader.u32();
  numbers.directory_disk = reader.u32();
  numbers.entries_here = reader.u64();
  numbers.entries = reader.u64();
  numbers.directory_bytes = reader.u64();
  numbers.directory_offset = reader.u64();
  return numbers;
}

bool refers_to_64(const Numbers& numbers) {
  return numbers.entries == kIn64Short || numbers.entries_here == kIn64Short ||
         numbers.directory_bytes == kIn64 || numbers.directory_offset == kIn64;
}

// Each number of the short record is either the long one's or says "see there".
bool agree(const Numbers& end, const Numbers& end_64) {
  const auto same = [](std::uint64_t value, std::uint64_t value_64, std::uint64_t see_there) {
    return value == see_there || value == value_64;
  };
  return same(end.disk, end_64.disk, kIn64Short) &&
         same(end.directory_disk, end_64.directory_disk, kIn64Short) &&
         same(end.entries_here, end_64.entries_here, kIn64Short) &&
         same(end.entries, end_64.entries, kIn64Short) &&
         same(end.directory_bytes, end_64.directory_bytes, kIn64) &&
         same(end.directory_offset, end_64.directory_offset, kIn64);
}

Result<bool> has_signature(Source& source, std::uint64_t offset, std::uint32_t signature) {
  std::array<std::byte, 4> bytes{};
  PV_TRY(const std::size_t count, source.read_at(offset, bytes));
  return count == bytes.size() && FieldReader{bytes}.u32() == signature;
}

struct Found64 {
  Numbers numbers;
  std::uint64_t offset = 0;  // of the zip64 end record, from the start of the file
};

// The zip64 end record of the end record at `end_offset`; nullopt when there is none. Its locator
// stands just before the end record and counts from the archive's start, so that with bytes before
// the archive it misses; then the record is expected just before the locator.
Result<std::optional<Found64>> find_end_64(Source& source, std::uint64_t end_offset) {
  if (end_offset < kLocator64Bytes + kEnd64Bytes) { return std::optional<Found64>{}; }
  const std::uint64_t locator_offset = end_offset - kLocator64Bytes;
  std::array<std::byte, kLocator64Bytes> locator{};
  PV_CHECK(read_exactly(source, locator_offset, locator));
  FieldReader reader{locator};
  if (reader.u32() != kLocator64Signature) { return std::optional<Found64>{}; }
  reader.u32();
  const std::uint64_t stated = reader.u64();
  const std::uint64_t adjacent = locator_offset - kEnd64Bytes;
  for (const std::uint64_t offset : {stated, adjacent}) {
    if (offset > adjacent) { continue; }
    std::array<std::byte, kEnd64Bytes> record{};
    PV_CHECK(read_exactly(source, offset, record));
    if (FieldReader{record}.u32() != kEnd64Signature) { continue; }
    return std::optional<Found64>{{.numbers = read_end_64(record), .offset = offset}};
  }
  return std::optional<Found64>{};
}

// Checks what an end record says against the file.
Result<EndRecord> resolve(Source& source, Numbers numbers, std::uint64_t end_offset) {
  PV_TRY(const std::optional<Found64> found_64, find_end_64(source, end_offset));
  std::uint64_t directory_end = end_offset;
  if (found_64) {
    if (!agree(numbers, found_64->numbers)) {
      return fail(Code::kDamaged, "end record and zip64 end record disagree");
    }
    numbers = found_64->numbers;
    directory_end = found_64->offset;
  } else if (refers_to_64(numbers)) {
    return fail(Code::kDamaged, "zip64 end record is missing");
  }
  if (numbers.disk != 0 || numbers.directory_disk != 0 || numbers.entries_here != numbers.entries) {
    return fail(Code::kUnsupported, "the archive spans several disks");
  }
  if (numbers.directory_bytes > directory_end ||
      numbers.directory_offset > directory_end - numbers.directory_bytes) {
    return fail(Code::kDamaged, "the directory would lie outside the file: cut off or damaged");
  }
  if (numbers.entries > numbers.directory_bytes / kCentralBytes ||
      (numbers.entries == 0 && numbers.directory_bytes != 0)) {
    return fail(Code::kDamaged, "the number of entries does not fit the directory's size");
  }
  EndRecord end{.directory_offset = directory_end - numbers.directory_bytes,
                .directory_bytes = numbers.directory_bytes,
                .entries = numbers.entries};
  end.archive_offset = end.directory_offset - numbers.directory_offset;
  if (numbers.entries == 0 || end.archive_offset == 0) { return end; }
  // Something lies between where the directory should be and where its end is: either before the
  // archive, or behind the directory.
  PV_TRY(const bool is_shifted, has_signature(source, end.directory_offset, kCentralSignature));
  if (!is_shifted) {
    end.directory_offset = numbers.directory_offset;
    end.archive_offset = 0;
  }
  return end;
}

Result<void> check_start(Source& source, const EndRecord& end) {
  if (end.entries == 0) { return {}; }
  PV_TRY(const bool begins, has_signature(source, end.directory_offset, kCentralSignature));
  if (!begins) { return fail(Code::kDamaged, "the directory is not where the end record says"); }
  return {};
}

// The last entry of an archive may itself be a stored archive. When the outer one was cut off
// there, the inner one must not pass for the whole. And of two archives, one behind the other, some
// readers see the first and some the last.
Result<void> refuse_two_in_one(Source& source, const EndRecord& end) {
  if (end.entries == 0 || end.archive_offset == 0) { return {}; }
  PV_TRY(const bool is_inner, has_signature(source, 0, kLocalSignature));
  if (is_inner) {
    return fail(Code::kDamaged,
                "the file begins as one archive and ends as another: cut off, or two in one");
  }
  return {};
}

}  // namespace

Result<void> read_exactly(Source& source, std::uint64_t offset, MutableBytes into) {
  PV_TRY(const std::size_t count, source.read_at(offset, into));
  if (count != into.size()) { return fail(Code::kDamaged, "the file ends too early"); }
  return {};
}

Result<EndRecord> find_end_record(Source& source) {
  const std::uint64_t size_bytes = source.size_bytes();
  const std::uint64_t tail_bytes =
      std::min<std::uint64_t>(size_bytes, kEndBytes + kCommentBytesMax);
  std::vector<std::byte> tail(static_cast<std::size_t>(tail_bytes));
  PV_CHECK(read_exactly(source, size_bytes - tail_bytes, tail));

  std::optional<EndRecord> best;
  bool best_ends_file = false;
  std::optional<Error> fault;  // of the candidate next to the end
  int looks = 0;
  for (std::size_t i = tail.size() >= kEndBytes ? tail.size() - kEndBytes + 1 : 0; i-- > 0;) {
    FieldReader reader{Bytes{tail}.subspan(i)};
    if (reader.u32() != kEndSignature) { continue; }
    const Numbers numbers = read_end(reader);
    const std::size_t comment_bytes = reader.u16();
    if (comment_bytes > reader.left()) {
      if (!fault) { fault = Error{Code::kDamaged, "the comment passes the end of the file"}; }
      continue;
    }
    const bool ends_file = comment_bytes == reader.left();
    if (best && !ends_file) { continue; }
    if (++looks > kLooksMax) { return fail(Code::kDamaged, "too many end records"); }
    auto end = resolve(source, numbers, size_bytes - tail_bytes + i);
    if (end.has_value()) {
      if (const auto start = check_start(source, *end); !start.has_value()) {
        end = fail(start.error());
      }
    }
    if (!end.has_value()) {
      if (!fault) { fault = std::move(end).error(); }
      continue;
    }
    PV_CHECK(refuse_two_in_one(source, *end));
    if (best && best_ends_file) {
      return fail(Code::kDamaged, "two end records that both fit: readers would disagree");
    }
    best = *std::move(end);
    best->comment = as_text(reader.bytes(comment_bytes));
    best_ends_file = ends_file;
  }
  if (best) { return *std::move(best); }
  if (fault) { return fail(*std::move(fault)); }
  return fail(Code::kDamaged, "no end record: not a zip archive, or cut off");
}

}  // namespace pv::zip
