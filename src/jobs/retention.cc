#include "jobs/retention.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "jobs/names.h"

namespace pv::jobs {
namespace {

using settings::Retention;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::sys_days;
using std::chrono::weeks;
using std::chrono::year_month_day;

// A span of time that a rule is about. Those of one kind are numbered, later ones higher.
struct Span {
  std::int64_t number = 0;
  std::string (*label)(WallTime) = nullptr;
};

template <class... Values>
std::string text_of(const char* format, Values... values) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

year_month_day date_of(WallTime time) { return year_month_day{std::chrono::floor<days>(time)}; }

// 1970-01-01 was a Thursday; ISO weeks begin on Mondays.
constexpr days kMondayToThursday{3};

sys_days thursday_of_week(WallTime time) {
  const auto since = std::chrono::floor<days>(time).time_since_epoch() + kMondayToThursday;
  return sys_days{std::chrono::floor<weeks>(since)};  // of its Monday, three days later
}

std::int64_t hour_number(WallTime time) {
  return std::chrono::floor<hours>(time).time_since_epoch().count();
}
std::int64_t day_number(WallTime time) {
  return std::chrono::floor<days>(time).time_since_epoch().count();
}
std::int64_t week_number(WallTime time) {
  return thursday_of_week(time).time_since_epoch().count();
}
std::int64_t year_number(WallTime time) { return int{date_of(time).year()}; }
std::int64_t month_number(WallTime time) {
  return year_number(time) * 12 + unsigned{date_of(time).month()};
}

std::string day_label(WallTime time) {
  const year_month_day date = date_of(time);
  return text_of("%04d-%02u-%02u", int{date.year()}, unsigned{date.month()}, unsigned{date.day()});
}
std::string hour_label(WallTime time) {
  const auto hour = std::chrono::floor<hours>(time - std::chrono::floor<days>(time)).count();
  return day_label(time) + text_of(" %02d:00", static_cast<int>(hour));
}
std::string year_label(WallTime time) { return text_of("%04d", int{date_of(time).year()}); }
std::string month_label(WallTime time) {
  const year_month_day date = date_of(time);
  return text_of("%04d-%02u", int{date.year()}, unsigned{date.month()});
}
// A week belongs to the year of its Thursday.
std::string week_label(WallTime time) {
  const sys_days thursday = thursday_of_week(time);
  const year_month_day date{thursday};
  const sys_days new_year{date.year() / std::chrono::January / 1};
  const auto week = (thursday - new_year).count() / 7 + 1;
  return text_of("%04d-W%02d", int{date.year()}, static_cast<int>(week));
}

struct Rule {
  const char* name;
  std::int64_t Retention::*count;
  std::int64_t (*number)(WallTime);  // nullptr: each backup is a span of its own
  std::string (*label)(WallTime);
};
constexpr std::array kRules{
    Rule{"last", &Retention::last, nullptr, nullptr},
    Rule{"hourly", &Retention::hourly, hour_number, hour_label},
    Rule{"daily", &Retention::daily, day_number, day_label},
    Rule{"weekly", &Retention::weekly, week_number, week_label},
    Rule{"monthly", &Retention::monthly, month_number, month_label},
    Rule{"yearly", &Retention::yearly, year_number, year_label},
};

struct Judged {
  Candidate candidate;
  bool fills_place = false;
  std::vector<std::string> reasons = {};

  [[nodiscard]] WallTime time() const { return candidate.backup.modified; }
  [[nodiscard]] bool is_damaged() const { return candidate.soundness == Soundness::kDamaged; }
  void keep(std::string reason) {
    if (std::ranges::find(reasons, reason) == reasons.end()) {
      reasons.push_back(std::move(reason));
    }
  }
  void keep_for_others(std::string reason) {
    fills_place = true;
    keep(std::move(reason));
  }
};

std::vector<Judged> sorted(std::vector<Candidate> candidates) {
  std::vector<Judged> all;
  all.reserve(candidates.size());
  for (Candidate& candidate : candidates) { all.push_back({.candidate = std::move(candidate)}); }
  std::ranges::sort(all, [](const Judged& a, const Judged& b) {
    return a.time() != b.time() ? a.time() > b.time()
                                : a.candidate.backup.name > b.candidate.backup.name;
  });
  return all;
}

std::vector<Decision> decisions_of(std::vector<Judged> all) {
  std::vector<Decision> decisions;
  decisions.reserve(all.size());
  for (Judged& one : all) {
    const bool is_kept = !one.reasons.empty();
    if (!is_kept) { one.keep(one.is_damaged() ? "no rule keeps it; damaged" : "no rule keeps it"); }
    decisions.push_back(
        {std::move(one.candidate.backup), is_kept, one.fills_place, std::move(one.reasons)});
  }
  return decisions;
}

std::string labelled(const Rule& rule, const Judged& one) {
  return rule.label == nullptr ? rule.name : std::string{rule.name} + " " + rule.label(one.time());
}

// Newest first, so spans are runs. Of each run the first good one takes a place; where there is
// none, the first of all stays and takes no place.
void apply(const Rule& rule, std::int64_t count, std::vector<Judged*>& ruled) {
  for (std::size_t i = 0; count > 0 && i < ruled.size();) {
    std::size_t end = i + 1;
    const auto is_same_span = [&](const Judged* other) {
      return rule.number != nullptr && rule.number(other->time()) == rule.number(ruled[i]->time());
    };
    while (end < ruled.size() && is_same_span(ruled[end])) { ++end; }
    std::size_t chosen = i;
    while (chosen < end && ruled[chosen]->is_damaged()) { ++chosen; }
    if (chosen < end) {
      ruled[chosen]->keep_for_others(labelled(rule, *ruled[chosen]));
      --count;
    } else {
      ruled[i]->keep(labelled(rule, *ruled[i]) + ", though damaged");
    }
    i = end;
  }
}

// The newest that can be relied on, as far as is known, and the newest that is known to be sound;
// where these are incomplete, the newest complete ones as well.
void keep_the_best(std::vector<Judged>& all, WallTime now) {
  const auto counts = [&](const Judged& one) {
    return !one.is_damaged() && !one.candidate.backup.is_waiting &&
           doubt_by_looks(one.candidate.backup, now).empty();
  };
  const auto is_sound = [&](const Judged& one) {
    return counts(one) && one.candidate.soundness == Soundness::kSound;
  };
  const auto keep_first = [&](const auto& is_good, const char* why, const char* why_complete) {
    const auto first = std::ranges::find_if(all, is_good);
    if (first == all.end()) { return; }
    first->keep_for_others(why);
    const auto complete = std::ranges::find_if(
        all, [&](const Judged& one) { return is_good(one) && !one.candidate.is_incomplete; });
    if (complete != first && complete != all.end()) { complete->keep_for_others(why_complete); }
  };
  keep_first(counts, "the newest that counts", "the newest that is complete");
  keep_first(is_sound, "the last verified", "the last verified that is complete");
}

// Those of them that are not known to be incomplete.
std::vector<Judged*> complete_of(std::vector<Judged*> ruled) {
  std::erase_if(ruled, [](const Judged* one) { return one->candidate.is_incomplete; });
  return ruled;
}

std::string age_label(std::chrono::seconds age) {
  const bool is_hours = age % hours{1} == age.zero();
  return "younger than " +
         (is_hours ? std::to_string(age / hours{1}) + " h" : std::to_string(age.count()) + " s");
}

// Why the rules are not asked about it; empty: they are.
std::string exempt(const Judged& one, const Retention& rules, WallTime now) {
  const store::Backup& backup = one.candidate.backup;
  if (!is_governed(backup.name, rules.governs)) {
    return rules.governs == Retention::Governs::kAll ? "a restore made it" : "not an automatic one";
  }
  if (backup.is_waiting) { return "waits to be sent"; }
  return doubt_by_looks(backup, now);
}

}  // namespace

bool is_governed(const store::BackupName& name, Retention::Governs governs) {
  return governs == Retention::Governs::kAll ? !name.last_part().starts_with(kSafetyPrefix)
                                             : name.text().starts_with(kScheduledPrefix);
}

std::vector<Decision> decide(std::vector<Candidate> candidates, const Retention& rules,
                             WallTime now) {
  std::vector<Judged> all = sorted(std::move(candidates));
  std::vector<Judged*> ruled;
  for (Judged& one : all) {
    std::string reason = rules.is_empty() ? "there are no rules" : exempt(one, rules, now);
    if (reason.empty()) {
      ruled.push_back(&one);
    } else {
      one.keep(std::move(reason));
    }
  }
  std::vector<Judged*> complete = complete_of(ruled);
  for (const Rule& rule : kRules) {
    apply(rule, rules.*rule.count, ruled);
    apply(rule, rules.*rule.count, complete);
  }
  for (Judged* one : ruled) {
    const bool is_young = now - one->time() < rules.min_age;
    if (is_young) { one->keep(age_label(rules.min_age)); }
    if (!one->candidate.busy.empty()) { one->keep(one->candidate.busy); }
  }
  for (Judged& one : all) {
    if (one.candidate.is_pinned) { one.keep("pinned"); }
  }
  keep_the_best(all, now);
  return decisions_of(std::move(all));
}

std::vector<Decision> decide_by_count(std::vector<Candidate> candidates, std::int64_t count,
                                      std::string_view made, WallTime now) {
  std::vector<Judged> all = sorted(std::move(candidates));
  std::vector<Judged*> ruled;
  for (Judged& one : all) {
    const store::Backup& backup = one.candidate.backup;
    std::string doubt = backup.name.text() == made ? "" : doubt_by_looks(backup, now);
    if (!is_governed(backup.name, Retention::Governs::kAutomatic)) {
      one.keep("not an automatic one");
    } else if (!doubt.empty()) {
      one.keep(std::move(doubt));
    } else {
      ruled.push_back(&one);
    }
    if (one.candidate.is_pinned) { one.keep("pinned"); }
  }
  std::ranges::stable_partition(
      ruled, [&](const Judged* one) { return one->candidate.backup.name.text() == made; });
  for (const std::vector<Judged*>& some : {ruled, complete_of(ruled)}) {
    const auto kept =
        std::min(some.size(), static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
    for (std::size_t i = 0; i < kept; ++i) { some[i]->keep("last"); }
  }
  keep_the_best(all, now);
  return decisions_of(std::move(all));
}

std::string summary_of(const Retention& rules) {
  std::string text;
  for (const Rule& rule : kRules) {
    const std::int64_t count = rules.*rule.count;
    if (count == 0) { continue; }
    text += text.empty() ? "keeps " : ", ";
    text += rule.number == nullptr ? "the last " + std::to_string(count)
                                   : std::to_string(count) + " " + rule.name;
  }
  if (text.empty()) { return text; }
  if (rules.governs == Retention::Governs::kAll) { text += " of all backups"; }
  if (rules.min_age > rules.min_age.zero()) { text += ", and what is " + age_label(rules.min_age); }
  return text;
}

}  // namespace pv::jobs
