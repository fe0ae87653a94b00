#include "jobs/archive.h"

#include <utility>

#include "base/text.h"

namespace pv::jobs {
namespace {

constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;

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

}  // namespace

Result<std::unique_ptr<ZipArchive>> ZipArchive::open(const ArchiveOrigin& origin) {
  PV_TRY(std::shared_ptr<Source> source, origin.open());
  const std::uint64_t archive_bytes = source->size_bytes();
  Result<zip::ZipReader> reader = zip::ZipReader::open(std::move(source));
  if (!reader.has_value()) { return fail(reader.error().within(printable(origin.name))); }
  return std::unique_ptr<ZipArchive>{new ZipArchive{std::move(*reader), archive_bytes}};
}

ZipArchive::ZipArchive(zip::ZipReader reader, std::uint64_t archive_bytes)
    : reader_{std::move(reader)}, archive_bytes_{archive_bytes} {
  entries_.reserve(reader_.entries().size());
  for (const zip::Entry& entry : reader_.entries()) {
    entries_.push_back({.name = entry.name,
                        .raw_bytes = entry.raw_bytes,
                        .mode = entry.mode,
                        .is_folder = entry.is_folder(),
                        .refused = refusal_of(entry)});
  }
}

Result<void> ZipArchive::extract(std::size_t index, Sink& sink, std::stop_token stop) const {
  return reader_.extract(reader_.entries()[index], sink, std::move(stop));
}

}  // namespace pv::jobs
