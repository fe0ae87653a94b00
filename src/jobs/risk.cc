#include "jobs/risk.h"

#include <algorithm>

#include "base/cron.h"
#include "base/text.h"
#include "jobs/overview.h"

namespace pv::jobs {
namespace {

// Where the next backup goes, and where the data and vault.db lie.
std::string space_risk_of(const Overview& overview) {
  if (const auto& free = overview.backups_free_bytes) {
    if (*free == 0) { return "no space is left where the next backup goes"; }
    if (overview.newest && *free < overview.newest->size_bytes) {
      return "where the next backup goes " + format_size(*free) +
             " are free, and the last one took " + format_size(overview.newest->size_bytes);
    }
  }
  return overview.data_free_bytes == 0U ? "no space is left where the data lies" : std::string{};
}

std::string missed(const Overview& overview) {
  const auto& due = overview.health.timetable.missed;
  if (!due || is_being_made(overview.job, *due + overview.health.late_max, overview.looked)) {
    return {};
  }
  return "the backup that was due at " + format_pocketbase_date(*due) + " was missed";
}

std::string failed(const Overview& overview) {
  if (!is_last_failed(overview)) { return {}; }
  const state::PastJob& last = *overview.health.last_decided;
  return "the last backup failed, at " + format_pocketbase_date(last.ended) + ": " + last.error;
}

std::string damaged(const Overview& overview) {
  if (overview.damaged.empty()) { return {}; }
  const auto& [backup, why] = overview.damaged.front();
  const std::uint64_t count =
      std::max<std::uint64_t>(overview.damaged_count, overview.damaged.size());
  const std::uint64_t more = count - 1;
  return "a verification found " + printable(backup.name.text()) + " damaged" +
         (more > 0 ? ", and " + std::to_string(more) + " more" : "") + ": " + why;
}

// What an exclusion kept out is missed by nobody.
std::string incomplete(const Overview& overview) {
  if (!overview.newest || !overview.newest_gaps) { return {}; }
  const state::Gaps& gaps = *overview.newest_gaps;
  const std::uint64_t lost =
      std::max(gaps.unread, gaps.missing - std::min(gaps.missing, gaps.left_out));
  if (lost == 0) { return {}; }
  return "the newest backup, " + printable(overview.newest->name.text()) + ", lacks " +
         std::to_string(lost) +
         " files of the data directory: they could not be read when it was made, or a "
         "verification missed them";
}

bool is_behind(std::optional<WallTime> since, WallTime now) {
  return since && now >= *since + kBehindMax;
}

std::string waiting(const Overview& overview) {
  if (overview.waiting == 0 || !is_behind(overview.waiting_since, overview.looked)) { return {}; }
  return "backups wait to be sent to their store, since " +
         format_pocketbase_date(*overview.waiting_since) + ": " + std::to_string(overview.waiting);
}

std::string mirror(const Overview& overview) {
  if (!overview.mirror) { return {}; }
  const places::MirrorState& mirror = *overview.mirror;
  if (!mirror.trouble.empty()) { return "the mirror does not get every backup: " + mirror.trouble; }
  if (mirror.missing == 0 || !is_behind(mirror.missing_since, overview.looked)) { return {}; }
  return "backups that the mirror lacks: " + std::to_string(mirror.missing);
}

std::string low_space(const Overview& overview) {
  if (overview.low_spaces.empty()) { return {}; }
  const LowSpace& low = overview.low_spaces.front();
  return "where " + low.where + " lies " + format_size(low.free_bytes) + " are free, and " +
         low.why;
}

std::string unverified(const Overview& overview) {
  if (!overview.unverified) { return {}; }
  const auto& last = overview.unverified->last;
  return last ? "the last verification of a backup was at " + format_minute(*last)
              : std::string{"no backup has ever been verified"};
}

// The timetable of an app that is gone, and no server took it up.
std::string unserved(const Overview& overview) {
  const auto cron = Cron::parse(overview.cron_wanted);
  const bool is_taken = overview.is_served || !overview.users.empty() ||
                        !overview.health.timetable.expression.empty();
  if (!cron.has_value() || is_taken || !overview.store_trouble.empty()) { return {}; }
  if (const auto made = newest_made(overview)) {
    constexpr std::chrono::hours kLateMax{1};
    const auto due = cron->next_after(std::min(*made, overview.looked));
    if (!due || *due + kLateMax >= overview.looked) { return {}; }
  }
  return "backups.cron says when backups are due, but nothing serves it: no server runs here "
         "and no app uses the data";
}

// `text` about `why`; nothing where that is empty.
std::string about(const std::string& text, const std::string& why, const std::string& then = {}) {
  return why.empty() ? std::string{} : text + why + then;
}

}  // namespace

bool is_being_made(const std::optional<LeaseNote>& job, WallTime latest, WallTime now) {
  constexpr std::chrono::hours kBackupMax{24};
  return job && job->kind == "backup" && job->since <= latest && now < job->since + kBackupMax;
}

std::optional<Unverified> find_unverified(const std::vector<ListedBackup>& backups,
                                          std::chrono::days after, WallTime now) {
  if (after.count() == 0 || backups.empty()) { return std::nullopt; }
  Unverified found{.since = {}, .last = std::nullopt};
  WallTime oldest = WallTime::max();
  for (const ListedBackup& one : backups) {
    oldest = std::min(oldest, one.backup.modified);
    if (one.verdict) {
      found.last = std::max(found.last.value_or(one.verdict->at), one.verdict->at);
    }
  }
  found.since = found.last.value_or(oldest) + after;
  return now > found.since ? std::optional{found} : std::nullopt;
}

std::vector<LowSpace> find_low_spaces(const Overview& overview,
                                      const settings::AlertSettings& settings, double factor) {
  std::vector<LowSpace> found;
  const auto look = [&](const char* where, std::optional<std::uint64_t> free, double bound,
                        const std::string& why) {
    if (free && static_cast<double>(*free) < bound * factor) {
      found.push_back({where, *free, why});
    }
  };
  constexpr const char* kBackups = "the next backup";
  if (overview.newest) {
    const std::uint64_t size = overview.newest->size_bytes;
    look(kBackups, overview.backups_free_bytes,
         static_cast<double>(size) * static_cast<double>(settings.space_low_percent) / 100,
         "the last one took " + format_size(size));
  }
  if (settings.space_low_bytes > 0) {
    const auto bytes = static_cast<double>(settings.space_low_bytes);
    const std::string wanted =
        format_size(static_cast<std::uint64_t>(settings.space_low_bytes)) + " are to be";
    if (found.empty()) { look(kBackups, overview.backups_free_bytes, bytes, wanted); }
    look("the data", overview.data_free_bytes, bytes, wanted);
  }
  return found;
}

bool is_last_failed(const Overview& overview) {
  const auto& last = overview.health.last_decided;
  const auto made = own_made(overview);
  return last && last->outcome == "failed" && (!made || *made < last->ended);
}

std::vector<Risk> risks_of(const Overview& overview) {
  if (overview.told_risks) { return *overview.told_risks; }
  const Health& health = overview.health;
  std::vector<Risk> risks;
  const auto add = [&](const char* kind, std::string text) {
    if (!text.empty()) { risks.push_back({kind, std::move(text)}); }
  };
  if (overview.is_cut_off) {
    add("cutOff",
        "a restore was cut off between its renames; the next start of a server, or a "
        "command that opens the directory, finishes it or takes it back");
  }
  add("missed", missed(overview));
  add("failed", failed(overview));
  add("storeAway", about("the backups can't be listed: ", overview.store_trouble));
  add("damaged", damaged(overview));
  add("incomplete", incomplete(overview));
  add("waiting", waiting(overview));
  add("mirror", mirror(overview));
  add("unserved", unserved(overview));
  add("unwritten", about("what happens is kept in memory alone, for it can't be written to "
                         ".pocketvault/vault.db: ",
                         health.unwritten_because));
  add("readOnly",
      about("nothing can be written, for it is mounted read-only, where ", overview.read_only));
  const std::string no_space = space_risk_of(overview);
  add("space", no_space.empty() ? low_space(overview) : no_space);
  add("unverified", unverified(overview));
  add("settings",
      about("settings of our own are not known, so nobody may be alerted: ",
            health.settings_trouble, "; repair .pocketvault/settings.json, or remove it"));
  add("storeUnknown",
      about("it is not known where the backups belong, for the settings can't be read: ",
            overview.store_doubt,
            "; give their key where they are encrypted, else mend what is wrong with them, or name "
            "the place: --backups-dir, --s3-bucket"));
  add("memory",
      about("it is not known what was missed or failed, for .pocketvault/vault.db can't be read: ",
            health.memory_trouble,
            "; make it readable for this user, or, only where it is damaged, remove it, and what "
            "pocketvault remembers begins anew"));
  if (!overview.newest && overview.store_trouble.empty()) {
    add("none", "no backup can be relied on");
  }
  return risks;
}

std::string risk_of(const Overview& overview) {
  const std::vector<Risk> risks = risks_of(overview);
  return risks.empty() ? std::string{} : risks.front().text;
}

}  // namespace pv::jobs
