#include <utility>

#include "base/priority.h"
#include "jobs/archive_check.h"
#include "jobs/workers.h"

namespace pv::jobs {

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
  const Result<void> fits = restore::check_space(roots, parts.directory.path());
  if (!fits.has_value()) {
    if (fits.error().code != Code::kNoSpace) { return fits; }
    job.warn({"", "checksums only, the databases were not opened: " + fits.error().what});
    roots.files.clear();
  }
  Checksums rest{parts, job, *archive, all_but(*archive, roots.files)};
  if (!roots.files.empty()) {
    PV_TRY(const Rehearsal rehearsal,
           Rehearsal::make(parts, job, *archive, roots, restore::DatabaseCheck::kQuick));
    for (const std::string& warning : rehearsal.warnings()) { job.warn({"", warning}); }
  }
  return rest.wait();
}

}  // namespace pv::jobs
