// A zip as restore::Archive.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "restore/restore.h"
#include "zip/zip_reader.h"

namespace pv::jobs {

// What stands behind a name, or a file given on the command line, opened when the job needs it.
struct ArchiveOrigin {
  std::string name;  // for people, and for what is kept beside replaced data
  std::function<Result<std::unique_ptr<Source>>()> open;
};

// Why an entry can't be extracted: encrypted, an unknown method; nullopt: it can.
[[nodiscard]] std::optional<Error> refusal_of(const zip::Entry& entry);

class ZipArchive final : public restore::Archive {
 public:
  // kDamaged, kUnsupported: see zip::ZipReader::open.
  [[nodiscard]] static Result<std::unique_ptr<ZipArchive>> open(const ArchiveOrigin& origin);
  [[nodiscard]] static std::unique_ptr<ZipArchive> of(zip::ZipReader reader,
                                                      std::uint64_t archive_bytes);

  [[nodiscard]] const std::vector<restore::ArchiveEntry>& entries() const override {
    return entries_;
  }
  [[nodiscard]] Result<void> extract(std::size_t index, Sink& sink,
                                     std::stop_token stop) const override;
  [[nodiscard]] std::unique_ptr<restore::ArchivePieces> pieces_of(std::size_t index) const override;
  [[nodiscard]] std::uint32_t checksum(Bytes bytes, std::uint32_t before) const override;

  // Whether files of it were objects of a bucket.
  [[nodiscard]] bool has_objects() const;

  [[nodiscard]] std::uint64_t archive_bytes() const { return archive_bytes_; }
  // As zip::ZipReader has them.
  [[nodiscard]] std::uint32_t directory_crc32() const { return reader_.directory_crc32(); }
  [[nodiscard]] std::string_view facts() const { return reader_.facts(); }

 private:
  ZipArchive(zip::ZipReader reader, std::uint64_t archive_bytes);
  zip::ZipReader reader_;
  std::uint64_t archive_bytes_;
  std::vector<restore::ArchiveEntry> entries_;
};

}  // namespace pv::jobs
