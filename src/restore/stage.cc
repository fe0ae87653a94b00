#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/text.h"
#include "restore/databases.h"
#include "restore/folders.h"
#include "restore/layout.h"
#include "restore/restore.h"
#include "restore/staging_folder.h"

namespace pv::restore {
namespace {

// Passes on at most what the archive declared, and tells how much came.
class BoundedSink final : public Sink {
 public:
  BoundedSink(fs::FileSink& file, std::uint64_t bytes_max, const Progress& progress)
      : file_{file}, left_{bytes_max}, progress_{progress} {}

  Result<void> write(Bytes bytes) override {
    if (bytes.size() > left_) { return fail(Code::kDamaged, "it is longer than declared"); }
    left_ -= bytes.size();
    PV_CHECK(file_.write(bytes));
    if (progress_.on_extracted) { progress_.on_extracted(bytes.size()); }
    return {};
  }
  [[nodiscard]] std::uint64_t left() const { return left_; }

 private:
  fs::FileSink& file_;
  std::uint64_t left_;
  const Progress& progress_;
};

// Whom the data belongs to, when root restores for somebody else: else the app, which runs as its
// own user, could not write its restored database.
struct Owner {
  ::uid_t user = 0;
  ::gid_t group = 0;

  static Result<std::optional<Owner>> of(const fs::Path& directory) {
    if (::geteuid() != 0) { return std::optional<Owner>{}; }
    Result<fs::Stat> found = fs::link_stat(directory / "data.db");
    if (!found.has_value() || !found->is_file()) { found = fs::stat(directory); }
    if (!found.has_value()) { return fail(found.error()); }
    if (found->owner == 0 && found->group == 0) { return std::optional<Owner>{}; }
    return std::optional{Owner{found->owner, found->group}};
  }
};

class Extraction {
 public:
  Extraction(const Archive& archive, const Plan& plan, fs::Path root, std::optional<Owner> owner,
             const Progress& progress, const std::stop_token& stop)
      : archive_{archive},
        plan_{plan},
        root_{std::move(root)},
        owner_{owner},
        progress_{progress},
        stop_{stop} {}

  Result<void> run(WorkPool& pool) {
    PV_CHECK(make_folders());
    // The biggest first, or else one thread may be left with a big one at the end.
    std::vector<const PlannedFile*> files;
    files.reserve(plan_.files.size());
    for (const PlannedFile& file : plan_.files) { files.push_back(&file); }
    std::stable_sort(files.begin(), files.end(), [](const PlannedFile* a, const PlannedFile* b) {
      return a->raw_bytes > b->raw_bytes;
    });
    return for_each_index(pool, files.size(), pool.thread_count(), [&](std::size_t i) {
      Result<void> done = extract(*files[i]);
      if (done.has_value() || done.error().code == Code::kCancelled) { return done; }
      return Result<void>{fail(done.error().within(printable(files[i]->name)))};
    });
  }

 private:
  Result<void> make_folders() {
    const auto make = [&](std::string_view folder) -> Result<void> {
      PV_CHECK(go_on());
      const fs::Path path = root_ / folder;
      const Result<void> made = fs::make_folder(path);
      if (!made.has_value() && made.error().code == Code::kExists) { return {}; }
      PV_CHECK(made);
      if (owner_ && ::lchown(path.c_str(), owner_->user, owner_->group) != 0) {
        return fail(errno_error(errno, "chown " + printable(path.native())));
      }
      return {};
    };
    PV_CHECK(for_each_folder(folder_names(plan_.folders).views, make));
    std::vector<std::string_view> files;
    files.reserve(plan_.files.size());
    for (const PlannedFile& file : plan_.files) { files.push_back(file.name); }
    std::sort(files.begin(), files.end());
    return for_each_folder(files, make);
  }

  Result<void> extract(const PlannedFile& file) {
    PV_CHECK(go_on());
    const fs::Path path = root_ / file.name;
    PV_TRY(fs::Fd fd, fs::create_new(path, mode_of(file)));
    if (owner_ && ::fchown(fd.get(), owner_->user, owner_->group) != 0) {
      return fail(errno_error(errno, "chown"));
    }
    fs::FileSink out{std::move(fd), path};
    BoundedSink sink{out, file.raw_bytes, progress_};
    PV_CHECK(archive_.extract(file.index, sink, stop_));
    if (sink.left() != 0) { return fail(Code::kDamaged, "it is shorter than declared"); }
    return out.close();
  }

  static std::uint32_t mode_of(const PlannedFile& file) {
    const bool in_root = file.name.find('/') == std::string::npos;
    const bool database = in_root && (file.name.ends_with(".db") || file.name.ends_with(".db-wal"));
    // A database that its owner can't read or write would stop the app.
    return database ? file.mode | 0600U : file.mode;
  }

  Result<void> go_on() const {
    if (stop_.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
    return {};
  }

  const Archive& archive_;
  const Plan& plan_;
  fs::Path root_;
  std::optional<Owner> owner_;
  const Progress& progress_;
  const std::stop_token& stop_;
};

}  // namespace

Result<Staged> stage(const Archive& archive, const Plan& plan, const fs::Path& directory,
                     WorkPool& pool, Random& random, const Progress& progress,
                     const std::function<Result<void>(const fs::Path& data_db)>& check_data,
                     const std::stop_token& stop) {
  PV_CHECK(refuse_mounts(directory));
  PV_TRY(const std::optional<Owner> owner, Owner::of(directory));
  PV_TRY(const std::shared_ptr<const StagingFolder> folder,
         StagingFolder::create(directory, random));
  PV_CHECK((Extraction{archive, plan, folder->path(), owner, progress, stop}.run(pool)));
  PV_TRY(std::vector<std::string> warnings, check_databases(plan, folder->path(), pool, stop));
  if (check_data) {
    const fs::Path data_db = folder->path() / "data.db";
    PV_CHECK(check_data(data_db));
    PV_CHECK(remove_companions(data_db));
  }
  if (stop.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
  // Once for all: 20,000 files of 8 KiB took 0.5 s to get on disk this way, 14 s with an fsync each
  // (two threads, ext4, a virtual disk). The descriptor is older than the first write, so it learns
  // of every write that failed.
  PV_CHECK(fs::sync_file_system(folder->fd()));
  return Staged{.id = folder->id(),
                .folder = folder->path(),
                .warnings = std::move(warnings),
                .hold = folder};
}

}  // namespace pv::restore
