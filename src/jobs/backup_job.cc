#include <algorithm>

#include "base/text.h"
#include "jobs/lease.h"
#include "jobs/space_guard.h"
#include "jobs/workers.h"
#include "snapshot/snapshot.h"
#include "zip/zip_writer.h"

namespace pv::jobs {
namespace {

// "pinned", or what was copied and why.
std::string way_of(const snapshot::Snapshot& snapshot) {
  std::string way;
  for (const snapshot::Database& database : snapshot.databases()) {
    if (database.way == snapshot::Way::kPinned) { continue; }
    way += way.empty() ? "copied: " : "; ";
    way += database.name + " " + database.why_copied;
  }
  return way.empty() ? "pinned" : way;
}

void tell(const snapshot::Snapshot& snapshot, Job& job) {
  for (const snapshot::Warning& warning : snapshot.warnings()) {
    job.warn({printable(warning.name), warning.what});
  }
  job.report([&](Report& report) {
    report.pause = snapshot.pause();
    report.way = way_of(snapshot);
  });
}

void tell(const zip::ArchiveReport& archive, Job& job) {
  for (const zip::EntryReport& entry : archive.entries) {
    if (entry.skipped) { job.warn({printable(entry.name), "left out: " + entry.skipped->what}); }
    if (entry.shortened) {
      job.warn({printable(entry.name), "cut short: " + entry.shortened->what});
    }
  }
  job.report([&](Report& report) {
    report.entries = archive.entry_count;
    report.raw_bytes = archive.raw_bytes;
    report.archive_bytes = archive.archive_bytes;
  });
}

std::uint64_t raw_bytes_of(const snapshot::Snapshot& snapshot) {
  std::uint64_t sum = 0;
  for (const snapshot::Item& item : snapshot.items()) { sum += item.size_bytes; }
  return sum;
}

// Databases first: as long as they are unread, the app's WAL grows.
std::vector<const snapshot::Item*> packing_order(const snapshot::Snapshot& snapshot) {
  std::vector<const snapshot::Item*> order;
  order.reserve(snapshot.items().size());
  for (const snapshot::Item& item : snapshot.items()) { order.push_back(&item); }
  std::stable_partition(order.begin(), order.end(),
                        [](const snapshot::Item* item) { return item->is_database; });
  return order;
}

Result<zip::ArchiveReport> pack(const Parts& parts, Job& job, const snapshot::Snapshot& snapshot,
                                Sink& sink) {
  zip::WriterOptions options;
  options.report_all = false;
  zip::ZipWriter writer{sink, parts.pool, options, job.stop_token()};
  const Job::Gauge gauge{job, [&writer] { return writer.raw_bytes_done(); }};
  for (const snapshot::Item* item : packing_order(snapshot)) {
    zip::EntryMeta meta{.name = item->name,
                        .mode = item->mode,
                        .modified = item->modified,
                        .required = item->is_database,
                        .expected_bytes = item->size_bytes};
    PV_CHECK(writer.add(std::move(meta), item->open));
  }
  return writer.finish();
}

// A database that is not whole makes the backup worthless, whatever the writer thinks of it.
Result<void> check_databases(const zip::ArchiveReport& archive,
                             const snapshot::Snapshot& snapshot) {
  const auto is_database = [&](const std::string& name) {
    return std::any_of(snapshot.databases().begin(), snapshot.databases().end(),
                       [&](const snapshot::Database& database) { return database.name == name; });
  };
  for (const zip::EntryReport& entry : archive.entries) {
    const std::optional<Error>& fault = entry.skipped ? entry.skipped : entry.shortened;
    if (fault && is_database(entry.name)) { return fail(fault->within(entry.name)); }
  }
  return {};
}

// How long the check of the databases may go on when all is packed: as long again as that took, and
// this. It reads what the packing has just read.
constexpr std::chrono::seconds kCheckPatience{10};

// Judges what the snapshot found out about its databases while they were packed.
Result<void> check_structures(snapshot::Snapshot& snapshot, std::chrono::nanoseconds packing,
                              bool allow_damaged, Job& job) {
  std::string summary;
  const auto note = [&](const std::string& text) {
    summary += (summary.empty() ? "" : "; ") + text;
  };
  for (const snapshot::Checked& checked : snapshot.structures(packing + kCheckPatience)) {
    const auto& [soundness, what] = checked.structure;
    const bool is_data = checked.name == "data.db";
    if (soundness == snapshot::Soundness::kDamaged && is_data && !allow_damaged) {
      return fail(Code::kDamaged,
                  "data.db is damaged (" + what +
                      "), so this backup was not stored: it could not be restored. Earlier backups "
                      "are untouched: look for the newest that `pocketvault verify` finds sound, "
                      "or rescue what can be read with sqlite3's .recover. To store data.db as it "
                      "is: pocketvault backup --allow-damaged");
    }
    switch (soundness) {
      case snapshot::Soundness::kSound: break;
      case snapshot::Soundness::kDamaged:
        job.warn({printable(checked.name), "stored, but it is damaged: " + what});
        note(printable(checked.name) + " damaged");
        break;
      case snapshot::Soundness::kOdd: note(printable(checked.name) + ": " + what); break;
      case snapshot::Soundness::kUnchecked:
        note(printable(checked.name) + " not checked: " + what);
        break;
    }
  }
  job.report([&](Report& report) { report.structure = summary.empty() ? "sound" : summary; });
  return go_on(job);
}

// What crashed jobs left takes space that this one may need. The lease is held, so none of it is in
// use by a job; what others still write, the store knows.
void sweep_leftovers(const Parts& parts, Job& job) {
  for (const Result<std::size_t>& swept :
       {sweep_work_folders(parts.directory.vault_folder()), parts.store.sweep()}) {
    if (!swept.has_value()) {
      job.warn({"", "leftovers of an earlier job could not be removed: " + swept.error().what});
    }
  }
}

}  // namespace

Result<void> run_backup(const Parts& parts, Job& job, const store::BackupName& name,
                        const BackupOrder& order) {
  sweep_leftovers(parts, job);
  PV_TRY(const WorkFolder work, WorkFolder::create(parts.directory.vault_folder(), parts.random));
  job.set_phase("pin");
  snapshot::Options options;
  options.wal_growth_max = parts.options.wal_growth_max;
  options.temporary = work.path();
  PV_TRY(std::unique_ptr<snapshot::Snapshot> snapshot,
         snapshot::Snapshot::take(parts.directory.path(), options, job.stop_token()));
  tell(*snapshot, job);

  job.set_phase("pack");
  const auto packing_since = std::chrono::steady_clock::now();
  job.set_total(raw_bytes_of(*snapshot));
  PV_CHECK(check_backup_space(parts.store, raw_bytes_of(*snapshot)));
  PV_TRY(const std::unique_ptr<store::Upload> upload,
         parts.store.create(name, {.original_name = name.text()}));
  SpaceGuard guard{*upload, parts.store, job};
  Result<zip::ArchiveReport> archive = pack(parts, job, *snapshot, guard);
  if (!archive.has_value()) { return fail(guard.explain(std::move(archive).error())); }
  PV_CHECK(check_databases(*archive, *snapshot));
  tell(*archive, job);
  for (const snapshot::Warning& warning : snapshot->late_warnings()) {
    job.warn({printable(warning.name), warning.what});
  }
  job.set_phase("check");
  PV_CHECK(check_structures(*snapshot, std::chrono::steady_clock::now() - packing_since,
                            order.allow_damaged, job));
  snapshot.reset();  // the pin goes before the disk is waited for

  job.set_phase("commit");
  PV_CHECK(go_on(job));
  Result<store::Backup> stored = upload->commit();
  if (!stored.has_value()) { return fail(guard.explain(std::move(stored).error())); }
  return {};
}

}  // namespace pv::jobs
