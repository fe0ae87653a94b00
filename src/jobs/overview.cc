#include "jobs/overview.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "jobs/archive.h"
#include "jobs/names.h"
#include "jobs/other_users.h"
#include "jobs/recalled.h"
#include "jobs/retention.h"
#include "restore/restore.h"
#include "restore/swap_lock.h"
#include "settings/vault_settings.h"
#include "zip/zip_reader.h"

namespace pv::jobs {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kSwapPatience{0};
constexpr std::size_t kDiscountedMax = 10;

json::value number_or_null(const std::optional<std::uint64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::object newest_json(const Overview& overview, WallTime now) {
  const store::Backup& newest = *overview.newest;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - newest.modified);
  return {{"key", as_utf8(newest.name.text())},
          {"size", newest.size_bytes},
          {"modified", format_pocketbase_date(newest.modified)},
          {"ageSeconds", age.count()},
          {"verdict", to_json(overview.newest_verdict)},
          {"incomplete", to_json(overview.newest_gaps)}};
}

json::object to_json(const Discounted& discounted) {
  const store::Backup& backup = discounted.backup;
  return {{"key", as_utf8(backup.name.text())},
          {"size", backup.size_bytes},
          {"modified", format_pocketbase_date(backup.modified)},
          {"why", printable(discounted.why)}};
}

json::object to_json(const LeaseNote& note) {
  return {{"kind", as_utf8(note.kind)},
          {"name", as_utf8(note.name)},
          {"pid", note.pid},
          {"since", format_pocketbase_date(note.since)}};
}

void find_damaged(const std::vector<store::Backup>& backups, const Verdicts& verdicts,
                  std::vector<Discounted>& damaged) {
  for (const std::string& key : verdicts.unsound()) {
    const auto found = std::ranges::lower_bound(
        backups, key, {}, [](const store::Backup& one) { return one.name.text(); });
    if (found == backups.end() || found->name.text() != key) { continue; }
    if (const auto verdict = verdicts.of(*found); verdict && !verdict->is_sound) {
      damaged.push_back({*found, verdict->reason});
    }
  }
  std::ranges::stable_sort(damaged, std::greater{},
                           [](const Discounted& one) { return one.backup.modified; });
  const auto surplus = std::min(damaged.size(), kDiscountedMax);
  damaged.erase(damaged.begin() + static_cast<std::ptrdiff_t>(surplus), damaged.end());
}

}  // namespace

Result<std::string> look_for_doubt(const store::Backup& backup, store::BackupStore& store,
                                   const Verdicts& verdicts) {
  const auto by_verdict = [](const state::Verdict& verdict) {
    return verdict.is_sound ? std::string{} : "damaged, as a verification found: " + verdict.reason;
  };
  if (const auto verdict = verdicts.of(backup)) { return by_verdict(*verdict); }
  PV_TRY(std::unique_ptr<Source> source, store.open(backup.name));
  const std::uint64_t bytes = source->size_bytes();
  auto reader =
      zip::ZipReader::open(std::shared_ptr<Source>{std::move(source)}, {}, zip::BlockUse::kLeave);
  if (!reader.has_value()) {
    const Code code = reader.error().code;
    if (code != Code::kDamaged && code != Code::kUnsupported) { return fail(reader.error()); }
    return "damaged: " + reader.error().what;
  }
  if (const auto verdict = verdicts.of(backup, reader->directory_crc32())) {
    return by_verdict(*verdict);
  }
  // As a restore of data.db alone looks for it.
  PV_TRY(const restore::Scope data_db, restore::Scope::parse({"data.db"}));
  const auto plan = restore::plan(*ZipArchive::of(std::move(*reader), bytes), data_db);
  return plan.has_value() ? std::string{} : "damaged: " + plan.error().what;
}

std::string doubt_about(const store::Backup& backup, store::BackupStore& store,
                        const Verdicts& verdicts) {
  Result<std::string> doubt = look_for_doubt(backup, store, verdicts);
  return doubt.has_value() ? *std::move(doubt) : "it can't be read: " + doubt.error().what;
}

void count(std::vector<store::Backup> backups, WallTime now, const Doubt& doubt,
           Overview& overview) {
  // A heap instead of sorting: it is asked for the newest few alone. Of one time, by name.
  std::vector<store::Backup*> newest_first;
  newest_first.reserve(backups.size());
  for (store::Backup& backup : backups) {
    ++overview.backups;
    overview.backups_bytes += backup.size_bytes;
    newest_first.push_back(&backup);
  }
  const auto is_older = [](const store::Backup* a, const store::Backup* b) {
    return a->modified != b->modified ? a->modified < b->modified : b->name < a->name;
  };
  std::ranges::make_heap(newest_first, is_older);
  while (!overview.newest && !newest_first.empty()) {
    std::ranges::pop_heap(newest_first, is_older);
    store::Backup& backup = *newest_first.back();
    newest_first.pop_back();
    std::string why = doubt_by_looks(backup, now);
    if (why.empty()) { why = doubt(backup); }
    if (why.empty()) {
      overview.newest = std::move(backup);
    } else if (overview.discounted.size() < kDiscountedMax) {
      overview.discounted.push_back({std::move(backup), std::move(why)});
    }
  }
}

namespace {

// All but what is about backups in the store.
Overview look_around(const fs::Path& directory, std::chrono::seconds keep, WallTime now) {
  Overview overview;
  const fs::Path vault_folder = directory / ".pocketvault";
  overview.health = look_at_health(vault_folder, now);
  overview.retention = summary_of(settings::VaultSettingsFile{vault_folder}.now().retention);
  if (const auto space = fs::space(directory); space.has_value()) {
    overview.data_free_bytes = space->free_bytes;
  }
  overview.kept = list_kept(directory, keep).value_or(std::vector<Kept>{});
  if (fs::exists(vault_folder / "lock")) { overview.job = Lease::holder(vault_folder); }
  // Whoever swaps holds this lock, and the journal goes before the lock does.
  if (restore::is_cut_off(directory) &&
      restore::take_swap_lock(vault_folder, kSwapPatience).has_value()) {
    overview.is_cut_off = restore::is_cut_off(directory);
  }
  overview.users = users_at_a_look(directory);
  if (!overview.users.empty() && !overview.health.timetable.expression.empty() &&
      !is_made_beside_apps(vault_folder)) {
    overview.health.timetable.off_because = left_to_app(directory);
  }
  return overview;
}

void add_backups(std::vector<store::Backup> backups, store::BackupStore& store,
                 const Verdicts& verdicts, WallTime now, Overview& overview) {
  overview.unknown_because = verdicts.unknown_because();
  find_damaged(backups, verdicts, overview.damaged);
  count(
      std::move(backups), now,
      [&](const store::Backup& backup) { return doubt_about(backup, store, verdicts); }, overview);
  if (overview.newest) {
    overview.newest_verdict = verdicts.of(*overview.newest);
    overview.newest_gaps = verdicts.gaps_of(*overview.newest);
    account_for(overview.newest->modified, now, overview.health);
  }
  if (const auto free = store.free_bytes(); free.has_value()) {
    overview.backups_free_bytes = *free;
  }
}

// A store that is away: what is known here is told all the same.
Result<Overview> without_backups(Overview around, const Error& why) {
  if (why.code == Code::kCancelled) { return fail(why); }
  around.store_trouble = why.what;
  return around;
}

// Whether one of these may be newer than the newest that counts: then what is said of single
// backups would not all come from the store itself.
bool may_matter(const Recalled& recalled, const Overview& overview) {
  return recalled.count > 0 && !(overview.newest && overview.newest->modified > recalled.newest);
}

}  // namespace

Result<Overview> look_over(const fs::Path& directory, store::BackupStore& store,
                           std::chrono::seconds keep, WallTime now) {
  PV_CHECK(restore::refuse_linked_vaults(directory));
  const fs::Path vault_folder = directory / ".pocketvault";
  Recollection recollection{store};  // goes on by itself meanwhile
  const Verdicts verdicts = Verdicts::read(vault_folder);
  const Overview around = look_around(directory, keep, now);
  Result<Seen> seen = recollection.finish(vault_folder, verdicts);
  if (!seen.has_value()) { return without_backups(around, seen.error()); }
  Overview overview = around;
  add_backups(std::move(seen->backups), store, verdicts, now, overview);
  overview.backups += seen->recalled.count;
  overview.backups_bytes += seen->recalled.bytes;
  if (!may_matter(seen->recalled, overview)) { return overview; }
  Result<std::vector<store::Backup>> all = store.list();
  if (!all.has_value()) { return without_backups(around, all.error()); }
  overview = around;
  add_backups(*std::move(all), store, verdicts, now, overview);
  return overview;
}

Result<Survey> survey(const fs::Path& directory, store::BackupStore& store,
                      std::chrono::seconds keep, WallTime now) {
  PV_CHECK(restore::refuse_linked_vaults(directory));
  const Verdicts verdicts = Verdicts::read(directory / ".pocketvault");
  PV_TRY(const std::vector<store::Backup> backups, store.list());
  Overview overview = look_around(directory, keep, now);
  add_backups(backups, store, verdicts, now, overview);
  return Survey{.overview = std::move(overview),
                .listing = with_verdicts(backups, directory / ".pocketvault")};
}

namespace {

// Where the next backup goes, and where the data and vault.db lie.
std::string space_risk_of(const Overview& overview) {
  if (const auto& free = overview.backups_free_bytes) {
    if (*free == 0) { return "no space is left where the next backup goes"; }
    if (overview.newest && *free < overview.newest->size_bytes) {
      return "where the next backup goes " + format_size(*free) +
             " are free, and the last one took " + format_size(overview.newest->size_bytes);
    }
  }
  return overview.data_free_bytes == 0U ? "no space is left where the data lies" : std::string{};
}

// What an exclusion kept out is missed by nobody.
std::string gaps_risk_of(const Overview& overview) {
  if (!overview.newest || !overview.newest_gaps) { return {}; }
  const state::Gaps& gaps = *overview.newest_gaps;
  const std::uint64_t lost =
      std::max(gaps.unread, gaps.missing - std::min(gaps.missing, gaps.left_out));
  if (lost == 0) { return {}; }
  return "the newest backup, " + printable(overview.newest->name.text()) + ", lacks " +
         std::to_string(lost) +
         " files of the data directory: they could not be read when it was made, or a "
         "verification missed them";
}

}  // namespace

bool is_last_failed(const Overview& overview) {
  const auto& last = overview.health.last_decided;
  return last && last->outcome == "failed" &&
         (!overview.newest || overview.newest->modified < last->ended);
}

std::string risk_of(const Overview& overview) {
  const Health& health = overview.health;
  if (health.timetable.missed && !overview.job) {
    return "the backup that was due at " + format_pocketbase_date(*health.timetable.missed) +
           " was missed";
  }
  if (is_last_failed(overview)) {
    const state::PastJob& last = *health.last_decided;
    return "the last backup failed, at " + format_pocketbase_date(last.ended) + ": " + last.error;
  }
  if (!overview.store_trouble.empty()) {
    return "the backups can't be listed: " + overview.store_trouble;
  }
  if (!overview.damaged.empty()) {
    const auto& [backup, why] = overview.damaged.front();
    const std::size_t more = overview.damaged.size() - 1;
    return "a verification found " + printable(backup.name.text()) + " damaged" +
           (more > 0 ? ", and " + std::to_string(more) + " more" : "") + ": " + why;
  }
  if (std::string risk = gaps_risk_of(overview); !risk.empty()) { return risk; }
  if (!health.unwritten_because.empty()) {
    return "what happens is kept in memory alone, for it can't be written to "
           ".pocketvault/vault.db: " +
           health.unwritten_because;
  }
  if (std::string risk = space_risk_of(overview); !risk.empty()) { return risk; }
  if (!health.settings_trouble.empty()) {
    return "settings of our own are not known, so nobody may be alerted: " +
           health.settings_trouble + "; repair .pocketvault/settings.json, or remove it";
  }
  if (!overview.store_doubt.empty()) {
    return "it is not known where the backups belong, for the settings can't be read: " +
           overview.store_doubt + "; give their key, or name the place: --backups-dir, --s3-bucket";
  }
  if (!health.memory_trouble.empty()) {
    return "it is not known what was missed or failed, for .pocketvault/vault.db can't be read: " +
           health.memory_trouble +
           "; make it readable, or remove it, and what pocketvault remembers begins anew";
  }
  if (!overview.newest) { return "no backup can be relied on"; }
  return {};
}

json::object to_json(const Kept& kept) {
  json::array only;
  for (const std::string& unit : kept.units) { only.emplace_back(as_utf8(unit)); }
  return {{"id", as_utf8(kept.id)},
          {"from", as_utf8(kept.from)},
          {"at", format_pocketbase_date(kept.at)},
          {"until", format_pocketbase_date(kept.until)},
          {"size", number_or_null(kept.bytes)},
          {"only", std::move(only)},
          {"strays", kept.strays},
          {"canUndo", kept.can_undo}};
}

json::object to_json(const places::MirrorState& mirror) {
  json::array names;
  for (const std::string& name : mirror.names) { names.emplace_back(as_utf8(name)); }
  return {{"place", as_utf8(mirror.place)},
          {"missing", mirror.missing},
          {"names", std::move(names)},
          {"trouble", as_utf8(mirror.trouble)}};
}

json::object to_json(const Overview& overview, WallTime now) {
  json::array kept;
  for (const Kept& one : overview.kept) { kept.push_back(to_json(one)); }
  json::array discounted;
  for (const Discounted& one : overview.discounted) { discounted.push_back(to_json(one)); }
  json::array damaged;
  for (const Discounted& one : overview.damaged) { damaged.push_back(to_json(one)); }
  json::array users;
  for (const fs::LockHolder& user : overview.users) {
    users.push_back(json::object{{"pid", user.pid}, {"program", as_utf8(user.program)}});
  }
  json::object object{
      {"newest", nullptr},
      {"discounted", std::move(discounted)},
      {"damaged", std::move(damaged)},
      {"backups", json::object{{"count", overview.backups},
                               {"size", overview.backups_bytes},
                               {"free", number_or_null(overview.backups_free_bytes)}}},
      {"data", json::object{{"free", number_or_null(overview.data_free_bytes)}}},
      {"replaced", std::move(kept)},
      {"verdictsUnknownBecause", as_utf8(overview.unknown_because)},
      {"storeUnknownBecause", as_utf8(overview.store_doubt)},
      {"storeError", printable(overview.store_trouble)},
      {"cutOff", overview.is_cut_off},
      {"job", nullptr},
      {"users", std::move(users)},
      {"mirror", nullptr},
      {"retention", json::object{{"summary", overview.retention}}}};
  if (overview.mirror) { object["mirror"] = to_json(*overview.mirror); }
  add_to_json(overview.health, object);
  object["risk"] = as_utf8(risk_of(overview));
  if (overview.newest) { object["newest"] = newest_json(overview, now); }
  if (overview.job) { object["job"] = to_json(*overview.job); }
  return object;
}

}  // namespace pv::jobs
