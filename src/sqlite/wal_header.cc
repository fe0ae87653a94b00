#include "sqlite/wal_header.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sqlite/vfs.h"

namespace pv::sqlite {
namespace {

constexpr std::uint32_t kMagic = 0x377f0682;  // the last bit: words of the checksums are big-endian
constexpr std::size_t kSaltsAt = 16;
constexpr std::size_t kChecksumAt = 24;
constexpr std::size_t kFrameSaltsAt = 40;
constexpr std::size_t kFrameChecksumAt = 48;
constexpr std::size_t kSaltsBytes = std::tuple_size_v<WalSalts>;

std::uint32_t word_at(Bytes bytes, std::size_t at) {
  std::uint32_t word = 0;
  for (const std::byte byte : bytes.subspan(at, 4)) {
    word = word << 8U | std::to_integer<std::uint32_t>(byte);
  }
  return word;
}

}  // namespace

std::optional<WalMark> parse_wal_start(Bytes start) {
  if (start.size() < kWalStartBytes) { return std::nullopt; }
  const std::uint32_t magic = word_at(start, 0);
  if ((magic & ~1U) != kMagic) { return std::nullopt; }
  const auto order = (magic & 1U) != 0 ? WordOrder::kBigEndian : WordOrder::kLittleEndian;
  const auto sum = wal_checksum({0, 0}, start.first(kChecksumAt), order);
  if (sum[0] != word_at(start, kChecksumAt) || sum[1] != word_at(start, kChecksumAt + 4)) {
    return std::nullopt;
  }
  const Bytes salts = start.subspan(kSaltsAt, kSaltsBytes);
  if (!std::ranges::equal(salts, start.subspan(kFrameSaltsAt, kSaltsBytes))) {
    return std::nullopt;  // of a frame from before it was begun anew
  }
  WalMark mark{};
  const auto rest = std::ranges::copy(salts, mark.begin()).out;
  std::ranges::copy(start.subspan(kFrameChecksumAt, mark.size() - kSaltsBytes), rest);
  return mark;
}

Result<std::optional<WalMark>> wal_mark_of(Connection& connection) {
  sqlite3_file* wal = wal_file(connection);
  const std::string what = "read " + printable(connection.path().native()) + "-wal";
  if (wal == nullptr) { return fail(Code::kUnavailable, what + ": it is not open"); }
  std::array<std::byte, kWalStartBytes> start{};
  const int code = wal->pMethods->xRead(wal, start.data(), static_cast<int>(start.size()), 0);
  // What the file lacks is zeros, which are no header.
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) {
    return fail(error_of(nullptr, code, what));
  }
  return parse_wal_start(start);
}

std::optional<WalMark> wal_mark_at(const fs::Path& wal) {
  const auto fd = fs::open_for_reading(wal);
  if (!fd.has_value()) { return std::nullopt; }
  std::array<std::byte, kWalStartBytes> start{};
  const auto count = fs::read_some(*fd, 0, start);
  if (!count.has_value()) { return std::nullopt; }
  return parse_wal_start(Bytes{start}.first(*count));
}

std::optional<WalMark> committed_mark(Connection& connection) {
  const auto index = read_wal_index(connection);
  if (!index.has_value() || index->frames == 0) { return std::nullopt; }
  const auto mark = wal_mark_of(connection);
  if (!mark.has_value() || !mark->has_value()) { return std::nullopt; }
  // It may have been begun anew between the two, and nothing committed yet.
  const bool is_same = std::equal(index->salts.begin(), index->salts.end(), (*mark)->begin());
  return is_same ? *mark : std::nullopt;
}

}  // namespace pv::sqlite
