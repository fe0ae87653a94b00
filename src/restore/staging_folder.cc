#include "restore/staging_folder.h"

#include <sys/file.h>

#include <cerrno>

#include "base/text.h"
#include "fs/give.h"
#include "fs/presence.h"

namespace pv::restore {
namespace {

// Whether another holds the lock. File systems without flock say neither yes nor no; there the
// lease of the installation alone keeps two apart.
bool is_taken(const fs::Fd& fd) {
  return ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// A link would have us work, and clear away, where it leads.
Result<void> make_vault(const fs::Path& vault) {
  const Result<void> made = fs::make_folder(vault, 0700);
  if (made.has_value()) { fs::give_like(vault.parent_path(), vault); }
  if (made.has_value() || made.error().code != Code::kExists) { return made; }
  return refuse_linked_vault(vault);
}

std::string staged_name(const std::string& id) { return std::string{kStagedPrefix} + id; }

}  // namespace

StagingFolder::StagingFolder(fs::Path directory, Layout layout, std::string id, fs::Fd fd)
    : directory_{std::move(directory)},
      layout_{std::move(layout)},
      id_{std::move(id)},
      path_{path_of("")},
      fd_{std::move(fd)} {}

Result<std::shared_ptr<const StagingFolder>> StagingFolder::create(const fs::Path& directory,
                                                                   const Layout& layout,
                                                                   Random& random) {
  const fs::Path vault = directory / layout.volumes().front().vault;
  PV_CHECK(fs::make_folders(vault_folder(directory), 0700));
  if (vault != vault_folder(directory)) { PV_CHECK(make_vault(vault)); }
  std::string id = random_text(random, kLowerAlphanumeric, 15);
  const fs::Path path = vault / staged_name(id);
  PV_CHECK(fs::make_folder(path, 0700));
  PV_TRY(fs::Fd fd, fs::open_for_reading(path));
  if (is_taken(fd) || !fs::exists(path)) {  // a prune looks at it just now, and removes it
    return fail(Code::kBusy, "another process clears " + printable(vault.native()) + ": try again");
  }
  const std::shared_ptr<StagingFolder> folder{
      new StagingFolder{directory, layout, std::move(id), std::move(fd)}};
  PV_CHECK(folder->make_on_volumes());
  return std::shared_ptr<const StagingFolder>{folder};
}

Result<void> StagingFolder::make_on_volumes() {
  for (const std::string& at : layout_.other_volumes()) {
    const fs::Path vault = directory_ / layout_.volume_of(at).vault;
    Result<void> made = make_vault(vault);
    if (made.has_value()) { made = fs::make_folder(path_of(at), 0700); }
    if (!made.has_value()) {
      return fail(Code::kUnsupported,
                  printable(at) +
                      " is a volume of its own, on which a restore needs a folder for a while: " +
                      made.error().what + "; make it writable for the user who restores");
    }
    PV_TRY(fs::Fd fd, fs::open_for_reading(path_of(at)));
    on_volumes_.push_back(std::move(fd));
  }
  return {};
}

StagingFolder::~StagingFolder() {
  if (fs::is_there(journal_path(directory_)).value_or(true)) { return; }
  // A journal that came back after a power cut would look for the folders: its removal comes first.
  if (!fs::sync_folder(vault_folder(directory_)).has_value()) { return; }
  on_volumes_.clear();
  for (const std::string& at : layout_.other_volumes()) {
    (void)fs::remove_tree(path_of(at));
    (void)fs::remove_empty_folder(directory_ / layout_.volume_of(at).vault);
  }
  (void)fs::remove_tree(path_);  // last: a prune takes what lies on volumes for held until then
}

fs::Path StagingFolder::path_of(std::string_view name) const {
  return directory_ / layout_.inside(staged_name(id_), name);
}

Result<void> StagingFolder::sync_file_systems() const {
  for (const fs::Fd& fd : on_volumes_) { PV_CHECK(fs::sync_file_system(fd)); }
  return fs::sync_file_system(fd_);
}

bool StagingFolder::is_held(const fs::Path& path) {
  const auto fd = fs::open_for_reading(path);
  return fd.has_value() && is_taken(*fd);
}

}  // namespace pv::restore
