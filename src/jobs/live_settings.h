// The settings of PocketBase in a server that runs: as they are now, and changed.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "datadir/data_dir.h"
#include "settings/document.h"

namespace pv::jobs {

// What became of a change: with faults nothing was saved.
struct SettingsChange {
  bool is_unreadable = false;  // a member has another type than it must have
  std::vector<settings::Fault> faults = {};
  boost::json::object shown = {};  // all settings as they are then
};

// Threads    All methods, any thread; all but now() block.
// Lifetime   What it is made of outlives it.
class LiveSettings {
 public:
  LiveSettings(datadir::DataDir& directory, std::string encryption_key, const Clock& clock,
               Random& random);

  // As they were at the last refresh() that could read them; before the first one the defaults.
  // Another object after each change. Never null.
  [[nodiscard]] std::shared_ptr<const settings::Settings> now() const;

  // Looks whether they were changed, here or by another process. Meant to be called every second:
  // where data.db was not written to, it costs no access to a disk. True: now() is another.
  bool refresh();

  // Read anew. kUnauthenticated: encrypted, and the key does not fit.
  [[nodiscard]] Result<boost::json::object> show(settings::Edition edition);

  // Merges one after the other into what is stored, checks, saves, and tells an app that runs on
  // the directory (PocketBase v0.38 and later listens).
  [[nodiscard]] Result<SettingsChange> change(const std::vector<boost::json::object>& changes,
                                              settings::Edition edition);

 private:
  void announce() const;

  datadir::DataDir& directory_;
  const std::string encryption_key_;
  const Clock& clock_;
  Random& random_;
  const std::string process_id_;  // ten letters that tell our announcements from others'
  mutable std::mutex mutex_;
  std::shared_ptr<const settings::Settings> now_ = std::make_shared<settings::Settings>();
  std::optional<std::uint64_t> seen_;  // DataDir::data_version() before now_ was read
};

}  // namespace pv::jobs
