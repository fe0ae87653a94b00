#include "app/local.h"

#include <algorithm>
#include <cstdlib>

#include "base/priority.h"
#include "cli/secret_file.h"
#include "fs/mounts.h"
#include "jobs/startup.h"
#include "notify/sendmail.h"
#include "places/bucket.h"
#include "places/settings_store.h"
#include "s3/credentials.h"
#include "sqlite/connection.h"
#include "store/folder_store.h"
#include "store/s3_store.h"

namespace pv::app {
namespace {

class OpenVault final : public cli::LocalVault {
 public:
  OpenVault(std::unique_ptr<datadir::DataDir> directory, std::unique_ptr<store::BackupStore> store,
            jobs::VaultOptions options, alerts::MailerOptions mailer, alerts::AlertsOptions alerts)
      : directory_{std::move(directory)},
        store_{std::move(store)},
        pool_{processor_count(), options.nice ? WorkPool::Work{give_way} : WorkPool::Work{}},
        encryption_key_{options.encryption_key},
        vault_{*directory_, *store_, pool_, system_clock(), system_random(), std::move(options)},
        own_settings_{directory_->vault_folder()},
        mailer_{*directory_, system_clock(), system_random(), std::move(mailer)},
        alerts_{vault_, mailer_, own_settings_, system_clock(), std::move(alerts)} {}

  [[nodiscard]] jobs::Vault& vault() override { return vault_; }
  [[nodiscard]] datadir::DataDir& directory() override { return *directory_; }
  [[nodiscard]] store::BackupStore& store() override { return vault_.store(); }
  [[nodiscard]] settings::VaultSettingsFile& own_settings() override { return own_settings_; }
  [[nodiscard]] alerts::Alerts& alerts() override { return alerts_; }
  [[nodiscard]] std::unique_ptr<jobs::LiveSettings> open_settings() override {
    return std::make_unique<jobs::LiveSettings>(*directory_, encryption_key_, system_clock(),
                                                system_random());
  }

 private:
  std::unique_ptr<datadir::DataDir> directory_;
  std::unique_ptr<store::BackupStore> store_;
  WorkPool pool_;  // computes: as many threads as processors
  const std::string encryption_key_;
  jobs::Vault vault_;
  settings::VaultSettingsFile own_settings_;
  alerts::Mailer mailer_;
  alerts::Alerts alerts_;
};

// The folders that hold data: the directory, what is mounted inside it, what the link `storage`
// leads to. All without links.
std::vector<fs::Path> data_folders(const fs::Path& directory) {
  std::vector<fs::Path> folders{directory};
  std::error_code error;
  const fs::Path storage = std::filesystem::weakly_canonical(directory / "storage", error);
  if (!error && !fs::lies_in(storage, directory)) { folders.push_back(storage); }
  const std::size_t roots = folders.size();
  for (const fs::Path& mount : fs::mount_points()) {
    if (fs::lies_in(mount, directory / "backups")) { continue; }
    for (std::size_t i = 0; i < roots; ++i) {
      if (fs::lies_in(mount, folders[i])) { folders.push_back(mount); }
    }
  }
  return folders;
}

// Whether a backup of `directory` would take in `folder`, and a restore move it: also when it lies
// there by a link, or on a volume that is mounted among the data as well, or shares a part of it.
bool is_among_data(const fs::Path& folder, const fs::Path& directory) {
  if (fs::lies_in(folder, directory) && !fs::lies_in(folder, directory / "backups")) {
    return true;
  }
  const auto place = fs::disk_place(folder);
  const auto own_backups = fs::disk_place(directory / "backups");
  const auto shares = [&](const std::optional<fs::DiskPlace>& outer) {
    return place && outer && fs::lies_in(*place, *outer);
  };
  const std::vector<fs::Path> folders = data_folders(directory);
  return !shares(own_backups) && std::any_of(folders.begin(), folders.end(), [&](const auto& data) {
    return shares(fs::disk_place(data));
  });
}

// As is_among_data(), of folders as they were named.
Result<bool> is_named_among_data(const fs::Path& folder, const fs::Path& dir) {
  std::error_code error;
  const fs::Path place = std::filesystem::weakly_canonical(folder, error);
  const fs::Path directory = std::filesystem::weakly_canonical(dir, error);
  if (error) { return fail(errno_error(error.value(), folder.string())); }
  return is_among_data(place, directory);
}

// backups/ is left out of backups and left alone by restores; any other place inside is neither.
Result<fs::Path> backups_folder_of(const fs::Path& dir, const fs::Path& named) {
  const fs::Path folder = named.empty() ? dir / "backups" : named;
  PV_TRY(const bool is_inside, is_named_among_data(folder, dir));
  if (is_inside) {
    return fail(
        Code::kInvalid,
        "the backups folder " + folder.string() +
            " lies inside the data directory or on its storage: a backup would contain the backups "
            "before it, and a restore would move them; choose a folder "
            "outside with --backups-dir");
  }
  return folder;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

// The first that is not empty.
std::string first_of(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) { return value; }
  }
  return {};
}

Result<std::shared_ptr<s3::CredentialSource>> keys_of(const cli::BucketOptions& bucket,
                                                      const std::stop_token& stop) {
  std::shared_ptr<s3::CredentialSource> source;
  if (bucket.access_key.empty()) {
    source = s3::environment_credentials(s3::process_environment());
  } else {
    PV_TRY(std::string secret, cli::read_secret(bucket.secret_key_file, {.stop = stop}));
    source = s3::fixed_credentials({bucket.access_key, std::move(secret), {}, std::nullopt});
  }
  return source;
}

// The bucket that the command line names, with what it leaves open from the environment.
Result<s3::Options> named_bucket(const cli::BucketOptions& bucket, const std::stop_token& stop) {
  const std::string region = first_of(
      {bucket.region, variable("AWS_REGION"), variable("AWS_DEFAULT_REGION"), "us-east-1"});
  const std::string endpoint =
      first_of({bucket.endpoint, variable("AWS_ENDPOINT_URL_S3"), variable("AWS_ENDPOINT_URL"),
                "https://s3." + region + ".amazonaws.com"});
  PV_TRY(s3::Address address,
         s3::Address::parse({endpoint, bucket.name, region, bucket.force_path_style}));
  PV_TRY(std::shared_ptr<s3::CredentialSource> credentials, keys_of(bucket, stop));
  s3::Options options{.address = std::move(address),
                      .credentials = std::move(credentials),
                      .ca_file = variable("AWS_CA_BUNDLE")};
  options.limits.control_timeout = places::kBucketPatience;
  return options;
}

Result<std::unique_ptr<store::BackupStore>> open_tuned(const cli::StorePlace& place,
                                                       const fs::Path& dir,
                                                       const places::TuneBucket& tune,
                                                       const std::stop_token& stop) {
  if (!place.bucket.name.empty()) {
    PV_TRY(s3::Options bucket, named_bucket(place.bucket, stop));
    if (tune) { tune(bucket); }
    return store::make_s3_store(std::move(bucket), {.prefix = place.bucket.prefix});
  }
  PV_TRY(const bool is_inside, is_named_among_data(place.folder, dir));
  if (is_inside) {
    return fail(
        Code::kInvalid,
        "the folder " + place.folder.string() +
            " lies inside the data directory or on its storage: a backup would contain the copies "
            "in it, and a restore would move them; give --mirror or --to a folder outside");
  }
  return store::make_folder_store(place.folder);
}

// The store that the command line names; nullptr: it names none, so the settings say.
Result<std::unique_ptr<store::BackupStore>> named_store(const cli::LocalOptions& options,
                                                        const places::TuneBucket& tune = {}) {
  if (options.bucket.name.empty() && options.backups_dir.empty()) { return nullptr; }
  return open_tuned({.folder = options.backups_dir, .bucket = options.bucket}, options.dir, tune,
                    options.stop);
}

// The mirror that the command line names; nullptr: none.
Result<std::shared_ptr<store::BackupStore>> mirror_of(const cli::LocalOptions& options,
                                                      const places::TuneBucket& tune = {}) {
  if (!options.mirror) { return nullptr; }
  PV_TRY(std::unique_ptr<store::BackupStore> store,
         open_tuned(*options.mirror, options.dir, tune, options.stop));
  return stoppable(std::shared_ptr<store::BackupStore>{std::move(store)}, options.stop);
}

}  // namespace

Result<std::unique_ptr<store::BackupStore>> open_store(const cli::StorePlace& place,
                                                       const fs::Path& dir) {
  return open_tuned(place, dir, {}, {});
}

Result<jobs::Overview> look_over(const cli::LocalOptions& options) {
  if (!fs::exists(options.dir)) {
    return fail(Code::kNotFound, "there is no directory " + options.dir.string());
  }
  PV_TRY(std::unique_ptr<store::BackupStore> named, named_store(options));
  std::string doubt;
  std::string cron;
  if (named == nullptr) {
    PV_TRY(fs::Path folder, backups_folder_of(options.dir, options.backups_dir));
    PV_TRY(const std::string key,
           encryption_key_from(options.encryption_env, options.encryption_key_file, options.stop));
    PV_TRY(places::ClosedStore closed,
           places::store_of_closed(options.dir, key, std::move(folder)));
    named = std::move(closed.store);
    doubt = std::move(closed.doubt);
    cron = std::move(closed.cron);
  }
  const auto store = stoppable(std::shared_ptr<store::BackupStore>{std::move(named)}, options.stop);
  PV_TRY(const std::shared_ptr<store::BackupStore> mirror, mirror_of(options));
  PV_TRY(jobs::Overview overview,
         jobs::look_over(options.dir, *store, options.keep_replaced, system_clock().now()));
  overview.store_doubt = std::move(doubt);
  // Somebody whom /proc does not show, an app in another container, serves its own timetable. By a
  // descriptor of the file: this process has it open no more.
  if (!sqlite::is_locked_by_others(options.dir / "data.db").value_or(false)) {
    overview.cron_wanted = std::move(cron);
  }
  if (mirror != nullptr) {
    PV_CHECK(places::check_apart(*store, *mirror));
    const fs::Path vault_folder = options.dir / ".pocketvault";
    places::SpooledStore spooled{*store, vault_folder};
    overview.mirror = places::Mirror{spooled, mirror, vault_folder}.state();
  }
  return overview;
}

std::vector<cli::PlaceFault> check_places(const cli::LocalOptions& options) {
  std::vector<cli::PlaceFault> faults;
  const auto is_fine = [&](const char* key, const auto& result) {
    const auto is_told = [&](const cli::PlaceFault& one) { return one.error == result.error(); };
    // A secret that can't be read is in the way of each bucket that needs it.
    if (!result.has_value() && std::ranges::none_of(faults, is_told)) {
      faults.push_back({key, result.error()});
    }
    return result.has_value();
  };
  const fs::Path& secret_file = options.bucket.secret_key_file;
  if (!secret_file.empty()) {
    is_fine("s3_secret_key_file", cli::read_secret(secret_file, {.stop = options.stop}));
  }
  const auto key =
      encryption_key_from(options.encryption_env, options.encryption_key_file, options.stop);
  const bool has_key = is_fine("encryption_key_file", key);
  const auto folder = backups_folder_of(options.dir, options.backups_dir);
  std::unique_ptr<store::BackupStore> store;
  bool has_store = is_fine("backups_dir", folder);
  if (has_store) {
    auto named = named_store(options);
    const bool is_bucket = !options.bucket.name.empty();
    const char* bucket_key = options.bucket.endpoint.empty() ? "s3_bucket" : "s3_endpoint";
    has_store = is_fine(is_bucket ? bucket_key : "backups_dir", named);
    if (has_store) { store = *std::move(named); }
  }
  const auto mirror = mirror_of(options);
  const bool has_mirror = is_fine("mirror", mirror) && *mirror != nullptr;
  if (!has_mirror || !has_store || !has_key) { return faults; }
  if (store == nullptr && fs::exists(options.dir / "data.db")) {
    auto chosen = places::store_of_closed(options.dir, *key, *folder);
    if (chosen.has_value()) { store = std::move(chosen->store); }
  }
  if (store == nullptr) { store = store::make_folder_store(*folder); }
  is_fine("mirror", places::check_apart(*store, **mirror));
  return faults;
}

Result<std::string> encryption_key_from(const std::string& name, const fs::Path& file,
                                        const std::stop_token& stop) {
  if (!file.empty()) { return cli::read_secret(file, {.stop = stop}); }
  return name.empty() ? std::string{} : variable(name.c_str());
}

Result<Local> open_local(LocalSetup setup) {
  places::TuneBucket tune;
  if (setup.on_try) {
    tune = [on_try = setup.on_try](s3::Options& bucket) { bucket.on_try = on_try; };
  }
  PV_TRY(std::unique_ptr<store::BackupStore> store, named_store(setup.options, tune));
  PV_TRY(fs::Path backups_folder, backups_folder_of(setup.options.dir, setup.options.backups_dir));
  PV_TRY(std::string encryption_key,
         encryption_key_from(setup.options.encryption_env, setup.options.encryption_key_file,
                             setup.options.stop));
  PV_TRY(jobs::Opened opened, jobs::open_directory(setup.options.dir,
                                                   {.tolerate_damage = !setup.owner,
                                                    .create = setup.options.create,
                                                    .owner = setup.owner},
                                                   system_clock(), system_random()));
  jobs::VaultOptions options;
  options.encryption_key = std::move(encryption_key);
  options.observer = std::move(setup.observer);
  options.nice = setup.options.nice;
  options.keep_replaced = setup.options.keep_replaced;
  options.bytes_per_second_max = setup.bytes_per_second_max;
  options.stop = setup.options.stop;
  options.tune_bucket = tune;
  PV_TRY(options.mirror, mirror_of(setup.options, tune));
  const cli::StorePlace first{.folder = {}, .bucket = setup.options.bucket};
  for (const cli::StorePlace& place : {first, setup.options.mirror.value_or(cli::StorePlace{})}) {
    if (place.bucket.name.empty()) { continue; }
    PV_TRY(const s3::Options named, named_bucket(place.bucket, setup.options.stop));
    options.backups_places.push_back({named.address.describe(), place.bucket.prefix});
  }
  if (store == nullptr) {
    auto chosen = std::make_unique<places::SettingsStore>(*opened.directory, options.encryption_key,
                                                          std::move(backups_folder), tune);
    if (const std::string doubt = chosen->doubt(); !doubt.empty()) {
      opened.notes.push_back(
          "the settings can't be read (" + doubt +
          "), so it is not known whether backups are in a bucket: working with " +
          chosen->describe() + "; --s3-bucket or --backups-dir name a place");
    }
    store = std::move(chosen);
  }
  if (options.mirror != nullptr) { PV_CHECK(places::check_apart(*store, *options.mirror)); }
  alerts::MailerOptions mailer{.encryption_key = options.encryption_key,
                               .ca_file = variable("SSL_CERT_FILE"),
                               .sendmail_places = notify::sendmail_places(variable("PATH"))};
  return Local{.vault = std::make_unique<OpenVault>(std::move(opened.directory), std::move(store),
                                                    std::move(options), std::move(mailer),
                                                    std::move(setup.alerts)),
               .notes = std::move(opened.notes)};
}

}  // namespace pv::app
