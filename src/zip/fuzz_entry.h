// What the fuzz target does with one input; a test replays the corpus through it.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/io.h"
#include "testing/memory_io.h"
#include "zip/crafted_zip_testing.h"
#include "zip/crc.h"
#include "zip/previous.h"
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

// An archive made once, of entries in pieces and whole, and where its vault block stands.
struct FuzzedArchive {
  std::string before;     // entries
  std::string directory;  // and end record
  std::vector<std::string> contents;

  static const FuzzedArchive& get() {
    static const FuzzedArchive archive = make();
    return archive;
  }

 private:
  // Two pieces of a deflate stream, each to be inflated alone.
  static std::string deflated_in_pieces(const std::string& content, std::size_t piece_bytes) {
    std::string packed(content.size() + 1024, '\0');
    const MutableBytes room = std::as_writable_bytes(std::span{packed});
    Deflater deflater{1};
    const Bytes all = as_bytes(content);
    const std::size_t first = deflater.run(all.first(piece_bytes), room, StreamEnd::kFlush).value();
    const std::size_t second =
        deflater.run(all.subspan(piece_bytes), room.subspan(first), StreamEnd::kFinal).value();
    packed.resize(first + second);
    return packed;
  }
  static FuzzedArchive make() {
    std::string text;
    for (int i = 0; text.size() < 8192; ++i) { text += std::to_string(i * i) + " "; }
    text.resize(8192);
    testing::CraftedItem big = testing::stored("data.db", text);
    big.data = deflated_in_pieces(text, 4096);
    big.both([&](testing::CraftedHeader& header) {
      header.method = 8;
      header.packed_bytes = static_cast<std::uint32_t>(big.data.size());
    });
    FuzzedArchive archive;
    archive.contents = {text, text.substr(0, 6000), "small"};
    const std::string zip =
        testing::CraftedZip{.items = {big, testing::stored("film", archive.contents[1]),
                                      testing::deflated("note", archive.contents[2])}}
            .build();
    const std::size_t at = zip.find("PK\1\2");
    archive.before = zip.substr(0, at);
    archive.directory = zip.substr(at);
    return archive;
  }
};

// Takes `bytes` for the records and facts of a vault block, the last byte for the facts' length,
// with a trailer that fits. Stops the process when anything but the entries' content comes out, or
// when packed bytes would be taken from an archive whose block nobody signed. Returns whether the
// block was believed.
inline bool fuzz_vault_block(Bytes bytes) {
  const FuzzedArchive& archive = FuzzedArchive::get();
  constexpr std::size_t kEndBytesOfZip = 22;
  constexpr std::size_t kTrailerBytes = 68;
  const std::size_t facts = bytes.empty() ? 0 : std::to_integer<std::size_t>(bytes.back());
  std::string block{as_text(bytes)};
  const auto append = [&](std::uint64_t value, std::size_t count) {
    block += testing::number(value, count);
  };
  append(archive.contents.size(), 8);
  append(facts, 8);
  append(bytes.size() + kTrailerBytes, 8);
  append(crc32(as_bytes(archive.directory).first(archive.directory.size() - kEndBytesOfZip)), 4);
  append(kVaultBlockVersion, 4);
  append(crc32(as_bytes(block)), 4);
  block.append(sizeof(Hash128), '\0');  // no signature
  block += "pocketvaultblock";
  std::string zip = archive.before + block + archive.directory;
  // The end record counts the directory's place from the start.
  const std::string offset = testing::number(archive.before.size() + block.size(), 4);
  zip.replace(zip.size() - 6, offset.size(), offset);

  const auto source = std::make_shared<pv::testing::MemorySource>(std::move(zip));
  const auto reader = ZipReader::open(source).value();
  for (std::size_t i = 0; i < archive.contents.size(); ++i) {
    const Entry& entry = reader.entries()[i];
    pv::testing::MemorySink sink;
    PV_ASSERT(reader.extract(entry, sink).has_value() && sink.content() == archive.contents[i]);
    fuzz_pieces(reader, entry);
  }
  PV_ASSERT(!Previous::open(source, HashKey{}).has_value());
  return reader.why_no_block().empty();
}

}  // namespace pv::zip
