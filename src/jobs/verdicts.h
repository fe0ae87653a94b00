// What is known of backups by their verifications, in this process and others before.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fs/file.h"
#include "state/gaps.h"
#include "state/pins.h"
#include "state/verdicts.h"
#include "store/backup_store.h"

namespace pv::jobs {

struct ListedBackup {
  store::Backup backup;
  std::optional<state::Verdict> verdict;  // nullopt: not verified since it is there, or not known
  std::optional<state::Pin> pin = std::nullopt;    // nullopt: not pinned, or not known
  std::optional<state::Gaps> gaps = std::nullopt;  // nullopt: complete, as far as is known
};
struct Listing {
  std::vector<ListedBackup> backups;  // in the order of the store's list
  std::string unknown_because;        // why no verdict or no pin is known of any; else empty
};

// The verdicts that are stored with a directory, as they were when they were read.
class Verdicts {
 public:
  [[nodiscard]] static Verdicts read(const fs::Path& vault_folder);

  // Of this very archive: its size and its time of change are those that were verified, and so is
  // the CRC of its directory where the caller has read it. With that, damage stays known of a
  // copy that has another time (`touch`, `cp`).
  [[nodiscard]] std::optional<state::Verdict> of(
      const store::Backup& backup,
      std::optional<std::uint32_t> directory_crc32 = std::nullopt) const;

  // What is known to lack in it; nullopt: nothing.
  [[nodiscard]] std::optional<state::Gaps> gaps_of(const store::Backup& backup) const;

  // Keys of which damage is known, of whatever archive; ascending.
  [[nodiscard]] std::vector<std::string> unsound() const;

  // Why none is known, where the file can't be read; else empty.
  [[nodiscard]] const std::string& unknown_because() const { return unknown_because_; }

 private:
  std::map<std::string, state::NotedVerdict> by_key_;
  std::map<std::string, state::NotedGaps> gaps_;
  std::string unknown_because_;
};

// `backups`, of a store, with what is known of them.
[[nodiscard]] Listing with_verdicts(std::vector<store::Backup> backups,
                                    const fs::Path& vault_folder);

// docs/api.md, "Verdicts"; null without one. Strings are valid UTF-8.
[[nodiscard]] boost::json::value to_json(const std::optional<state::Verdict>& verdict);
[[nodiscard]] std::optional<state::Verdict> verdict_from(const boost::json::object* object);

// {"unread","leftOut","missing"}; null where nothing lacks.
[[nodiscard]] boost::json::value to_json(const std::optional<state::Gaps>& gaps);
[[nodiscard]] std::optional<state::Gaps> gaps_from(const boost::json::object* object);

}  // namespace pv::jobs
