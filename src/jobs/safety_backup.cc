// The backup of what a restore is about to replace.
#include <stop_token>

#include "fs/presence.h"
#include "jobs/names.h"
#include "jobs/workers.h"
#include "settings/settings.h"

namespace pv::jobs {
namespace {

bool is_wanted(const Parts& parts, const RestoreOptions& options) {
  if (!fs::is_there(parts.directory.path() / "data.db").value_or(true)) { return false; }
  const std::chrono::seconds keep = options.keep_replaced.value_or(parts.options.keep_replaced);
  return options.backup_first.value_or(keep <= std::chrono::seconds{0});
}

// The app's name, else that of the folder: there may be no settings left to read.
Result<store::BackupName> name_for(const Parts& parts) {
  const Result<settings::Settings> settings = parts.directory.read<settings::Settings>(
      [&](sqlite::Connection& data) { return settings::read(data, parts.options.encryption_key); });
  const std::string folder = fs::Path{parts.directory.path() / ""}.parent_path().filename();
  const std::string& app = settings.has_value() ? settings->app_name : folder;
  const std::string snake = settings::snake_case(app);
  const WallTime now = parts.clock.now();
  auto name = free_name(parts.store, kSafetyPrefix, snake, now);
  // Then it is made in the spool; see run_backup.
  if (!name.has_value() && parts.store.is_away(name.error())) {
    name = free_name(parts.store.spool(), kSafetyPrefix, snake, now);
  }
  return name;
}

tl::unexpected<Error> given_up(Error why) {
  if (why.code == Code::kCancelled) { return fail(std::move(why)); }
  why.what = "the backup of what is in place failed, so nothing was replaced: " + why.what +
             ". To restore without it: --no-backup-first (over HTTP ?backupFirst=false); with "
             "--keep-replaced 24h the data in place is kept as it is";
  return fail(std::move(why));
}

}  // namespace

Result<SafetyBackup> back_up_first(const Parts& parts, Job& job, const RestoreOptions& options,
                                   bool replaces_objects) {
  if (!is_wanted(parts, options)) { return SafetyBackup{}; }
  PV_TRY(const store::BackupName name, name_for(parts));
  job.set_phase("backup");
  Job inner{job.id(), Kind::kBackup, name.text(), parts.clock.now(), parts.clock};
  const std::stop_callback cancel{job.stop_token(), [&inner] { inner.cancel(); }};
  Result<void> made;
  {
    const std::uint64_t before = job.bytes_done();
    const Job::Gauge gauge{job, [&inner, before] { return before + inner.bytes_done(); },
                           [&inner] { return inner.status().bytes_total; }};
    // Damaged or not: it is what there is.
    const BackupOrder order{
        .name = name.text(), .allow_damaged = true, .include_s3_storage = replaces_objects};
    made = run_backup(parts, inner, name, order);
  }
  for (const Warning& warning : inner.status().warnings) {
    job.warn({warning.name, "in the backup before the restore: " + warning.what});
  }
  if (!made.has_value()) { return given_up(std::move(made).error()); }
  job.report([&](Report& report) { report.safety_backup = name.text(); });
  auto backup = parts.store.stat(name);
  if (!backup.has_value()) { return given_up(std::move(backup).error()); }
  return SafetyBackup{.made = std::move(*backup), .is_whole = inner.status().warnings.empty()};
}

std::string doubt_about(const SafetyBackup& safety, store::BackupStore& store) {
  if (!safety.made) { return {}; }
  const std::string& name = safety.made->name.text();
  if (!safety.is_whole) { return "the backup " + name + " was made with warnings"; }
  const auto now = store.stat(safety.made->name);
  if (!now.has_value()) {
    return "the backup " + name + " is not there any more: " + now.error().what;
  }
  const bool is_the_same =
      now->size_bytes == safety.made->size_bytes && now->modified == safety.made->modified;
  return is_the_same ? std::string{} : "the backup " + name + " was replaced meanwhile";
}

}  // namespace pv::jobs
