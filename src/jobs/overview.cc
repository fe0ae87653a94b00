#include "jobs/overview.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <boost/json.hpp>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "jobs/archive.h"
#include "jobs/names.h"
#include "jobs/other_users.h"
#include "jobs/recalled.h"
#include "jobs/retention.h"
#include "restore/restore.h"
#include "restore/swap_lock.h"
#include "settings/vault_settings.h"
#include "state/history.h"
#include "store/folder_store.h"
#include "zip/zip_reader.h"

namespace pv::jobs {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kSwapPatience{0};
constexpr std::size_t kDiscountedMax = 10;
// Of so many good ones at most it is found out where they come from: each may be opened for it.
constexpr std::size_t kOriginsMax = 4;

json::value number_or_null(const std::optional<std::uint64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::object newest_json(const Overview& overview, WallTime now) {
  const store::Backup& newest = *overview.newest;
  const WallTime made = *newest_made(overview);
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - made);
  return {{"key", as_utf8(newest.name.text())},
          {"size", newest.size_bytes},
          {"modified", format_pocketbase_date(newest.modified)},
          {"made", format_pocketbase_date(made)},
          {"foreign", overview.is_newest_foreign},
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
                  std::vector<Discounted>& damaged, std::uint64_t& count) {
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
  count = damaged.size();
  const auto surplus = std::min(damaged.size(), kDiscountedMax);
  damaged.erase(damaged.begin() + static_cast<std::ptrdiff_t>(surplus), damaged.end());
}

// One that is good, after those that look newer.
void take(store::Backup backup, const FindOrigin& find_origin, Overview& overview) {
  const Origin origin = find_origin ? find_origin(backup) : Origin{.made = backup.modified};
  if (overview.newest && origin.made <= *newest_made(overview)) {
    if (!origin.is_foreign) { overview.other_made = std::max(overview.other_made, {origin.made}); }
    return;
  }
  overview.other_made = own_made(overview);
  if (overview.newest && overview.discounted.size() < kDiscountedMax) {
    overview.discounted.push_back(
        {*std::move(overview.newest),
         "what it holds is older than its time: from " + format_minute(*overview.newest_made)});
  }
  overview.newest = std::move(backup);
  overview.newest_made = origin.made;
  overview.is_newest_foreign = origin.is_foreign;
}

// Tells what was made of this directory from what came from elsewhere.
class Origins {
 public:
  Origins(const fs::Path& vault_folder, store::BackupStore& store)
      : vault_folder_{vault_folder}, store_{store} {}

  Origin of(const store::Backup& backup) {
    const std::string& name = backup.name.text();
    if (const auto made = made_here(backup)) { return {std::min(*made, backup.modified)}; }
    if (const auto moment = moment_in(name)) {
      return {std::min(*moment, backup.modified), !name.starts_with(kScheduledPrefix)};
    }
    return {std::min(time_of_content(backup), backup.modified), true};
  }

 private:
  // Whatever its time of change says: that of a copy is another.
  std::optional<WallTime> made_here(const store::Backup& backup) {
    if (!made_) {
      made_.emplace();
      std::ignore =
          state::for_each_made(state::VaultDb{vault_folder_}, [&](const state::MadeBackup& made) {
            (*made_)[std::string{made.name}] = {made.ended, made.archive_bytes};
          });
    }
    const auto found = made_->find(backup.name.text());
    const bool is_it = found != made_->end() && found->second.second == backup.size_bytes;
    return is_it ? std::optional{found->second.first} : std::nullopt;
  }

  // That of the newest file in it. An app that stands still changes none for a while, so what is
  // less than a day older than the archive says nothing.
  WallTime time_of_content(const store::Backup& backup) {
    auto source = store_.open(backup.name);
    if (!source.has_value()) { return backup.modified; }
    const auto reader = zip::ZipReader::open(std::shared_ptr<Source>{std::move(*source)}, {},
                                             zip::BlockUse::kLeave);
    if (!reader.has_value()) { return backup.modified; }
    // The first day that a zip can say stands for none.
    constexpr WallTime kNone{std::chrono::sys_days{std::chrono::year{1980} / 1 / 1}};
    WallTime newest = WallTime::min();
    for (const zip::Entry& entry : reader->entries()) {
      const WallTime time = entry.modified.value_or(kNone);
      newest = std::max(newest, time < kNone + std::chrono::days{1} ? backup.modified : time);
    }
    const bool is_old =
        !reader->entries().empty() && newest + std::chrono::days{1} < backup.modified;
    return is_old ? newest : backup.modified;
  }

  const fs::Path vault_folder_;
  store::BackupStore& store_;
  std::optional<std::unordered_map<std::string, std::pair<WallTime, std::uint64_t>>> made_;
};

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

void count(std::vector<store::Backup> backups, WallTime now, const Doubt& doubt, Overview& overview,
           const FindOrigin& find_origin) {
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
  // None was made after its time of change, so the rest need not be looked at.
  const auto is_found = [&] {
    const WallTime rest = newest_first.front()->modified;
    const auto own = own_made(overview);
    return overview.newest && *newest_made(overview) >= rest && own && *own >= rest;
  };
  for (std::size_t good = 0; !newest_first.empty() && good < kOriginsMax;) {
    if (overview.newest && (!find_origin || is_found())) { break; }
    std::ranges::pop_heap(newest_first, is_older);
    store::Backup& backup = *newest_first.back();
    newest_first.pop_back();
    std::string why = doubt_by_looks(backup, now);
    if (why.empty()) { why = doubt(backup); }
    if (why.empty()) {
      ++good;
      take(std::move(backup), find_origin, overview);
    } else if (!overview.newest && overview.discounted.size() < kDiscountedMax) {
      overview.discounted.push_back({std::move(backup), std::move(why)});
    }
  }
}

std::optional<WallTime> newest_made(const Overview& overview) {
  if (!overview.newest) { return std::nullopt; }
  return overview.newest_made.value_or(overview.newest->modified);
}

std::optional<WallTime> own_made(const Overview& overview) {
  std::optional<WallTime> made = overview.other_made;
  if (overview.newest && !overview.is_newest_foreign) {
    made = std::max(made, newest_made(overview));
  }
  return made;
}

void recognize(WallTime now, Overview& overview) {
  const auto& last = overview.health.last_succeeded;
  if (!overview.newest || !last || last->name != overview.newest->name.text() ||
      last->archive_bytes != overview.newest->size_bytes) {
    return;
  }
  overview.is_newest_foreign = false;
  overview.newest_made = std::min(overview.newest->modified, last->ended);
  account_for(own_made(overview), now, overview.health);
}

namespace {

bool is_read_only(const fs::Path& folder) {
  struct ::statvfs found {};
  return ::statvfs(folder.c_str(), &found) == 0 && (found.f_flag & ST_RDONLY) != 0;
}

// What waits in the spool was made of this directory, and is not yet where it belongs.
void look_at_spool(const fs::Path& vault_folder, Overview& overview) {
  if (!fs::exists(vault_folder / "spool")) { return; }
  const auto waiting = store::make_folder_store(vault_folder / "spool")->list();
  if (!waiting.has_value()) { return; }
  overview.waiting = waiting->size();
  for (const store::Backup& one : *waiting) {
    overview.waiting_since = std::min(overview.waiting_since.value_or(one.modified), one.modified);
    overview.other_made = std::max(overview.other_made, {one.modified});
  }
}

// Says why nothing is made by the clock, though there is a timetable.
void look_who_serves(const fs::Path& directory, store::BackupStore& store, Overview& overview) {
  const fs::Path vault_folder = directory / ".pocketvault";
  overview.is_served = fs::FileLock::is_held(vault_folder / "server.lock");
  overview.users = users_at_a_look(directory);
  Timetable& backups = overview.health.timetable;
  Timetable& verification = overview.health.verification;
  if (!overview.users.empty() && !backups.expression.empty() &&
      !is_made_beside_apps(vault_folder)) {
    backups.off_because = left_to_app(directory);
  }
  const bool of_buckets = settings::VaultSettingsFile{vault_folder}.now().verification.of_buckets;
  if (!verification.expression.empty() && !of_buckets && store.is_remote()) {
    verification.off_because = kBucketsAreNotVerified;
  }
}

// Of those that were noted when nobody held the lease: one that has ended since is noted no more.
std::vector<state::PastJob> cut_off_of(const std::vector<state::BegunJob>& begun,
                                       const fs::Path& vault_folder) {
  std::vector<state::PastJob> jobs;
  if (begun.empty()) { return jobs; }
  const auto still = state::read_begun(state::VaultDb{vault_folder});
  for (const state::BegunJob& job : begun) {
    if (still.has_value() && std::ranges::find(*still, job) != still->end()) {
      jobs.push_back(state::cut_off(job));
    }
  }
  return jobs;
}

// All but what is about backups in the store.
Overview look_around(const fs::Path& directory, store::BackupStore& store,
                     std::chrono::seconds keep, WallTime now) {
  Overview overview;
  overview.looked = now;
  const fs::Path vault_folder = directory / ".pocketvault";
  overview.health = look_at_health(vault_folder, now);
  overview.retention = summary_of(settings::VaultSettingsFile{vault_folder}.now().retention);
  if (const auto space = fs::space(directory); space.has_value()) {
    overview.data_free_bytes = space->free_bytes;
  }
  const auto extent = store.extent();
  if (is_read_only(directory)) {
    overview.read_only = "the data lies";
  } else if (extent && extent->bucket.empty() && is_read_only(extent->start)) {
    overview.read_only = "the next backup goes";
  }
  overview.kept = list_kept(directory, keep).value_or(std::vector<Kept>{});
  if (fs::exists(vault_folder / "lock")) {
    const auto begun = state::read_begun(state::VaultDb{vault_folder});
    overview.job = Lease::holder(vault_folder);
    if (!overview.job && begun.has_value()) {
      count_in(cut_off_of(*begun, vault_folder), overview.health);
    }
  }
  // Whoever swaps holds this lock, and the journal goes before the lock does.
  if (restore::is_cut_off(directory) &&
      restore::take_swap_lock(vault_folder, kSwapPatience).has_value()) {
    overview.is_cut_off = restore::is_cut_off(directory);
  }
  look_at_spool(vault_folder, overview);
  look_who_serves(directory, store, overview);
  account_for(own_made(overview), now, overview.health);
  return overview;
}

void add_backups(std::vector<store::Backup> backups, const fs::Path& vault_folder,
                 store::BackupStore& store, const Verdicts& verdicts, WallTime now,
                 Overview& overview) {
  const settings::AlertSettings alerts = settings::VaultSettingsFile{vault_folder}.now().alerts;
  overview.unknown_because = verdicts.unknown_because();
  find_damaged(backups, verdicts, overview.damaged, overview.damaged_count);
  if (alerts.unverified_after.count() > 0) {
    std::vector<ListedBackup> listed;
    for (const store::Backup& one : backups) { listed.push_back({one, verdicts.of(one)}); }
    overview.unverified = find_unverified(listed, alerts.unverified_after, now);
  }
  Origins origins{vault_folder, store};
  const Doubt doubt = [&](const store::Backup& backup) {
    return backup.is_waiting ? std::string{"it waits to be sent to its store"}
                             : doubt_about(backup, store, verdicts);
  };
  count(std::move(backups), now, doubt, overview,
        [&](const store::Backup& backup) { return origins.of(backup); });
  if (overview.newest) {
    overview.newest_verdict = verdicts.of(*overview.newest);
    overview.newest_gaps = verdicts.gaps_of(*overview.newest);
  }
  account_for(own_made(overview), now, overview.health);
  if (const auto free = store.free_bytes(); free.has_value()) {
    overview.backups_free_bytes = *free;
  }
  overview.low_spaces = find_low_spaces(overview, alerts, 1);
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
  const auto own = own_made(overview);
  return recalled.count > 0 &&
         !(own && *own > recalled.newest && *newest_made(overview) > recalled.newest);
}

}  // namespace

Result<Overview> look_over(const fs::Path& directory, store::BackupStore& store,
                           std::chrono::seconds keep, WallTime now) {
  PV_CHECK(restore::refuse_linked_vaults(directory));
  const fs::Path vault_folder = directory / ".pocketvault";
  Recollection recollection{store};  // goes on by itself meanwhile
  const Verdicts verdicts = Verdicts::read(vault_folder);
  const Overview around = look_around(directory, store, keep, now);
  Result<Seen> seen = recollection.finish(vault_folder, verdicts);
  if (!seen.has_value()) { return without_backups(around, seen.error()); }
  Overview overview = around;
  add_backups(std::move(seen->backups), vault_folder, store, verdicts, now, overview);
  overview.backups += seen->recalled.count;
  overview.backups_bytes += seen->recalled.bytes;
  const bool asks_for_all =
      seen->recalled.count > 0 &&
      settings::VaultSettingsFile{vault_folder}.now().alerts.unverified_after.count() > 0;
  if (!asks_for_all && !may_matter(seen->recalled, overview)) { return overview; }
  Result<std::vector<store::Backup>> all = store.list();
  if (!all.has_value()) { return without_backups(around, all.error()); }
  overview = around;
  add_backups(*std::move(all), vault_folder, store, verdicts, now, overview);
  return overview;
}

Result<Survey> survey(const fs::Path& directory, store::BackupStore& store,
                      std::chrono::seconds keep, WallTime now) {
  PV_CHECK(restore::refuse_linked_vaults(directory));
  const Verdicts verdicts = Verdicts::read(directory / ".pocketvault");
  PV_TRY(const std::vector<store::Backup> backups, store.list());
  Overview overview = look_around(directory, store, keep, now);
  add_backups(backups, directory / ".pocketvault", store, verdicts, now, overview);
  return Survey{.overview = std::move(overview),
                .listing = with_verdicts(backups, directory / ".pocketvault")};
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
      {"now", format_pocketbase_date(now)},
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
      {"waiting", overview.waiting},
      {"served", overview.is_served},
      {"job", nullptr},
      {"users", std::move(users)},
      {"mirror", nullptr},
      {"retention", json::object{{"summary", overview.retention}}}};
  if (overview.mirror) { object["mirror"] = to_json(*overview.mirror); }
  add_to_json(overview.health, object);
  json::array risks;
  for (const Risk& risk : risks_of(overview)) {
    risks.push_back(json::object{{"kind", risk.kind}, {"text", as_utf8(risk.text)}});
  }
  object["risk"] = as_utf8(risk_of(overview));
  object["risks"] = std::move(risks);
  if (overview.newest) { object["newest"] = newest_json(overview, now); }
  if (overview.job) { object["job"] = to_json(*overview.job); }
  return object;
}

}  // namespace pv::jobs
