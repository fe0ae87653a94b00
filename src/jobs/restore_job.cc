#include <algorithm>
#include <functional>

#include "base/text.h"
#include "jobs/lease.h"
#include "jobs/selection.h"
#include "jobs/workers.h"

namespace pv::jobs {
namespace {

using namespace std::chrono_literals;

// How long requests in flight may hold a connection before a restore gives up.
constexpr std::chrono::milliseconds kSuspendWait = 10s;
// Another process may be opening the directory just now.
constexpr std::chrono::milliseconds kSwapLockWait = 10s;

std::vector<fs::Path> database_files(const fs::Path& directory) {
  std::vector<fs::Path> files;
  for (const char* name : {"data.db", "auxiliary.db"}) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      files.push_back(directory / (std::string{name} + suffix));
    }
  }
  return files;
}

// Exchanging files under a process that has them open loses what it writes from then on. A process
// may have lost its locks (PocketBase does, with its own backups), so open files count as well.
Result<void> refuse_other_users(const fs::Path& directory) {
  const std::vector<fs::Path> files = database_files(directory);
  std::vector<fs::LockHolder> users = fs::other_lock_holders(files);
  for (fs::LockHolder& opener : fs::other_openers(files)) {
    if (std::find_if(users.begin(), users.end(), [&](const fs::LockHolder& user) {
          return user.pid == opener.pid;
        }) == users.end()) {
      users.push_back(std::move(opener));
    }
  }
  if (users.empty()) { return {}; }
  constexpr std::size_t kNamedMax = 5;
  std::string names;
  for (std::size_t i = 0; i < users.size() && i < kNamedMax; ++i) {
    names += (i == 0 ? "" : ", ") + printable(users[i].program) + " (process " +
             std::to_string(users[i].pid) + ")";
  }
  if (users.size() > kNamedMax) {
    names += " and " + std::to_string(users.size() - kNamedMax) + " more";
  }
  return fail(Code::kBusy, "the databases of " + directory.string() + " are in use by " + names +
                               ": stop that first; if it is a pocketvault server, restore through "
                               "it (pocketvault restore --url ...)");
}

// Users that /proc does not show: a container's processes, when we are in another. Their locks on
// the files count all the same.
Result<void> refuse_hidden_users(const fs::Path& directory) {
  for (const char* name : {"data.db", "auxiliary.db"}) {
    if (!fs::exists(directory / name)) { continue; }
    const Result<bool> alone = sqlite::is_alone(directory / name);
    // What can't be opened, nobody else works with either.
    if (alone.value_or(true)) { continue; }
    return fail(Code::kBusy, (directory / name).string() +
                                 " is in use by a process that can't be seen from here (in another "
                                 "container?): stop the app that uses it first");
  }
  return {};
}

// Opens the databases again after the exchange failed, and adds to its error if that fails too.
tl::unexpected<Error> reopen_after(Error error, datadir::DataDir& directory) {
  const Result<void> opened = directory.resume();
  if (!opened.has_value()) {
    error.what += "; and the databases could not be opened again: " + opened.error().what;
  }
  return fail(std::move(error));
}

// Whether there is another copy of what came in: a restore has its archive, an undo has nothing.
enum class Incoming { kHasArchive, kOnlyCopy };

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
  if (incoming == Incoming::kHasArchive) { (void)restore::real_disk().remove_tree(back->folder); }
  return reopen_after(Error{why.code,
                            "the exchanged data could not be opened, so the data from "
                            "before is in place again: " +
                                why.what},
                      parts.directory);
}

// Closes the databases, lets `exchange` move the files, opens what lies there then.
Result<restore::Replaced> exchange_closed(
    const Parts& parts, Job& job, Incoming incoming,
    const std::function<Result<restore::Replaced>()>& exchange) {
  const fs::Path& path = parts.directory.path();
  PV_TRY(const fs::FileLock lock, take_swap_lock(parts.directory.vault_folder(), kSwapLockWait));
  PV_CHECK(refuse_other_users(path));
  PV_CHECK(go_on(job));
  job.set_phase("swap");  // from here on it is not cancelled any more
  PV_CHECK(parts.directory.suspend(kSuspendWait));
  Result<restore::Replaced> replaced = [&]() -> Result<restore::Replaced> {
    PV_CHECK(refuse_other_users(path));  // somebody may have come while requests ended
    PV_CHECK(refuse_hidden_users(path));
    return exchange();
  }();
  if (!replaced.has_value()) {
    Error error = std::move(replaced).error();
    const Result<restore::Recovery> recovered = restore::recover(path, restore::real_disk());
    if (recovered.has_value()) {
      if (*recovered == restore::Recovery::kFinished) {
        error.what += "; a second try finished it: the new data is in place";
      }
      return reopen_after(std::move(error), parts.directory);
    }
    // What lies there may be a mixture, so it stays closed: the next start repairs it or says why
    // it can't.
    error.what += "; and repairing the directory failed: " + recovered.error().what +
                  "; remove the cause and start pocketvault again";
    return fail(std::move(error));
  }
  const Result<void> opened = parts.directory.resume();
  if (!opened.has_value()) { return take_back(opened.error(), *replaced, incoming, parts); }
  return replaced;
}

// Removes replaced data that is old enough, and staging folders that no journal needs any more.
void prune(const Parts& parts, Job& job) {
  const Result<void> pruned = restore::prune_replaced(parts.directory.path(), parts.clock.now(),
                                                      parts.options.keep_replaced);
  if (!pruned.has_value()) {
    job.warn({"", "old replaced data could not be removed: " + pruned.error().what});
  }
}

}  // namespace

void warn_of_dropped(const restore::Plan& plan, const std::string& what, Job& job) {
  for (const std::string& name : plan.dropped) {
    if (!name.ends_with("-shm") && !is_code(name)) { job.warn({printable(name), what}); }
  }
}

Result<void> check_data_db(const fs::Path& data_db) {
  PV_TRY(sqlite::Connection data,
         sqlite::Connection::open(data_db, {.checkpoints = sqlite::Checkpoints::kOwner}));
  return datadir::check_schema(data);
}

Result<void> run_restore(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                         const RestoreOptions& options) {
  const fs::Path& path = parts.directory.path();
  job.set_phase("check");
  PV_TRY(const std::unique_ptr<ZipArchive> archive, ZipArchive::open(origin));
  PV_TRY(const restore::Plan plan, restore::plan(*archive));
  warn_of_dropped(plan, "not restored", job);
  job.report([&](Report& report) {
    report.left_out = code_of(archive->entries());
    report.entries = plan.files.size();
    report.raw_bytes = plan.raw_bytes;
    report.archive_bytes = archive->archive_bytes();
  });
  PV_CHECK(restore::check_space(plan, path));
  PV_CHECK(refuse_other_users(path));
  PV_CHECK(go_on(job));

  job.set_phase("extract");
  job.set_total(plan.raw_bytes);
  const restore::Progress progress{
      .on_extracted = [&job](std::uint64_t bytes) { job.add_done(bytes); }};
  PV_TRY(
      const restore::Staged staged,
      restore::stage(*archive, plan, path, parts.pool, parts.random, progress, check_data_db,
                     job.stop_token(), options.delta ? restore::Delta::kOn : restore::Delta::kOff));
  job.report([&](Report& report) {
    report.unchanged_files = staged.unchanged_files;
    report.unchanged_bytes = staged.unchanged_bytes;
  });
  for (const std::string& warning : staged.warnings) { job.warn({"", warning}); }

  Result<restore::Replaced> replaced = exchange_closed(parts, job, Incoming::kHasArchive, [&] {
    return restore::swap(path, staged, origin.name, parts.clock.now(), restore::real_disk());
  });
  prune(parts, job);
  if (!replaced.has_value()) { return fail(std::move(replaced).error()); }
  job.report([&](Report& report) { report.replaced_id = replaced->id; });
  return {};
}

Result<void> run_undo(const Parts& parts, Job& job, const std::string& replaced_id) {
  PV_TRY(const restore::Replaced replaced, exchange_closed(parts, job, Incoming::kOnlyCopy, [&] {
           return restore::undo(parts.directory.path(), replaced_id, parts.clock.now(),
                                restore::real_disk());
         }));
  prune(parts, job);
  job.report([&](Report& report) { report.replaced_id = replaced.id; });
  return {};
}

}  // namespace pv::jobs
