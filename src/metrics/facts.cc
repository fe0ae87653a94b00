#include "metrics/facts.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "fs/file.h"
#include "jobs/overview.h"

namespace pv::metrics {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kFolderFor = 10s;
constexpr std::chrono::seconds kBucketFor = 5min;

bool is_same(const store::Backup& a, const store::Backup& b) {
  return a.name == b.name && a.size_bytes == b.size_bytes && a.modified == b.modified;
}

void count_backups(jobs::Vault& vault, const jobs::Listing& listing, WallTime now, Facts& facts) {
  const std::optional<store::Backup> known = std::exchange(facts.in_order, std::nullopt);
  std::map<store::BackupName, state::Verdict> verdicts;
  std::vector<store::Backup> backups;
  facts.sound = 0;
  facts.damaged = 0;
  facts.verified.reset();
  for (const jobs::ListedBackup& listed : listing.backups) {
    backups.push_back(listed.backup);
    if (!listed.verdict) { continue; }
    verdicts.emplace(listed.backup.name, *listed.verdict);
    ++(listed.verdict->is_sound ? facts.sound : facts.damaged);
    if (listed.verdict->is_sound) {
      facts.verified = std::max(facts.verified.value_or(listed.verdict->at), listed.verdict->at);
    }
  }
  const auto of_archives = jobs::Verdicts::read(vault.directory().vault_folder());
  jobs::Overview overview;
  const auto doubt = [&](const store::Backup& backup) {
    const auto verdict = verdicts.find(backup.name);
    if (verdict != verdicts.end()) {
      return verdict->second.is_sound ? std::string{} : verdict->second.reason;
    }
    std::string why;
    if (!known || !is_same(*known, backup)) {
      why = doubt_about(backup, vault.store(), of_archives);
    }
    if (!why.starts_with("damaged")) { why.clear(); }  // a store that is away says nothing of it
    if (why.empty()) { facts.in_order = backup; }
    return why;
  };
  jobs::count(std::move(backups), now, doubt, overview);
  facts.backups = overview.backups;
  facts.backups_bytes = overview.backups_bytes;
  facts.newest.reset();
  facts.newest_verified.reset();
  if (!overview.newest) { return; }
  facts.newest = overview.newest->modified;
  const auto verdict = verdicts.find(overview.newest->name);
  if (verdict != verdicts.end()) { facts.newest_verified = verdict->second.at; }
}

void look_at_store(jobs::Vault& vault, WallTime now, Facts& facts) {
  const auto listing = vault.list();
  facts.is_store_up = listing.has_value();
  if (!listing.has_value()) { return; }
  facts.looked = now;
  count_backups(vault, *listing, now, facts);
}

// Needs no store: it is told while that is away, too. Where vault.db can't be read, what could not
// be written to it still counts.
void look_at_history(jobs::Vault& vault, Facts& facts) {
  jobs::Health health = vault.health(facts.newest);
  const bool is_known = health.memory_trouble.empty();
  if (is_known || health.last) { facts.last = std::move(health.last); }
  if (is_known || health.last_succeeded) {
    facts.last_succeeded = std::move(health.last_succeeded);
  }
  if (!is_known) { return; }
  facts.is_history_known = true;
  facts.is_missed = health.timetable.missed.has_value();
}

}  // namespace

Facts look(jobs::Vault& vault, WallTime now, Facts before) {
  Facts facts = std::move(before);
  look_at_store(vault, now, facts);
  look_at_history(vault, facts);
  if (const auto waiting = vault.waiting(); waiting.has_value()) {
    facts.waiting = waiting->size();
  }
  facts.backups_free_bytes = vault.store().free_bytes().value_or(std::nullopt);
  facts.data_free_bytes.reset();
  if (const auto space = fs::space(vault.directory().path()); space.has_value()) {
    facts.data_free_bytes = space->free_bytes;
  }
  if (const auto kept = vault.kept(); kept.has_value()) {
    facts.replaced_bytes = 0;
    for (const jobs::Kept& one : *kept) { facts.replaced_bytes += one.bytes.value_or(0); }
  }
  facts.mirror.reset();
  if (const auto mirror = vault.known_mirror()) {
    facts.mirror = MirrorFacts{.missing = mirror->missing, .is_up = mirror->trouble.empty()};
  }
  return facts;
}

struct Lookout::State {
  State(jobs::Vault& of, WorkPool& on, const Clock& by) : vault{of}, pool{on}, clock{by} {}

  // Whoever gets true looks.
  bool claim(bool is_remote);
  void look();

  jobs::Vault& vault;
  WorkPool& pool;
  const Clock& clock;
  std::mutex mutex;
  Facts facts;
  bool is_looking = false;
  bool is_expired = true;
  std::chrono::steady_clock::time_point looked_at{};
};

bool Lookout::State::claim(bool is_remote) {
  const std::lock_guard lock{mutex};
  const auto age = clock.steady_now() - looked_at;
  const bool is_due = is_expired || age >= (is_remote ? kBucketFor : kFolderFor);
  if (!is_due || is_looking) { return false; }
  is_looking = true;
  is_expired = false;
  return true;
}

void Lookout::State::look() {
  Facts before;
  {
    const std::lock_guard lock{mutex};
    before = facts;
  }
  std::optional<Facts> found;
  try {
    found = metrics::look(vault, clock.now(), std::move(before));
  } catch (const std::exception&) {}  // of memory: the next one may find some
  const std::lock_guard lock{mutex};
  if (found) { facts = *std::move(found); }
  looked_at = clock.steady_now();
  is_looking = false;
}

Lookout::Lookout(jobs::Vault& vault, WorkPool& pool, const Clock& clock)
    : state_{std::make_shared<State>(vault, pool, clock)} {}

Facts Lookout::facts() {
  const bool is_remote = state_->vault.store().is_remote();
  if (state_->claim(is_remote)) {
    if (is_remote) {
      state_->pool.submit([state = state_] { state->look(); });
    } else {
      state_->look();
    }
  }
  const std::lock_guard lock{state_->mutex};
  return state_->facts;
}

void Lookout::expire() {
  const std::lock_guard lock{state_->mutex};
  state_->is_expired = true;
}

}  // namespace pv::metrics
