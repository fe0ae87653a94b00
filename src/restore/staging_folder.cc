#include "restore/staging_folder.h"

#include <sys/file.h>

#include <cerrno>

#include "restore/layout.h"

namespace pv::restore {
namespace {

// Whether another holds the lock. File systems without flock say neither yes nor no; there the
// lease of the installation alone keeps two apart.
bool is_taken(const fs::Fd& fd) {
  return ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace

StagingFolder::StagingFolder(fs::Path directory, std::string id, fs::Path path, fs::Fd fd)
    : directory_{std::move(directory)},
      id_{std::move(id)},
      path_{std::move(path)},
      fd_{std::move(fd)} {}

Result<std::shared_ptr<const StagingFolder>> StagingFolder::create(const fs::Path& directory,
                                                                   Random& random) {
  PV_CHECK(fs::make_folders(vault_folder(directory), 0700));
  std::string id = random_text(random, kLowerAlphanumeric, 15);
  fs::Path path = vault_folder(directory) / (std::string{kStagedPrefix} + id);
  PV_CHECK(fs::make_folder(path, 0700));
  PV_TRY(fs::Fd fd, fs::open_for_reading(path));
  if (is_taken(fd)) {  // a prune looks at it just now, and removes it
    return fail(Code::kBusy, "another process clears " + vault_folder(directory).string());
  }
  return std::shared_ptr<const StagingFolder>{
      new StagingFolder{directory, std::move(id), std::move(path), std::move(fd)}};
}

StagingFolder::~StagingFolder() {
  if (fs::exists(journal_path(directory_))) { return; }
  // A journal that came back after a power cut would look for the folder: its removal comes first.
  if (fs::sync_folder(vault_folder(directory_)).has_value()) { (void)fs::remove_tree(path_); }
}

bool StagingFolder::is_held(const fs::Path& path) {
  const auto fd = fs::open_for_reading(path);
  return fd.has_value() && is_taken(*fd);
}

}  // namespace pv::restore
