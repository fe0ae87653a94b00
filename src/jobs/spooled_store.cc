#include "jobs/spooled_store.h"

#include <algorithm>

#include "base/text.h"
#include "store/folder_store.h"

namespace pv::jobs {
namespace {

using store::Backup;
using store::BackupName;
using store::BackupStore;
using store::Upload;

constexpr std::size_t kBlockBytes = 1 << 20;

Result<void> copy_into(Upload& upload, Source& source, const SpooledStore::Progress& progress,
                       const std::stop_token& stop) {
  std::vector<std::byte> block(kBlockBytes);
  std::uint64_t done = 0;
  while (done < source.size_bytes()) {
    if (stop.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    PV_TRY(const std::size_t count, source.read_at(done, block));
    if (count == 0) { return fail(Code::kDamaged, "it became shorter while it was sent"); }
    PV_CHECK(upload.write(Bytes{block}.first(count)));
    done += count;
    if (progress) { progress(done, source.size_bytes()); }
  }
  return {};
}

// "nightly.zip", "nightly_02.zip", ...
Result<BackupName> numbered(const BackupName& name, int number) {
  if (number == 1) { return name; }
  const std::string& text = name.text();
  const std::size_t dot = std::min(text.rfind('.'), text.size());
  const std::string digits = (number < 10 ? "_0" : "_") + std::to_string(number);
  return BackupName::parse(text.substr(0, dot) + digits + text.substr(dot));
}

}  // namespace

SpooledStore::SpooledStore(BackupStore& store, const fs::Path& vault_folder)
    : store_{store},
      lock_{vault_folder / "spool.lock"},
      spool_{store::make_folder_store(vault_folder / "spool")} {}

Result<std::vector<Backup>> SpooledStore::waiting() {
  PV_TRY(std::vector<Backup> backups, spool_->list());
  for (Backup& backup : backups) { backup.is_waiting = true; }
  std::stable_sort(backups.begin(), backups.end(),
                   [](const Backup& a, const Backup& b) { return a.modified < b.modified; });
  return backups;
}

Result<std::vector<BackupName>> SpooledStore::send(const Progress& progress,
                                                   const std::stop_token& stop) {
  PV_TRY(const std::vector<Backup> backups, waiting());
  std::vector<BackupName> sent;
  if (backups.empty()) { return sent; }
  PV_TRY(const fs::FileLock lock, fs::FileLock::try_take(lock_));
  for (const Backup& backup : backups) {
    auto arrived = send_one(backup.name, progress, stop);
    if (arrived.has_value()) {
      sent.push_back(*std::move(arrived));
    } else if (arrived.error().code != Code::kNotFound) {  // another has sent or removed it
      return fail(arrived.error().within(printable(backup.name.text())));
    }
  }
  return sent;
}

Result<BackupName> SpooledStore::send_one(const BackupName& name, const Progress& progress,
                                          const std::stop_token& stop) {
  constexpr int kNumberMax = 99;
  PV_TRY(const std::unique_ptr<Source> source, spool_->open(name));
  for (int number = 1; number <= kNumberMax; ++number) {
    PV_TRY(const BackupName target, numbered(name, number));
    const Result<Backup> there = store_.stat(target);
    if (there.has_value()) {
      PV_TRY(const bool is_it, has_arrived(*there, *source));
      if (!is_it) { continue; }
    } else {
      if (there.error().code != Code::kNotFound) { return fail(there.error()); }
      PV_TRY(const auto upload, store_.create(target, {.original_name = name.text()}));
      PV_CHECK(copy_into(*upload, *source, progress, stop));
      const auto stored = upload->commit();
      if (!stored.has_value() && stored.error().code == Code::kExists) { continue; }
      PV_CHECK(stored);
    }
    PV_CHECK(spool_->remove(name));
    return target;
  }
  return fail(Code::kExists, "99 backups have that name already");
}

// The end of an archive has the sizes and checksums of all that is in it.
Result<bool> SpooledStore::has_arrived(const Backup& there, Source& source) {
  const std::uint64_t size = source.size_bytes();
  if (there.size_bytes != size) { return false; }
  PV_TRY(const std::unique_ptr<Source> arrived, store_.open(there.name));
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBlockBytes));
  std::vector<std::byte> here(count);
  std::vector<std::byte> other(count);
  PV_TRY(const std::size_t a, source.read_at(size - count, here));
  PV_TRY(const std::size_t b, arrived->read_at(size - count, other));
  return a == count && b == count && here == other;
}

Result<std::vector<Backup>> SpooledStore::list() {
  PV_TRY(const std::vector<Backup> here, waiting());
  PV_TRY(std::vector<Backup> all, store_.list());
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
  return spool_->remove(name);
}

Result<std::size_t> SpooledStore::sweep() {
  PV_TRY(const std::size_t here, spool_->sweep());
  PV_TRY(const std::size_t there, store_.sweep());
  return here + there;
}

Result<std::optional<std::uint64_t>> SpooledStore::free_bytes() { return store_.free_bytes(); }

}  // namespace pv::jobs
