#include <algorithm>
#include <deque>

#include "base/priority.h"
#include "base/text.h"
#include "datadir/wal_owners.h"
#include "jobs/bucket_files.h"
#include "jobs/chain.h"
#include "jobs/lease.h"
#include "jobs/other_users.h"
#include "jobs/rate_limit.h"
#include "jobs/selection.h"
#include "jobs/space_guard.h"
#include "jobs/workers.h"
#include "restore/restore.h"
#include "s3/sidecar.h"
#include "snapshot/snapshot.h"
#include "state/gaps.h"
#include "zip/zip_writer.h"

namespace pv::jobs {
namespace {

// "pinned", or what was copied and why.
std::string way_of(const snapshot::Snapshot& snapshot) {
  std::string way;
  for (const snapshot::Database& database : snapshot.databases()) {
    if (database.way == snapshot::Way::kPinned) { continue; }
    way += way.empty() ? "copied: " : "; ";
    way += database.name + " (" + database.why_copied + ")";
  }
  return way.empty() ? "pinned" : way;
}

// Who mistypes a pattern believes that something is left out which is not.
std::string note_on_unmatched(const snapshot::Snapshot& snapshot) {
  constexpr std::size_t kNamedMax = 3;
  const std::vector<std::string>& patterns = snapshot.left_out().unmatched;
  if (patterns.empty()) { return {}; }
  std::string named;
  for (std::size_t i = 0; i < std::min(kNamedMax, patterns.size()); ++i) {
    named += (i == 0 ? "\"" : ", \"") + printable(patterns[i]) + "\"";
  }
  if (patterns.size() > kNamedMax) { named += " and more"; }
  return "nothing was left out by " + named + ": no name fits";
}

void tell(const snapshot::Snapshot& snapshot, Job& job) {
  for (const snapshot::Warning& warning : snapshot.warnings()) {
    job.warn({printable(warning.name), warning.what});
  }
  job.report([&](Report& report) {
    report.pause = snapshot.pause();
    report.way = way_of(snapshot);
    report.left_out = left_out_of(snapshot);
  });
}

void tell(const zip::ArchiveReport& archive, const Chain& chain, Job& job) {
  std::string last_left_out;
  for (const zip::EntryReport& entry : archive.entries) {
    // What lies beside an object goes with it.
    const bool goes_along =
        !last_left_out.empty() && entry.name == last_left_out + std::string{s3::kSidecarSuffix};
    if (entry.skipped) { last_left_out = entry.name; }
    if (entry.skipped && !goes_along) {
      job.warn({printable(entry.name), "left out: " + entry.skipped->what});
    }
    if (entry.shortened) {
      job.warn({printable(entry.name), "cut short: " + entry.shortened->what});
    }
  }
  job.report([&](Report& report) {
    report.entries = archive.entry_count;
    report.raw_bytes = archive.raw_bytes;
    report.archive_bytes = archive.archive_bytes;
    report.copied_bytes = archive.copied_bytes;
    report.shared_bytes = archive.shared_bytes;
    if (!chain.is_far) { report.previous = chain.name; }
    report.full_because = chain.full_because;
    if (archive.copies_failed > 0) {
      report.full_because =
          chain.name + " is damaged in " + std::to_string(archive.copies_failed) + " places";
    }
  });
}

// The backup that is far away and of which much may be copied there.
std::optional<store::BackupName> repeated_by(const Chain& chain) {
  if (!chain.is_far || chain.previous == nullptr) { return std::nullopt; }
  return store::BackupName::parse(chain.name).value();
}

void tell_of_repeated(std::uint64_t bytes, const Chain& chain, Job& job) {
  if (chain.previous == nullptr) { return; }
  job.report([&](Report& report) {
    report.shared_bytes = bytes;
    if (bytes > 0) {
      report.previous = chain.name;
    } else {
      report.full_because = "nothing of it could be copied from " + chain.name;
    }
  });
}

std::uint64_t raw_bytes_of(const snapshot::Snapshot& snapshot) {
  std::uint64_t sum = 0;
  for (const snapshot::Item& item : snapshot.items()) { sum += item.size_bytes; }
  return sum;
}

// All that a backup is packed with.
struct Packing {
  snapshot::Snapshot& snapshot;
  const Chain& chain;
  const BackupOrder& order;
  BucketFiles& bucket;
  store::BackupStore& store;
  std::uint64_t raw_bytes;  // of the snapshot
  std::chrono::steady_clock::time_point since;
  WallTime now;
  Facts facts;
};

// How long the check of the databases may go on when all is packed: as long again as that took, and
// this. It reads what the packing has just read. Where most was taken from the backup before it
// would be most of the work, so then once a day is enough for databases that take long.
constexpr std::chrono::seconds kCheckPatience{10};
constexpr std::chrono::milliseconds kRecheckPatience{250};
constexpr std::uint64_t kRecheckBytesMax = std::uint64_t{64} << 20U;
constexpr std::chrono::hours kRecheckAfter{24};

bool is_check_due(const Chain& chain, WallTime now) {
  return chain.previous == nullptr || chain.is_far || !chain.sound || *chain.sound > now ||
         now - *chain.sound > kRecheckAfter;
}

std::chrono::nanoseconds check_patience(const Packing& packing) {
  const auto took = std::chrono::steady_clock::now() - packing.since;
  if (is_check_due(packing.chain, packing.now)) { return took + kCheckPatience; }
  return std::max<std::chrono::nanoseconds>(took, kRecheckPatience);
}

Error damaged(const std::string& what) {
  return Error{
      Code::kDamaged,
      "data.db is damaged (" + what +
          "), so this backup was not stored: it could not be restored. Earlier backups are "
          "untouched: look for the newest that `pocketvault verify` finds sound, or rescue "
          "what can be read with sqlite3's .recover. To store data.db as it is: "
          "pocketvault backup --allow-damaged"};
}

// Judges what the snapshot found out about its databases while they were packed.
Result<void> check_structures(Packing& packing, Job& job) {
  std::string summary;
  const auto note = [&](const std::string& text) {
    summary += (summary.empty() ? "" : "; ") + text;
  };
  bool all_checked = true;
  for (const snapshot::Checked& checked : packing.snapshot.structures(check_patience(packing))) {
    const auto& [soundness, what] = checked.structure;
    const bool is_data = checked.name == "data.db";
    if (soundness == snapshot::Soundness::kDamaged && is_data && !packing.order.allow_damaged) {
      return fail(damaged(what));
    }
    switch (soundness) {
      case snapshot::Soundness::kSound: break;
      case snapshot::Soundness::kDamaged:
        all_checked = false;
        job.warn({printable(checked.name), "stored, but it is damaged: " + what});
        note(printable(checked.name) + " damaged");
        break;
      case snapshot::Soundness::kOdd: note(printable(checked.name) + ": " + what); break;
      case snapshot::Soundness::kUnchecked:
        all_checked = false;
        note(printable(checked.name) + " not checked: " + what);
        if (is_check_due(packing.chain, packing.now)) {
          job.warn({printable(checked.name), "stored, but not checked for damage: " + what});
        }
        break;
    }
  }
  packing.facts.sound = all_checked ? packing.now : packing.chain.sound;
  job.report([&](Report& report) { report.structure = summary.empty() ? "sound" : summary; });
  return go_on(job);
}

std::optional<zip::SourceIdentity> identity_of(const snapshot::Item& item) {
  if (!item.settled) { return std::nullopt; }
  return zip::SourceIdentity{.device = item.settled->device,
                             .inode = item.settled->inode,
                             .size_bytes = item.size_bytes,
                             .modified_ns = item.modified.time_since_epoch().count(),
                             .changed_ns = item.settled->changed.time_since_epoch().count()};
}

bool is_stored_file(const snapshot::Item& item) { return item.name.starts_with("storage/"); }

// The item goes as it is packed: while the directory of the archive grows, the list of them
// shrinks.
Result<void> add(zip::ZipWriter& writer, const snapshot::Snapshot& snapshot, snapshot::Item item) {
  zip::EntryMeta meta{.name = item.name,
                      .mode = item.mode,
                      .modified = item.modified,
                      .required = item.is_database,
                      .expected_bytes = item.size_bytes,
                      .identity = identity_of(item)};
  return writer.add(std::move(meta),
                    [&snapshot, item = std::move(item)] { return snapshot.open(item); });
}

// The files in the bucket, and those that lie on this machine beside them: PocketBase does not look
// at these, so where both have a name the bucket counts. The databases are written by then.
Result<void> add_stored_files(zip::ZipWriter& writer, Job& job, Packing& packing,
                              std::deque<snapshot::Item> here) {
  BucketFiles& bucket = packing.bucket;
  PV_CHECK(writer.settle());
  PV_CHECK(bucket.wait_for_list());
  // The databases are worth a backup without the files.
  const Result<void> fits = check_backup_space(packing.store, bucket.bytes());
  if (!fits.has_value()) { bucket.leave_out(fits.error()); }
  job.set_total(packing.raw_bytes + bucket.bytes());
  for (; !here.empty(); here.pop_front()) {
    snapshot::Item& item = here.front();
    if (bucket.has(item.name)) {
      job.warn({printable(item.name), "left out: the bucket has a file of that name as well"});
      continue;
    }
    PV_CHECK(add(writer, packing.snapshot, std::move(item)));
  }
  return bucket.add_to(writer, packing.chain, packing.order.paranoid);
}

Result<zip::ArchiveReport> pack(const Parts& parts, Job& job, Packing& packing, Sink& sink) {
  zip::WriterOptions options;
  options.report_all = false;
  options.hash_key = packing.chain.key;
  // The settings may have turned the bucket into a folder just now.
  const bool is_of_use = !packing.chain.is_far || sink.can_repeat();
  options.previous = is_of_use ? packing.chain.previous.get() : nullptr;
  options.paranoid = packing.order.paranoid;
  zip::ZipWriter writer{sink, parts.pool, options, job.stop_token()};
  const Job::Gauge gauge{job, [&writer] { return writer.raw_bytes_done(); }};
  std::deque<snapshot::Item> stored_files;
  for (auto items = packing.snapshot.take_items(); !items.empty(); items.pop_front()) {
    snapshot::Item& item = items.front();
    if (packing.bucket.is_used() && is_stored_file(item)) {
      stored_files.push_back(std::move(item));
    } else {
      PV_CHECK(add(writer, packing.snapshot, std::move(item)));
    }
  }
  if (packing.bucket.is_used()) {
    PV_CHECK(add_stored_files(writer, job, packing, std::move(stored_files)));
  }
  return writer.finish([&]() -> Result<std::string> {
    job.set_phase("check");
    PV_CHECK(check_structures(packing, job));
    return to_json(packing.facts);
  });
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

// What this backup lacks of what it would have. A file that went while it was read is none of that,
// and neither are the logs.
state::Gaps gaps_of(const snapshot::Snapshot& snapshot, const zip::ArchiveReport& archive,
                    const BucketFiles& bucket) {
  state::Gaps gaps;
  for (const snapshot::Warning& warning : snapshot.warnings()) {
    gaps.unread += warning.is_unread ? 1U : 0U;
  }
  for (const zip::EntryReport& entry : archive.entries) {
    const bool is_gone = entry.skipped && entry.skipped->code == Code::kNotFound;
    gaps.unread += is_gone ? 0U : 1U;
  }
  gaps.unread += bucket.is_left_out() ? 1U : 0U;
  return gaps;
}

std::uint64_t left_out_but_logs(const LeftOut& left_out) {
  const bool has_logs = std::ranges::find(left_out.names, "auxiliary.db") != left_out.names.end();
  return left_out.files - (has_logs ? 1U : 0U);
}

void note_gaps(const Parts& parts, Job& job, const store::Backup& backup, const state::Gaps& gaps) {
  const auto say = [&](const std::string& what) { job.warn({"", what}); };
  const auto noted = state::note_made(
      state::VaultDb{parts.directory.vault_folder()},
      {.key = backup.name.text(), .size_bytes = backup.size_bytes, .gaps = gaps}, say);
  if (!noted.has_value() && !gaps.is_empty()) {
    say("what lacks in this backup could not be noted, so it counts as complete: " +
        noted.error().what);
  }
}

// The stricter of the two limits; 0: none.
std::uint64_t limit_of(const VaultOptions& options, const BackupOrder& order) {
  const std::uint64_t a = options.bytes_per_second_max;
  const std::uint64_t b = order.bytes_per_second_max;
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

// What crashed jobs left takes space that this one may need. The lease is held, so none of it is in
// use by a job; what others still write, the store knows.
void sweep_leftovers(const Parts& parts, store::BackupStore& store, Job& job) {
  for (const Result<std::size_t>& swept :
       {sweep_work_folders(parts.directory.vault_folder()), store.sweep()}) {
    if (!swept.has_value()) {
      job.warn({"", "leftovers of an earlier job could not be removed: " + swept.error().what});
    }
  }
}

Result<void> make_backup(const Parts& parts, store::BackupStore& store, Job& job,
                         const store::BackupName& name, const BackupOrder& order) {
  sweep_leftovers(parts, store, job);
  prune_kept(parts, job);
  PV_TRY(const WorkFolder work, WorkFolder::create(parts.directory.vault_folder(), parts.random));
  PV_TRY(const Chain chain, find_chain(parts, store, order.full));
  job.set_phase("pin");
  if (restore::is_cut_off(parts.directory.path())) {
    job.warn(
        {"",
         "a restore was cut off in this directory and is not in order again, so this backup may "
         "hold some of the old data and some of the new: start pocketvault again"});
  }
  PV_CHECK(datadir::refuse_wal_of_another(parts.directory.path()));
  snapshot::Options options;
  options.wal_growth_max = parts.options.wal_growth_max;
  options.temporary = work.path();
  if (parts.options.nice) { options.on_pinned = give_way; }
  const WallTime now = parts.clock.now();
  if (!is_check_due(chain, now)) { options.check_bytes_max = kRecheckBytesMax; }
  PV_CHECK(select(order, parts.directory.path(), options));
  const fs::Path& path = parts.directory.path();
  if (std::string what = tell_of_lost_locks(users_without_locks(path)); !what.empty()) {
    job.warn({"", std::move(what)});
  }
  PV_TRY(std::unique_ptr<snapshot::Snapshot> snapshot,
         snapshot::Snapshot::take(path, options, job.stop_token()));
  tell(*snapshot, job);
  BucketFiles bucket{parts, job, order};

  job.set_phase("pack");
  const std::uint64_t raw_bytes = raw_bytes_of(*snapshot);
  job.set_total(raw_bytes);
  PV_CHECK(check_backup_space(store, raw_bytes));
  PV_TRY(const std::unique_ptr<store::Upload> upload,
         store.create(name, {.original_name = name.text(), .repeats = repeated_by(chain)}));
  SpaceGuard guard{*upload, store, job};
  RateLimitedSink limited{guard, limit_of(parts.options, order), job};
  Packing packing{.snapshot = *snapshot,
                  .chain = chain,
                  .order = order,
                  .bucket = bucket,
                  .store = store,
                  .raw_bytes = raw_bytes,
                  .since = std::chrono::steady_clock::now(),
                  .now = now,
                  .facts = {.made = now,
                            .way = way_of(*snapshot),
                            .previous = chain.is_far ? "" : chain.name,
                            .pause = snapshot->pause(),
                            .sound = std::nullopt}};
  Result<zip::ArchiveReport> archive = pack(parts, job, packing, limited);
  if (!archive.has_value()) { return fail(guard.explain(std::move(archive).error())); }
  PV_CHECK(check_databases(*archive, *snapshot));
  tell(*archive, chain, job);
  if (bucket.is_used()) {
    bucket.tell(*archive);
  } else {
    const std::string note = note_on_unmatched(*snapshot);
    job.report([&](Report& report) { report.note = note; });
  }
  for (const snapshot::Warning& warning : snapshot->late_warnings()) {
    job.warn({printable(warning.name), warning.what});
  }
  state::Gaps gaps = gaps_of(*snapshot, *archive, bucket);
  gaps.left_out = left_out_but_logs(job.status().report.left_out);
  snapshot.reset();  // the pin goes before the disk is waited for

  job.set_phase("commit");
  PV_CHECK(go_on(parts, job));
  Result<store::Backup> stored = upload->commit();
  if (!stored.has_value()) { return fail(guard.explain(std::move(stored).error())); }
  if (chain.is_far) { tell_of_repeated(upload->repeated_bytes(), chain, job); }
  note_gaps(parts, job, *stored, gaps);
  return {};
}

}  // namespace

Result<void> run_backup(const Parts& parts, Job& job, const store::BackupName& name,
                        const BackupOrder& order, Destination destination) {
  std::string why = "it can't be reached";
  if (destination == Destination::kStore) {
    Result<void> made = make_backup(parts, parts.store, job, name, order);
    if (made.has_value() || !parts.store.is_away(made.error())) { return made; }
    why = made.error().what;
  }
  // From its beginning: what was sent is gone, and a new moment is as good.
  PV_CHECK(make_backup(parts, parts.store.spool(), job, name, order));
  job.warn({"", "the store is away (" + why +
                    "), so the backup waits in .pocketvault/spool and is sent when it is back"});
  return {};
}

}  // namespace pv::jobs
