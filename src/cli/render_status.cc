#include "cli/render_status.h"

#include <algorithm>

#include "base/text.h"
#include "cli/render.h"

namespace pv::cli {
namespace {

std::string size_of(const std::optional<std::uint64_t>& bytes) {
  return bytes ? format_size(*bytes) : "unknown";
}

std::string render_users(const std::vector<fs::LockHolder>& users) {
  std::string text;
  for (const fs::LockHolder& user : users) {
    text += (text.empty() ? "" : ", ") +
            (user.program.empty() ? "a program" : printable(user.program)) + " (process " +
            std::to_string(user.pid) + ")";
  }
  return text;
}

std::string render_job(const jobs::LeaseNote& job, WallTime now) {
  std::string text = printable(job.kind);
  if (!job.name.empty()) { text += " " + printable(job.name); }
  return text + ", begun " + ago(job.since, now) + ", process " + std::to_string(job.pid);
}

std::string render_run(const state::PastJob& run, WallTime now) {
  std::string text = printable(run.outcome) + " " + ago(run.ended, now);
  if (run.is_scheduled) { text += ", by the clock"; }
  if (run.warnings > 0) { text += ", " + std::to_string(run.warnings) + " warnings"; }
  return text;
}

std::string render_timetable(const jobs::Timetable& timetable) {
  const std::string text = printable(timetable.expression);
  if (!timetable.off_because.empty()) { return text + ", " + printable(timetable.off_because); }
  return text + ", next " + (timetable.next ? format_pocketbase_date(*timetable.next) : "never");
}

// Up to so many columns, so that those behind it stand in a line.
std::string column(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string how_sound(const jobs::Overview& overview, WallTime now) {
  if (!overview.unknown_because.empty()) {
    return "whether it was verified is not known: " + printable(overview.unknown_because);
  }
  if (!overview.newest_verdict) { return "never verified"; }
  const state::Verdict& verdict = *overview.newest_verdict;
  const std::string when = ago(verdict.at, now);
  const std::string depth = " (" + std::string{state::depth_name(verdict.depth)} + ")";
  return verdict.is_sound ? "verified " + when + depth
                          : "DAMAGED, as a verification found " + when + depth + ": " +
                                printable(verdict.reason);
}

// " (only data.db and 3 more)".
std::string units_of(const jobs::Kept& kept) {
  if (kept.units.empty()) { return {}; }
  const std::size_t more = kept.units.size() - 1;
  return " (only " + printable(kept.units.front()) +
         (more > 0 ? " and " + std::to_string(more) + " more" : "") + ")";
}

// "2 strays": what programs made meanwhile in the place of what was exchanged.
std::string strays_of(const jobs::Kept& kept) {
  return std::to_string(kept.strays) + (kept.strays == 1 ? " stray" : " strays");
}

// ", with 2 strays".
std::string strays_beside(const jobs::Kept& kept) {
  if (kept.strays == 0) { return {}; }
  return (kept.can_undo ? ", with " : ", only ") + strays_of(kept);
}

// How to have it back, and what an undo leaves.
std::string way_back(const jobs::Kept& kept) {
  const std::string id = printable(kept.id);
  if (!kept.can_undo) { return "only " + strays_of(kept) + ", in replaced-" + id; }
  const std::string way = "pocketvault undo " + id;
  return kept.strays == 0 ? way : way + ", which leaves " + strays_of(kept);
}

}  // namespace

std::string render_mirror(const jobs::MirrorState& mirror) {
  std::string text = printable(mirror.place) + ", ";
  if (mirror.missing == 0 && !mirror.trouble.empty()) {
    return text + "what it lacks is not known: " + printable(mirror.trouble);
  }
  if (mirror.missing == 0) { return text + "lacks nothing"; }
  text += "lacks " + plural(mirror.missing, "backup");
  std::string names;
  for (const std::string& name : mirror.names) {
    names += (names.empty() ? "" : ", ") + printable(name);
  }
  text += ": " + names + (mirror.missing > mirror.names.size() ? " and more" : "");
  return mirror.trouble.empty() ? text : text + " (" + printable(mirror.trouble) + ")";
}

std::string render_newest(const jobs::Overview& overview, WallTime now) {
  const bool is_first = overview.discounted.empty();
  if (!overview.newest) {
    return is_first ? "There is no backup." : "There is no backup that counts.";
  }
  const store::Backup& newest = *overview.newest;
  const std::string text = "Newest backup: " + printable(newest.name.text()) + ", " +
                           ago(newest.modified, now) + " (" + format_size(newest.size_bytes) + ")";
  return text + ", " + how_sound(overview, now) + (is_first ? "." : "; newer ones don't count.");
}

std::string render_status(const jobs::Overview& overview, WallTime now) {
  std::string text = render_newest(overview, now) + "\n";
  if (const std::string risk = jobs::risk_of(overview); !risk.empty()) {
    text += "At risk: " + printable(risk) + ".\n";
  }
  const auto add = [&](const char* name, const std::string& value) {
    text += "  " + column(name, 13) + value + "\n";
  };
  const auto free = [](const std::optional<std::uint64_t>& bytes) {
    return bytes ? ", " + format_size(*bytes) + " free there" : std::string{};
  };
  add("backups", std::to_string(overview.backups) + ", " + format_size(overview.backups_bytes) +
                     free(overview.backups_free_bytes));
  for (const jobs::Discounted& one : overview.discounted) {
    add("not counted", printable(one.backup.name.text()) + ", " + ago(one.backup.modified, now) +
                           ": " + printable(one.why));
  }
  for (const jobs::Discounted& one : overview.damaged) {
    const auto is_it = [&](const jobs::Discounted& other) {
      return other.backup.name == one.backup.name;
    };
    if (std::ranges::any_of(overview.discounted, is_it)) { continue; }
    add("damaged", printable(one.backup.name.text()) + ", " + ago(one.backup.modified, now) + ": " +
                       printable(one.why));
  }
  if (overview.mirror) { add("mirror", render_mirror(*overview.mirror)); }
  if (overview.data_free_bytes) { add("data", format_size(*overview.data_free_bytes) + " free"); }
  if (overview.health.last) { add("last run", render_run(*overview.health.last, now)); }
  if (overview.health.trend) { add("trend", jobs::sentence_of(*overview.health.trend)); }
  const jobs::Timetable& timetable = overview.health.timetable;
  if (!timetable.expression.empty()) { add("schedule", render_timetable(timetable)); }
  const jobs::Timetable& verification = overview.health.verification;
  if (!verification.expression.empty()) { add("verifying", render_timetable(verification)); }
  if (!overview.retention.empty()) { add("retention", printable(overview.retention)); }
  for (const jobs::Kept& kept : overview.kept) {
    add("replaced", size_of(kept.bytes) + ", kept until " + format_pocketbase_date(kept.until) +
                        ": " + way_back(kept));
  }
  if (overview.is_cut_off) {
    add("cut off",
        "a restore did not get to its end: start pocketvault on the directory (list, "
        "serve), which finishes it or takes it back");
  }
  if (overview.job) { add("at work", render_job(*overview.job, now)); }
  if (!overview.users.empty()) { add("in use by", render_users(overview.users)); }
  return text;
}

std::string render_kept(const std::vector<jobs::Kept>& kept, WallTime now) {
  if (kept.empty()) { return "Nothing that a restore replaced is kept.\n"; }
  std::string text = "ID               REPLACED    SIZE        KEPT UNTIL (UTC)  BY\n";
  for (const jobs::Kept& one : kept) {
    text += column(printable(one.id), 17) + column(ago(one.at, now), 12) +
            column(size_of(one.bytes), 12) + format_pocketbase_date(one.until).substr(0, 16) +
            "  " + printable(one.from) + units_of(one) + strays_beside(one) + "\n";
  }
  return text;
}

}  // namespace pv::cli
