// What is against relying on a directory's backups, though the newest of them looks well.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jobs/lease.h"
#include "jobs/verdicts.h"
#include "settings/alert_settings.h"

namespace pv::jobs {

struct Overview;

struct Risk {
  std::string kind;  // docs/api.md, "Status"; empty: a server that tells none
  std::string text;  // a sentence without its full stop, for people
  friend bool operator==(const Risk&, const Risk&) = default;
};

// The gravest first; without any nothing is known against them. Of a server's status, what that
// says itself.
[[nodiscard]] std::vector<Risk> risks_of(const Overview& overview);
// The text of the first; empty without any.
[[nodiscard]] std::string risk_of(const Overview& overview);

// ------------------------------------------------- what alerts and the status judge in one way

// Backups may wait for their store, or be lacking in the mirror, for so long.
inline constexpr std::chrono::hours kBehindMax{1};

// Whether `job` is the backup that had to be begun until `latest`. A day is the most that it may
// take: by then another is due, and one that hangs would hide for ever that none is made.
[[nodiscard]] bool is_being_made(const std::optional<LeaseNote>& job, WallTime latest,
                                 WallTime now);

// That none was verified for longer than the settings want.
struct Unverified {
  WallTime since;                // when it should have been
  std::optional<WallTime> last;  // nullopt: none ever was
};
[[nodiscard]] std::optional<Unverified> find_unverified(const std::vector<ListedBackup>& backups,
                                                        std::chrono::days after, WallTime now);

struct LowSpace {
  std::string where;  // lies what: "the next backup"
  std::uint64_t free_bytes = 0;
  std::string why;  // it is low
};
// What is free has to be `factor` of the bounds.
[[nodiscard]] std::vector<LowSpace> find_low_spaces(const Overview& overview,
                                                    const settings::AlertSettings& settings,
                                                    double factor);

// Whether the last backup that was not cancelled failed, and nobody made one since.
[[nodiscard]] bool is_last_failed(const Overview& overview);

}  // namespace pv::jobs
