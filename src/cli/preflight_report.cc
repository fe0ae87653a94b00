#include "cli/preflight_report.h"

#include <algorithm>

#include "base/text.h"
#include "cli/columns.h"
#include "cli/render.h"
#include "cli/report_messages.h"

namespace pv::cli {
namespace {

constexpr std::size_t kNamesShown = 3;
constexpr std::size_t kCollectionsShown = 30;

// "a, b, c and 4 more" of `count` in all.
std::string listed(const Words& words, const std::vector<std::string>& names, std::uint64_t count) {
  const std::size_t shown = std::min(names.size(), kNamesShown);
  const std::string text = words.list(std::span{names}.first(shown));
  return count > shown ? words(phrase::kAndMore, {text, std::to_string(count - shown)}) : text;
}

class ReportText {
 public:
  ReportText(const Words& words, std::string heading) : words_{words}, text_{std::move(heading)} {}

  void add(const Phrase& name, const std::string& value) { add_line(words_(name), value); }
  // About the same as the line before.
  void add_more(const std::string& value) { add_line("", value); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void add_line(const std::string& name, const std::string& value) {
    constexpr std::size_t kWidth = 12;
    if (value.empty()) { return; }
    text_ += "\n  " + padded_right(name, kWidth - 1) + " " + value;
  }

  const Words& words_;
  std::string text_;
};

const Phrase& verdict_phrase(const jobs::Preflight& preflight) {
  switch (preflight.verdict) {
    case jobs::Verdict::kOk: return phrase::kWouldBeDone;
    case jobs::Verdict::kWarnings: return phrase::kWouldWarn;
    case jobs::Verdict::kRefused: break;
  }
  return phrase::kWouldBeRefused;
}

std::string archive_text(const Words& words, const jobs::Report& report,
                         const jobs::Preflight& preflight) {
  std::string text = words(phrase::kArchiveHolds, {format_size(report.archive_bytes),
                                                   words.count(report.entries, phrase::kFiles),
                                                   format_size(report.raw_bytes)});
  if (preflight.made) {
    text += words(phrase::kMadeAt, {format_pocketbase_date(*preflight.made).substr(0, 16)});
  }
  return text;
}

std::string app_text(const Words& words, const jobs::AppFacts& app) {
  std::string text = app.name.empty() ? "" : words(phrase::kAppNamed, {printable(app.name)});
  if (!app.version.empty()) { text += "PocketBase " + words.told(app.version); }
  if (app.settings_locked) { text += words(phrase::kSettingsLocked); }
  if (app.files_in_s3) { text += words(phrase::kFilesInS3); }
  return text;
}

void add_files(const Words& words, ReportText& report, const Phrase& name,
               const restore::Files& files) {
  if (files.files == 0) { return; }
  report.add(name, words(phrase::kFilesNamed,
                         {words.count(files.files, phrase::kFiles), format_size(files.bytes),
                          listed(words, files.names, files.files)}));
}

void add_changes(const Words& words, ReportText& report, const restore::Changes& changes) {
  std::string databases;
  for (const restore::DatabaseChange& database : changes.databases) {
    const auto size = [&](const std::optional<std::uint64_t>& bytes) {
      return bytes ? format_size(*bytes) : words(phrase::kNone);
    };
    databases += (databases.empty() ? "" : "; ") + printable(database.name) + " " +
                 size(database.bytes_before) + " -> " + size(database.bytes_after);
  }
  report.add(phrase::kFindDatabases, databases);
  add_files(words, report, phrase::kFindAdded, changes.added);
  add_files(words, report, phrase::kFindRemoved, changes.removed);
  add_files(words, report, phrase::kFindChanged, changes.changed);
  if (changes.same.files > 0) {
    report.add(phrase::kFindUnchanged,
               words(phrase::kAnd, {words.count(changes.same.files, phrase::kFiles),
                                    format_size(changes.same.bytes)}));
  }
}

std::string count_text(const Words& words, bool is_there,
                       const std::optional<std::uint64_t>& count) {
  if (!is_there) { return words(phrase::kNone); }
  return count ? std::to_string(*count) : "?";
}

// Those that differ, one a line; the others in one number.
void add_collections(const Words& words, ReportText& report, const jobs::Preflight& preflight) {
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
    report.add(phrase::kFindRecords,
               printable(change.name) + " " +
                   (tells_before ? count_text(words, change.is_in_place, change.before) + " -> "
                                 : std::string{}) +
                   count_text(words, change.is_in_archive, change.after));
  }
  if (differ > kCollectionsShown) {
    report.add(phrase::kFindRecords,
               words(phrase::kMoreCollections, {std::to_string(differ - kCollectionsShown)}));
  }
  if (same > 0) {
    report.add(phrase::kFindRecords,
               words(phrase::kAsManyIn, {words.count(same, phrase::kCollections)}));
  }
}

void add_migrations(const Words& words, ReportText& report, const Phrase& where,
                    const jobs::Names& names) {
  if (names.count == 0) { return; }
  report.add(phrase::kFindMigrations, words(where, {listed(words, names.names, names.count)}));
}

void add_people(const Words& words, ReportText& report, const jobs::Preflight& preflight) {
  if (!preflight.databases_checked) { return; }
  report.add(phrase::kFindSuperusers,
             preflight.superusers.count == 0
                 ? words(phrase::kNone)
                 : listed(words, preflight.superusers.names, preflight.superusers.count));
  if (preflight.superusers_lost.count > 0) {
    report.add_more(words(phrase::kNoLonger, {listed(words, preflight.superusers_lost.names,
                                                     preflight.superusers_lost.count)}));
  }
}

}  // namespace

std::string render_preflight(const Words& words, const jobs::Status& status) {
  if (!status.report.preflight) { return words(phrase::kNothingFound); }
  const jobs::Preflight& preflight = *status.report.preflight;
  ReportText report{
      words, words(phrase::kARestoreWould, {printable(status.name), in_part(words, status.report),
                                            words(verdict_phrase(preflight))})};
  for (const Error& reason : preflight.reasons) {
    report.add(phrase::kFindBecause, words.told(reason.what));
  }
  if (status.report.archive_bytes > 0) {
    report.add(phrase::kFindArchive, archive_text(words, status.report, preflight));
  }
  report.add(phrase::kFindApp, app_text(words, preflight.archive));
  if (preflight.in_place && !(*preflight.in_place == preflight.archive)) {
    report.add_more(words(phrase::kNowApp, {app_text(words, *preflight.in_place)}));
  }
  if (preflight.changes) { add_changes(words, report, *preflight.changes); }
  if (!status.report.bucket.empty()) {
    report.add(phrase::kFindUploads,
               words(phrase::kGoInto,
                     {words.count(status.report.bucket_files, phrase::kFiles),
                      format_size(status.report.bucket_bytes), words.told(status.report.bucket)}));
  }
  add_collections(words, report, preflight);
  add_migrations(words, report, phrase::kOnlyInBackup, preflight.migrations_only_in_archive);
  add_migrations(words, report, phrase::kOnlyInPlace, preflight.migrations_only_in_place);
  add_people(words, report, preflight);
  report.add(phrase::kFindNote, words.told(status.report.note));
  if (preflight.space_needed > 0) {
    report.add(phrase::kFindSpace,
               words(phrase::kSpaceNeeded,
                     {format_size(preflight.space_needed), format_size(preflight.space_free)}));
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
