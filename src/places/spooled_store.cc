#include "places/spooled_store.h"

#include <algorithm>

#include "base/text.h"
#include "store/folder_store.h"

namespace pv::places {

using store::Backup;
using store::BackupName;
using store::BackupStore;
using store::Upload;

SpooledStore::SpooledStore(BackupStore& store, const fs::Path& vault_folder)
    : SpooledStore{store, vault_folder, {}} {}

SpooledStore::SpooledStore(BackupStore& store, const fs::Path& vault_folder, std::stop_token stop)
    : until_{store.until(std::move(stop))},
      store_{until_ == nullptr ? store : *until_},
      lock_{vault_folder / "spool.lock"},
      spool_{store::make_folder_store(vault_folder / "spool")} {}

Result<std::vector<Backup>> SpooledStore::waiting() {
  PV_TRY(std::vector<Backup> backups, spool_->list());
  for (Backup& backup : backups) { backup.is_waiting = true; }
  std::stable_sort(backups.begin(), backups.end(),
                   [](const Backup& a, const Backup& b) { return a.modified < b.modified; });
  return backups;
}

Result<std::vector<BackupName>> SpooledStore::send(const CopyProgress& progress,
                                                   const std::stop_token& stop) {
  PV_TRY(const std::vector<Backup> backups, waiting());
  std::vector<BackupName> sent;
  if (backups.empty()) { return sent; }
  PV_TRY(const fs::FileLock lock, fs::FileLock::try_take(lock_));
  for (const Backup& backup : backups) {
    auto arrived = send_one(backup.name, progress, stop);
    if (!arrived.has_value()) {
      return fail(arrived.error().within(printable(backup.name.text())));
    }
    if (*arrived) { sent.push_back(**std::move(arrived)); }
  }
  return sent;
}

Result<std::optional<BackupName>> SpooledStore::send_one(const BackupName& name,
                                                         const CopyProgress& progress,
                                                         const std::stop_token& stop) {
  const auto source = spool_->open(name);
  if (!source.has_value()) {
    // Another has sent or removed it. What the store does not find is a failure like any other.
    if (source.error().code == Code::kNotFound) { return std::nullopt; }
    return fail(source.error());
  }
  PV_TRY(Delivery delivery, deliver(**source, store_, name, progress, stop));
  PV_CHECK(spool_->remove(name));
  return std::optional{std::move(delivery.name)};
}

Result<bool> SpooledStore::each_name(const TakeName& take) {
  PV_TRY(const std::vector<Backup> here, waiting());
  if (!here.empty()) { return false; }
  return store_.each_name(take);
}

Result<std::vector<Backup>> SpooledStore::list() {
  PV_TRY(const std::vector<Backup> here, waiting());
  PV_TRY(std::vector<Backup> all, store_.list());
  if (here.empty()) { return all; }
  const auto by_name = [](const Backup& a, const Backup& b) { return a.name < b.name; };
  const auto arrived = static_cast<std::ptrdiff_t>(all.size());
  for (const Backup& backup : here) {
    if (!std::binary_search(all.begin(), all.begin() + arrived, backup, by_name)) {
      all.push_back(backup);
    }
  }
  std::sort(all.begin(), all.end(), by_name);
  return all;
}

Result<Backup> SpooledStore::stat(const BackupName& name) {
  auto here = spool_->stat(name);
  if (!here.has_value()) { return store_.stat(name); }
  here->is_waiting = true;
  return here;
}

Result<std::unique_ptr<Source>> SpooledStore::open(const BackupName& name) {
  auto here = spool_->open(name);
  return here.has_value() ? std::move(here) : store_.open(name);
}

Result<std::unique_ptr<Upload>> SpooledStore::create(const BackupName& name,
                                                     const UploadOptions& options) {
  if (spool_->stat(name).has_value()) {
    return fail(Code::kExists, "a backup " + printable(name.text()) + " waits to be sent");
  }
  return store_.create(name, options);
}

Result<void> SpooledStore::remove(const BackupName& name) {
  if (!spool_->stat(name).has_value()) { return store_.remove(name); }
  const auto lock = fs::FileLock::try_take(lock_);
  if (!lock.has_value()) {
    const bool is_being_sent = lock.error().code == Code::kBusy;
    return is_being_sent ? fail(Code::kBusy, printable(name.text()) + " is just being sent")
                         : fail(lock.error());
  }
  auto removed = spool_->remove(name);
  // It has arrived meanwhile.
  const bool has_left = !removed.has_value() && removed.error().code == Code::kNotFound;
  return has_left ? store_.remove(name) : removed;
}

Result<std::size_t> SpooledStore::sweep() {
  PV_TRY(const std::size_t here, spool_->sweep());
  PV_TRY(const std::size_t there, store_.sweep());
  return here + there;
}

Result<std::optional<std::uint64_t>> SpooledStore::free_bytes() { return store_.free_bytes(); }

}  // namespace pv::places
