// Settings of pocketvault's own, which PocketBase has no place for: .pocketvault/settings.json.
//
// To add one: its default in kDefaults (vault_settings.cc), which is its type as well; what it may
// be, in check(); its value, in VaultSettings.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

#include "fs/file.h"
#include "settings/alert_settings.h"
#include "settings/retention.h"
#include "settings/shape.h"

namespace pv::settings {

struct VaultSettings {
  // Of backups that are made by themselves (backups.cron).
  struct Schedule {
    // Each begins later by so much at most, by chance, so that many servers don't come at once.
    std::chrono::seconds jitter_max{0};
    bool catch_up = true;  // one that was missed, for no server ran, is made when one runs again
    friend bool operator==(const Schedule&, const Schedule&) = default;
  };
  Schedule schedule;
  Retention retention = {};
  Verification verification = {};
  AlertSettings alerts;
  friend bool operator==(const VaultSettings&, const VaultSettings&) = default;
};

struct VaultSettingsChange {
  std::vector<Fault> faults = {};  // then nothing was saved
  boost::json::object shown = {};  // all of them as they are then
};

// The file, which may be absent; what it does not say has its default, and so has all while it
// can't be read. Members that are unknown to this version stay in it.
//
// Threads    Any, and any number of processes.
// Errors     kDamaged: not JSON; kDenied, kNoSpace and so on, as the disk has it.
class VaultSettingsFile {
 public:
  explicit VaultSettingsFile(const fs::Path& vault_folder);

  // As they are in the file now. Reads it when its time or size is another.
  [[nodiscard]] VaultSettings now();
  // The same for what must not be done by a default that stands in for what can't be read, or makes
  // no sense: kDamaged then.
  [[nodiscard]] Result<VaultSettings> read() const;
  // What stands in the file and is no setting of this version: "retention.keepDayly". Nothing where
  // the file can't be read.
  [[nodiscard]] std::vector<std::string> strangers() const;
  // Secrets as "******"; a change that has them so leaves them.
  [[nodiscard]] Result<boost::json::object> show() const;
  // Merges one after the other. A member that there is not is a fault, too.
  [[nodiscard]] Result<VaultSettingsChange> change(const std::vector<boost::json::object>& changes);

 private:
  const fs::Path path_;
  const fs::Path lock_path_;
  std::mutex mutex_;
  std::optional<fs::Stat> seen_;  // what the next was read from; nullopt: there was no file
  VaultSettings now_;
};

// An example of everything that a change may hold.
[[nodiscard]] const boost::json::object& vault_shape();

}  // namespace pv::settings
