#include "jobs/archive.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "zip/crc.h"

namespace pv::jobs {
namespace {

constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;

class ZipPieces final : public restore::ArchivePieces {
 public:
  ZipPieces(const zip::ZipReader& reader, const zip::Entry& entry,
            std::vector<zip::ZipReader::Piece> pieces)
      : reader_{reader}, entry_{entry}, pieces_{std::move(pieces)} {}

  [[nodiscard]] std::size_t count() const override { return pieces_.size(); }
  [[nodiscard]] Piece at(std::size_t number) const override {
    return {.offset = pieces_[number].raw_offset, .bytes = pieces_[number].raw_bytes};
  }
  [[nodiscard]] Result<void> extract(std::size_t number, MutableBytes into) const override {
    return reader_.extract_piece(entry_, pieces_[number], into);
  }

 private:
  const zip::ZipReader& reader_;
  const zip::Entry& entry_;
  const std::vector<zip::ZipReader::Piece> pieces_;
};

}  // namespace

std::optional<Error> refusal_of(const zip::Entry& entry) {
  if (entry.is_encrypted()) {
    return Error{Code::kUnsupported, printable(entry.name) + " is encrypted"};
  }
  if (entry.method != kStored && entry.method != kDeflated) {
    return Error{Code::kUnsupported, printable(entry.name) + " is packed by method " +
                                         std::to_string(entry.method) +
                                         "; only 0 (stored) and 8 (deflate) can be read"};
  }
  return std::nullopt;
}

Result<std::unique_ptr<ZipArchive>> ZipArchive::open(const ArchiveOrigin& origin) {
  PV_TRY(std::shared_ptr<Source> source, origin.open());
  const std::uint64_t archive_bytes = source->size_bytes();
  Result<zip::ZipReader> reader = zip::ZipReader::open(std::move(source));
  if (!reader.has_value()) { return fail(reader.error().within(printable(origin.name))); }
  return of(std::move(*reader), archive_bytes);
}

std::unique_ptr<ZipArchive> ZipArchive::of(zip::ZipReader reader, std::uint64_t archive_bytes) {
  return std::unique_ptr<ZipArchive>{new ZipArchive{std::move(reader), archive_bytes}};
}

ZipArchive::ZipArchive(zip::ZipReader reader, std::uint64_t archive_bytes)
    : reader_{std::move(reader)}, archive_bytes_{archive_bytes} {
  entries_.reserve(reader_.entries().size());
  for (const zip::Entry& entry : reader_.entries()) {
    std::optional<Error> refusal = refusal_of(entry);
    entries_.push_back(
        {.name = entry.name,
         .raw_bytes = entry.raw_bytes,
         .mode = entry.mode,
         .is_folder = entry.is_folder(),
         .refused = refusal ? std::make_shared<const Error>(*std::move(refusal)) : nullptr,
         .checksum = entry.crc32,
         .modified = entry.modified,
         .is_object = reader_.is_object(entry)});
  }
}

bool ZipArchive::has_objects() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const restore::ArchiveEntry& entry) { return entry.is_object; });
}

Result<void> ZipArchive::extract(std::size_t index, Sink& sink, std::stop_token stop) const {
  return reader_.extract(reader_.entries()[index], sink, std::move(stop));
}

std::unique_ptr<restore::ArchivePieces> ZipArchive::pieces_of(std::size_t index) const {
  const zip::Entry& entry = reader_.entries()[index];
  auto pieces = reader_.pieces_of(entry);
  // What is wrong with the entry, extract() finds as well.
  if (!pieces.has_value() || pieces->empty()) { return nullptr; }
  return std::make_unique<ZipPieces>(reader_, entry, *std::move(pieces));
}

std::uint32_t ZipArchive::checksum(Bytes bytes, std::uint32_t before) const {
  return zip::crc32(bytes, before);
}

}  // namespace pv::jobs
