#include "cli/render.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "cli/preflight_report.h"

namespace pv::cli {
namespace {

using std::chrono::duration_cast;

// East Asian letters and pictures take two columns of a terminal; the ranges are those of Unicode's
// East Asian Width W and F, rounded to blocks.
bool is_wide(std::uint32_t letter) {
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };
  constexpr Range kWide[] = {{0x1100, 0x115F}, {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                             {0xF900, 0xFAFF}, {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                             {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
  return std::any_of(std::begin(kWide), std::end(kWide), [&](const Range& range) {
    return letter >= range.first && letter <= range.last;
  });
}

// Columns of a terminal that valid UTF-8 takes.
std::size_t width_of(std::string_view text) {
  const bool is_ascii =
      std::all_of(text.begin(), text.end(), [](char letter) { return (letter & 0x80) == 0; });
  if (is_ascii) { return text.size(); }
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    std::uint32_t letter = lead < 0x80   ? lead
                           : lead < 0xE0 ? lead & 0x1FU
                           : lead < 0xF0 ? lead & 0x0FU
                                         : lead & 0x07U;
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) {
      letter = (letter << 6U) | (static_cast<unsigned char>(text[i++]) & 0x3FU);
    }
    columns += is_wide(letter) ? 2 : 1;
  }
  return columns;
}

std::string blanks_up_to(std::size_t width, const std::string& text) {
  const std::size_t taken = width_of(text);
  return std::string(width > taken ? width - taken : 0, ' ');
}
std::string padded_right(const std::string& text, std::size_t width) {
  return text + blanks_up_to(width, text);
}
std::string padded_left(const std::string& text, std::size_t width) {
  return blanks_up_to(width, text) + text;
}

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

std::string took(const jobs::Status& status) {
  if (!status.finished) { return {}; }
  return " in " + format_took(*status.finished - status.started);
}

std::string kept_unchanged(const jobs::Report& report) {
  if (report.unchanged_files == 0) { return {}; }
  return "; unchanged and kept: " + plural(report.unchanged_files, "file") + ", " +
         format_size(report.unchanged_bytes);
}

std::string bucket_text(const jobs::Report& report) {
  return plural(report.bucket_files, "file") + ", " + format_size(report.bucket_bytes);
}

std::string amount_of(const jobs::LeftOut& left_out) {
  return plural(left_out.files, "file") + ", " + format_size(left_out.bytes);
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

std::string render_restored(const jobs::Status& status) {
  std::string text = "Restored " + printable(status.name) + in_part(status.report) + took(status) +
                     kept_unchanged(status.report);
  if (!status.report.bucket.empty()) {
    text += "; in " + printable(status.report.bucket) + ": " + bucket_text(status.report);
  }
  if (!status.report.replaced_id.empty()) {
    text += "; the data before it is kept: `pocketvault undo` brings it back";
  }
  if (!status.report.safety_backup.empty()) {
    text += "; the data before it is in the backup " + printable(status.report.safety_backup);
  }
  if (status.report.left_out.files > 0) {
    text += "; the app's code in the backup was left there (" + amount_of(status.report.left_out) +
            "): unzip FILE '.pocketvault-code/*'";
  }
  if (!status.report.note.empty()) { text += "\nNote: " + printable(status.report.note); }
  return text;
}

std::string render_made(const jobs::Status& status) {
  const jobs::Report& report = status.report;
  std::string text = "Made " + printable(status.name);
  if (report.archive_bytes > 0) {
    text += ": " + format_size(report.archive_bytes) + " from " + format_size(report.raw_bytes);
  }
  text += took(status);
  if (!report.previous.empty()) {
    text += ", " + format_size(report.copied_bytes) + " of it unchanged since " +
            printable(report.previous);
  }
  if (report.shared_bytes > 0) {
    text += "; on the disk it takes " + format_size(report.archive_bytes - report.shared_bytes) +
            ", the rest it shares with that one";
  }
  if (!report.way.empty()) {
    text += "; writers waited " + format_milliseconds(report.pause) + " (" + printable(report.way) +
            ")";
  }
  if (!report.structure.empty()) { text += "; databases: " + printable(report.structure); }
  if (!report.bucket.empty()) {
    text += "; of it " + bucket_text(report) + ", from " + printable(report.bucket);
  }
  if (report.left_out.files > 0) { text += "; left out as asked: " + amount_of(report.left_out); }
  return text;
}

// "3 h ago, deep: sound, 1200 records, took 2.5 s".
std::string verdict_in_full(const Summary& summary, WallTime now) {
  if (!summary.unknown_because.empty()) { return "not known"; }
  if (!summary.verdict) { return "never"; }
  const state::Verdict& verdict = *summary.verdict;
  std::string text = render_verdict(verdict, now) + ": ";
  text += verdict.is_sound ? "sound" : printable(verdict.reason);
  if (verdict.records) { text += ", " + plural(*verdict.records, "record"); }
  return text + ", took " + format_took(verdict.took);
}

}  // namespace

std::string in_part(const jobs::Report& report) {
  return report.scope.empty() ? "" : " (only " + printable(report.scope) + ")";
}

std::string plural(std::uint64_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string format_age(WallTime then, WallTime now) {
  const auto seconds = duration_cast<std::chrono::seconds>(now > then ? now - then : then - now);
  const std::int64_t count = seconds.count();
  if (count == 0) { return "now"; }
  std::string text;
  if (count < 60) {
    text = std::to_string(count) + " s";
  } else if (count < 3600) {
    text = std::to_string(count / 60) + " min";
  } else if (count < 48 * 3600) {
    text = std::to_string(count / 3600) + " h";
  } else {
    text = std::to_string(count / 86400) + " d";
  }
  return now > then ? text : "in " + text;
}

std::string ago(WallTime then, WallTime now) {
  const std::string age = format_age(then, now);
  return age == "now" || age.starts_with("in ") ? age : age + " ago";
}

std::string render_verdict(const state::Verdict& verdict, WallTime now) {
  return (verdict.is_sound ? "" : "DAMAGED, ") + ago(verdict.at, now) + ", " +
         std::string{state::depth_name(verdict.depth)};
}

std::string render_list(const std::vector<jobs::ListedBackup>& backups, WallTime now) {
  if (backups.empty()) { return "No backups.\n"; }
  using Row = std::array<std::string, 5>;
  std::vector<Row> rows{{"NAME", "SIZE", "AGE", "MODIFIED (UTC)", "VERIFIED"}};
  for (const auto& [backup, verdict, pin] : backups) {
    rows.push_back({printable(backup.name.text()), format_size(backup.size_bytes),
                    format_age(backup.modified, now),
                    format_minute(backup.modified) +
                        (backup.is_waiting ? "  waits to be sent" : "") + (pin ? "  pinned" : ""),
                    verdict ? render_verdict(*verdict, now) : "-"});
  }
  std::array<std::size_t, 4> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string text;
  for (const Row& row : rows) {
    text += padded_right(row[0], widths[0]) + "  " + padded_left(row[1], widths[1]) + "  " +
            padded_left(row[2], widths[2]) + "  " + padded_right(row[3], widths[3]) + "  " +
            row[4] + "\n";
  }
  return text;
}

std::string render_summary(const Summary& summary, WallTime now) {
  const store::Backup& backup = summary.backup;
  const std::string age = format_age(backup.modified, now);
  std::string text = printable(backup.name.text()) + "\n";
  const auto add = [&](const char* name, const std::string& value) {
    text += "  " + padded_right(name, 11) + value + "\n";
  };
  add("size", format_size(backup.size_bytes) + " (" + plural(backup.size_bytes, "byte") + ")");
  add("modified", format_pocketbase_date(backup.modified) + " (age: " + age + ")");
  if (!summary.contents) {
    add("contents", "unknown: this server is a plain PocketBase, which can't say");
    return text;
  }
  add("verified", verdict_in_full(summary, now));
  if (summary.pin) {
    const std::string note = printable(summary.pin->note);
    add("pinned", ago(summary.pin->at, now) + (note.empty() ? "" : ": " + note));
  }
  const Contents& contents = *summary.contents;
  std::string names;
  for (const std::string& name : contents.databases) {
    names += (names.empty() ? "" : ", ") + printable(name);
  }
  add("unpacked", format_size(contents.raw_bytes) + " in " + plural(contents.entries, "file"));
  add("databases", names.empty() ? "none" : names);
  add("storage", plural(contents.storage_files, "file"));
  add("restorable", contents.has_data_db ? "yes; `pocketvault verify` reads every byte of it"
                                         : "no: data.db is missing");
  return text;
}

std::string render_item(const jobs::ContentItem& item, bool long_form) {
  std::string name = printable(item.name) + (item.kind == jobs::ItemKind::kFolder ? "/" : "");
  if (!item.refused.empty()) { name += "  (can't be taken out: " + printable(item.refused) + ")"; }
  if (!long_form) { return name; }
  constexpr std::size_t kSizeWidth = 9;  // "1000.0 MB"
  constexpr std::size_t kTimeWidth = 16;
  return mode_text(item) + "  " + padded_left(format_size(item.raw_bytes), kSizeWidth) + "  " +
         padded_left(format_size(item.packed_bytes), kSizeWidth) + "  " +
         padded_right(item.modified ? format_minute(*item.modified) : "", kTimeWidth) + "  " + name;
}

std::string render_success(const jobs::Status& status) {
  switch (status.kind) {
    case jobs::Kind::kBackup: return render_made(status);
    case jobs::Kind::kVerify:
      return printable(status.name) + " is sound: " + plural(status.report.entries, "file") + ", " +
             format_size(status.report.raw_bytes) + " unpacked, checked" + took(status);
    case jobs::Kind::kRestore: return render_restored(status);
    case jobs::Kind::kExtract:
      return "Took " + printable(status.name) + in_part(status.report) + " out to " +
             printable(status.report.target) + ": " + plural(status.report.entries, "file") + ", " +
             format_size(status.report.raw_bytes) + ", checked" + took(status);
    case jobs::Kind::kUndo:
      return "Took the last restore back" + took(status) +
             "; `pocketvault undo` once more would redo it";
    case jobs::Kind::kPreflight: return render_preflight(status);
  }
  return {};
}

std::vector<std::string> render_warnings(const std::vector<jobs::Warning>& warnings,
                                         std::size_t lines_max) {
  std::vector<std::string> lines;
  for (const jobs::Warning& warning : warnings) {
    if (lines.size() == lines_max) {
      lines.push_back("Warning: and " + std::to_string(warnings.size() - lines_max) +
                      " more; --json has all");
      break;
    }
    const std::string name = warning.name.empty() ? "" : printable(warning.name) + ": ";
    lines.push_back("Warning: " + name + printable(warning.what));
  }
  return lines;
}

}  // namespace pv::cli
