#include "places/mirror.h"

#include <algorithm>

#include "base/text.h"

namespace pv::places {
namespace {

using store::Backup;
using store::BackupName;
using store::BackupStore;

// Of the mirror as a whole, so that it is useless to go on with the next backup.
bool ends_all(Code code) {
  return code == Code::kUnavailable || code == Code::kNoSpace || code == Code::kDenied ||
         code == Code::kUnauthenticated || code == Code::kCancelled;
}

}  // namespace

Mirror::Mirror(SpooledStore& store, std::shared_ptr<BackupStore> mirror,
               const fs::Path& vault_folder)
    : store_{store}, mirror_{std::move(mirror)}, lock_{vault_folder / "mirror.lock"} {}

// Of the archive's own bytes: its name, size and time may be those of another.
Result<bool> Mirror::is_copy(const Backup& backup, const Backup& there) {
  const Pair pair{backup.name, backup.modified, there.name, there.modified, backup.size_bytes};
  {
    const std::lock_guard guard{mutex_};
    if (const auto known = compared_.find(pair); known != compared_.end()) { return known->second; }
  }
  PV_TRY(const std::unique_ptr<Source> source, store_.open(backup.name));
  PV_TRY(const bool same, is_it(*mirror_, there, *source));
  const std::lock_guard guard{mutex_};
  if (compared_.size() >= kComparedMax) { compared_.clear(); }
  compared_.emplace(pair, same);
  return same;
}

Result<bool> Mirror::has(const Listed& there, const Backup& backup, By by,
                         const std::stop_token& stop) {
  for (int number = 1; number <= kNumberMax; ++number) {
    PV_TRY(const BackupName name, numbered(backup.name, number));
    const auto found = there.find(name);
    if (found == there.end()) { return false; }
    if (found->second.size_bytes != backup.size_bytes) { continue; }
    if (by == By::kLooks) { return true; }
    if (stop.stop_requested()) { return fail(Code::kCancelled, "cancelled"); }
    const auto same = is_copy(backup, found->second);
    if (!same.has_value()) {
      if (same.error().code == Code::kUnavailable) { return fail(same.error()); }
      return false;  // to copy it tells what is wrong, and stops no other
    }
    if (*same) { return true; }
  }
  return false;
}

Result<std::vector<Backup>> Mirror::missing(const std::stop_token& stop) {
  const std::lock_guard one_at_a_time{comparing_};
  return compare(By::kContent, stop);
}

Result<std::vector<Backup>> Mirror::compare(By by, const std::stop_token& stop) {
  PV_CHECK(check_apart(store_, *mirror_));  // each time: the settings may name another bucket
  Listed there;
  PV_TRY(std::vector<Backup> copies, mirror_->list());
  for (Backup& copy : copies) { there.emplace(copy.name, copy); }
  auto listed = store_.list();
  if (!listed.has_value() && store_.is_away(listed.error())) { listed = store_.waiting(); }
  PV_TRY(const std::vector<Backup> backups, std::move(listed));
  std::vector<Backup> missing;
  for (const Backup& backup : backups) {
    PV_TRY(const bool is_there, has(there, backup, by, stop));
    if (!is_there) { missing.push_back(backup); }
  }
  std::stable_sort(missing.begin(), missing.end(),
                   [](const Backup& a, const Backup& b) { return a.modified > b.modified; });
  return missing;
}

Result<std::vector<BackupName>> Mirror::fill(const CopyProgress& progress,
                                             const std::stop_token& stop) {
  PV_TRY(const fs::FileLock lock, fs::FileLock::try_take(lock_));
  auto missing = this->missing(stop);
  if (!missing.has_value()) {
    const std::lock_guard guard{mutex_};
    if (!known_) { known_.emplace(); }  // what it lacked when it was last seen
    known_->trouble = missing.error().what;
    return fail(missing.error());
  }
  std::ignore = mirror_->sweep();  // what a crash of ours left
  return copy_all(*std::move(missing), progress, stop);
}

Result<std::vector<BackupName>> Mirror::copy_all(std::vector<Backup> backups,
                                                 const CopyProgress& progress,
                                                 const std::stop_token& stop) {
  std::vector<BackupName> copied;
  std::vector<Backup> left = backups;
  std::optional<Error> first;
  remember(left, {});
  for (const Backup& backup : backups) {
    const auto source = store_.open(backup.name);
    // Of the target, "not found" is a failure like any other.
    const bool is_gone = !source.has_value() && source.error().code == Code::kNotFound;
    const auto delivered = source.has_value()
                               ? deliver(**source, *mirror_, backup.name, progress, stop)
                               : Result<Delivery>{fail(source.error())};
    if (delivered.has_value() || is_gone) {
      std::erase_if(left, [&](const Backup& one) { return one.name == backup.name; });
    }
    if (delivered.has_value()) {
      copied.push_back(delivered->name);
    } else if (!is_gone) {
      if (!first) { first = delivered.error().within(printable(backup.name.text())); }
      if (ends_all(delivered.error().code)) { break; }
    }
    remember(left, first ? first->what : std::string{});
  }
  remember(left, first ? first->what : std::string{});
  if (first) { return fail(*first); }
  return copied;
}

void Mirror::remember(const std::vector<Backup>& missing, const std::string& trouble) {
  MirrorState state = state_of(missing);
  state.trouble = trouble;
  const std::lock_guard guard{mutex_};
  known_ = std::move(state);
}

MirrorState Mirror::state_of(const std::vector<Backup>& missing) const {
  MirrorState state{
      .place = mirror_->describe(), .missing = missing.size(), .names = {}, .trouble = {}};
  if (!missing.empty()) { state.missing_since = missing.back().modified; }  // newest first
  for (const Backup& backup : missing) {
    if (state.names.size() == MirrorState::kNamesMax) { break; }
    state.names.push_back(printable(backup.name.text()));
  }
  return state;
}

std::optional<MirrorState> Mirror::known() {
  const std::lock_guard guard{mutex_};
  return known_;
}

MirrorState Mirror::state() {
  if (auto state = known()) {
    state->place = mirror_->describe();
    return *std::move(state);
  }
  const auto missing = compare(By::kLooks, {});
  if (!missing.has_value()) {
    return {
        .place = mirror_->describe(), .missing = 0, .names = {}, .trouble = missing.error().what};
  }
  return state_of(*missing);
}

}  // namespace pv::places
