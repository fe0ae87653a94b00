#include "cli/job_json.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "jobs/json_reader.h"
#include "jobs/pins.h"
#include "jobs/preflight_json.h"

namespace pv::cli {
namespace {

using jobs::Reader;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

json::object to_json(const jobs::LeftOut& left_out) {
  json::array names;
  for (const std::string& name : left_out.names) { names.emplace_back(as_utf8(name)); }
  return {{"files", left_out.files}, {"bytes", left_out.bytes}, {"names", std::move(names)}};
}

json::object to_json(const jobs::Report& report) {
  // Whole microseconds, so that the number stays short: 0.153.
  const auto pause = duration_cast<std::chrono::microseconds>(report.pause);
  return {{"entries", report.entries},
          {"rawBytes", report.raw_bytes},
          {"archiveBytes", report.archive_bytes},
          {"pauseMs", static_cast<double>(pause.count()) / 1000.0},
          {"way", report.way},
          {"copiedBytes", report.copied_bytes},
          {"sharedBytes", report.shared_bytes},
          {"previous", as_utf8(report.previous)},
          {"fullBecause", as_utf8(report.full_because)},
          {"structure", report.structure},
          {"replacedId", report.replaced_id},
          {"leftOut", to_json(report.left_out)},
          {"bucket", as_utf8(report.bucket)},
          {"bucketFiles", report.bucket_files},
          {"bucketBytes", report.bucket_bytes},
          {"unchangedFiles", report.unchanged_files},
          {"unchangedBytes", report.unchanged_bytes},
          {"safetyBackup", as_utf8(report.safety_backup)},
          {"scope", as_utf8(report.scope)},
          {"note", report.note},
          {"target", as_utf8(report.target)},
          {"records", report.records},
          {"collections", jobs::to_json(report.collections)}};
}

constexpr std::array kKinds{jobs::Kind::kBackup, jobs::Kind::kRestore,   jobs::Kind::kUndo,
                            jobs::Kind::kVerify, jobs::Kind::kPreflight, jobs::Kind::kExtract};
constexpr std::array kStates{jobs::State::kRunning, jobs::State::kSucceeded, jobs::State::kFailed,
                             jobs::State::kCancelled};
template <class List, class Name>
auto by_name(const List& list, Name name_of, std::string_view wanted)
    -> std::optional<typename List::value_type> {
  for (const auto item : list) {
    if (name_of(item) == wanted) { return item; }
  }
  return std::nullopt;
}

jobs::LeftOut left_out_from(const Reader& from) {
  constexpr std::size_t kNamesMax = 100;
  jobs::LeftOut left_out{from.count("files"), from.count("bytes"), {}};
  const json::array* names = from.array("names");
  for (std::size_t i = 0; names != nullptr && i < std::min(names->size(), kNamesMax); ++i) {
    if ((*names)[i].is_string()) { left_out.names.emplace_back((*names)[i].get_string()); }
  }
  return left_out;
}

jobs::Report report_from(const Reader& from) {
  // A pause of an hour is already absurd; the bound keeps the cast defined.
  constexpr double kPauseMsMax = 3.6e6;
  const double pause = std::min(std::max(from.number("pauseMs"), 0.0), kPauseMsMax);
  jobs::Report report;
  report.entries = from.count("entries");
  report.raw_bytes = from.count("rawBytes");
  report.archive_bytes = from.count("archiveBytes");
  report.pause = std::chrono::nanoseconds{static_cast<std::int64_t>(pause * 1e6)};
  report.way = from.text("way");
  report.copied_bytes = from.count("copiedBytes");
  report.shared_bytes = from.count("sharedBytes");
  report.previous = from.text("previous");
  report.full_because = from.text("fullBecause");
  report.structure = from.text("structure");
  report.replaced_id = from.text("replacedId");
  if (const json::object* left_out = from.object("leftOut")) {
    report.left_out = left_out_from(Reader{*left_out});
  }
  report.bucket = from.text("bucket");
  report.bucket_files = from.count("bucketFiles");
  report.bucket_bytes = from.count("bucketBytes");
  report.unchanged_files = from.count("unchangedFiles");
  report.unchanged_bytes = from.count("unchangedBytes");
  report.safety_backup = from.text("safetyBackup");
  report.records = from.count("records");
  report.collections = jobs::collections_from(from.array("collections"));
  report.scope = from.text("scope");
  report.note = from.text("note");
  report.target = from.text("target");
  return report;
}

std::vector<jobs::Warning> warnings_from(const json::array& list) {
  std::vector<jobs::Warning> warnings;
  for (const json::value& item : list) {
    if (!item.is_object()) { continue; }
    const Reader from{item.get_object()};
    warnings.push_back({from.text("name"), from.text("message")});
    if (warnings.size() > jobs::kWarningsMax) { break; }
  }
  return warnings;
}

constexpr std::array kItemKinds{jobs::ItemKind::kFile, jobs::ItemKind::kFolder,
                                jobs::ItemKind::kOther};

std::optional<std::uint32_t> mode_from(const std::string& octal) {
  std::uint32_t mode = 0;
  const char* end = octal.data() + octal.size();
  const auto [stop, error] = std::from_chars(octal.data(), end, mode, 8);
  return error == std::errc{} && stop == end ? std::optional{mode & 07777U} : std::nullopt;
}

tl::unexpected<Error> unexpected_answer(const char* what) {
  return fail(Code::kInvalid, std::string{"the server's answer is not "} + what);
}

}  // namespace

json::object to_json(const Error& error) {
  return {{"code", code_name(error.code)}, {"message", as_utf8(error.what)}};
}

json::object to_json(const jobs::Status& status) {
  json::array warnings;
  for (const jobs::Warning& warning : status.warnings) {
    warnings.push_back(
        json::object{{"name", as_utf8(warning.name)}, {"message", as_utf8(warning.what)}});
  }
  json::object object{{"id", status.id},
                      {"kind", jobs::kind_name(status.kind)},
                      {"name", as_utf8(status.name)},
                      {"state", jobs::state_name(status.state)},
                      {"phase", status.phase},
                      {"bytesTotal", status.bytes_total},
                      {"bytesDone", status.bytes_done},
                      {"bytesPerSecond", status.bytes_per_second},
                      {"started", format_pocketbase_date(status.started)},
                      {"finished", nullptr},
                      {"error", nullptr},
                      {"warnings", std::move(warnings)},
                      {"report", to_json(status.report)}};
  if (status.finished) { object["finished"] = format_pocketbase_date(*status.finished); }
  if (status.error) { object["error"] = to_json(*status.error); }
  if (status.report.preflight) { object["preflight"] = jobs::to_json(*status.report.preflight); }
  return object;
}

json::object to_json(const store::Backup& backup) {
  json::object object{{"key", backup.name.text()},
                      {"size", backup.size_bytes},
                      {"modified", format_pocketbase_date(backup.modified)}};
  if (backup.is_waiting) { object["waiting"] = true; }
  return object;
}

json::object to_json(const jobs::ListedBackup& listed) {
  json::object object = to_json(listed.backup);
  object["verdict"] = jobs::to_json(listed.verdict);
  object["pin"] = jobs::to_json(listed.pin);
  object["incomplete"] = jobs::to_json(listed.gaps);
  return object;
}

json::object to_json(const Summary& summary) {
  json::object object =
      to_json(jobs::ListedBackup{summary.backup, summary.verdict, summary.pin, summary.gaps});
  if (!summary.contents) { return object; }
  const Contents& contents = *summary.contents;
  json::array databases;
  for (const std::string& name : contents.databases) { databases.emplace_back(as_utf8(name)); }
  object["entries"] = contents.entries;
  object["rawBytes"] = contents.raw_bytes;
  object["databases"] = std::move(databases);
  object["storageFiles"] = contents.storage_files;
  object["hasDataDb"] = contents.has_data_db;
  return object;
}

json::object to_json(const jobs::ContentItem& item) {
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", item.mode & 07777U);
  return {{"name", as_utf8(item.name)},
          {"type", jobs::item_kind_name(item.kind)},
          {"size", item.raw_bytes},
          {"packedSize", item.packed_bytes},
          {"files", item.files},
          {"mode", item.mode == 0 ? "" : mode.data()},
          {"modified", item.modified ? format_pocketbase_date(*item.modified) : ""},
          {"refused", as_utf8(item.refused)}};
}

Result<jobs::Status> job_from_json(const json::value& value) {
  if (!value.is_object()) { return unexpected_answer("a job"); }
  const Reader from{value.get_object()};
  const auto kind = by_name(kKinds, &jobs::kind_name, from.text("kind"));
  const auto state = by_name(kStates, &jobs::state_name, from.text("state"));
  if (!kind || !state || from.text("id").empty()) { return unexpected_answer("a job"); }
  jobs::Status status;
  status.id = from.text("id");
  status.kind = *kind;
  status.state = *state;
  status.name = from.text("name");
  status.phase = from.text("phase");
  status.bytes_total = from.count("bytesTotal");
  status.bytes_done = from.count("bytesDone");
  status.bytes_per_second = from.count("bytesPerSecond");
  status.started = parse_date(from.text("started")).value_or(WallTime{});
  status.finished = parse_date(from.text("finished"));
  if (const json::object* error = from.object("error")) {
    const Reader detail{*error};
    status.error = Error{jobs::code_of(detail.text("code")), detail.text("message")};
  }
  if (const json::array* warnings = from.array("warnings")) {
    status.warnings = warnings_from(*warnings);
  }
  if (const json::object* report = from.object("report")) {
    status.report = report_from(Reader{*report});
  }
  if (const json::object* preflight = from.object("preflight")) {
    status.report.preflight =
        std::make_shared<const jobs::Preflight>(jobs::preflight_from(*preflight));
  }
  return status;
}

Result<store::Backup> backup_from_json(const json::value& value) {
  if (!value.is_object()) { return unexpected_answer("a backup"); }
  const Reader from{value.get_object()};
  auto name = store::BackupName::parse(from.text("key"));
  if (!name.has_value()) { return unexpected_answer("a backup"); }
  return store::Backup{std::move(*name),
                       from.count("size"),
                       parse_date(from.text("modified")).value_or(WallTime{}),
                       {}};
}

Result<jobs::ListedBackup> listed_from_json(const json::value& value) {
  PV_TRY(store::Backup backup, backup_from_json(value));
  const Reader from{value.get_object()};
  auto pin = jobs::pin_from(backup.name.text(), from.object("pin"));
  return jobs::ListedBackup{std::move(backup), jobs::verdict_from(from.object("verdict")),
                            std::move(pin), jobs::gaps_from(from.object("incomplete"))};
}

Result<Summary> summary_from_json(const json::value& value) {
  PV_TRY(jobs::ListedBackup listed, listed_from_json(value));
  const Reader from{value.get_object()};
  Contents contents{from.count("entries"),
                    from.count("rawBytes"),
                    {},
                    from.count("storageFiles"),
                    from.flag("hasDataDb")};
  if (const json::array* names = from.array("databases")) {
    for (const json::value& name : *names) {
      if (name.is_string()) { contents.databases.emplace_back(name.get_string()); }
    }
  }
  Summary summary{std::move(listed.backup), std::move(contents), std::move(listed.verdict)};
  summary.pin = std::move(listed.pin);
  summary.gaps = listed.gaps;
  return summary;
}

Result<jobs::ContentItem> item_from_json(const json::value& value) {
  if (!value.is_object()) { return unexpected_answer("a listing"); }
  const Reader from{value.get_object()};
  const auto kind = by_name(kItemKinds, &jobs::item_kind_name, from.text("type"));
  if (!kind) { return unexpected_answer("a listing"); }
  return jobs::ContentItem{.name = from.text("name"),
                           .kind = *kind,
                           .raw_bytes = from.count("size"),
                           .packed_bytes = from.count("packedSize"),
                           .files = from.count("files"),
                           .mode = mode_from(from.text("mode")).value_or(0),
                           .modified = parse_date(from.text("modified")),
                           .refused = from.text("refused")};
}

void append_json(std::string& text, const json::value& value) {
  const char* between = "";
  if (value.is_double()) {
    std::array<char, 400> digits{};  // DBL_MAX has 309
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(),
                                            value.get_double(), std::chars_format::fixed);
    text += error == std::errc{} ? std::string_view{digits.data(), end} : "0";
  } else if (const json::object* object = value.if_object()) {
    text += '{';
    for (const auto& [name, member] : *object) {
      (text += std::exchange(between, ",")) += json::serialize(name);
      text += ':';
      append_json(text, member);
    }
    text += '}';
  } else if (const json::array* array = value.if_array()) {
    text += '[';
    for (const json::value& item : *array) {
      text += std::exchange(between, ",");
      append_json(text, item);
    }
    text += ']';
  } else {
    text += json::serialize(value);
  }
}

std::string json_text(const json::value& value) {
  std::string text;
  append_json(text, value);
  return text;
}

}  // namespace pv::cli
