#include "jobs/verdicts.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "jobs/json_reader.h"
#include "jobs/pins.h"

namespace pv::jobs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A bucket's list and its answer about one object may differ in what is below a second.
bool is_same_time(WallTime a, WallTime b) {
  const bool is_whole = a == std::chrono::floor<seconds>(a) || b == std::chrono::floor<seconds>(b);
  return a == b || (is_whole && std::chrono::floor<seconds>(a) == std::chrono::floor<seconds>(b));
}

}  // namespace

Verdicts Verdicts::read(const fs::Path& vault_folder) {
  Verdicts verdicts;
  auto noted = state::read_verdicts(state::VaultDb{vault_folder});
  if (!noted.has_value()) {
    verdicts.unknown_because_ = noted.error().what;
    return verdicts;
  }
  for (state::NotedVerdict& one : *noted) {
    std::string key = one.key;
    verdicts.by_key_.emplace(std::move(key), std::move(one));
  }
  auto gaps = state::read_gaps(state::VaultDb{vault_folder});
  if (!gaps.has_value()) { verdicts.unknown_because_ = gaps.error().what; }
  for (state::NotedGaps& one : gaps.value_or(std::vector<state::NotedGaps>{})) {
    std::string key = one.key;
    verdicts.gaps_.emplace(std::move(key), std::move(one));
  }
  return verdicts;
}

std::optional<state::Verdict> Verdicts::of(const store::Backup& backup,
                                           std::optional<std::uint32_t> directory_crc32) const {
  const auto found = by_key_.find(backup.name.text());
  if (found == by_key_.end()) { return std::nullopt; }
  const state::ArchiveId& archive = found->second.archive;
  const state::Verdict& verdict = found->second.verdict;
  const bool is_same_archive = archive.size_bytes == backup.size_bytes &&
                               (!directory_crc32 || archive.directory_crc32 == directory_crc32);
  const bool is_known_damage = directory_crc32 && !verdict.is_sound;
  if (!is_same_archive || (!is_known_damage && !is_same_time(archive.modified, backup.modified))) {
    return std::nullopt;
  }
  return verdict;
}

std::optional<state::Gaps> Verdicts::gaps_of(const store::Backup& backup) const {
  const auto found = gaps_.find(backup.name.text());
  const bool is_of_it = found != gaps_.end() && found->second.size_bytes == backup.size_bytes &&
                        !found->second.gaps.is_empty();
  return is_of_it ? std::optional{found->second.gaps} : std::nullopt;
}

std::vector<std::string> Verdicts::unsound() const {
  std::vector<std::string> keys;
  for (const auto& [key, noted] : by_key_) {
    if (!noted.verdict.is_sound) { keys.push_back(key); }
  }
  return keys;
}

Listing with_verdicts(std::vector<store::Backup> backups, const fs::Path& vault_folder) {
  const Verdicts verdicts = Verdicts::read(vault_folder);
  const auto pins = read_pins(vault_folder);
  Listing listing{.backups = {}, .unknown_because = verdicts.unknown_because()};
  if (listing.unknown_because.empty() && !pins.has_value()) {
    listing.unknown_because = pins.error().what;
  }
  listing.backups.reserve(backups.size());
  for (store::Backup& backup : backups) {
    auto verdict = verdicts.of(backup);
    auto pin = pins.has_value() ? pin_of(*pins, backup.name.text()) : std::nullopt;
    auto gaps = verdicts.gaps_of(backup);
    listing.backups.push_back({std::move(backup), std::move(verdict), std::move(pin), gaps});
  }
  return listing;
}

boost::json::value to_json(const std::optional<state::Verdict>& verdict) {
  if (!verdict) { return nullptr; }
  boost::json::object object{{"sound", verdict->is_sound},
                             {"depth", state::depth_name(verdict->depth)},
                             {"at", format_pocketbase_date(verdict->at)},
                             {"reason", printable(verdict->reason)},
                             {"records", nullptr},
                             {"tookMs", verdict->took.count()}};
  if (verdict->records) { object["records"] = *verdict->records; }
  return object;
}

std::optional<state::Verdict> verdict_from(const boost::json::object* object) {
  if (object == nullptr) { return std::nullopt; }
  const Reader from{*object};
  const auto sound = from.flag_if_there("sound");
  const auto depth = state::depth_of(from.text("depth"));
  const auto at = parse_date(from.text("at"));
  if (!sound || !depth || !at) { return std::nullopt; }
  constexpr std::uint64_t kTookMsMax = std::uint64_t{1} << 40U;
  return state::Verdict{
      .is_sound = *sound,
      .depth = *depth,
      .at = *at,
      .reason = from.text("reason"),
      .records = from.count_if_there("records"),
      .took = milliseconds{static_cast<std::int64_t>(std::min(from.count("tookMs"), kTookMsMax))}};
}

boost::json::value to_json(const std::optional<state::Gaps>& gaps) {
  if (!gaps) { return nullptr; }
  return boost::json::object{
      {"unread", gaps->unread}, {"leftOut", gaps->left_out}, {"missing", gaps->missing}};
}

std::optional<state::Gaps> gaps_from(const boost::json::object* object) {
  if (object == nullptr) { return std::nullopt; }
  constexpr std::uint64_t kCountMax = std::uint64_t{1} << 40U;
  const Reader from{*object};
  const auto count = [&](std::string_view name) { return std::min(from.count(name), kCountMax); };
  const state::Gaps gaps{
      .unread = count("unread"), .left_out = count("leftOut"), .missing = count("missing")};
  return gaps.is_empty() ? std::nullopt : std::optional{gaps};
}

}  // namespace pv::jobs
