#include "cli/preflight_report.h"

#include <algorithm>

#include "base/text.h"
#include "cli/render.h"

namespace pv::cli {
namespace {

constexpr std::size_t kNamesShown = 3;
constexpr std::size_t kCollectionsShown = 30;

// "a, b, c and 4 more" of `count` in all.
std::string listed(const std::vector<std::string>& names, std::uint64_t count) {
  std::string text;
  const std::size_t shown = std::min(names.size(), kNamesShown);
  for (std::size_t i = 0; i < shown; ++i) { text += (i == 0 ? "" : ", ") + printable(names[i]); }
  if (count > shown) { text += " and " + std::to_string(count - shown) + " more"; }
  return text;
}

class ReportText {
 public:
  explicit ReportText(std::string heading) : text_{std::move(heading)} {}

  void add(const std::string& name, const std::string& value) {
    constexpr std::size_t kWidth = 12;
    if (value.empty()) { return; }
    text_ += "\n  " + name + std::string(kWidth - std::min(kWidth - 1, name.size()), ' ') + value;
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string verdict_text(const jobs::Preflight& preflight) {
  switch (preflight.verdict) {
    case jobs::Verdict::kOk: return "would be done";
    case jobs::Verdict::kWarnings: return "would be done, with warnings";
    case jobs::Verdict::kRefused: return "would be refused";
  }
  return {};
}

std::string archive_text(const jobs::Report& report, const jobs::Preflight& preflight) {
  std::string text = format_size(report.archive_bytes) + ", " + plural(report.entries, "file") +
                     " of " + format_size(report.raw_bytes);
  if (preflight.made) {
    text += ", made " + format_pocketbase_date(*preflight.made).substr(0, 16) + " UTC";
  }
  return text;
}

std::string app_text(const jobs::AppFacts& app) {
  std::string text = app.name.empty() ? "" : "\"" + printable(app.name) + "\", ";
  if (!app.version.empty()) { text += "PocketBase " + printable(app.version); }
  if (app.settings_locked) { text += ", settings encrypted"; }
  if (app.files_in_s3) { text += ", uploaded files in S3"; }
  return text;
}

void add_files(ReportText& report, const char* name, const restore::Files& files) {
  if (files.files == 0) { return; }
  report.add(name, plural(files.files, "file") + ", " + format_size(files.bytes) + ": " +
                       listed(files.names, files.files));
}

void add_changes(ReportText& report, const restore::Changes& changes) {
  std::string databases;
  for (const restore::DatabaseChange& database : changes.databases) {
    const auto size = [](const std::optional<std::uint64_t>& bytes) {
      return bytes ? format_size(*bytes) : std::string{"none"};
    };
    databases += (databases.empty() ? "" : "; ") + printable(database.name) + " " +
                 size(database.bytes_before) + " -> " + size(database.bytes_after);
  }
  report.add("databases", databases);
  add_files(report, "added", changes.added);
  add_files(report, "removed", changes.removed);
  add_files(report, "changed", changes.changed);
  if (changes.same.files > 0) {
    report.add("unchanged",
               plural(changes.same.files, "file") + ", " + format_size(changes.same.bytes));
  }
}

std::string count_text(bool is_there, const std::optional<std::uint64_t>& count) {
  if (!is_there) { return "none"; }
  return count ? std::to_string(*count) : "?";
}

// Those that differ, one a line; the others in one number.
void add_collections(ReportText& report, const jobs::Preflight& preflight) {
  std::size_t same = 0;
  std::size_t differ = 0;
  for (const jobs::CollectionChange& change : preflight.collections) {
    const bool is_same =
        change.is_in_place == change.is_in_archive && change.before == change.after;
    if (is_same) {
      ++same;
      continue;
    }
    if (++differ > kCollectionsShown) { continue; }
    const bool tells_before = preflight.in_place.has_value();
    report.add("records", printable(change.name) + " " +
                              (tells_before ? count_text(change.is_in_place, change.before) + " -> "
                                            : std::string{}) +
                              count_text(change.is_in_archive, change.after));
  }
  if (differ > kCollectionsShown) {
    report.add("records", "and " + std::to_string(differ - kCollectionsShown) +
                              " collections more; --json has all");
  }
  if (same > 0) { report.add("records", "as many as now in " + plural(same, "collection")); }
}

void add_migrations(ReportText& report, const char* where, const jobs::Names& names) {
  if (names.count == 0) { return; }
  report.add("migrations", std::string{"only "} + where + ": " + listed(names.names, names.count));
}

void add_people(ReportText& report, const jobs::Preflight& preflight) {
  if (!preflight.databases_checked) { return; }
  report.add("superusers", preflight.superusers.count == 0
                               ? "none"
                               : listed(preflight.superusers.names, preflight.superusers.count));
  if (preflight.superusers_lost.count > 0) {
    report.add("", "no longer: " +
                       listed(preflight.superusers_lost.names, preflight.superusers_lost.count));
  }
}

}  // namespace

std::string render_preflight(const jobs::Status& status) {
  if (!status.report.preflight) { return "Nothing was found out"; }
  const jobs::Preflight& preflight = *status.report.preflight;
  ReportText report{"A restore of " + printable(status.name) + in_part(status.report) + " " +
                    verdict_text(preflight) + "; nothing was changed now"};
  for (const Error& reason : preflight.reasons) { report.add("because", printable(reason.what)); }
  if (status.report.archive_bytes > 0) {
    report.add("archive", archive_text(status.report, preflight));
  }
  report.add("app", app_text(preflight.archive));
  if (preflight.in_place && !(*preflight.in_place == preflight.archive)) {
    report.add("", "now " + app_text(*preflight.in_place));
  }
  if (preflight.changes) { add_changes(report, *preflight.changes); }
  if (!status.report.bucket.empty()) {
    report.add("uploads", plural(status.report.bucket_files, "file") + ", " +
                              format_size(status.report.bucket_bytes) + ", go into " +
                              printable(status.report.bucket));
  }
  add_collections(report, preflight);
  add_migrations(report, "in the backup", preflight.migrations_only_in_archive);
  add_migrations(report, "in the data now", preflight.migrations_only_in_place);
  add_people(report, preflight);
  report.add("note", printable(status.report.note));
  if (preflight.space_needed > 0) {
    report.add("space", format_size(preflight.space_needed) + " needed, " +
                            format_size(preflight.space_free) + " free");
  }
  return report.take();
}

Exit exit_for(const jobs::Preflight& preflight) {
  switch (preflight.verdict) {
    case jobs::Verdict::kOk: return Exit::kDone;
    case jobs::Verdict::kWarnings: return Exit::kWarnings;
    case jobs::Verdict::kRefused: break;
  }
  const std::vector<Error>& reasons = preflight.reasons;
  const auto all_are = [&](Code code) {
    return !reasons.empty() && std::all_of(reasons.begin(), reasons.end(),
                                           [&](const auto& reason) { return reason.code == code; });
  };
  if (all_are(Code::kNotFound)) { return Exit::kNotFound; }  // the part that is wanted
  // As the restore itself would end.
  if (all_are(Code::kNoSpace)) { return Exit::kStorage; }
  return all_are(Code::kUnsupported) ? Exit::kFailed : Exit::kDamaged;
}

}  // namespace pv::cli
