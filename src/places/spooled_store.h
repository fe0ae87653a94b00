#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "fs/file.h"
#include "places/copying.h"
#include "store/backup_store.h"

namespace pv::places {

// A store, and the spool beside the data for backups that were made while it was away. They wait in
// `.pocketvault/spool/`, a folder like any that keeps backups, until they are sent. What waits is
// listed, read and removed as if it had arrived; new backups go to the store, or, by who makes
// them, to spool().
//
//     lock     `.pocketvault/spool.lock`: held by whoever sends, or removes what waits
//     crash    a backup leaves the spool when the store has it; one that both have is not sent
//     again
//
// Threads    Any.
// Errors     Those of the store; kBusy for the removal of what is just being sent.
// Lifetime   `store` outlives it.
class SpooledStore final : public store::BackupStore {
 public:
  SpooledStore(store::BackupStore& store, const fs::Path& vault_folder);
  // The same, in which waits for the store end when a stop is requested.
  SpooledStore(store::BackupStore& store, const fs::Path& vault_folder, std::stop_token stop);

  [[nodiscard]] store::BackupStore& spool() { return *spool_; }
  // Oldest first; Backup::is_waiting is set.
  [[nodiscard]] Result<std::vector<store::Backup>> waiting();

  // Whether an error of the store says that it is away, so that the spool is the place. Not so for
  // a folder: what fails there is this machine, and the spool would be no better.
  [[nodiscard]] bool is_away(const Error& error) {
    return error.code == Code::kUnavailable && is_remote();
  }

  // Sends what waits, the oldest first; the names under which it arrived: one that the store has
  // given to something else meanwhile gets a number, "nightly_02.zip". kUnavailable: the store is
  // still away. kBusy: another process sends. kCancelled. What was sent before stays sent.
  [[nodiscard]] Result<std::vector<store::BackupName>> send(const CopyProgress& progress,
                                                            const std::stop_token& stop);

  [[nodiscard]] Result<std::vector<store::Backup>> list() override;
  [[nodiscard]] Result<bool> each_name(const TakeName& take) override;
  [[nodiscard]] Result<store::Backup> stat(const store::BackupName& name) override;
  [[nodiscard]] Result<std::unique_ptr<Source>> open(const store::BackupName& name) override;
  [[nodiscard]] Result<std::unique_ptr<store::Upload>> create(
      const store::BackupName& name, const UploadOptions& options) override;
  [[nodiscard]] Result<void> remove(const store::BackupName& name) override;
  [[nodiscard]] Result<std::size_t> sweep() override;
  [[nodiscard]] Result<std::optional<std::uint64_t>> free_bytes() override;
  [[nodiscard]] bool is_remote() override { return store_.is_remote(); }
  [[nodiscard]] std::optional<Extent> extent() override { return store_.extent(); }
  [[nodiscard]] std::string describe() const override { return store_.describe(); }

 private:
  // nullopt: it does not wait any more.
  [[nodiscard]] Result<std::optional<store::BackupName>> send_one(const store::BackupName& name,
                                                                  const CopyProgress& progress,
                                                                  const std::stop_token& stop);

  const std::unique_ptr<store::BackupStore> until_;  // nullptr: the store needs no such thing
  store::BackupStore& store_;
  const fs::Path lock_;
  const std::unique_ptr<store::BackupStore> spool_;
};

}  // namespace pv::places
