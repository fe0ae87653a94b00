#include "jobs/recalled.h"

#include <algorithm>

#include "jobs/names.h"
#include "state/history.h"

namespace pv::jobs {
namespace {

using store::Backup;

// What the history says of a backup beside its size.
struct Span {
  WallTime started;
  WallTime ended;
};

Backup* find(std::vector<Backup>& backups, std::string_view key) {
  const auto found = std::ranges::lower_bound(
      backups, key, {}, [](const Backup& one) -> std::string_view { return one.name.text(); });
  return found != backups.end() && found->name.text() == key ? &*found : nullptr;
}

// An archive is written for the last time shortly before its job ends.
bool is_as_made(const Backup& found, const Backup& recalled, const Span& span) {
  constexpr std::chrono::seconds kClockSteps{2};
  return found.size_bytes == recalled.size_bytes && found.modified >= span.started - kClockSteps &&
         found.modified <= span.ended + kClockSteps;
}

// Fills in what the history knows; the spans are those of the same places.
std::vector<Span> recall(std::vector<Backup>& backups, const fs::Path& vault_folder) {
  std::vector<Span> spans(backups.size());
  // A history that can't be read knows nothing.
  std::ignore =
      state::for_each_made(state::VaultDb{vault_folder}, [&](const state::MadeBackup& made) {
        Backup* const backup = is_automatic(made.name) ? find(backups, made.name) : nullptr;
        if (backup == nullptr) { return; }
        backup->size_bytes = made.archive_bytes;
        backup->modified = made.ended;
        backup->is_recalled = true;
        spans[static_cast<std::size_t>(backup - backups.data())] = {made.started, made.ended};
      });
  return spans;
}

// The newest, those of which damage is known, and those of which nothing is known.
std::vector<Backup*> to_be_asked(std::vector<Backup>& backups, const Verdicts& verdicts) {
  std::vector<Backup*> recalled;
  std::vector<Backup*> asked;
  for (Backup& backup : backups) { (backup.is_recalled ? recalled : asked).push_back(&backup); }
  const auto middle =
      recalled.begin() + static_cast<std::ptrdiff_t>(std::min(kAskedNewest, recalled.size()));
  std::ranges::partial_sort(recalled, middle, std::greater{}, &Backup::modified);
  asked.insert(asked.end(), recalled.begin(), middle);
  for (const std::string& key : verdicts.unsound()) {
    if (Backup* const backup = find(backups, key)) { asked.push_back(backup); }
  }
  return asked;
}

// False: one is not as it was made.
bool ask(store::BackupStore& store, std::vector<Backup>& backups, const std::vector<Span>& spans,
         const std::vector<Backup*>& asked) {
  for (Backup* const backup : asked) {
    auto found = store.stat(backup->name);
    const auto at = static_cast<std::size_t>(backup - backups.data());
    if (!found.has_value() || (backup->is_recalled && !is_as_made(*found, *backup, spans[at]))) {
      return false;
    }
    *backup = *std::move(found);
  }
  return true;
}

}  // namespace

Result<std::vector<Backup>> list_by_history(store::BackupStore& store, const fs::Path& vault_folder,
                                            const Verdicts& verdicts) {
  PV_TRY(std::optional<std::vector<Backup>> backups, store.list_names());
  if (!backups || backups->size() <= kListedMax) { return store.list(); }
  const std::vector<Span> spans = recall(*backups, vault_folder);
  const std::vector<Backup*> asked = to_be_asked(*backups, verdicts);
  if (asked.size() > kAskedMax || !ask(store, *backups, spans, asked)) { return store.list(); }
  return *std::move(backups);
}

}  // namespace pv::jobs
