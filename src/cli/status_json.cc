#include "cli/status_json.h"

#include <algorithm>

#include "cli/job_json.h"
#include "jobs/json_reader.h"

namespace pv::cli {
namespace {

using jobs::Reader;

constexpr std::size_t kEntriesMax = 4096;
constexpr std::uint64_t kPidMax = 1 << 30;

WallTime date_of(const Reader& from, std::string_view name) {
  return parse_date(from.text(name)).value_or(WallTime{});
}

int pid_of(const Reader& from) { return static_cast<int>(std::min(from.count("pid"), kPidMax)); }

// The objects of a list; what is none is left out.
std::vector<Reader> objects_in(const json::array& array) {
  std::vector<Reader> objects;
  for (const json::value& item : array) {
    if (objects.size() == kEntriesMax) { break; }
    if (const json::object* object = item.if_object()) { objects.emplace_back(*object); }
  }
  return objects;
}

std::vector<std::string> texts_in(const json::array* array) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; array != nullptr && i < std::min(array->size(), kEntriesMax); ++i) {
    if ((*array)[i].is_string()) { texts.emplace_back((*array)[i].get_string()); }
  }
  return texts;
}

std::vector<jobs::Kept> kept_in(const json::array& array) {
  std::vector<jobs::Kept> kept;
  for (const Reader& from : objects_in(array)) {
    kept.push_back({.id = from.text("id"),
                    .from = from.text("from"),
                    .at = date_of(from, "at"),
                    .until = date_of(from, "until"),
                    .bytes = from.count_if_there("size"),
                    .units = texts_in(from.array("only")),
                    .strays = from.count("strays"),
                    .can_undo = from.flag_if_there("canUndo").value_or(true)});
  }
  return kept;
}

jobs::LeaseNote job_in(const Reader& from) {
  return {.pid = pid_of(from),
          .kind = from.text("kind"),
          .name = from.text("name"),
          .since = date_of(from, "since")};
}

// A server that knows more, or other things, than we do is believed. One from before "risks" tells
// the gravest alone.
std::vector<jobs::Risk> risks_in(const Reader& from) {
  std::vector<jobs::Risk> risks;
  if (const json::array* told = from.array("risks")) {
    for (const Reader& one : objects_in(*told)) {
      risks.push_back({one.text("kind"), one.text("text")});
    }
  } else if (const std::string risk = from.text("risk"); !risk.empty()) {
    risks.push_back({"", risk});
  }
  return risks;
}

}  // namespace

Result<std::vector<jobs::Kept>> kept_from_json(const json::value& value) {
  if (!value.is_array()) { return fail(Code::kInvalid, "the server's answer is not a list"); }
  return kept_in(value.get_array());
}

bool has_feature(const json::value& status, std::string_view feature) {
  if (!status.is_object()) { return false; }
  const std::vector<std::string> features = texts_in(Reader{status.get_object()}.array("features"));
  return std::find(features.begin(), features.end(), feature) != features.end();
}

Result<jobs::Overview> overview_from_json(const json::value& value) {
  if (!value.is_object()) { return fail(Code::kInvalid, "the server's answer is not a status"); }
  const Reader from{value.get_object()};
  jobs::Overview overview;
  overview.looked = date_of(from, "now");
  if (const json::object* newest = from.object("newest")) {
    PV_TRY(jobs::ListedBackup listed, listed_from_json(*newest));
    overview.newest = std::move(listed.backup);
    overview.newest_verdict = std::move(listed.verdict);
    overview.newest_made = parse_date(Reader{*newest}.text("made"));
    overview.is_newest_foreign = Reader{*newest}.flag_if_there("foreign").value_or(false);
    // One that tells no time of its own tells an age.
    if (const auto age = Reader{*newest}.count_if_there("ageSeconds");
        age && overview.looked == WallTime{}) {
      constexpr std::uint64_t kMost = 10'000'000'000;
      overview.looked = overview.newest->modified + std::chrono::seconds{std::min(*age, kMost)};
    }
    overview.newest_gaps = listed.gaps;
  }
  if (const json::array* discounted = from.array("discounted")) {
    for (const Reader& one : objects_in(*discounted)) {
      auto backup = backup_from_json(one.whole());
      if (backup.has_value()) { overview.discounted.push_back({*backup, one.text("why")}); }
    }
  }
  if (const json::array* damaged = from.array("damaged")) {
    for (const Reader& one : objects_in(*damaged)) {
      auto backup = backup_from_json(one.whole());
      if (backup.has_value()) { overview.damaged.push_back({*backup, one.text("why")}); }
    }
  }
  if (const json::object* retention = from.object("retention")) {
    overview.retention = Reader{*retention}.text("summary");
  }
  if (const json::object* backups = from.object("backups")) {
    const Reader numbers{*backups};
    overview.backups = numbers.count("count");
    overview.backups_bytes = numbers.count("size");
    overview.backups_free_bytes = numbers.count_if_there("free");
  }
  if (const json::object* data = from.object("data")) {
    overview.data_free_bytes = Reader{*data}.count_if_there("free");
  }
  if (const json::array* kept = from.array("replaced")) { overview.kept = kept_in(*kept); }
  overview.unknown_because = from.text("verdictsUnknownBecause");
  overview.store_doubt = from.text("storeUnknownBecause");
  overview.store_trouble = from.text("storeError");
  overview.is_cut_off = from.flag("cutOff");
  overview.told_risks = risks_in(from);
  overview.waiting = from.count("waiting");
  overview.is_served = from.flag_if_there("served").value_or(true);
  overview.health = jobs::health_from_json(from.whole());
  if (const json::object* job = from.object("job")) { overview.job = job_in(Reader{*job}); }
  if (const json::array* users = from.array("users")) {
    for (const Reader& user : objects_in(*users)) {
      overview.users.push_back({pid_of(user), user.text("program")});
    }
  }
  if (const json::object* mirror = from.object("mirror")) {
    const Reader detail{*mirror};
    overview.mirror = places::MirrorState{.place = detail.text("place"),
                                          .missing = detail.count("missing"),
                                          .names = texts_in(detail.array("names")),
                                          .trouble = detail.text("trouble")};
  }
  return overview;
}

}  // namespace pv::cli
