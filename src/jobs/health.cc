#include "jobs/health.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "base/cron.h"
#include "base/text.h"
#include "jobs/json_reader.h"
#include "settings/vault_settings.h"
#include "state/schedule.h"

namespace pv::jobs {
namespace {

using std::chrono::milliseconds;

// One that is due may begin later by so much, beside its jitter, and nothing is wrong: a job that
// was at work had to end.
constexpr std::chrono::hours kLateMax{1};

using Schedule = std::map<std::string, state::Served>;

const state::Served* find(const Schedule& schedule, std::string_view id) {
  const auto found = schedule.find(std::string{id});
  return found == schedule.end() ? nullptr : &found->second;
}

Timetable verification_of(const Schedule& schedule, WallTime now) {
  const state::Served* served = find(schedule, state::kVerifyCron);
  if (served == nullptr) { return {}; }
  Timetable timetable{.expression = served->expression, .next = {}, .missed = {}};
  const auto cron = Cron::parse(timetable.expression);
  if (cron.has_value()) { timetable.next = cron->next_after(std::min(served->until, now)); }
  return timetable;
}

json::value date_or_null(const std::optional<WallTime>& time) {
  return time ? json::value(format_pocketbase_date(*time)) : json::value(nullptr);
}

json::value job_or_null(const std::optional<state::PastJob>& job) {
  return job ? json::value(to_json(*job)) : json::value(nullptr);
}

std::optional<state::PastJob> job_from(const json::object* object) {
  if (object == nullptr) { return std::nullopt; }
  const Reader from{*object};
  return state::PastJob{.id = from.text("id"),
                        .kind = from.text("kind"),
                        .name = from.text("name"),
                        .is_scheduled = from.flag("scheduled"),
                        .started = parse_date(from.text("started")).value_or(WallTime{}),
                        .ended = parse_date(from.text("finished")).value_or(WallTime{}),
                        .outcome = from.text("state"),
                        .error = from.text("error"),
                        .warnings = from.count("warningCount"),
                        .raw_bytes = from.count("rawBytes"),
                        .archive_bytes = from.count("archiveBytes")};
}

// By how much a run may begin later, by chance.
std::chrono::seconds delay_max(const std::string& expression, WallTime served,
                               std::chrono::seconds jitter_max) {
  const auto cron = Cron::parse(expression);
  const auto due = cron.has_value() ? cron->next_after(served) : std::nullopt;
  return due ? std::min(jitter_max, cron->slack_after(*due)) : jitter_max;
}

}  // namespace

std::optional<Trend> trend_of(const std::vector<state::PastJob>& backups) {
  constexpr std::chrono::days kSpanMax{30};
  constexpr std::chrono::days kSpanMin{1};
  if (backups.empty()) { return std::nullopt; }
  const state::PastJob& last = backups.front();
  const auto is_recent = [&](const state::PastJob& job) {
    return job.ended <= last.ended && last.ended - job.ended <= kSpanMax;
  };
  const auto first = std::find_if(backups.rbegin(), backups.rend(), is_recent);
  const auto span = std::chrono::floor<std::chrono::seconds>(last.ended - first->ended);
  if (span < kSpanMin) { return std::nullopt; }
  const double grown =
      static_cast<double>(last.archive_bytes) - static_cast<double>(first->archive_bytes);
  const double days = std::chrono::duration<double, std::chrono::days::period>(span).count();
  return Trend{.bytes_per_day = static_cast<std::int64_t>(grown / days), .span = span};
}

std::string sentence_of(const Trend& trend) {
  constexpr std::int64_t kNoticed = 1000;  // a day
  if (std::abs(trend.bytes_per_day) < kNoticed) { return "The archives stay as big as they are."; }
  return std::string{"The archives "} + (trend.bytes_per_day > 0 ? "grow" : "shrink") + " by " +
         format_size(static_cast<std::uint64_t>(std::abs(trend.bytes_per_day))) + " a day.";
}

Health look_at_health(const fs::Path& vault_folder, WallTime now) {
  Health health;
  auto history = state::read_backup_history(state::VaultDb{vault_folder});
  if (!history.has_value()) { health.memory_trouble = printable(history.error().what); }
  if (history.has_value()) {
    health.trend = trend_of(history->succeeded);
    health.last = std::move(history->last);
    health.last_decided = std::move(history->last_decided);
    health.last_succeeded = std::move(history->last_succeeded);
  }
  settings::VaultSettingsFile own_file{vault_folder};
  const auto own = own_file.read();
  const auto jitter_max = (own.has_value() ? *own : own_file.now()).schedule.jitter_max;
  const auto read = state::read_schedule(state::VaultDb{vault_folder});
  if (!read.has_value()) { health.memory_trouble = printable(read.error().what); }
  const Schedule schedule = read.has_value() ? *read : Schedule{};
  if (const state::Served* served = find(schedule, state::kBackupCron)) {
    health.timetable.expression = served->expression;
    health.served_until = served->until;
    health.late_max = kLateMax + delay_max(served->expression, served->until, jitter_max);
    if (const state::Served* missed = find(schedule, state::kBackupMissed)) {
      health.missed_before = missed->until;
    }
    account_for(std::nullopt, now, health);
  }
  health.verification = verification_of(schedule, now);
  // Who may not read them learns nothing of them.
  if (!own.has_value() && own.error().code != Code::kDenied) {
    health.settings_trouble = printable(own.error().what);
  }
  return health;
}

void account_for(std::optional<WallTime> newest, WallTime now, Health& health) {
  Timetable& timetable = health.timetable;
  const auto cron = Cron::parse(timetable.expression);
  if (!health.served_until || !cron.has_value()) { return; }
  WallTime done = *health.served_until;
  // By a clock that was ahead; what was really done is at least what was made.
  if (done > now) { done = health.last_succeeded ? health.last_succeeded->started : now; }
  done = std::max(done, newest.value_or(done));
  const auto due = cron->next_after(std::min(done, now));
  const bool is_late = due && *due + health.late_max < now;
  timetable.next = is_late ? cron->next_after(now) : due;
  timetable.missed = is_late ? due : std::nullopt;
  const auto& before = health.missed_before;
  if (before && *before + health.late_max < now && !(newest && *newest >= *before)) {
    timetable.missed = before;
  }
}

Health look_at_health(const fs::Path& vault_folder, std::optional<WallTime> newest, WallTime now) {
  Health health = look_at_health(vault_folder, now);
  account_for(newest, now, health);
  return health;
}

void count_in(const std::vector<state::PastJob>& unwritten, Health& health) {
  const auto count = [](const state::PastJob& job, std::optional<state::PastJob>& last) {
    if (!last || last->ended < job.ended) { last = job; }
  };
  for (const state::PastJob& job : unwritten) {
    if (job.kind != "backup") { continue; }
    count(job, health.last);
    if (job.outcome != "cancelled") { count(job, health.last_decided); }
    if (job.outcome == "succeeded") { count(job, health.last_succeeded); }
  }
}

bool is_made_beside_apps(const fs::Path& vault_folder) {
  const auto noted =
      state::read_served(state::VaultDb{vault_folder}, std::string{state::kBackupBesideApps});
  return noted.has_value() && *noted;
}

json::object to_json(const state::PastJob& job) {
  const double pause_ms = std::chrono::duration<double, std::milli>(job.pause).count();
  return {{"id", printable(job.id)},
          {"kind", printable(job.kind)},
          {"name", printable(job.name)},
          {"scheduled", job.is_scheduled},
          {"state", printable(job.outcome)},
          {"started", format_pocketbase_date(job.started)},
          {"finished", format_pocketbase_date(job.ended)},
          {"error", printable(job.error)},
          {"warningCount", job.warnings},
          {"rawBytes", job.raw_bytes},
          {"archiveBytes", job.archive_bytes},
          {"pauseMs", pause_ms}};
}

void add_to_json(const Health& health, json::object& status) {
  status["lastBackup"] = job_or_null(health.last);
  status["lastDecided"] = job_or_null(health.last_decided);
  status["lastSuccess"] = job_or_null(health.last_succeeded);
  status["trend"] = nullptr;
  if (health.trend) {
    status["trend"] = json::object{{"bytesPerDay", health.trend->bytes_per_day},
                                   {"days", health.trend->span / std::chrono::days{1}},
                                   {"text", sentence_of(*health.trend)}};
  }
  const Timetable& timetable = health.timetable;
  status["schedule"] = json::object{{"cron", printable(timetable.expression)},
                                    {"next", date_or_null(timetable.next)},
                                    {"missed", date_or_null(timetable.missed)},
                                    {"offBecause", printable(timetable.off_because)}};
  const Timetable& verification = health.verification;
  status["verification"] = json::object{{"cron", printable(verification.expression)},
                                        {"next", date_or_null(verification.next)},
                                        {"offBecause", printable(verification.off_because)}};
  status["settingsError"] = health.settings_trouble;
  status["unwrittenBecause"] = printable(health.unwritten_because);
  status["memoryError"] = health.memory_trouble;
}

Health health_from_json(const json::object& status) {
  const Reader from{status};
  Health health;
  health.settings_trouble = from.text("settingsError");
  health.unwritten_because = from.text("unwrittenBecause");
  health.memory_trouble = from.text("memoryError");
  health.last = job_from(from.object("lastBackup"));
  health.last_decided = job_from(from.object("lastDecided"));
  health.last_succeeded = job_from(from.object("lastSuccess"));
  if (const json::object* trend = from.object("trend")) {
    constexpr double kMost = 1e18;
    const double per_day = std::clamp(Reader{*trend}.number("bytesPerDay"), -kMost, kMost);
    health.trend = Trend{
        .bytes_per_day = static_cast<std::int64_t>(per_day),
        .span = std::chrono::days{std::min<std::uint64_t>(Reader{*trend}.count("days"), 36'500)}};
  }
  if (const json::object* schedule = from.object("schedule")) {
    const Reader timetable{*schedule};
    health.timetable = {.expression = timetable.text("cron"),
                        .next = parse_date(timetable.text("next")),
                        .missed = parse_date(timetable.text("missed")),
                        .off_because = timetable.text("offBecause")};
  }
  if (const json::object* verification = from.object("verification")) {
    const Reader timetable{*verification};
    health.verification = {.expression = timetable.text("cron"),
                           .next = parse_date(timetable.text("next")),
                           .missed = std::nullopt,
                           .off_because = timetable.text("offBecause")};
  }
  return health;
}

}  // namespace pv::jobs
