#include "alerts/alert_conditions.h"

#include <algorithm>

#include "base/cron.h"
#include "base/text.h"

namespace pv::alerts {
namespace {

using jobs::ListedBackup;
using jobs::Overview;
using settings::AlertSettings;

// Stores keep times in whole seconds.
bool is_since(WallTime time, WallTime moment) {
  return time >= std::chrono::floor<std::chrono::seconds>(moment);
}

std::string newest_sentence(const Sight& sight) {
  const Overview& overview = sight.overview;
  if (sight.unseen_since) {
    return "Which backups there are is not known, for their store can't be looked at: " +
           printable(sight.unseen_because) + ".";
  }
  if (!overview.newest) { return "There is no good backup."; }
  return "The newest good backup is " + printable(overview.newest->name.text()) + " of " +
         format_minute(*jobs::newest_made(overview)) + ".";
}

std::optional<Condition> failed(const Sight& sight, const OpenSince& open_since) {
  const Overview& overview = sight.overview;
  const jobs::Health& health = overview.health;
  const auto made_since = [&](WallTime moment) {
    const auto made = jobs::own_made(overview);
    return (made && is_since(*made, moment)) ||
           (health.last_succeeded && is_since(health.last_succeeded->ended, moment));
  };
  const auto& last = health.last_decided;
  const bool has_failed = jobs::is_last_failed(overview);
  const auto open = open_since("failed");
  if (!has_failed && (!open || made_since(*open))) { return std::nullopt; }
  std::string text;
  if (has_failed) {
    text = std::string{last->is_scheduled ? "The backup made by the clock" : "The backup"} +
           " failed at " + format_minute(last->ended) + ": " + printable(last->error) + ".\n";
  }
  return Condition{"failed", open.value_or(has_failed ? last->ended : WallTime{}),
                   text + newest_sentence(sight)};
}

// By the newest good backup of this directory, made by us or by an app that has the timetable.
std::optional<Condition> overdue(const Sight& sight, const AlertSettings& settings, WallTime now) {
  const Overview& overview = sight.overview;
  const auto cron = Cron::parse(overview.health.timetable.expression);
  if (!sight.timetable_since || !cron.has_value()) { return std::nullopt; }
  WallTime done = *sight.timetable_since;
  if (const auto made = jobs::own_made(overview)) { done = std::max(done, *made); }
  const auto is_late = [&](WallTime due) {
    const WallTime latest = due + settings.missed_grace + sight.jitter_max;
    return now > latest && !jobs::is_being_made(overview.job, latest, now);
  };
  auto due = cron->next_after(std::min(done, now));
  // A server that was here too shortly to be known of here may have noted more.
  if (!due || !is_late(*due)) { due = overview.health.timetable.missed; }
  if (!due || !is_late(*due)) { return std::nullopt; }
  return Condition{"missed", *due,
                   "The backup that was due at " + format_minute(*due) + " (" + cron->expression() +
                       ") has not been made.\n" + newest_sentence(sight)};
}

std::optional<Condition> missed(const Sight& sight, const AlertSettings& settings, WallTime now) {
  if (sight.unseen_since) {
    if (now < *sight.unseen_since + settings.missed_grace) { return std::nullopt; }
    return Condition{
        "missed", *sight.unseen_since,
        "Whether backups are made is not known, for since " + format_minute(*sight.unseen_since) +
            " their store can't be looked at: " + printable(sight.unseen_because) + "."};
  }
  auto found = overdue(sight, settings, now);
  // Another timetable makes no backup.
  if (!sight.timetable_since || is_made_up_for(sight)) { return found; }
  const WallTime since = *sight.missed_since;
  if (!found) {
    found = Condition{"missed", since,
                      "The backup that was due at " + format_minute(since) +
                          " has not been made.\n" + newest_sentence(sight)};
  }
  found->since = since;
  return found;
}

std::optional<Condition> damaged(const Sight& sight) {
  constexpr std::size_t kNamed = 5;
  std::string text;
  std::size_t count = 0;
  WallTime since = WallTime::max();
  for (const ListedBackup& one : sight.backups) {
    if (!one.verdict || one.verdict->is_sound) { continue; }
    since = std::min(since, one.verdict->at);
    if (++count <= kNamed) {
      text += printable(one.backup.name.text()) +
              " is damaged, as a verification found: " + printable(one.verdict->reason) + ".\n";
    }
  }
  if (count == 0) { return std::nullopt; }
  if (count > kNamed) { text += "So are " + std::to_string(count - kNamed) + " others.\n"; }
  return Condition{"unverified", since, text + newest_sentence(sight)};
}

std::optional<Condition> unverified(const Sight& sight, const AlertSettings& settings,
                                    WallTime now) {
  if (auto found = damaged(sight)) { return found; }
  const auto found = jobs::find_unverified(sight.backups, settings.unverified_after, now);
  if (!found) { return std::nullopt; }
  return Condition{
      "unverified", found->since,
      (found->last ? "The last verification of a backup was at " + format_minute(*found->last)
                   : std::string{"No backup has ever been verified"}) +
          ".\nVerify one: pocketvault verify NAME."};
}

std::optional<Condition> space_low(const Sight& sight, const AlertSettings& settings,
                                   const OpenSince& open_since, WallTime now) {
  const auto open = open_since("spaceLow");
  std::string text;
  for (const jobs::LowSpace& low :
       jobs::find_low_spaces(sight.overview, settings, open ? 1.1 : 1.0)) {
    text += "Where " + low.where + " lies " + format_size(low.free_bytes) + " are free; " +
            low.why + ".\n";
  }
  if (text.empty()) { return std::nullopt; }
  return Condition{"spaceLow", open.value_or(now),
                   text + "Free some space, or keep fewer backups."};
}

std::optional<Condition> behind(const Sight& sight, WallTime now) {
  if (!sight.behind_since || now < *sight.behind_since + jobs::kBehindMax) { return std::nullopt; }
  return Condition{"behind", *sight.behind_since, sight.behind};
}

}  // namespace

std::string title_of(std::string_view kind) {
  if (kind == "failed") { return "Backup failed"; }
  if (kind == "missed") { return "A backup was missed"; }
  if (kind == "recovered") { return "Backups are well again"; }
  if (kind == "unverified") { return "Backups are damaged or not verified"; }
  if (kind == "spaceLow") { return "Space is low"; }
  if (kind == "behind") { return "Backups are not yet where they belong"; }
  if (kind == "succeeded") { return "Backup made"; }
  return "Test message";
}

std::string title_of_partly_over() { return "One alert is over, but not all is well"; }

bool is_made_up_for(const Sight& sight) {
  const auto made = jobs::own_made(sight.overview);
  return !sight.missed_since || (made && is_since(*made, *sight.missed_since));
}

bool holds(std::string_view kind, const Sight& sight, const AlertSettings& settings,
           const OpenSince& open_since, WallTime now) {
  if (kind == "unverified") { return unverified(sight, settings, now).has_value(); }
  return kind == "spaceLow" && space_low(sight, settings, open_since, now).has_value();
}

std::vector<Condition> conditions_of(const Sight& sight, const AlertSettings& settings,
                                     const OpenSince& open_since, WallTime now) {
  std::vector<Condition> conditions;
  const auto take = [&](std::optional<Condition> condition) {
    if (condition) { conditions.push_back(*std::move(condition)); }
  };
  take(failed(sight, open_since));
  // Who is told that a backup failed knows that there is none. What was told before goes on.
  if (conditions.empty() || sight.missed_since) { take(missed(sight, settings, now)); }
  take(unverified(sight, settings, now));
  take(space_low(sight, settings, open_since, now));
  take(behind(sight, now));
  return conditions;
}

}  // namespace pv::alerts
