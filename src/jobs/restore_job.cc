#include <algorithm>
#include <functional>

#include "base/text.h"
#include "datadir/wal_owners.h"
#include "jobs/bucket_files.h"
#include "jobs/lease.h"
#include "jobs/other_users.h"
#include "jobs/selection.h"
#include "jobs/workers.h"
#include "restore/replaced.h"
#include "restore/swap_lock.h"
#include "sqlite/connection.h"
#include "sqlite/guard.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;

// How long requests in flight may hold a connection before a restore gives up.
constexpr std::chrono::milliseconds kSuspendWait = 10s;
// How much is kept is for people to know, and an undo is over at once, however much that is.
constexpr std::chrono::milliseconds kMeasurePatience = 500ms;
// At least, whatever was asked for.
constexpr std::chrono::hours kKeepInDoubt{24};
// Another process may be opening the directory just now.
constexpr std::chrono::milliseconds kSwapLockWait = 10s;
// Reading the names of tables and a few rows of system tables.
constexpr std::chrono::seconds kSchemaTimeMax = 60s;

// Opens the databases again after the exchange failed, and adds to its error if that fails too.
tl::unexpected<Error> reopen_after(Error error, datadir::DataDir& directory) {
  const Result<void> opened = directory.resume();
  if (!opened.has_value()) {
    error.what += "; and the databases could not be opened again: " + opened.error().what;
  }
  return fail(std::move(error));
}

// The error of an exchange, with what a recovery made of it.
Error repaired(Error error, restore::Recovery recovered) {
  if (recovered == restore::Recovery::kFinished) {
    error.what += "; a second try finished it: the new data is in place";
  } else if (recovered == restore::Recovery::kTakenBack) {
    error.what += "; a second try took it back: the data from before is in place";
  }
  return error;
}
Error not_repaired(Error error, const Error& why) {
  error.what += "; and repairing the directory failed: " + why.what +
                "; remove the cause and start pocketvault again";
  return error;
}

// Whether there is another copy of what came in: a restore has its archive, an undo has nothing.
enum class Incoming { kHasArchive, kOnlyCopy };

Exchange exchange_of(Incoming incoming) {
  return incoming == Incoming::kHasArchive ? Exchange::kRestore : Exchange::kUndo;
}

using Work = std::function<Result<restore::Replaced>()>;

// The exchange was made but its result can't be opened: the old data comes back.
tl::unexpected<Error> take_back(const Error& why, const restore::Replaced& replaced,
                                Incoming incoming, const Parts& parts) {
  const fs::Path& path = parts.directory.path();
  Result<restore::Replaced> back =
      restore::undo(path, replaced.id, parts.clock.now(), restore::real_disk());
  if (!back.has_value()) {
    return fail(Error{why.code,
                      "the exchanged data could not be opened: " + why.what +
                          "; and the data from before could not be put back: " + back.error().what +
                          "; it is kept in " + replaced.folder.string()});
  }
  // What came from an archive and can't be opened is not worth keeping: an undo would bring it
  // back.
  if (incoming == Incoming::kHasArchive) { (void)restore::remove_replaced(path, back->id); }
  return reopen_after(Error{why.code,
                            "the exchanged data could not be opened, so the data from "
                            "before is in place again: " +
                                why.what},
                      parts.directory);
}

// Of files alone, beside whoever works with the databases.
Result<restore::Replaced> exchange_files(const Parts& parts, Job& job, const Work& exchange) {
  const fs::Path& path = parts.directory.path();
  PV_TRY(const fs::FileLock lock,
         restore::take_swap_lock(parts.directory.vault_folder(), kSwapLockWait));
  PV_CHECK(go_on(parts, job));
  job.set_phase("swap");  // from here on it is not cancelled any more
  Result<restore::Replaced> replaced = exchange();
  if (replaced.has_value()) { return replaced; }
  Error error = std::move(replaced).error();
  // Of an earlier one: databases that are open here, or elsewhere, are not moved.
  if (restore::is_cut_off_with_databases(path)) { return fail(std::move(error)); }
  const Result<restore::Recovery> recovered = restore::recover(path, restore::real_disk());
  if (!recovered.has_value()) { return fail(not_repaired(std::move(error), recovered.error())); }
  return fail(repaired(std::move(error), *recovered));
}

// Closes the databases, lets `exchange` move the files, opens what lies there then.
Result<restore::Replaced> exchange_closed(const Parts& parts, Job& job, Incoming incoming,
                                          const Work& exchange) {
  const fs::Path& path = parts.directory.path();
  PV_TRY(const fs::FileLock lock,
         restore::take_swap_lock(parts.directory.vault_folder(), kSwapLockWait));
  PV_CHECK(refuse_other_users(path, exchange_of(incoming)));
  PV_CHECK(go_on(parts, job));
  job.set_phase("swap");  // from here on it is not cancelled any more
  const auto closed_at = parts.clock.steady_now();
  PV_CHECK(parts.directory.suspend(kSuspendWait));
  Result<restore::Replaced> replaced = [&]() -> Result<restore::Replaced> {
    PV_CHECK(refuse_other_users(
        path, exchange_of(incoming)));  // somebody may have come while requests ended
    PV_CHECK(refuse_hidden_users(path));
    return exchange();
  }();
  if (!replaced.has_value()) {
    Error error = std::move(replaced).error();
    const Result<restore::Recovery> recovered = restore::recover(path, restore::real_disk());
    // What lies there may be a mixture, so it stays closed: the next start repairs it or says why
    // it can't.
    if (!recovered.has_value()) { return fail(not_repaired(std::move(error), recovered.error())); }
    return reopen_after(repaired(std::move(error), *recovered), parts.directory);
  }
  const Result<void> opened = parts.directory.resume();
  if (!opened.has_value()) { return take_back(opened.error(), *replaced, incoming, parts); }
  job.report([&](Report& report) { report.pause = parts.clock.steady_now() - closed_at; });
  return replaced;
}

// What a WAL holds goes into its database before that moves, so that nothing lies beside it then:
// an app that is started between two renames of an exchange that was cut off would take the WAL for
// its own, or remove it. Nobody else has the databases open. One that is damaged keeps its WAL, and
// so does one whose WAL is of another: the two move as they lie.
void fold_wals(const fs::Path& folder, const std::vector<std::string>& units,
               const std::vector<datadir::WalOwner>& owners) {
  for (const char* name : {"data.db", "auxiliary.db"}) {
    const bool is_exchanged = units.empty() || std::ranges::find(units, name) != units.end();
    const fs::Path path = folder / name;
    if (!is_exchanged || !fs::exists(fs::Path{path.native() + "-wal"})) { continue; }
    if (datadir::has_wal_of_another(path, owners)) { continue; }
    auto database = sqlite::Connection::open(path, {.checkpoints = sqlite::Checkpoints::kOwner});
    if (database.has_value()) { (void)database->exec("PRAGMA wal_checkpoint(TRUNCATE)"); }
  }
}

Result<restore::Replaced> exchange_data(const Parts& parts, Job& job, Incoming incoming,
                                        const std::vector<std::string>& units, const Work& work) {
  const fs::Path& path = parts.directory.path();
  const std::vector<fs::Path> databases = other_databases(path, units);
  const Work exchange = [&]() -> Result<restore::Replaced> {
    PV_CHECK(refuse_users_of(path, databases, exchange_of(incoming)));
    PV_CHECK(refuse_hidden_users_of(databases));
    if (restore::involves_databases(units)) {
      fold_wals(path, units, datadir::known_wal_owners(path));
    }
    return work();
  };
  return restore::involves_databases(units) ? exchange_closed(parts, job, incoming, exchange)
                                            : exchange_files(parts, job, exchange);
}

// Keeps what was replaced for `keep`, or not at all.
void keep_replaced(const Parts& parts, Job& job, const restore::Replaced& replaced,
                   std::chrono::seconds keep) {
  if (restore::has_strays(parts.directory.path(), replaced.id)) {
    keep = std::max<std::chrono::seconds>(keep, kKeepInDoubt);
    job.warn({"",
              "what programs made meanwhile in the place of what was exchanged lies in the "
              "folder stray of " +
                  printable(replaced.folder.native()) +
                  ": an undo does not bring it back, and it goes with the replaced data"});
  }
  if (keep <= std::chrono::seconds{0}) {
    const auto removed = restore::remove_replaced(parts.directory.path(), replaced.id);
    if (removed.has_value() || removed.error().code == Code::kNotFound) { return; }
    job.warn({"", "the replaced data could not be removed: " + removed.error().what});
  }
  const Result<restore::Replaced> noted = restore::note_kept(replaced, keep, kMeasurePatience);
  if (!noted.has_value()) {
    job.warn({"", "how long the replaced data is kept could not be noted: " + noted.error().what});
  }
  job.report([&](Report& report) { report.replaced_id = replaced.id; });
}

std::chrono::seconds keep_of(const Parts& parts, const RestoreOptions& options) {
  return options.keep_replaced.value_or(parts.options.keep_replaced);
}

// Nothing is kept for the sake of a backup: it is looked at once more, when it is all that is left.
std::chrono::seconds keep_with_doubt(const Parts& parts, Job& job, const SafetyBackup& safety,
                                     std::chrono::seconds keep) {
  if (keep > std::chrono::seconds{0}) { return keep; }
  const std::string doubt = doubt_about(safety, parts.store);
  if (doubt.empty()) { return keep; }
  job.warn({"", "the replaced data is kept for 24 hours all the same: " + doubt});
  return kKeepInDoubt;
}

Result<void> check_space(const Parts& parts, const restore::Plan& plan) {
  const fs::Path& path = parts.directory.path();
  Result<void> enough = restore::check_space(plan, path);
  if (enough.has_value() || enough.error().code != Code::kNoSpace) { return enough; }
  const auto kept = list_kept(path, parts.options.keep_replaced);
  return fail(Code::kNoSpace,
              enough.error().what + (kept.has_value() ? tell_of_kept(*kept) : std::string{}));
}

}  // namespace

void prune_kept(const Parts& parts, Job& job) {
  const Result<void> pruned = restore::prune_replaced(parts.directory.path(), parts.clock.now(),
                                                      parts.options.keep_replaced);
  if (!pruned.has_value()) {
    job.warn({"", "old replaced data could not be removed: " + pruned.error().what});
  }
}

void warn_of_dropped(const restore::Plan& plan, const std::string& what, Job& job) {
  for (const std::string& name : plan.dropped) {
    if (!name.ends_with("-shm") && !is_code(name)) { job.warn({printable(name), what}); }
  }
}

std::string note_on_part(const std::vector<std::string>& units) {
  const auto has = [&](std::string_view name) {
    return std::find(units.begin(), units.end(), name) != units.end();
  };
  const bool has_files = std::any_of(units.begin(), units.end(), [](const std::string& unit) {
    return unit == "storage" || unit.starts_with("storage/");
  });
  const bool is_mixed = has("data.db") ? !has("storage") : has_files;
  if (!is_mixed) { return {}; }
  return "records and files are of different times: records may name files that are not there, and "
         "files may belong to no record";
}

Result<void> check_data_db(const fs::Path& data_db) {
  PV_TRY(sqlite::Connection data,
         sqlite::Connection::open(data_db, {.checkpoints = sqlite::Checkpoints::kOwner}));
  PV_TRY(const fs::Stat file, fs::stat(data_db));
  sqlite::Guard guard{data, file.size_bytes, {}, Deadline::after(kSchemaTimeMax)};
  Result<void> checked = guard.arm();
  if (checked.has_value()) { checked = datadir::check_schema(data); }
  if (!checked.has_value()) { return fail(guard.explain(checked.error())); }
  return {};
}

// kBusy while others have open what `plan` takes the place of.
Result<void> refuse_users(const fs::Path& path, const restore::Plan& plan) {
  const bool nothing_here = plan.units.empty() && !plan.object_units.empty();
  if (nothing_here) { return {}; }
  if (restore::involves_databases(plan.units)) {
    PV_CHECK(refuse_other_users(path, Exchange::kRestore));
  }
  return refuse_users_of(path, other_databases(path, plan.units), Exchange::kRestore);
}

// Before the exchange: the files come first, so that no record in place names one that is not
// there. A backup of what is in place comes before anything in the bucket is replaced.
Result<SafetyBackup> fill_bucket(const Parts& parts, Job& job, const RestoreOptions& options,
                                 const restore::Plan& plan, BucketRestore& bucket) {
  PV_CHECK(bucket.add_missing());
  PV_TRY(SafetyBackup safety, back_up_first(parts, job, options, bucket.will_replace()));
  // What is replaced there can't be had back: not for an exchange that would then be refused.
  if (bucket.will_replace()) { PV_CHECK(refuse_users(parts.directory.path(), plan)); }
  PV_CHECK(bucket.replace_differing());
  return safety;
}

Result<void> run_restore(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                         const RestoreOptions& options) {
  const fs::Path& path = parts.directory.path();
  job.set_phase("check");
  PV_TRY(const std::unique_ptr<ZipArchive> archive, ZipArchive::open(origin));
  PV_TRY(const restore::Scope scope, restore::Scope::parse(options.only));
  PV_TRY(const restore::Plan plan, restore::plan(*archive, scope, options.files_to));
  warn_of_dropped(plan, "not restored", job);
  job.report([&](Report& report) {
    if (scope.is_everything()) { report.left_out = code_of(archive->entries()); }
    report.scope = scope.describe();
    report.note = note_on_part(restore::touched_by(plan));
    report.entries = plan.files.size() + plan.objects.size();
    report.raw_bytes = plan.raw_bytes + plan.object_bytes;
    report.archive_bytes = archive->archive_bytes();
  });
  prune_kept(parts, job);
  job.set_total(plan.raw_bytes + plan.object_bytes);
  BucketRestore bucket{parts, job, *archive, plan};
  if (!scope.is_everything() && plan.units.empty()) {
    PV_CHECK(bucket.find_place());
    return fill_bucket(parts, job, options, plan, bucket).map([](const SafetyBackup&) {});
  }
  PV_CHECK(check_space(parts, plan));
  PV_CHECK(refuse_users(path, plan));
  PV_CHECK(go_on(job));

  job.set_phase("extract");
  const restore::Progress progress{
      .on_extracted = [&job](std::uint64_t bytes) { job.add_done(bytes); }};
  const auto check_data = [&bucket](const fs::Path& data_db) -> Result<void> {
    PV_CHECK(check_data_db(data_db));
    bucket.look_at(data_db);
    return {};
  };
  PV_TRY(const restore::Staged staged,
         restore::stage(*archive, plan, path, parts.pool, parts.random, progress, check_data,
                        job.stop_token(),
                        {.delta = options.delta ? restore::Delta::kOn : restore::Delta::kOff}));
  job.report([&](Report& report) {
    report.unchanged_files = staged.unchanged_files;
    report.unchanged_bytes = staged.unchanged_bytes;
  });
  for (const std::string& warning : staged.warnings) { job.warn({"", warning}); }
  PV_CHECK(bucket.find_place());
  PV_TRY(const SafetyBackup safety, fill_bucket(parts, job, options, plan, bucket));

  Result<restore::Replaced> replaced =
      exchange_data(parts, job, Incoming::kHasArchive, plan.units, [&] {
        return restore::swap(path, staged, origin.name, parts.clock.now(), restore::real_disk());
      });
  if (replaced.has_value()) {
    const std::chrono::seconds keep = keep_with_doubt(parts, job, safety, keep_of(parts, options));
    keep_replaced(parts, job, *replaced, keep);
  }
  prune_kept(parts, job);
  if (!replaced.has_value()) { return fail(std::move(replaced).error()); }
  return {};
}

Result<void> run_undo(const Parts& parts, Job& job, const Kept& undone) {
  PV_CHECK(restore::check_undo(parts.directory.path(), undone.id));
  PV_TRY(const restore::Replaced replaced,
         exchange_data(parts, job, Incoming::kOnlyCopy, undone.units, [&] {
           const std::string kept = restore::replaced_data(undone.id);
           fold_wals(parts.directory.vault_folder() / kept, undone.units,
                     datadir::known_wal_owners(parts.directory.path()));
           return restore::undo(parts.directory.path(), undone.id, parts.clock.now(),
                                restore::real_disk());
         }));
  keep_replaced(parts, job, replaced,
                std::chrono::duration_cast<std::chrono::seconds>(undone.until - undone.at));
  prune_kept(parts, job);
  return {};
}

}  // namespace pv::jobs
