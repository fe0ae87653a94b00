#include "cli/render_status.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli/columns.h"
#include "cli/render.h"
#include "cli/report_messages.h"

namespace pv::cli {
namespace {

std::string size_of(const Words& words, const std::optional<std::uint64_t>& bytes) {
  return bytes ? format_size(*bytes) : words(phrase::kUnknown);
}

std::string render_users(const Words& words, const std::vector<fs::LockHolder>& users) {
  std::vector<std::string> names;
  for (const fs::LockHolder& user : users) {
    const std::string program = user.program.empty() ? words(phrase::kAProgram) : user.program;
    names.push_back(words(phrase::kUserProcess, {program, std::to_string(user.pid)}));
  }
  return words.list(names);
}

std::string render_job(const Words& words, const jobs::LeaseNote& job, WallTime now) {
  std::string text = words.told(job.kind);
  if (!job.name.empty()) { text += " " + printable(job.name); }
  return words(phrase::kBegunBy, {text, ago(words, job.since, now), std::to_string(job.pid)});
}

std::string render_run(const Words& words, const state::PastJob& run, WallTime now) {
  std::string text = words(phrase::kRun, {words.told(run.outcome), ago(words, run.ended, now)});
  if (run.is_scheduled) { text += words(phrase::kByTheClock); }
  if (run.warnings > 0) { text += words(phrase::kWithWarnings, {std::to_string(run.warnings)}); }
  return text;
}

std::string render_timetable(const Words& words, const jobs::Timetable& timetable, bool is_served) {
  const std::string text = printable(timetable.expression);
  if (!timetable.off_because.empty()) {
    return words(phrase::kAnd, {text, words.told(timetable.off_because)});
  }
  if (!is_served) { return words(phrase::kAnd, {text, words(phrase::kNoServerRuns)}); }
  return words(phrase::kNextAt, {text, timetable.next ? format_pocketbase_date(*timetable.next)
                                                      : words(phrase::kNoNext)});
}

std::string how_sound(const Words& words, const jobs::Overview& overview, WallTime now) {
  if (!overview.unknown_because.empty()) {
    return words(phrase::kVerdictUnknown, {words.told(overview.unknown_because)});
  }
  const std::string lacks = what_lacks(words, overview.newest_gaps);
  if (!overview.newest_verdict) { return words(phrase::kNeverVerified) + lacks; }
  const state::Verdict& verdict = *overview.newest_verdict;
  const std::string when = ago(words, verdict.at, now);
  const std::string depth = depth_text(words, verdict.depth);
  return verdict.is_sound ? words(phrase::kVerified, {when, depth}) + lacks
                          : words(phrase::kFoundDamaged, {when, depth, words.told(verdict.reason)});
}

// " (only data.db and 3 more)".
std::string units_of(const Words& words, const jobs::Kept& kept) {
  if (kept.units.empty()) { return {}; }
  const std::size_t more = kept.units.size() - 1;
  const std::string first = printable(kept.units.front());
  return more > 0 ? words(phrase::kOnlyAndMore, {first, std::to_string(more)})
                  : words(phrase::kOnly, {first});
}

// "2 strays": what programs made meanwhile in the place of what was exchanged.
std::string strays_of(const Words& words, const jobs::Kept& kept) {
  return words.count(kept.strays, phrase::kStrays);
}

// ", with 2 strays".
std::string strays_beside(const Words& words, const jobs::Kept& kept) {
  if (kept.strays == 0) { return {}; }
  const Phrase& how = kept.can_undo ? phrase::kWithStrays : phrase::kOnlyThese;
  return words(how, {strays_of(words, kept)});
}

// How to have it back, and what an undo leaves.
std::string way_back(const Words& words, const jobs::Kept& kept) {
  const std::string id = printable(kept.id);
  if (!kept.can_undo) { return words(phrase::kOnlyStrays, {strays_of(words, kept), id}); }
  const std::string way = "pocketvault undo " + id;
  return kept.strays == 0 ? way : words(phrase::kUndoLeaves, {way, strays_of(words, kept)});
}

// What took its place: an archive, or the undo of one (restore/swap.cc), or of that.
std::string replaced_by(const Words& words, const jobs::Kept& kept) {
  constexpr std::string_view kUndo = "undo of ";
  return kept.from.starts_with(kUndo)
             ? words(phrase::kUndoOf, {printable(kept.from.substr(kUndo.size()))})
             : printable(kept.from);
}

}  // namespace

std::string render_mirror(const Words& words, const places::MirrorState& mirror) {
  const std::string place = words.told(mirror.place);
  const std::string trouble = words.told(mirror.trouble);
  if (mirror.missing == 0) {
    return trouble.empty() ? words(phrase::kLacksNothing, {place})
                           : words(phrase::kLacksUnknown, {place, trouble});
  }
  std::string names = words.list(mirror.names);
  if (mirror.missing > mirror.names.size()) { names = words(phrase::kNamesAndMore, {names}); }
  const std::string text =
      words(phrase::kLacks, {place, words.count(mirror.missing, phrase::kBackups), names});
  return trouble.empty() ? text : words(phrase::kInBrackets, {text, trouble});
}

std::string render_newest(const Words& words, const jobs::Overview& overview, WallTime now) {
  if (!overview.store_trouble.empty()) { return words(phrase::kNewestUnknown); }
  const bool is_first = overview.discounted.empty();
  if (!overview.newest) { return words(is_first ? phrase::kThereIsNone : phrase::kNoneCounts); }
  const store::Backup& newest = *overview.newest;
  return words(is_first ? phrase::kNewest : phrase::kNewestThatCounts,
               {printable(newest.name.text()), ago(words, *jobs::newest_made(overview), now),
                format_size(newest.size_bytes), how_sound(words, overview, now)});
}

std::string render_status(const Words& words, const jobs::Overview& overview, WallTime now) {
  std::string text = render_newest(words, overview, now) + "\n";
  for (const jobs::Risk& risk : jobs::risks_of(overview)) {
    text += words(phrase::kAtRisk, {words.told(risk.text)}) + "\n";
  }
  const auto add = [&](const Phrase& name, const std::string& value) {
    text += "  " + padded_right(words(name), 13) + value + "\n";
  };
  const auto free = [&](const std::optional<std::uint64_t>& bytes) {
    return bytes ? words(phrase::kFreeThere, {format_size(*bytes)}) : std::string{};
  };
  if (overview.store_trouble.empty()) {
    add(phrase::kStateBackups, words(phrase::kAnd, {std::to_string(overview.backups),
                                                    format_size(overview.backups_bytes)}) +
                                   free(overview.backups_free_bytes));
  }
  for (const jobs::Discounted& one : overview.discounted) {
    add(phrase::kStateNotCounted,
        words(phrase::kNotCounted, {printable(one.backup.name.text()),
                                    ago(words, one.backup.modified, now), words.told(one.why)}));
  }
  for (const jobs::Discounted& one : overview.damaged) {
    const auto is_it = [&](const jobs::Discounted& other) {
      return other.backup.name == one.backup.name;
    };
    if (std::ranges::any_of(overview.discounted, is_it)) { continue; }
    add(phrase::kStateDamaged,
        words(phrase::kNotCounted, {printable(one.backup.name.text()),
                                    ago(words, one.backup.modified, now), words.told(one.why)}));
  }
  if (overview.mirror) { add(phrase::kStateMirror, render_mirror(words, *overview.mirror)); }
  if (overview.data_free_bytes) {
    add(phrase::kStateData, words(phrase::kFree, {format_size(*overview.data_free_bytes)}));
  }
  if (overview.health.last) {
    add(phrase::kStateLastRun, render_run(words, *overview.health.last, now));
  }
  if (overview.health.trend) {
    add(phrase::kStateTrend, words.told(jobs::sentence_of(*overview.health.trend)));
  }
  const jobs::Timetable& timetable = overview.health.timetable;
  if (!timetable.expression.empty()) {
    add(phrase::kStateSchedule, render_timetable(words, timetable, overview.is_served));
  }
  const jobs::Timetable& verification = overview.health.verification;
  if (!verification.expression.empty()) {
    add(phrase::kStateVerifying, render_timetable(words, verification, overview.is_served));
  }
  if (!overview.retention.empty()) {
    add(phrase::kStateRetention, words.told_list(overview.retention));
  }
  for (const jobs::Kept& kept : overview.kept) {
    add(phrase::kStateReplaced,
        words(phrase::kKeptUntil, {size_of(words, kept.bytes), format_pocketbase_date(kept.until),
                                   way_back(words, kept)}));
  }
  if (overview.is_cut_off) { add(phrase::kStateCutOff, words(phrase::kIsCutOff)); }
  if (overview.job) { add(phrase::kStateAtWork, render_job(words, *overview.job, now)); }
  if (!overview.users.empty()) { add(phrase::kStateInUse, render_users(words, overview.users)); }
  return text;
}

std::string render_kept(const Words& words, const std::vector<jobs::Kept>& kept, WallTime now) {
  if (kept.empty()) { return words(phrase::kNothingKept) + "\n"; }
  const auto row = [](const std::array<std::string, 4>& cells) {
    constexpr std::size_t kUntilWidth = 18;
    return padded_right(cells[0], 17) + padded_right(cells[1], 12) + padded_right(cells[2], 12) +
           padded_right(cells[3], kUntilWidth);
  };
  std::string text = row({words(phrase::kHeadId), words(phrase::kHeadReplaced),
                          words(phrase::kHeadSize), words(phrase::kHeadKeptUntil)}) +
                     words(phrase::kHeadBy) + "\n";
  for (const jobs::Kept& one : kept) {
    text += row({printable(one.id), ago(words, one.at, now), size_of(words, one.bytes),
                 format_pocketbase_date(one.until).substr(0, 16)}) +
            replaced_by(words, one) + units_of(words, one) + strays_beside(words, one) + "\n";
  }
  return text;
}

}  // namespace pv::cli
