#include "zip/directory.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "zip/crc.h"
#include "zip/end_record.h"
#include "zip/record.h"

namespace pv::zip {
namespace {

// deflate makes at most 258 bytes of 2 bits.
constexpr std::uint64_t kRatioMax = 1032;

constexpr unsigned kMadeOnUnix = 3;
constexpr unsigned kMadeOnDarwin = 19;

// Bytes of the file from one place to another, through a block that is read ahead.
class Window {
 public:
  Window(Source& source, std::uint64_t offset, std::uint64_t end)
      : source_{source}, offset_{offset}, end_{end}, block_(kBlockBytes) {}

  // The next `count` bytes, good until the next call; kDamaged where fewer are left.
  Result<Bytes> take(std::size_t count) {
    if (count > have_ - at_) { PV_CHECK(refill(count)); }
    const Bytes bytes = Bytes{block_}.subspan(at_, count);
    at_ += count;
    crc32_ = crc32(bytes, crc32_);
    return bytes;
  }
  [[nodiscard]] std::uint32_t crc32_so_far() const { return crc32_; }
  [[nodiscard]] std::uint64_t left() const { return end_ - offset_ + (have_ - at_); }

 private:
  // The largest record: a fixed part and three fields of 64 KiB.
  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10U;
  static_assert(kBlockBytes > kCentralBytes + 3 * std::size_t{0xFFFF});

  Result<void> refill(std::size_t count) {
    if (count > left()) {
      return fail(Code::kDamaged, "the directory ends in the middle of an entry");
    }
    std::memmove(block_.data(), &block_[at_], have_ - at_);
    have_ -= at_;
    at_ = 0;
    const auto more =
        static_cast<std::size_t>(std::min<std::uint64_t>(block_.size() - have_, end_ - offset_));
    PV_CHECK(read_exactly(source_, offset_, MutableBytes{block_}.subspan(have_, more)));
    have_ += more;
    offset_ += more;
    return {};
  }

  Source& source_;
  std::uint64_t offset_;
  const std::uint64_t end_;
  std::vector<std::byte> block_;
  std::size_t at_ = 0;
  std::size_t have_ = 0;
  std::uint32_t crc32_ = 0;
};

// Sizes and offset of an entry, where the zip64 field may hold the real ones.
Result<Extra> resolve_64(Entry& entry, Bytes extra_bytes, std::uint16_t disk) {
  const In64 in_64{.raw_bytes = entry.raw_bytes == kIn64,
                   .packed_bytes = entry.packed_bytes == kIn64,
                   .header_offset = entry.header_offset == kIn64,
                   .disk = disk == kIn64Short};
  PV_TRY(Extra extra, parse_extra(extra_bytes, in_64));
  entry.raw_bytes = extra.raw_bytes.value_or(entry.raw_bytes);
  entry.packed_bytes = extra.packed_bytes.value_or(entry.packed_bytes);
  entry.header_offset = extra.header_offset.value_or(entry.header_offset);
  if (extra.disk.value_or(disk) != 0) {
    return fail(Code::kUnsupported, "the archive spans several disks");
  }
  return extra;
}

Result<Entry> read_entry(Window& window, Names& names) {
  PV_TRY(const Bytes fixed, window.take(kCentralBytes));
  FieldReader reader{fixed};
  if (reader.u32() != kCentralSignature) {
    return fail(Code::kDamaged, "an entry does not begin as one");
  }
  Entry entry;
  const unsigned made_on = reader.u16() >> 8U;
  reader.u16();  // version needed: what can't be read shows by method and flags
  entry.flags = reader.u16();
  entry.method = reader.u16();
  const std::uint16_t time = reader.u16();
  const DosTime dos_time{.time = time, .date = reader.u16()};
  entry.crc32 = reader.u32();
  entry.packed_bytes = reader.u32();
  entry.raw_bytes = reader.u32();
  const std::size_t name_bytes = reader.u16();
  const std::size_t extra_bytes = reader.u16();
  const std::size_t comment_bytes = reader.u16();
  const std::uint16_t disk = reader.u16();
  reader.u16();  // internal attributes: text or not
  const std::uint32_t external = reader.u32();
  entry.header_offset = reader.u32();
  if (made_on == kMadeOnUnix || made_on == kMadeOnDarwin) { entry.mode = external >> 16U; }

  PV_TRY(const Bytes rest, window.take(name_bytes + extra_bytes + comment_bytes));
  entry.name = names.keep(as_text(rest.first(name_bytes)));
  if (entry.name.empty()) { return fail(Code::kDamaged, "an entry has no name"); }
  auto extra = resolve_64(entry, rest.subspan(name_bytes, extra_bytes), disk);
  if (!extra.has_value()) { return fail(extra.error().within(printable(entry.name))); }
  entry.modified = extra->modified ? extra->modified : from_dos_time(dos_time);
  return entry;
}

Result<void> check_sizes(const Entry& entry) {
  if (entry.is_encrypted()) { return {}; }  // has bytes of its own, and is not extracted
  const bool stored = entry.method == static_cast<std::uint16_t>(Method::kStored);
  const bool deflated = entry.method == static_cast<std::uint16_t>(Method::kDeflated);
  if ((stored && entry.raw_bytes != entry.packed_bytes) ||
      (deflated && entry.raw_bytes / kRatioMax > entry.packed_bytes)) {
    return fail(Code::kDamaged, printable(entry.name) + ": " + std::to_string(entry.packed_bytes) +
                                    " bytes can't hold the " + std::to_string(entry.raw_bytes) +
                                    " that it declares");
  }
  return {};
}

// The least that an entry takes in the file: its local header, which repeats the name, and data.
// nullopt when that passes 2^64.
std::optional<std::uint64_t> end_of(const Entry& entry) {
  std::uint64_t end = 0;
  if (__builtin_add_overflow(entry.header_offset, entry.packed_bytes, &end) ||
      __builtin_add_overflow(end, kLocalBytes + entry.name.size(), &end)) {
    return std::nullopt;
  }
  return end;
}

// Entries that share bytes are how a small archive unfolds into petabytes, and how two readers come
// to see two contents.
Result<void> check_places(Directory& directory) {
  std::vector<std::uint32_t> order;
  const auto& entries = directory.entries;
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    return entries[a].header_offset < entries[b].header_offset;
  };
  order.resize(entries.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) { order[i] = i; }
  if (!std::is_sorted(order.begin(), order.end(), before)) {
    std::sort(order.begin(), order.end(), before);
  }
  directory.starts.reserve(entries.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Entry& entry = entries[order[i]];
    const bool is_last = i + 1 == order.size();
    const std::uint64_t limit = is_last ? directory.offset : entries[order[i + 1]].header_offset;
    const auto end = end_of(entry);
    if (!end || *end > directory.offset) {
      return fail(Code::kDamaged,
                  printable(entry.name) + ": would reach into the directory or beyond the file");
    }
    if (*end > limit) {
      return fail(Code::kDamaged, printable(entry.name) + " and " +
                                      printable(entries[order[i + 1]].name) + " overlap");
    }
    directory.starts.push_back(entry.header_offset);
  }
  return {};
}

}  // namespace

std::string_view Names::keep(std::string_view name) {
  constexpr std::size_t kBlockBytes = std::size_t{64} << 10U;
  static_assert(kBlockBytes >= kNameBytesMax);
  if (name.size() > left_bytes_) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    free_ = blocks_.back().get();
    left_bytes_ = kBlockBytes;
  }
  std::ranges::copy(name, free_);
  const std::string_view kept{free_, name.size()};
  free_ += name.size();
  left_bytes_ -= name.size();
  return kept;
}

std::uint64_t Directory::end_of_entry_at(std::uint64_t header_offset) const {
  const auto next = std::upper_bound(starts.begin(), starts.end(), header_offset);
  return next == starts.end() ? offset : *next;
}

Result<Directory> read_directory(Source& source, const ReaderLimits& limits) {
  PV_TRY(EndRecord end, find_end_record(source));
  if (end.entries > limits.entries_max || end.directory_bytes > limits.directory_bytes_max) {
    return fail(Code::kUnsupported, "the archive has " + std::to_string(end.entries) +
                                        " entries in a directory of " +
                                        format_size(end.directory_bytes) + "; at most " +
                                        std::to_string(limits.entries_max) + " in " +
                                        format_size(limits.directory_bytes_max) + " are read");
  }
  Directory directory{.entries = {},
                      .names = {},
                      .comment = std::move(end.comment),
                      .offset = end.directory_offset,
                      .crc32 = 0,
                      .starts = {}};
  // Not more than the file has bytes for: end.entries was checked against the directory's size.
  directory.entries.reserve(static_cast<std::size_t>(end.entries));
  Window window{source, end.directory_offset, end.directory_offset + end.directory_bytes};
  for (std::uint64_t i = 0; i < end.entries; ++i) {
    PV_TRY(Entry entry, read_entry(window, directory.names));
    if (__builtin_add_overflow(entry.header_offset, end.archive_offset, &entry.header_offset)) {
      return fail(Code::kDamaged, printable(entry.name) + ": would lie beyond the file");
    }
    PV_CHECK(check_sizes(entry));
    directory.entries.push_back(entry);
  }
  if (window.left() != 0) {
    return fail(Code::kDamaged, "the directory has more than the declared " +
                                    std::to_string(end.entries) + " entries");
  }
  directory.crc32 = window.crc32_so_far();
  PV_CHECK(check_places(directory));
  return directory;
}

}  // namespace pv::zip
