#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/priority.h"
#include "base/text.h"
#include "datadir/contents.h"
#include "fs/presence.h"
#include "jobs/archive_check.h"
#include "jobs/data_facts.h"
#include "jobs/workers.h"
#include "sqlite/guard.h"
#include "state/gaps.h"
#include "state/verdicts.h"

namespace pv::jobs {
namespace {

// Uploaded files that records name, looked for among those that a restore would put in place. Of
// what is not there, the backup lacks what the data directory has; the rest the app itself may have
// lost before, or deleted since.
class NamedFiles {
 public:
  NamedFiles(const restore::Plan& plan, const fs::Path& directory) : directory_{directory} {
    names_.reserve(plan.files.size());
    for (const restore::PlannedFile& file : plan.files) { names_.push_back(file.name); }
    std::sort(names_.begin(), names_.end());
  }

  void look_for(const std::string& name) {
    if (std::binary_search(names_.begin(), names_.end(), name)) { return; }
    // What can't be looked at is not gone.
    lacking_ += fs::is_there(directory_ / name).value_or(true) ? 1U : 0U;
    if (missing_++ < kNamedMax) { first_ += (first_.empty() ? "" : ", ") + printable(name); }
  }

  void tell(Job& job) const {
    if (missing_ == 0) { return; }
    job.warn({"", std::to_string(missing_) + " files that records name are not in the backup: " +
                      first_ + (missing_ > kNamedMax ? " and more" : "")});
    if (lacking_ == 0) { return; }
    job.warn({"", "the backup is incomplete: the data directory has " + std::to_string(lacking_) +
                      " of these files"});
  }
  [[nodiscard]] std::uint64_t lacking() const { return lacking_; }

 private:
  static constexpr std::uint64_t kNamedMax = 5;
  std::vector<std::string_view> names_;  // of the plan, in byte order
  const fs::Path& directory_;
  std::uint64_t missing_ = 0;
  std::uint64_t lacking_ = 0;  // of these
  std::string first_;
};

// Counts the records, and looks for the files that they name; where those are in a bucket of S3 the
// archive may do without them. Returns how many of these files it lacks.
Result<std::uint64_t> count(sqlite::Connection& data, const ZipArchive& archive,
                            const restore::Plan& plan, const Parts& parts, Job& job) {
  PV_TRY(const DataFacts facts, facts_of(data, parts.options.encryption_key));
  NamedFiles files{plan, parts.directory.path()};
  std::uint64_t records = 0;
  std::vector<CollectionRecords> collections;
  for (const datadir::Collection& collection : facts.contents.collections) {
    if (!collection.records) { continue; }
    records += *collection.records;
    collections.push_back({.name = printable(collection.name), .records = *collection.records});
    if (facts.app.files_in_s3 && !archive.has_objects()) { continue; }
    PV_CHECK(datadir::for_each_stored_file(data, collection,
                                           [&](const std::string& name) -> Result<void> {
                                             files.look_for(name);
                                             return {};
                                           }));
  }
  files.tell(job);
  job.report([&](Report& report) {
    report.records = records;
    report.collections = std::move(collections);
  });
  return files.lacking();
}

Result<std::uint64_t> look_into(const Rehearsal& rehearsal, const ZipArchive& archive,
                                const restore::Plan& plan, const Parts& parts, Job& job) {
  job.set_phase("count");
  PV_TRY(const fs::Stat file, fs::stat(rehearsal.data_db()));
  PV_TRY(
      sqlite::Connection data,
      sqlite::Connection::open(rehearsal.data_db(), {.checkpoints = sqlite::Checkpoints::kOwner}));
  sqlite::Guard guard{data, file.size_bytes, job.stop_token(), deadline_for(file.size_bytes)};
  PV_CHECK(guard.arm());
  Result<std::uint64_t> lacking = count(data, archive, plan, parts, job);
  if (!lacking.has_value()) { return fail(guard.explain(lacking.error()).within("data.db")); }
  return lacking;
}

// What was looked at, as far as it came.
struct Examined {
  std::optional<std::uint32_t> directory_crc32;
  state::Depth depth;
  std::uint64_t lacking = 0;  // files that records name, of those that the data directory has
};

Result<void> examine(const Parts& parts, Job& job, const ArchiveOrigin& origin, VerifyDepth depth,
                     Examined& examined) {
  if (parts.options.nice) { give_way(); }
  job.set_phase("check");
  PV_TRY(const std::unique_ptr<ZipArchive> archive, ZipArchive::open(origin));
  examined.directory_crc32 = archive->directory_crc32();
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
  const Result<void> fits = restore::check_space(roots, parts.directory.vault_folder());
  if (!fits.has_value()) {
    if (fits.error().code != Code::kNoSpace || depth == VerifyDepth::kDeep) { return fits; }
    job.warn({"", "checksums only, the databases were not opened: " + fits.error().what});
    roots.files.clear();
    examined.depth = state::Depth::kChecksums;
  }
  Checksums rest{parts, job, *archive, all_but(*archive, roots.files)};
  if (!roots.files.empty()) {
    PV_TRY(const Rehearsal rehearsal,
           Rehearsal::make(parts, job, *archive, roots,
                           depth == VerifyDepth::kDeep ? restore::DatabaseCheck::kFull
                                                       : restore::DatabaseCheck::kQuick));
    for (const std::string& warning : rehearsal.warnings()) { job.warn({"", warning}); }
    if (depth == VerifyDepth::kDeep) {
      PV_TRY(examined.lacking, look_into(rehearsal, *archive, plan, parts, job));
    }
  }
  return rest.wait();
}

Examined nothing_yet(VerifyDepth depth) {
  return {.directory_crc32 = std::nullopt,
          .depth = depth == VerifyDepth::kDeep ? state::Depth::kDeep : state::Depth::kQuick};
}

// Whether the outcome says something of the archive: no space, no store, a stop and what we can't
// read say nothing.
bool is_verdict(const Result<void>& outcome) {
  return outcome.has_value() || outcome.error().code == Code::kDamaged ||
         outcome.error().code == Code::kInvalid;
}

// nullopt: the store is away, and the archive waits to be sent there.
std::optional<std::set<std::string>> keys_of(store::BackupStore& store) {
  const auto backups = store.list();
  if (!backups.has_value()) { return std::nullopt; }
  std::set<std::string> keys;
  for (const store::Backup& backup : *backups) { keys.insert(backup.name.text()); }
  return keys;
}

// `before`: what the store said of the archive before it was read. If another is there by now,
// nobody knows which of both was looked at.
Result<void> note(const Parts& parts, Job& job, const store::Backup& before,
                  const state::NotedVerdict& noted, std::uint64_t lacking) {
  PV_TRY(const store::Backup now, parts.store.stat(before.name));
  if (now.size_bytes != before.size_bytes || now.modified != before.modified) {
    return fail(Code::kBusy, "the backup was replaced meanwhile");
  }
  const state::VaultDb db{parts.directory.vault_folder()};
  const auto say = [&job](const std::string& what) { job.warn({"", what}); };
  PV_CHECK(state::note_verdict(db, noted, keys_of(parts.store), say));
  return state::note_missing(
      db, {.key = noted.key, .size_bytes = before.size_bytes, .gaps = {.missing = lacking}}, say);
}

}  // namespace

Result<void> run_verify(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                        VerifyDepth depth) {
  Examined examined = nothing_yet(depth);
  return examine(parts, job, origin, depth, examined);
}

Result<void> run_noted_verify(const Parts& parts, Job& job, const store::Backup& backup,
                              const ArchiveOrigin& origin, VerifyDepth depth) {
  Examined examined = nothing_yet(depth);
  const auto begun = parts.clock.steady_now();
  Result<void> outcome = examine(parts, job, origin, depth, examined);
  if (!is_verdict(outcome)) { return outcome; }
  state::NotedVerdict noted{.key = backup.name.text(),
                            .archive = {.size_bytes = backup.size_bytes,
                                        .modified = backup.modified,
                                        .directory_crc32 = examined.directory_crc32},
                            .verdict = {.is_sound = outcome.has_value(),
                                        .depth = examined.depth,
                                        .at = parts.clock.now(),
                                        .records = std::nullopt}};
  noted.verdict.took =
      std::chrono::duration_cast<std::chrono::milliseconds>(parts.clock.steady_now() - begun);
  if (!outcome.has_value()) { noted.verdict.reason = outcome.error().what; }
  if (outcome.has_value() && depth == VerifyDepth::kDeep) {
    noted.verdict.records = job.status().report.records;
  }
  if (const auto done = note(parts, job, backup, noted, examined.lacking); !done.has_value()) {
    job.warn({"", "the verdict could not be stored: " + done.error().what});
  }
  return outcome;
}

}  // namespace pv::jobs
