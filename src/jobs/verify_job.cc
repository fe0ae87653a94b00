#include <algorithm>
#include <utility>

#include "base/priority.h"
#include "base/text.h"
#include "jobs/lease.h"
#include "jobs/workers.h"

namespace pv::jobs {
namespace {

// Reads to the end and forgets: the CRC is what matters.
class CountingSink final : public Sink {
 public:
  explicit CountingSink(Job& job) : job_{job} {}
  [[nodiscard]] Result<void> write(Bytes bytes) override {
    job_.add_done(bytes.size());
    return {};
  }

 private:
  Job& job_;
};

// The databases with their WALs, and what else lies in the root: PocketBase opens nothing deeper.
restore::Plan root_files_of(const restore::Plan& plan) {
  restore::Plan roots;
  for (const restore::PlannedFile& file : plan.files) {
    if (file.name.find('/') != std::string::npos) { continue; }
    roots.files.push_back(file);
    roots.raw_bytes += file.raw_bytes;
  }
  return roots;
}

// Extracts them as a restore would, to a folder that goes afterwards.
Result<void> verify_databases(const Parts& parts, Job& job, const ZipArchive& archive,
                              const restore::Plan& roots) {
  PV_TRY(const WorkFolder work, WorkFolder::create(parts.directory.vault_folder(), parts.random));
  PV_CHECK(fs::make_folder(work.path() / ".pocketvault", 0700));
  const restore::Progress progress{
      .on_extracted = [&job](std::uint64_t bytes) { job.add_done(bytes); }};
  PV_TRY(const restore::Staged staged,
         restore::stage(archive, roots, work.path(), parts.pool, parts.random, progress,
                        check_data_db, job.stop_token()));
  for (const std::string& warning : staged.warnings) { job.warn({"", warning}); }
  return {};
}

Result<void> verify_entries(const Parts& parts, Job& job, const ZipArchive& archive,
                            const std::vector<std::size_t>& indexes) {
  return for_each_index(
      parts.pool, indexes.size(), parts.pool.thread_count(), [&](std::size_t i) -> Result<void> {
        PV_CHECK(go_on(job));
        CountingSink sink{job};
        Result<void> read = archive.extract(indexes[i], sink, job.stop_token());
        if (read.has_value() || read.error().code == Code::kCancelled) { return read; }
        return fail(read.error().within(printable(archive.entries()[indexes[i]].name)));
      });
}

// Every entry that is not among `files`: what is dropped at a restore is looked at as well.
std::vector<std::size_t> all_but(const ZipArchive& archive,
                                 const std::vector<restore::PlannedFile>& files) {
  std::vector<bool> taken(archive.entries().size());
  for (const restore::PlannedFile& file : files) { taken[file.index] = true; }
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (!taken[i]) { rest.push_back(i); }
  }
  return rest;
}

}  // namespace

Result<void> run_verify(const Parts& parts, Job& job, const ArchiveOrigin& origin) {
  if (parts.options.nice) { give_way(); }
  job.set_phase("check");
  PV_TRY(const std::unique_ptr<ZipArchive> archive, ZipArchive::open(origin));
  PV_TRY(const restore::Plan plan, restore::plan(*archive));
  std::uint64_t raw_bytes = 0;
  for (const restore::ArchiveEntry& entry : archive->entries()) { raw_bytes += entry.raw_bytes; }
  job.report([&](Report& report) {
    report.entries = archive->entries().size();
    report.raw_bytes = raw_bytes;
    report.archive_bytes = archive->archive_bytes();
  });
  warn_of_dropped(plan, "a restore leaves it out", job);
  PV_CHECK(go_on(job));

  job.set_phase("extract");
  job.set_total(raw_bytes);
  restore::Plan roots = root_files_of(plan);
  Result<void> fits = restore::check_space(roots, parts.directory.path());
  if (fits.has_value()) {
    PV_CHECK(verify_databases(parts, job, *archive, roots));
  } else if (fits.error().code == Code::kNoSpace) {
    job.warn({"", "checksums only, the databases were not opened: " + fits.error().what});
    roots.files.clear();
  } else {
    return fits;
  }
  return verify_entries(parts, job, *archive, all_but(*archive, roots.files));
}

}  // namespace pv::jobs
