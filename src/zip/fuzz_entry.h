// What the fuzz target does with one input; a test replays the corpus through it.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "base/io.h"
#include "zip/crc.h"
#include "zip/zip_reader.h"

namespace pv::zip {

// Stops the process when pieces that were extracted without complaint are not the entry.
inline void fuzz_pieces(const ZipReader& reader, const Entry& entry) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 20U;
  const auto pieces = reader.pieces_of(entry);
  if (!pieces.has_value() || pieces->empty() || entry.raw_bytes > kBytesMax) { return; }
  std::string raw(static_cast<std::size_t>(entry.raw_bytes), '\0');
  const MutableBytes room = std::as_writable_bytes(std::span{raw});
  for (const ZipReader::Piece& piece : *pieces) {
    const auto into = room.subspan(static_cast<std::size_t>(piece.raw_offset), piece.raw_bytes);
    if (!reader.extract_piece(entry, piece, into).has_value()) { return; }
  }
  PV_ASSERT(crc32(room) == entry.crc32);
}

// Opens `bytes` as an archive and extracts it, within bounds. Stops the process when an entry that
// was extracted without complaint has not the size it declares.
inline void fuzz_zip_reader(Bytes bytes) {
  class BytesSource final : public Source {
   public:
    explicit BytesSource(Bytes content) : content_{content} {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return content_.size(); }
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
      if (offset >= content_.size()) { return 0; }
      const Bytes rest = content_.subspan(static_cast<std::size_t>(offset));
      const std::size_t count = std::min(rest.size(), into.size());
      std::copy_n(rest.begin(), count, into.begin());
      return count;
    }

   private:
    const Bytes content_;
  };
  class BoundedSink final : public Sink {
   public:
    explicit BoundedSink(std::uint64_t bytes_max) : bytes_max_{bytes_max} {}
    [[nodiscard]] Result<void> write(Bytes written) override {
      size_bytes_ += written.size();
      if (size_bytes_ > bytes_max_) { return fail(Code::kNoSpace, "enough"); }
      return {};
    }
    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

   private:
    const std::uint64_t bytes_max_;
    std::uint64_t size_bytes_ = 0;
  };

  const auto reader = ZipReader::open(std::make_shared<BytesSource>(bytes));
  if (!reader.has_value()) { return; }
  constexpr std::uint64_t kBytesMax = std::uint64_t{4} << 20U;
  std::uint64_t extracted = 0;
  for (const Entry& entry : reader->entries()) {
    BoundedSink sink{kBytesMax - std::min(extracted, kBytesMax)};
    const auto outcome = reader->extract(entry, sink);
    PV_ASSERT(!outcome.has_value() || sink.size_bytes() == entry.raw_bytes);
    extracted += sink.size_bytes();
    if (extracted > kBytesMax) { return; }
    fuzz_pieces(*reader, entry);
  }
}

}  // namespace pv::zip
