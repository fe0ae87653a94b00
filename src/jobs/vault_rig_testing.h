// A vault for tests, on a data directory that belongs to the test.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "jobs/startup.h"
#include "jobs/vault.h"
#include "places/hooked_store_testing.h"
#include "store/folder_store.h"

namespace pv::jobs {

inline std::string why(const Status& status) {
  return status.error ? status.error->what : "no error";
}

// What jobs left in the vault's folder, or what is in another.
inline std::vector<std::string> left_in(const fs::Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    const std::string name = entry.path().filename();
    const bool stays = name == "lock" || name == "swap.lock" || name == "chunk.key" ||
                       name == "vault.db" || name == "settings.json" || name == "pins.lock";
    if (!stays) { names.push_back(name); }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class VaultRig {
 public:
  struct Setup {
    fs::Path pb_data;
    const Clock& clock = system_clock();
    VaultOptions options = {};
    places::StoreHook hook = [](std::string_view) { return Result<void>{}; };
    fs::Path backups = {};  // empty: pb_data/backups
    bool owner = true;
    Random& random = system_random();  // of the vault
  };

  explicit VaultRig(const Setup& setup)
      : folder_store{store::make_folder_store(setup.backups.empty() ? setup.pb_data / "backups"
                                                                    : setup.backups)},
        store{*folder_store, setup.hook} {
    datadir::OpenOptions open_options;
    open_options.owner = setup.owner;
    auto opened = open_directory(setup.pb_data, open_options, setup.clock, system_random());
    if (!opened.has_value()) { why_not_open = opened.error().what; }
    PV_ASSERT(opened.has_value());
    notes = opened->notes;
    directory = std::move(opened->directory);
    vault =
        std::make_unique<Vault>(*directory, store, pool, setup.clock, setup.random, setup.options);
  }

  // Waits; what a job that can't be started would say is its error.
  static Status ended(const Result<std::shared_ptr<Job>>& job) {
    if (!job.has_value()) {
      Status status;
      status.state = State::kFailed;
      status.error = job.error();
      return status;
    }
    (*job)->wait();
    return (*job)->status();
  }

  [[nodiscard]] Status back_up(const std::string& name) {
    return ended(vault->start_backup({name}));
  }
  [[nodiscard]] Status restore(const std::string& name) {
    return ended(vault->start_restore({store::BackupName::parse(name).value()}));
  }
  [[nodiscard]] Status verify(const std::string& name, VerifyDepth depth = VerifyDepth::kPlain) {
    return ended(vault->start_verify(store::BackupName::parse(name).value(), depth));
  }
  [[nodiscard]] Status undo() { return ended(vault->start_undo()); }

  [[nodiscard]] std::vector<std::string> names() {
    std::vector<std::string> names;
    const std::vector<store::Backup> backups = folder_store->list().value();
    for (const store::Backup& backup : backups) { names.push_back(backup.name.text()); }
    return names;
  }

  // The text of the first column of a query's first row; "" without one.
  [[nodiscard]] std::string ask(const std::string& sql) {
    return directory
        ->read<std::string>([&](sqlite::Connection& data) -> Result<std::string> {
          PV_TRY(const auto row, data.one(sql));
          return row ? sqlite::to_text(row->front()) : std::string{};
        })
        .value();
  }
  void change(const std::string& sql) {
    const auto changed =
        directory->write<std::int64_t>([&](sqlite::Connection& data) { return data.run(sql); });
    PV_ASSERT(changed.has_value());
  }

  std::string why_not_open;
  std::vector<std::string> notes;
  std::unique_ptr<store::BackupStore> folder_store;
  places::HookedStore store;
  WorkPool pool{2};
  std::unique_ptr<datadir::DataDir> directory;
  std::unique_ptr<Vault> vault;
};

}  // namespace pv::jobs
