#include "snapshot/overlay.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace pv::snapshot {
namespace {

constexpr std::size_t kWalHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // its last bit: checksums over big-endian words
constexpr std::uint32_t kVersion = 3'007'000;
constexpr std::size_t kBlockBytes = std::size_t{1} << 20U;

using Sum = std::array<std::uint32_t, 2>;

std::uint32_t big_endian(Bytes bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[at + i]); };
  return byte(0) << 24U | byte(1) << 16U | byte(2) << 8U | byte(3);
}

Sum stored_sum(Bytes bytes, std::size_t at) {
  return {big_endian(bytes, at), big_endian(bytes, at + 4)};
}

tl::unexpected<Error> damaged(std::string what) {
  return fail(Code::kDamaged, "the WAL's " + std::move(what));
}

// What the frames go on from.
struct Chain {
  Sum sum{};
  sqlite::WordOrder order = sqlite::WordOrder::kLittleEndian;
};

Result<Chain> read_header(const sqlite::WalIndex& index, const ReadWal& read) {
  std::array<std::byte, kWalHeaderBytes> header{};
  PV_CHECK(read(0, header));
  const std::uint32_t magic = big_endian(header, 0);
  if ((magic & ~1U) != kMagic || big_endian(header, 4) != kVersion) {
    return damaged("header is of an unknown kind");
  }
  if (big_endian(header, 8) != index.page_bytes) { return damaged("page size is another"); }
  if (std::memcmp(header.data() + 16, index.salts.data(), index.salts.size()) != 0) {
    return damaged("header has other salts than the wal-index");
  }
  Chain chain{{0, 0},
              (magic & 1U) != 0 ? sqlite::WordOrder::kBigEndian : sqlite::WordOrder::kLittleEndian};
  chain.sum = sqlite::wal_checksum(chain.sum, Bytes{header}.first(24), chain.order);
  if (chain.sum != stored_sum(header, 24)) { return damaged("header fails its checksum"); }
  return chain;
}

// Checks one frame and moves the chain on; returns its page.
Result<std::uint32_t> check_frame(const sqlite::WalIndex& index, Bytes frame, std::uint32_t number,
                                  Chain& chain) {
  const std::string name = "frame " + std::to_string(number);
  if (std::memcmp(frame.data() + 8, index.salts.data(), index.salts.size()) != 0) {
    return damaged(name + " has other salts than the wal-index");
  }
  chain.sum = sqlite::wal_checksum(chain.sum, frame.first(8), chain.order);
  chain.sum = sqlite::wal_checksum(chain.sum, frame.subspan(kFrameHeaderBytes), chain.order);
  if (chain.sum != stored_sum(frame, 16)) { return damaged(name + " fails its checksum"); }
  const std::uint32_t page = big_endian(frame, 0);
  if (page == 0) { return damaged(name + " is of no page"); }
  if (number == index.frames &&
      (big_endian(frame, 4) != index.pages || chain.sum != index.last_checksum)) {
    return damaged(name + " is not the commit that the wal-index names");
  }
  return page;
}

}  // namespace

Overlay::Overlay(std::vector<Place> places) : places_{std::move(places)} {
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return a.page != b.page ? a.page < b.page : a.frame > b.frame;
  });
  const auto same_page = [](const Place& a, const Place& b) { return a.page == b.page; };
  places_.erase(std::unique(places_.begin(), places_.end(), same_page), places_.end());
  places_.shrink_to_fit();
}

std::span<const Place> Overlay::of_pages(std::uint64_t first, std::uint64_t last) const {
  const auto from =
      std::lower_bound(places_.begin(), places_.end(), first,
                       [](const Place& place, std::uint64_t page) { return place.page < page; });
  const auto to =
      std::upper_bound(from, places_.end(), last,
                       [](std::uint64_t page, const Place& place) { return page < place.page; });
  return {from, to};
}

std::uint64_t frame_content_at(std::uint32_t frame, std::uint32_t page_bytes) {
  // Frame 1 of 4096-byte pages: 32 + 0 + 24 = 56; frame 2: 32 + 4120 + 24 = 4176.
  return kWalHeaderBytes + std::uint64_t{frame - 1} * (kFrameHeaderBytes + page_bytes) +
         kFrameHeaderBytes;
}

Result<Overlay> read_overlay(const sqlite::WalIndex& index, const ReadWal& read,
                             std::stop_token stop) {
  PV_TRY(Chain chain, read_header(index, read));
  const std::size_t frame_bytes = kFrameHeaderBytes + index.page_bytes;
  const std::size_t at_once = std::max<std::size_t>(1, kBlockBytes / frame_bytes);
  std::vector<std::byte> block(std::min<std::size_t>(at_once, index.frames) * frame_bytes);
  std::vector<Place> places;
  places.reserve(index.frames);
  for (std::uint32_t done = 0; done < index.frames;) {
    if (stop.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
    const auto count =
        static_cast<std::uint32_t>(std::min<std::size_t>(at_once, index.frames - done));
    const MutableBytes frames{block.data(), count * frame_bytes};
    PV_CHECK(read(kWalHeaderBytes + std::uint64_t{done} * frame_bytes, frames));
    for (std::uint32_t i = 0; i < count; ++i) {
      const Bytes frame = Bytes{frames}.subspan(i * frame_bytes, frame_bytes);
      const std::uint32_t number = done + i + 1;
      PV_TRY(const std::uint32_t page, check_frame(index, frame, number, chain));
      // A page beyond the end was cut off by a later commit (VACUUM).
      if (page <= index.pages) { places.push_back({page, number}); }
    }
    done += count;
  }
  return Overlay{std::move(places)};
}

}  // namespace pv::snapshot
