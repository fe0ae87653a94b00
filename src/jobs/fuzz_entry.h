// What the fuzz targets do with one input; a test replays their corpora through it.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jobs/archive.h"
#include "jobs/workers.h"

namespace pv::jobs {

// Bytes that outlive it, as a source.
class BorrowedSource final : public Source {
 public:
  explicit BorrowedSource(Bytes content) : content_{content} {}
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

inline Result<std::unique_ptr<ZipArchive>> archive_of(Bytes bytes) {
  return ZipArchive::open({"fuzz.zip", [bytes]() -> Result<std::unique_ptr<Source>> {
                             return std::make_unique<BorrowedSource>(bytes);
                           }});
}

// Plans the restore of `bytes`, an archive. Stops the process when a planned file would lie outside
// the directory, in a place that is not the archive's, or where another one lies.
inline void fuzz_restore_plan(Bytes bytes) {
  const auto archive = archive_of(bytes);
  if (!archive.has_value()) { return; }
  const auto plan = restore::plan(**archive);
  if (!plan.has_value()) { return; }
  std::vector<std::string> names;
  std::uint64_t raw_bytes = 0;
  for (const restore::PlannedFile& file : plan->files) {
    PV_ASSERT(file.index < (*archive)->entries().size());
    const std::string path = "/" + file.name + "/";
    for (const char* part : {"//", "/./", "/../"}) {
      PV_ASSERT(path.find(part) == std::string::npos);
    }
    for (const char* place : {"/backups/", "/.pocketvault/", "/.pb_temp_to_delete/"}) {
      PV_ASSERT(!path.starts_with(place));
    }
    PV_ASSERT(file.name.find('\0') == std::string::npos && (file.mode & ~0777U) == 0);
    names.push_back(file.name);
    raw_bytes += file.raw_bytes;
  }
  std::sort(names.begin(), names.end());
  PV_ASSERT(std::adjacent_find(names.begin(), names.end()) == names.end());
  PV_ASSERT(std::binary_search(names.begin(), names.end(), "data.db"));
  PV_ASSERT(raw_bytes == plan->raw_bytes);
}

// An archive in memory of the files in the root that a database consists of.
class DatabaseFiles final : public restore::Archive {
 public:
  void add(const char* name, Bytes content) {
    entries_.push_back({.name = name, .raw_bytes = content.size(), .mode = 0100644});
    contents_.push_back(content);
  }
  [[nodiscard]] const std::vector<restore::ArchiveEntry>& entries() const override {
    return entries_;
  }
  [[nodiscard]] Result<void> extract(std::size_t index, Sink& sink,
                                     std::stop_token /*stop*/) const override {
    return sink.write(contents_[index]);
  }
  [[nodiscard]] std::unique_ptr<restore::ArchivePieces> pieces_of(
      std::size_t /*index*/) const override {
    return nullptr;
  }
  [[nodiscard]] std::uint32_t checksum(Bytes /*bytes*/, std::uint32_t before) const override {
    return before;
  }

 private:
  std::vector<restore::ArchiveEntry> entries_;
  std::vector<Bytes> contents_;
};

// Restores `bytes`, a database and behind a line of eight dashes its WAL or journal ("WAL" or
// "JOURNAL" follows the dashes), into `directory`, an empty folder. Stops the process when anything
// is left there, or when a database that was accepted has something beside it.
inline void fuzz_restore_database(Bytes bytes, const fs::Path& directory, WorkPool& pool) {
  const std::string_view text = as_text(bytes);
  DatabaseFiles files;
  const std::size_t cut = std::min(text.find("--------"), text.size());
  files.add("data.db", bytes.first(cut));
  std::string_view rest = text.substr(cut);
  for (const auto& [mark, name] :
       {std::pair{"--------WAL", "data.db-wal"}, std::pair{"--------JOURNAL", "data.db-journal"}}) {
    if (rest.starts_with(mark)) {
      files.add(name, as_bytes(rest.substr(std::string_view{mark}.size())));
    }
  }
  {
    const auto plan = restore::plan(files);
    PV_ASSERT(plan.has_value());
    const auto staged = restore::stage(files, *plan, directory, pool, system_random(), {},
                                       check_data_db, {}, {.delta = restore::Delta::kOff});
    if (staged.has_value()) {
      const std::filesystem::directory_iterator inside{staged->folder};
      PV_ASSERT(std::distance(begin(inside), end(inside)) == 1);
    }
  }
  const fs::Path vault = directory / ".pocketvault";
  PV_ASSERT(!fs::exists(vault) || std::filesystem::is_empty(vault));
}

}  // namespace pv::jobs
