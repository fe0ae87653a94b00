#include "jobs/pruning.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "base/text.h"
#include "jobs/json_reader.h"
#include "jobs/names.h"
#include "jobs/overview.h"
#include "jobs/pins.h"
#include "jobs/recalled.h"
#include "jobs/verdicts.h"
#include "state/history.h"

namespace pv::jobs {
namespace {

namespace json = boost::json;
using settings::Retention;

constexpr std::size_t kToldMax = 100'000;  // of what a server says

Soundness soundness_of(const std::optional<state::Verdict>& verdict) {
  if (!verdict) { return Soundness::kUnknown; }
  return verdict->is_sound ? Soundness::kSound : Soundness::kDamaged;
}

// One that no restore takes counts for nothing; of one that the store does not give just now nobody
// can say, so it counts for nothing and stays.
bool is_in_doubt(Candidate& one, store::BackupStore& store, const Verdicts& verdicts) {
  const Result<std::string> doubt = look_for_doubt(one.backup, store, verdicts);
  if (doubt.has_value() && doubt->empty()) { return false; }
  one.soundness = Soundness::kDamaged;
  const bool is_gone = !doubt.has_value() && doubt.error().code == Code::kNotFound;
  if (!doubt.has_value() && !is_gone && one.busy.empty()) {
    one.busy = "it can't be read: " + doubt.error().what;
  }
  return true;
}

// What must not count as the newest.
void look_into_the_newest(std::vector<Candidate>& candidates, store::BackupStore& store,
                          const Verdicts& verdicts, WallTime now) {
  std::vector<Candidate*> newest_first;
  newest_first.reserve(candidates.size());
  for (Candidate& one : candidates) { newest_first.push_back(&one); }
  std::ranges::sort(newest_first, std::greater{},
                    [](const Candidate* one) { return one->backup.modified; });
  for (Candidate* one : newest_first) {
    if (!doubt_by_looks(one->backup, now).empty()) { continue; }
    if (!is_in_doubt(*one, store, verdicts)) { return; }
  }
}

// Backups that this directory made, and that are as it made them: with all that a restore needs.
class MadeHere {
 public:
  explicit MadeHere(const fs::Path& vault_folder) {
    std::ignore =
        state::for_each_made(state::VaultDb{vault_folder}, [this](const state::MadeBackup& made) {
          by_name_[std::string{made.name}] = {.name = {},
                                              .started = made.started,
                                              .ended = made.ended,
                                              .archive_bytes = made.archive_bytes};
        });
  }
  [[nodiscard]] bool has(const store::Backup& backup) const {
    const auto found = by_name_.find(backup.name.text());
    return found != by_name_.end() && is_as_made(backup, found->second);
  }

 private:
  std::map<std::string, state::MadeBackup> by_name_;
};

Error nothing_goes(const std::string& why) {
  return Error{Code::kDamaged,
               "nothing is removed, for it is not known what is pinned, and what "
               "verifications found: " +
                   why};
}

struct Count {
  std::string_view name;
  std::int64_t Retention::*member;
};
constexpr std::array kCounts{
    Count{"keepLast", &Retention::last},       Count{"keepHourly", &Retention::hourly},
    Count{"keepDaily", &Retention::daily},     Count{"keepWeekly", &Retention::weekly},
    Count{"keepMonthly", &Retention::monthly}, Count{"keepYearly", &Retention::yearly},
};

Result<std::int64_t> number_of(std::string_view name, std::string_view text, std::int64_t most) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || number < 0 || number > most) {
    return fail(Code::kInvalid,
                std::string{name} + " needs a number from 0 to " + std::to_string(most));
  }
  return number;
}

}  // namespace

Result<std::vector<Candidate>> candidates_of(store::BackupStore& store,
                                             const fs::Path& vault_folder,
                                             const std::map<std::string, std::string>& busy,
                                             WallTime now) {
  PV_TRY(const std::vector<store::Backup> backups, store.list());
  const auto pins = read_pins(vault_folder);
  if (!pins.has_value()) { return fail(nothing_goes(pins.error().what)); }
  const Verdicts verdicts = Verdicts::read(vault_folder);
  if (!verdicts.unknown_because().empty()) {
    return fail(nothing_goes(verdicts.unknown_because()));
  }
  std::vector<Candidate> candidates;
  candidates.reserve(backups.size());
  for (const store::Backup& backup : backups) {
    const std::string& key = backup.name.text();
    const auto use = busy.find(key);
    candidates.push_back({.backup = backup,
                          .soundness = soundness_of(verdicts.of(backup)),
                          .is_incomplete = verdicts.gaps_of(backup).has_value(),
                          .is_pinned = pins->contains(key),
                          .busy = use == busy.end() ? std::string{} : use->second});
  }
  look_into_the_newest(candidates, store, verdicts, now);
  return candidates;
}

std::vector<Decision> decide_by_looks(std::vector<Candidate> candidates, const Retention& rules,
                                      WallTime now, store::BackupStore& store,
                                      const fs::Path& vault_folder) {
  std::vector<Decision> decisions = decide(candidates, rules, now);
  if (std::ranges::all_of(decisions, &Decision::is_kept)) { return decisions; }
  const Verdicts verdicts = Verdicts::read(vault_folder);
  const MadeHere made_here{vault_folder};
  std::map<store::BackupName, Candidate*> unknown;
  for (Candidate& one : candidates) {
    const bool is_known = one.soundness != Soundness::kUnknown || made_here.has(one.backup);
    if (!is_known) { unknown.emplace(one.backup.name, &one); }
  }
  for (bool is_new = true; is_new;) {
    is_new = false;
    for (const Decision& decision : decisions) {
      const auto found = unknown.find(decision.backup.name);
      if (!decision.fills_place || found == unknown.end()) { continue; }
      is_new = is_in_doubt(*found->second, store, verdicts) || is_new;
      unknown.erase(found);
    }
    if (is_new) { decisions = decide(candidates, rules, now); }
  }
  return decisions;
}

void carry_out(Pruning& pruning,
               const std::function<Result<void>(const store::BackupName&)>& remove,
               const std::function<bool()>& stop) {
  for (auto one = pruning.decisions.rbegin(); one != pruning.decisions.rend() && !stop(); ++one) {
    if (one->is_kept) { continue; }
    const std::string& key = one->backup.name.text();
    const Result<void> removed = remove(one->backup.name);
    if (removed.has_value()) {
      pruning.removed.push_back(key);
    } else if (removed.error().code != Code::kNotFound) {
      pruning.failed.push_back({key, removed.error()});
    }
  }
}

json::object to_json(const Pruning& pruning) {
  json::array backups;
  backups.reserve(pruning.decisions.size());
  std::uint64_t bytes = 0;
  for (const auto& [backup, is_kept, fills_place, reasons] : pruning.decisions) {
    json::array why;
    for (const std::string& reason : reasons) { why.emplace_back(as_utf8(reason)); }
    backups.push_back(json::object{{"key", as_utf8(backup.name.text())},
                                   {"size", backup.size_bytes},
                                   {"modified", format_pocketbase_date(backup.modified)},
                                   {"kept", is_kept},
                                   {"reasons", std::move(why)}});
    bytes += is_kept ? 0 : backup.size_bytes;
  }
  json::array removed;
  for (const std::string& key : pruning.removed) { removed.emplace_back(as_utf8(key)); }
  json::array failed;
  for (const Pruning::Failure& one : pruning.failed) {
    failed.push_back(json::object{{"key", as_utf8(one.key)},
                                  {"code", code_name(one.error.code)},
                                  {"message", as_utf8(one.error.what)}});
  }
  return {{"summary", pruning.summary},
          {"bytes", bytes},
          {"removed", std::move(removed)},
          {"failed", std::move(failed)},
          {"backups", std::move(backups)}};
}

Pruning pruning_from_json(const json::object& object) {
  const Reader from{object};
  const auto each = [&](std::string_view name, const auto& take) {
    const json::array* list = from.array(name);
    for (std::size_t i = 0; list != nullptr && i < std::min(list->size(), kToldMax); ++i) {
      take((*list)[i]);
    }
  };
  Pruning pruning{.summary = from.text("summary"), .decisions = {}, .removed = {}, .failed = {}};
  each("removed", [&](const json::value& value) {
    if (value.is_string()) { pruning.removed.emplace_back(value.get_string()); }
  });
  each("failed", [&](const json::value& value) {
    if (!value.is_object()) { return; }
    const Reader one{value.get_object()};
    pruning.failed.push_back({one.text("key"), {code_of(one.text("code")), one.text("message")}});
  });
  each("backups", [&](const json::value& value) {
    if (!value.is_object()) { return; }
    const Reader one{value.get_object()};
    auto name = store::BackupName::parse(one.text("key"));
    if (!name.has_value()) { return; }
    Decision decision{.backup = {.name = *std::move(name),
                                 .size_bytes = one.count("size"),
                                 .modified = parse_date(one.text("modified")).value_or(WallTime{}),
                                 .content_type = {}},
                      .is_kept = one.flag_if_there("kept").value_or(true),
                      .reasons = {}};
    const json::array* reasons = one.array("reasons");
    for (std::size_t i = 0; reasons != nullptr && i < std::min<std::size_t>(reasons->size(), 16);
         ++i) {
      if ((*reasons)[i].is_string()) { decision.reasons.emplace_back((*reasons)[i].get_string()); }
    }
    pruning.decisions.push_back(std::move(decision));
  });
  return pruning;
}

Result<bool> RulesReader::take(std::string_view name, std::string_view value) {
  if (name == "governs") {
    const auto governs = settings::governs_of(value);
    if (!governs) { return fail(Code::kInvalid, "governs needs automatic or all"); }
    rules_.governs = *governs;
    return true;
  }
  if (name == "minAgeHours") {
    PV_TRY(const std::int64_t hours, number_of(name, value, Retention::kMinAgeMax.count()));
    rules_.min_age = std::chrono::hours{hours};
    return true;
  }
  const auto found = std::ranges::find(kCounts, name, &Count::name);
  if (found == kCounts.end()) { return false; }
  PV_TRY(const std::int64_t count, number_of(name, value, Retention::kCountMax));
  if (!std::exchange(has_kept_, true)) {
    for (const Count& other : kCounts) { rules_.*other.member = 0; }
  }
  rules_.*found->member = count;
  return true;
}

}  // namespace pv::jobs
