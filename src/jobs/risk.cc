#include "jobs/risk.h"

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
  if (!due || overview.job) { return {}; }
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
  const std::size_t more = overview.damaged.size() - 1;
  return "a verification found " + printable(backup.name.text()) + " damaged" +
         (more > 0 ? ", and " + std::to_string(more) + " more" : "") + ": " + why;
}

// `text` about `why`; nothing where that is empty.
std::string about(const std::string& text, const std::string& why, const std::string& then = {}) {
  return why.empty() ? std::string{} : text + why + then;
}

}  // namespace

bool is_last_failed(const Overview& overview) {
  const auto& last = overview.health.last_decided;
  return last && last->outcome == "failed" &&
         (!overview.newest || overview.newest->modified < last->ended);
}

std::vector<Risk> risks_of(const Overview& overview) {
  if (overview.told_risks) { return *overview.told_risks; }
  const Health& health = overview.health;
  std::vector<Risk> risks;
  const auto add = [&](const char* kind, std::string text) {
    if (!text.empty()) { risks.push_back({kind, std::move(text)}); }
  };
  add("missed", missed(overview));
  add("failed", failed(overview));
  add("storeAway", about("the backups can't be listed: ", overview.store_trouble));
  add("damaged", damaged(overview));
  add("unwritten", about("what happens is kept in memory alone, for it can't be written to "
                         ".pocketvault/vault.db: ",
                         health.unwritten_because));
  add("space", space_risk_of(overview));
  add("settings",
      about("settings of our own are not known, so nobody may be alerted: ",
            health.settings_trouble, "; repair .pocketvault/settings.json, or remove it"));
  add("storeUnknown",
      about("it is not known where the backups belong, for the settings can't be read: ",
            overview.store_doubt,
            "; give their key, or name the place: --backups-dir, --s3-bucket"));
  add("memory",
      about("it is not known what was missed or failed, for .pocketvault/vault.db can't be read: ",
            health.memory_trouble,
            "; make it readable, or remove it, and what pocketvault remembers begins anew"));
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
