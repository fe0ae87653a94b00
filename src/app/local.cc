#include "app/local.h"

#include <algorithm>
#include <cstdlib>

#include "base/priority.h"
#include "jobs/startup.h"
#include "store/folder_store.h"

namespace pv::app {
namespace {

class OpenVault final : public cli::LocalVault {
 public:
  OpenVault(std::unique_ptr<datadir::DataDir> directory, fs::Path backups_folder,
            jobs::VaultOptions options)
      : directory_{std::move(directory)},
        store_{store::make_folder_store(std::move(backups_folder))},
        pool_{processor_count(), options.nice ? WorkPool::Work{give_way} : WorkPool::Work{}},
        vault_{*directory_, *store_, pool_, system_clock(), system_random(), std::move(options)} {}

  [[nodiscard]] jobs::Vault& vault() override { return vault_; }
  [[nodiscard]] datadir::DataDir& directory() override { return *directory_; }
  [[nodiscard]] store::BackupStore& store() override { return *store_; }

 private:
  std::unique_ptr<datadir::DataDir> directory_;
  std::unique_ptr<store::BackupStore> store_;
  WorkPool pool_;  // computes: as many threads as processors
  jobs::Vault vault_;
};

bool lies_in(const fs::Path& inner, const fs::Path& outer) {
  const auto [end, unused] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

// backups/ is left out of backups and left alone by restores; any other place inside is neither.
Result<fs::Path> backups_folder_of(const cli::LocalOptions& options) {
  const fs::Path own = options.dir / "backups";
  if (options.backups_dir.empty()) { return own; }
  std::error_code error;
  const fs::Path chosen = std::filesystem::weakly_canonical(options.backups_dir, error);
  const fs::Path directory = std::filesystem::weakly_canonical(options.dir, error);
  if (error) { return fail(errno_error(error.value(), options.backups_dir.string())); }
  if (lies_in(chosen, directory) && !lies_in(chosen, directory / "backups")) {
    return fail(Code::kInvalid, "the backups folder " + options.backups_dir.string() +
                                    " lies inside the data directory: a backup would contain the "
                                    "backups before it; choose a folder outside");
  }
  return options.backups_dir;
}

}  // namespace

Result<jobs::Overview> look_over(const cli::LocalOptions& options) {
  if (!fs::exists(options.dir)) {
    return fail(Code::kNotFound, "there is no directory " + options.dir.string());
  }
  PV_TRY(fs::Path backups_folder, backups_folder_of(options));
  const auto store = store::make_folder_store(std::move(backups_folder));
  return jobs::look_over(options.dir, *store, options.keep_replaced);
}

std::string encryption_key_from(const std::string& name) {
  if (name.empty()) { return {}; }
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::string{} : std::string{value};
}

Result<Local> open_local(LocalSetup setup) {
  PV_TRY(fs::Path backups_folder, backups_folder_of(setup.options));
  PV_TRY(jobs::Opened opened, jobs::open_directory(setup.options.dir,
                                                   {.tolerate_damage = !setup.owner,
                                                    .create = setup.options.create,
                                                    .owner = setup.owner},
                                                   system_clock(), system_random()));
  jobs::VaultOptions options;
  options.encryption_key = encryption_key_from(setup.options.encryption_env);
  options.observer = std::move(setup.observer);
  options.nice = setup.options.nice;
  options.keep_replaced = setup.options.keep_replaced;
  options.bytes_per_second_max = setup.bytes_per_second_max;
  return Local{.vault = std::make_unique<OpenVault>(std::move(opened.directory),
                                                    std::move(backups_folder), std::move(options)),
               .notes = std::move(opened.notes)};
}

}  // namespace pv::app
