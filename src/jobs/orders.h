// How a vault works, and what can be asked of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "fs/file.h"
#include "jobs/job.h"
#include "jobs/tunable.h"
#include "places/bucket.h"
#include "restore/restore.h"
#include "store/backup_store.h"

namespace pv::jobs {

// A bucket in which backups are kept, as s3::Client::describe() says it, and the prefix of their
// keys.
struct BackupsPlace {
  std::string bucket;
  std::string prefix;
};

struct VaultOptions {
  std::string encryption_key = {};  // for settings; see settings::read
  // How long what a restore replaces can be had back; 0: it is removed at once.
  Tunable<std::chrono::seconds> keep_replaced{std::chrono::hours{24}};
  std::uint64_t wal_growth_max = std::uint64_t{256} << 20U;
  Tunable<std::uint64_t> bytes_per_second_max{0};  // of a backup; 0: no limit
  // Backups and verifications give way to everything else, but for the moment in which commits
  // can't happen. The pool's threads are for its owner to slow down.
  bool nice = false;
  // Where the settings do not tell of them. What lies there is no file of the app, should it keep
  // its files in the same bucket.
  std::vector<BackupsPlace> backups_places = {};
  // A second store that is to have every backup; nullptr: none.
  std::shared_ptr<store::BackupStore> mirror = nullptr;
  places::TuneBucket tune_bucket = {};  // of the app's files
  // Of the process: who waits for the store then gets kCancelled. shut_down() is a stop as well.
  std::stop_token stop = {};
  // Told when a job has started and when it has ended; from the thread that starts it, and from the
  // job's own. Must not block for long, nor call the vault.
  std::function<void(const Status&)> observer = {};
};

// `name` empty: automatic, pb_backup_<app>_<stamp>.zip; two in one second do not collide, for the
// later gets a number as well (names.h). Without the app where the settings can't be read
// (encrypted, and no key given), which the job warns of. A name that is given is any BackupName:
// whether it is one that PocketBase would take is for the front to say (names.h).
struct BackupOrder {
  std::string name = {};
  bool full = false;               // packs all anew, though an earlier backup has it packed already
  bool paranoid = false;           // reads every file, though its times say that it did not change
  bool allow_damaged = false;      // a data.db that is broken inside is stored, with a warning
  bool without_logs = false;       // no auxiliary.db
  bool include_s3_storage = true;  // the app's files, where the settings keep them in a bucket
  bool with_code = false;          // the folders beside the data directory that hold the app's code
  std::uint64_t bytes_per_second_max = 0;  // 0: as the vault's options say; else no more than those
  std::vector<std::string> exclude = {};   // patterns as base/glob.h has them; see selection.h
  bool is_scheduled =
      false;  // made by itself: an automatic name is @auto_pb_backup_<app>_<stamp>.zip
};
struct RestoreOptions {
  bool delta = true;  // stored files that are unchanged are kept, not written anew
  std::optional<std::chrono::seconds> keep_replaced = std::nullopt;  // else as the vault's options
  // Makes a backup of the data before it is replaced, and gives up when that fails. nullopt: when
  // what is replaced is not kept.
  std::optional<bool> backup_first = std::nullopt;
  std::vector<std::string> only = {};  // a part, as restore::Scope::parse() takes it
  restore::FilesTo files_to = restore::FilesTo::kOrigin;
};
struct ExtractOrder {
  fs::Path target;                     // a new folder, or an empty one; not in a data directory
  std::vector<std::string> only = {};  // as restore::Scope::parse() takes it
};
struct PreflightOrder {
  std::vector<std::string> only = {};  // as of RestoreOptions
  restore::FilesTo files_to = restore::FilesTo::kOrigin;
};
struct RestoreOrder {
  store::BackupName name;
  RestoreOptions options = {};
};

}  // namespace pv::jobs
