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

std::uint32_t word_at(Bytes bytes, std::size_t at) {
  std::uint32_t word = 0;
  for (const std::byte byte : bytes.subspan(at, 4)) {
    word = word << 8U | std::to_integer<std::uint32_t>(byte);
  }
  return word;
}

}  // namespace

std::optional<WalSalts> parse_wal_header(Bytes header) {
  if (header.size() < kWalHeaderBytes) { return std::nullopt; }
  const std::uint32_t magic = word_at(header, 0);
  if ((magic & ~1U) != kMagic) { return std::nullopt; }
  const auto order = (magic & 1U) != 0 ? WordOrder::kBigEndian : WordOrder::kLittleEndian;
  const auto sum = wal_checksum({0, 0}, header.first(kChecksumAt), order);
  if (sum[0] != word_at(header, kChecksumAt) || sum[1] != word_at(header, kChecksumAt + 4)) {
    return std::nullopt;
  }
  WalSalts salts{};
  std::ranges::copy(header.subspan(kSaltsAt, salts.size()), salts.begin());
  return salts;
}

Result<std::optional<WalSalts>> wal_salts_of(Connection& connection) {
  sqlite3_file* wal = wal_file(connection);
  const std::string what = "read " + printable(connection.path().native()) + "-wal";
  if (wal == nullptr) { return fail(Code::kUnavailable, what + ": it is not open"); }
  std::array<std::byte, kWalHeaderBytes> header{};
  const int code = wal->pMethods->xRead(wal, header.data(), static_cast<int>(header.size()), 0);
  // What the file lacks is zeros, which are no header.
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) {
    return fail(error_of(nullptr, code, what));
  }
  return parse_wal_header(header);
}

std::optional<WalSalts> wal_salts_at(const fs::Path& wal) {
  const auto fd = fs::open_for_reading(wal);
  if (!fd.has_value()) { return std::nullopt; }
  std::array<std::byte, kWalHeaderBytes> header{};
  const auto count = fs::read_some(*fd, 0, header);
  if (!count.has_value()) { return std::nullopt; }
  return parse_wal_header(Bytes{header}.first(*count));
}

std::optional<WalSalts> committed_salts(Connection& connection) {
  const auto index = read_wal_index(connection);
  if (!index.has_value() || index->frames == 0) { return std::nullopt; }
  return index->salts;
}

}  // namespace pv::sqlite
