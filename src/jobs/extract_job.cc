// Takes all of an archive, or a part, into a folder of its own: nothing is replaced.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "jobs/lease.h"
#include "jobs/selection.h"
#include "jobs/workers.h"

namespace pv::jobs {
namespace {

// Beside the folder to be made: what a crash leaves there, the next extraction clears away.
constexpr const char* kWorkshop = ".pocketvault-to";

// Where it will be, and what is there now.
struct Target {
  fs::Path path;  // without links
  std::optional<fs::Stat> there;

  [[nodiscard]] fs::Path parent() const { return path.parent_path(); }
  [[nodiscard]] std::string shown() const { return printable(path.native()); }
};

// A folder in a data directory would be in all its backups, and go with its next restore.
Result<void> refuse_data_directory(const Target& target, const fs::Path& live) {
  for (fs::Path folder = target.path; folder.has_relative_path(); folder = folder.parent_path()) {
    std::error_code ignored;
    // The target itself may be a restored directory: it is told to be full then.
    const bool is_data = (folder != target.path && fs::exists(folder / "data.db")) ||
                         folder == std::filesystem::weakly_canonical(live, ignored);
    if (!is_data) { continue; }
    return fail(Code::kInvalid, target.shown() + " lies in the data directory " +
                                    printable(folder.native()) + "; choose a folder beside it");
  }
  return {};
}

Result<void> refuse_full(const Target& target) {
  if (!target.there->is_folder()) {
    return fail(Code::kExists, target.shown() + " is there already, and is no folder");
  }
  std::error_code error;
  const bool is_empty = std::filesystem::is_empty(target.path, error);
  if (error) { return fail(errno_error(error.value(), "read " + target.shown())); }
  if (!is_empty) {
    return fail(Code::kExists,
                target.shown() + " is not empty; a new or an empty folder is needed");
  }
  PV_TRY(const fs::Stat parent, fs::stat(target.parent()));
  if (parent.device != target.there->device) {
    return fail(Code::kUnsupported, target.shown() +
                                        " is a mount of its own, where nothing can be put all at "
                                        "once; name a new folder in it");
  }
  return {};
}

Result<Target> check_target(const fs::Path& given, const fs::Path& live) {
  std::error_code error;
  Target target;
  target.path = std::filesystem::weakly_canonical(std::filesystem::absolute(given, error), error);
  if (error) { return fail(errno_error(error.value(), printable(given.native()))); }
  if (!target.path.has_filename()) { target.path = target.path.parent_path(); }
  PV_CHECK(refuse_data_directory(target, live));
  const auto there = fs::link_stat(target.path);
  if (there.has_value()) {
    target.there = *there;
    PV_CHECK(refuse_full(target));
  } else if (there.error().code != Code::kNotFound) {
    return fail(there.error());
  }
  PV_TRY(const fs::Stat parent, fs::stat(target.parent()));
  if (!parent.is_folder()) {
    return fail(Code::kInvalid, printable(target.parent().native()) + " is no folder");
  }
  return target;
}

// The folder in which others are made until they are whole; goes when it is empty.
class Workshop {
 public:
  static Result<Workshop> open(const fs::Path& parent) {
    Workshop workshop{parent / kWorkshop};
    PV_CHECK(fs::make_folders(workshop.path_, 0700));
    PV_CHECK(sweep_work_folders(workshop.path_));
    return workshop;
  }
  Workshop(Workshop&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  Workshop& operator=(Workshop&&) = delete;
  ~Workshop() {
    // Not while another extraction works in it.
    if (!path_.empty()) { (void)fs::remove_empty_folder(path_); }
  }
  [[nodiscard]] const fs::Path& path() const { return path_; }

 private:
  explicit Workshop(fs::Path path) : path_{std::move(path)} {}
  fs::Path path_;
};

struct Permissions {
  std::uint32_t mode = 0;
  ::uid_t user = 0;
  ::gid_t group = 0;
};

// Those of the empty folder that is there, else those of a new one.
Result<Permissions> permissions_for(const Target& target, const fs::Path& scratch) {
  PV_CHECK(fs::make_folder(scratch));
  PV_TRY(const fs::Stat made, fs::stat(scratch));
  PV_CHECK(fs::remove_empty_folder(scratch));
  const fs::Stat& model = target.there ? *target.there : made;
  return Permissions{model.mode & 07777U, model.owner, model.group};
}

Result<void> give(const fs::Path& folder, const Permissions& permissions) {
  // Only root can give away.
  if (::geteuid() == 0 && ::lchown(folder.c_str(), permissions.user, permissions.group) != 0) {
    return fail(errno_error(errno, "chown " + printable(folder.native())));
  }
  return {};
}

Result<void> put_in_place(const restore::Staged& staged, const Target& target,
                          const Permissions& permissions) {
  PV_CHECK(give(staged.folder, permissions));
  if (::chmod(staged.folder.c_str(), permissions.mode) != 0) {
    return fail(errno_error(errno, "chmod " + printable(staged.folder.native())));
  }
  // Takes the place of an empty folder, and of nothing else.
  PV_CHECK(fs::rename(staged.folder, target.path));
  return fs::sync_folder(target.parent());
}

}  // namespace

Result<void> run_extract(const Parts& parts, Job& job, const ArchiveOrigin& origin,
                         const ExtractOrder& order) {
  job.set_phase("check");
  PV_TRY(const restore::Scope scope, restore::Scope::parse(order.only));
  PV_TRY(const Target target, check_target(order.target, parts.directory.path()));
  PV_TRY(const std::unique_ptr<ZipArchive> archive, ZipArchive::open(origin));
  PV_TRY(const restore::Plan plan, restore::plan(*archive, scope));
  warn_of_dropped(plan, "not taken out", job);
  job.report([&](Report& report) {
    report.left_out = code_of(archive->entries());
    report.entries = plan.files.size();
    report.raw_bytes = plan.raw_bytes;
    report.archive_bytes = archive->archive_bytes();
    report.target = target.path.native();
    report.scope = scope.describe();
  });
  PV_CHECK(go_on(job));

  job.set_phase("extract");
  job.set_total(plan.raw_bytes);
  PV_TRY(const Workshop workshop, Workshop::open(target.parent()));
  PV_TRY(const WorkFolder work, WorkFolder::create(workshop.path(), parts.random));
  PV_TRY(const Permissions permissions, permissions_for(target, work.path() / "scratch"));
  PV_CHECK(give(work.path(), permissions));
  PV_CHECK(restore::check_space(plan, work.path()));
  const restore::Progress progress{
      .on_extracted = [&job](std::uint64_t bytes) { job.add_done(bytes); }};
  PV_TRY(const restore::Staged staged,
         restore::stage(*archive, plan, work.path(), parts.pool, parts.random, progress,
                        check_data_db, job.stop_token(), {.delta = restore::Delta::kOff}));
  for (const std::string& warning : staged.warnings) { job.warn({"", warning}); }
  PV_CHECK(go_on(job));
  job.set_phase("commit");
  return put_in_place(staged, target, permissions);
}

}  // namespace pv::jobs
