#include "cli/render.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "cli/columns.h"
#include "cli/preflight_report.h"
#include "cli/report_messages.h"

namespace pv::cli {
namespace {

using std::chrono::duration_cast;

// "49 ms", "2.5 s".
std::string format_took(std::chrono::nanoseconds span) {
  if (span < std::chrono::seconds{1}) {
    return std::to_string(duration_cast<std::chrono::milliseconds>(span).count()) + " ms";
  }
  std::array<char, 32> text{};
  const std::chrono::duration<double> seconds = span;
  std::snprintf(text.data(), text.size(), "%.1f s", seconds.count());
  return text.data();
}

std::string format_milliseconds(std::chrono::nanoseconds span) {
  std::array<char, 32> text{};
  const std::chrono::duration<double, std::milli> milliseconds = span;
  std::snprintf(text.data(), text.size(), "%.2f ms", milliseconds.count());
  return text.data();
}

// To the minute, as a table wants it.
std::string format_minute(WallTime time) { return format_pocketbase_date(time).substr(0, 16); }

std::string took(const Words& words, const jobs::Status& status) {
  if (!status.finished) { return {}; }
  return words(phrase::kTook, {format_took(*status.finished - status.started)});
}

std::string kept_unchanged(const Words& words, const jobs::Report& report) {
  if (report.unchanged_files == 0) { return {}; }
  return words(phrase::kKeptUnchanged, {words.count(report.unchanged_files, phrase::kFiles),
                                        format_size(report.unchanged_bytes)});
}

std::string bucket_text(const Words& words, const jobs::Report& report) {
  return words(phrase::kAnd, {words.count(report.bucket_files, phrase::kFiles),
                              format_size(report.bucket_bytes)});
}

std::string amount_of(const Words& words, const jobs::LeftOut& left_out) {
  return words(phrase::kAnd,
               {words.count(left_out.files, phrase::kFiles), format_size(left_out.bytes)});
}

// "-rw-r--r--"; question marks where the archive does not say.
std::string mode_text(const jobs::ContentItem& item) {
  const char type = item.kind == jobs::ItemKind::kFile     ? '-'
                    : item.kind == jobs::ItemKind::kFolder ? 'd'
                                                           : '?';
  constexpr std::string_view kLetters = "rwxrwxrwx";
  std::string text(1, type);
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    const bool is_set = (item.mode >> (kLetters.size() - 1 - i) & 1U) != 0;
    text += item.mode == 0 ? '?' : is_set ? kLetters[i] : '-';
  }
  return text;
}

std::string render_restored(const Words& words, const jobs::Status& status) {
  const jobs::Report& report = status.report;
  std::string text = words(phrase::kRestored, {printable(status.name)}) + in_part(words, report) +
                     took(words, status) + kept_unchanged(words, report);
  if (!report.bucket.empty()) {
    text += words(phrase::kPutIntoBucket, {words.told(report.bucket), bucket_text(words, report)});
  }
  if (!report.replaced_id.empty()) { text += words(phrase::kBeforeIsKept); }
  if (!report.safety_backup.empty()) {
    text += words(phrase::kBeforeIsInBackup, {printable(report.safety_backup)});
  }
  if (report.left_out.files > 0) {
    text += words(phrase::kCodeLeftThere, {amount_of(words, report.left_out)});
  }
  if (!report.note.empty()) { text += "\n" + words(phrase::kNote, {words.told(report.note)}); }
  return text;
}

std::string render_made(const Words& words, const jobs::Status& status) {
  const jobs::Report& report = status.report;
  std::string text = words(phrase::kMade, {printable(status.name)});
  if (report.archive_bytes > 0) {
    text += words(phrase::kMadeFrom,
                  {format_size(report.archive_bytes), format_size(report.raw_bytes)});
  }
  text += took(words, status);
  const bool was_sent = report.copied_bytes == 0 && report.shared_bytes > 0;  // to a bucket
  if (was_sent) {
    text += words(phrase::kSentRest, {format_size(report.archive_bytes - report.shared_bytes),
                                      printable(report.previous)});
  } else if (!report.previous.empty()) {
    text += words(phrase::kUnchangedSince,
                  {format_size(report.copied_bytes), printable(report.previous)});
  }
  if (report.shared_bytes > 0 && !was_sent) {
    text += words(phrase::kSharesRest, {format_size(report.archive_bytes - report.shared_bytes)});
  }
  if (!report.way.empty()) {
    const std::string way = report.way == phrase::kWayPinned.english ? words(phrase::kWayPinned)
                                                                     : words.told(report.way);
    text += words(phrase::kWritersWaited, {format_milliseconds(report.pause), way});
  }
  if (!report.structure.empty()) {
    text += words(phrase::kDatabasesAre, {words.told(report.structure)});
  }
  if (!report.bucket.empty()) {
    text += words(phrase::kOfItFromBucket, {bucket_text(words, report), words.told(report.bucket)});
  }
  if (report.left_out.files > 0) {
    text += words(phrase::kLeftOutAsAsked, {amount_of(words, report.left_out)});
  }
  if (!report.note.empty()) { text += "\n" + words(phrase::kNote, {words.told(report.note)}); }
  return text;
}

// "3 h ago, deep: sound, 1200 records, took 2.5 s".
std::string verdict_in_full(const Words& words, const Summary& summary, WallTime now) {
  if (!summary.unknown_because.empty()) { return words(phrase::kNotKnown); }
  if (!summary.verdict) { return words(phrase::kNever); }
  const state::Verdict& verdict = *summary.verdict;
  const std::string found = verdict.is_sound ? words(phrase::kSound) : words.told(verdict.reason);
  std::string text = words(phrase::kBecause, {render_verdict(words, verdict, now), found});
  if (verdict.records) {
    text = words(phrase::kAnd, {text, words.count(*verdict.records, phrase::kRecords)});
  }
  return words(phrase::kVerdictTook, {text, format_took(verdict.took)});
}

}  // namespace

std::string in_part(const Words& words, const jobs::Report& report) {
  return report.scope.empty() ? "" : words(phrase::kOnly, {printable(report.scope)});
}

std::string depth_text(const Words& words, state::Depth depth) {
  switch (depth) {
    case state::Depth::kChecksums: return words(phrase::kChecksums);
    case state::Depth::kQuick: return words(phrase::kQuick);
    case state::Depth::kDeep: return words(phrase::kDeep);
  }
  return {};
}

std::string format_age(const Words& words, WallTime then, WallTime now) {
  const auto seconds = duration_cast<std::chrono::seconds>(now > then ? now - then : then - now);
  const std::int64_t count = seconds.count();
  if (count == 0) { return words(phrase::kNow); }
  std::string text;
  if (count < 60) {
    text = words(phrase::kSeconds, {std::to_string(count)});
  } else if (count < 3600) {
    text = words(phrase::kMinutes, {std::to_string(count / 60)});
  } else if (count < 48 * 3600) {
    text = words(phrase::kHours, {std::to_string(count / 3600)});
  } else {
    text = words(phrase::kDays, {std::to_string(count / 86400)});
  }
  return now > then ? text : words(phrase::kAhead, {text});
}

std::string ago(const Words& words, WallTime then, WallTime now) {
  const std::string age = format_age(words, then, now);
  const bool is_past = now - then >= std::chrono::seconds{1};
  return is_past ? words(phrase::kAgo, {age}) : age;
}

std::string render_verdict(const Words& words, const state::Verdict& verdict, WallTime now) {
  const Phrase& found = verdict.is_sound ? phrase::kAnd : phrase::kDamagedVerdict;
  return words(found, {ago(words, verdict.at, now), depth_text(words, verdict.depth)});
}

std::string what_lacks(const Words& words, const std::optional<state::Gaps>& gaps) {
  return gaps ? words(phrase::kIncomplete, {words.count(gaps->files(), phrase::kFiles)}) : "";
}

std::string render_list(const Words& words, const std::vector<jobs::ListedBackup>& backups,
                        WallTime now) {
  if (backups.empty()) { return words(phrase::kNoBackups) + "\n"; }
  using Column = Table::Column;
  Table table{{Column::kLeft, Column::kRight, Column::kRight, Column::kLeft, Column::kLast},
              backups.size() + 1};
  for (const Phrase& head : {phrase::kHeadName, phrase::kHeadSize, phrase::kHeadAge,
                             phrase::kHeadModified, phrase::kHeadVerified}) {
    table.add(words(head));
  }
  for (const auto& [backup, verdict, pin, gaps] : backups) {
    table.add(printable(backup.name.text()));
    table.add(format_size(backup.size_bytes));
    table.add(format_age(words, backup.modified, now));
    table.add(format_minute(backup.modified) +
              (backup.is_waiting ? words(phrase::kWaitsToBeSent) : std::string{}) +
              (pin ? words(phrase::kIsPinned) : std::string{}));
    table.add((verdict ? render_verdict(words, *verdict, now) : "-") + what_lacks(words, gaps));
  }
  return table.text();
}

std::string render_summary(const Words& words, const Summary& summary, WallTime now) {
  const store::Backup& backup = summary.backup;
  const std::string age = format_age(words, backup.modified, now);
  std::string text = printable(backup.name.text()) + "\n";
  const auto add = [&](const Phrase& name, const std::string& value) {
    text += "  " + padded_right(words(name), 11) + value + "\n";
  };
  add(phrase::kLabelSize,
      words(phrase::kInBrackets,
            {format_size(backup.size_bytes), words.count(backup.size_bytes, phrase::kBytes)}));
  add(phrase::kLabelModified,
      words(phrase::kDateOfAge, {format_pocketbase_date(backup.modified), age}));
  if (!summary.contents) {
    add(phrase::kLabelContents, words(phrase::kPlainCantSay));
    return text;
  }
  add(phrase::kLabelVerified,
      verdict_in_full(words, summary, now) + what_lacks(words, summary.gaps));
  if (summary.pin) {
    const std::string since = ago(words, summary.pin->at, now);
    const std::string note = printable(summary.pin->note);
    add(phrase::kLabelPinned, note.empty() ? since : words(phrase::kBecause, {since, note}));
  }
  const Contents& contents = *summary.contents;
  const std::string names = words.list(contents.databases);
  add(phrase::kLabelUnpacked,
      words(phrase::kSizeInFiles,
            {format_size(contents.raw_bytes), words.count(contents.entries, phrase::kFiles)}));
  add(phrase::kLabelDatabases, names.empty() ? words(phrase::kNone) : names);
  add(phrase::kLabelStorage, words.count(contents.storage_files, phrase::kFiles));
  add(phrase::kLabelRestorable,
      words(contents.has_data_db ? phrase::kRestorable : phrase::kNotRestorable));
  return text;
}

std::string render_item(const Words& words, const jobs::ContentItem& item, bool long_form) {
  std::string name = printable(item.name) + (item.kind == jobs::ItemKind::kFolder ? "/" : "");
  if (!item.refused.empty()) { name += words(phrase::kCantBeTakenOut, {words.told(item.refused)}); }
  if (!long_form) { return name; }
  constexpr std::size_t kSizeWidth = 9;  // "1000.0 MB"
  constexpr std::size_t kTimeWidth = 16;
  return mode_text(item) + "  " + padded_left(format_size(item.raw_bytes), kSizeWidth) + "  " +
         padded_left(format_size(item.packed_bytes), kSizeWidth) + "  " +
         padded_right(item.modified ? format_minute(*item.modified) : "", kTimeWidth) + "  " + name;
}

std::string render_success(const Words& words, const jobs::Status& status) {
  const jobs::Report& report = status.report;
  switch (status.kind) {
    case jobs::Kind::kBackup: return render_made(words, status);
    case jobs::Kind::kVerify:
      return words(phrase::kIsSound,
                   {printable(status.name), words.count(report.entries, phrase::kFiles),
                    format_size(report.raw_bytes)}) +
             took(words, status);
    case jobs::Kind::kRestore: return render_restored(words, status);
    case jobs::Kind::kExtract:
      return words(phrase::kTookOut,
                   {printable(status.name), in_part(words, report), printable(report.target),
                    words.count(report.entries, phrase::kFiles), format_size(report.raw_bytes)}) +
             took(words, status);
    case jobs::Kind::kUndo: return words(phrase::kTookBack, {took(words, status)});
    case jobs::Kind::kPreflight: return render_preflight(words, status);
  }
  return {};
}

std::vector<std::string> render_warnings(const Words& words,
                                         const std::vector<jobs::Warning>& warnings,
                                         std::size_t lines_max) {
  std::vector<std::string> lines;
  for (const jobs::Warning& warning : warnings) {
    if (lines.size() == lines_max) {
      lines.push_back(words(phrase::kMoreWarnings, {std::to_string(warnings.size() - lines_max)}));
      break;
    }
    const std::string what = words.told(warning.what);
    lines.push_back(warning.name.empty()
                        ? words(phrase::kWarning, {what})
                        : words(phrase::kWarningAt, {printable(warning.name), what}));
  }
  return lines;
}

}  // namespace pv::cli
