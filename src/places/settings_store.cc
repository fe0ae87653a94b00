#include "places/settings_store.h"

#include <mutex>

#include "datadir/wal_owners.h"
#include "restore/restore.h"
#include "restore/swap_lock.h"
#include "settings/settings.h"
#include "store/folder_store.h"
#include "store/s3_store.h"

namespace pv::places {

using store::Backup;
using store::BackupName;
using store::BackupStore;
using store::Upload;

namespace {

constexpr std::chrono::seconds kSwapPatience{5};

// The inner error: why they can't be read.
Result<Result<settings::Settings>> settings_of_closed(const fs::Path& directory,
                                                      const std::string& encryption_key) {
  PV_CHECK(restore::refuse_linked_vaults(directory));
  std::optional<fs::FileLock> nobody_swaps;
  const fs::Path vault_folder = directory / ".pocketvault";
  if (fs::exists(vault_folder)) {
    auto taken = restore::take_swap_lock(vault_folder, kSwapPatience);
    if (!taken.has_value() && taken.error().code == Code::kBusy) { return fail(taken.error()); }
    if (taken.has_value()) { nobody_swaps = *std::move(taken); }
  }
  if (auto own = datadir::refuse_wal_of_another(directory); !own.has_value()) {
    return Result<settings::Settings>{fail(std::move(own).error())};
  }
  auto data = sqlite::Connection::open(directory / "data.db", {.read_only = true});
  if (!data.has_value()) { return Result<settings::Settings>{fail(data.error())}; }
  return settings::read(*data, encryption_key);
}

}  // namespace

// The store that counts now. One of a bucket is kept, with its connections, until the settings say
// something else.
class SettingsStore::Choice {
 public:
  Choice(datadir::DataDir& directory, std::string encryption_key, fs::Path folder, TuneBucket tune)
      : directory_{directory},
        encryption_key_{std::move(encryption_key)},
        folder_{store::make_folder_store(std::move(folder))},
        tune_{std::move(tune)} {}

  Result<std::shared_ptr<BackupStore>> now() {
    const auto settings = read();
    const std::lock_guard lock{mutex_};
    if (!settings.has_value() && !known_) {
      if (settings.error().code == Code::kBusy) { return fail(settings.error()); }
      return folder_;
    }
    PV_CHECK(take(settings.has_value() ? settings->backups_s3 : *known_));
    return bucket_ == nullptr ? folder_ : bucket_;
  }

  std::string doubt() {
    const auto settings = read();
    const std::lock_guard lock{mutex_};
    return settings.has_value() || known_ ? std::string{} : settings.error().what;
  }

  [[nodiscard]] BackupStore& folder() const { return *folder_; }

 private:
  Result<settings::Settings> read() {
    return directory_.read<settings::Settings>(
        [this](sqlite::Connection& data) { return settings::read(data, encryption_key_); });
  }

  // mutex_ is held.
  Result<void> take(settings::S3 section) {
    if (known_ == section && (!section.enabled || bucket_ != nullptr)) { return {}; }
    known_ = std::move(section);
    bucket_.reset();
    if (!known_->enabled) { return {}; }
    PV_TRY(s3::Options options, bucket_of(*known_));
    if (tune_) { tune_(options); }
    bucket_ = store::make_s3_store(std::move(options));
    return {};
  }

  datadir::DataDir& directory_;
  const std::string encryption_key_;
  const std::shared_ptr<BackupStore> folder_;
  const TuneBucket tune_;
  std::mutex mutex_;
  std::optional<settings::S3> known_;
  std::shared_ptr<BackupStore> bucket_;
};

SettingsStore::SettingsStore(datadir::DataDir& directory, std::string encryption_key,
                             fs::Path folder, TuneBucket tune)
    : choice_{std::make_shared<Choice>(directory, std::move(encryption_key), std::move(folder),
                                       std::move(tune))} {}

SettingsStore::SettingsStore(std::shared_ptr<Choice> choice, std::stop_token stop)
    : choice_{std::move(choice)}, stop_{std::move(stop)} {}

SettingsStore::~SettingsStore() = default;

Result<std::shared_ptr<BackupStore>> SettingsStore::now() const {
  PV_TRY(std::shared_ptr<BackupStore> store, choice_->now());
  return stop_.stop_possible() ? stoppable(std::move(store), stop_) : store;
}

std::unique_ptr<BackupStore> SettingsStore::until(std::stop_token stop) {
  return std::unique_ptr<BackupStore>{new SettingsStore(choice_, std::move(stop))};
}

std::string SettingsStore::doubt() { return choice_->doubt(); }

Result<std::vector<Backup>> SettingsStore::list() {
  PV_TRY(const auto store, now());
  return store->list();
}

Result<bool> SettingsStore::each_name(const TakeName& take) {
  PV_TRY(const auto store, now());
  return store->each_name(take);
}

Result<Backup> SettingsStore::stat(const BackupName& name) {
  PV_TRY(const auto store, now());
  return store->stat(name);
}

Result<std::unique_ptr<Source>> SettingsStore::open(const BackupName& name) {
  PV_TRY(const auto store, now());
  return store->open(name);
}

Result<std::unique_ptr<Upload>> SettingsStore::create(const BackupName& name,
                                                      const UploadOptions& options) {
  PV_TRY(const auto store, now());
  return store->create(name, options);
}

Result<void> SettingsStore::remove(const BackupName& name) {
  PV_TRY(const auto store, now());
  return store->remove(name);
}

Result<std::size_t> SettingsStore::sweep() {
  PV_TRY(const auto store, now());
  return store->sweep();
}

Result<std::optional<std::uint64_t>> SettingsStore::free_bytes() {
  PV_TRY(const auto store, now());
  return store->free_bytes();
}

bool SettingsStore::is_remote() {
  const auto store = now();
  return store.has_value() && (*store)->is_remote();
}

std::optional<BackupStore::Extent> SettingsStore::extent() {
  const auto store = now();
  return store.has_value() ? (*store)->extent() : std::nullopt;
}

std::string SettingsStore::describe() const {
  const auto store = now();
  return (store.has_value() ? **store : choice_->folder()).describe();
}

Result<ClosedStore> store_of_closed(const fs::Path& directory, const std::string& encryption_key,
                                    fs::Path folder) {
  PV_TRY(const Result<settings::Settings> settings, settings_of_closed(directory, encryption_key));
  if (!settings.has_value()) {
    return ClosedStore{store::make_folder_store(std::move(folder)), settings.error().what};
  }
  if (!settings->backups_s3.enabled) {
    return ClosedStore{store::make_folder_store(std::move(folder)), {}, settings->backups_cron};
  }
  PV_TRY(s3::Options options, bucket_of(settings->backups_s3));
  return ClosedStore{store::make_s3_store(std::move(options)), {}, settings->backups_cron};
}

}  // namespace pv::places
