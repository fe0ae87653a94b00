#pragma once

#include <memory>

#include "datadir/data_dir.h"
#include "places/bucket.h"
#include "store/backup_store.h"

namespace pv::places {

// Backups where the settings say: in the bucket of backups.s3 where that is enabled, else in
// `folder`. They are read at each call, so a change counts from the next one on; a backup that is
// being read or written stays where it began.
//
// Errors     kInvalid: backups.s3 is enabled, but incomplete or impossible.
//            While the settings can't be read (data.db damaged or gone, encrypted without a key)
//            what they said last counts, else the folder: see doubt(). kBusy, where nothing is
//            known and data.db is just being exchanged.
// Lifetime   `directory` outlives it.
class SettingsStore final : public store::BackupStore {
 public:
  SettingsStore(datadir::DataDir& directory, std::string encryption_key, fs::Path folder,
                TuneBucket tune = {});
  ~SettingsStore() override;

  // Why it is not known where backups belong; empty: it is known.
  [[nodiscard]] std::string doubt();

  [[nodiscard]] Result<std::vector<store::Backup>> list() override;
  [[nodiscard]] Result<bool> each_name(const TakeName& take) override;
  [[nodiscard]] Result<store::Backup> stat(const store::BackupName& name) override;
  [[nodiscard]] Result<std::unique_ptr<Source>> open(const store::BackupName& name) override;
  [[nodiscard]] Result<std::unique_ptr<store::Upload>> create(
      const store::BackupName& name, const UploadOptions& options) override;
  [[nodiscard]] Result<void> remove(const store::BackupName& name) override;
  [[nodiscard]] Result<std::size_t> sweep() override;
  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override;
  [[nodiscard]] bool is_remote() override;
  [[nodiscard]] std::unique_ptr<BackupStore> until(std::stop_token stop) override;
  [[nodiscard]] std::optional<Extent> extent() override;
  [[nodiscard]] std::string describe() const override;

 private:
  class Choice;
  SettingsStore(std::shared_ptr<Choice> choice, std::stop_token stop);
  [[nodiscard]] Result<std::shared_ptr<BackupStore>> now() const;

  const std::shared_ptr<Choice> choice_;
  const std::stop_token stop_;
};

// The same for a directory that is not open, as its settings are at this moment; nothing of it is
// kept open. kBusy while its data is being exchanged; kInvalid as above.
struct ClosedStore {
  std::unique_ptr<store::BackupStore> store;
  std::string doubt;   // as SettingsStore::doubt(); the store is `folder` then
  std::string cron{};  // backups.cron, where that is known
};
[[nodiscard]] Result<ClosedStore> store_of_closed(const fs::Path& directory,
                                                  const std::string& encryption_key,
                                                  fs::Path folder);

}  // namespace pv::places
