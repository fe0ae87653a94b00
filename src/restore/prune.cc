// What restores leave behind, removed when it has had its time.
#include <algorithm>

#include "base/text.h"
#include "restore/replaced.h"
#include "restore/staging_folder.h"

namespace pv::restore {
namespace {

// The folders whose names begin with `prefix`, in `vault`.
template <class Work>
Result<void> for_each(const fs::Path& directory, std::string_view vault, std::string_view prefix,
                      const Work& work) {
  if (vault != kOwnVault) { PV_CHECK(refuse_linked_vault(directory / vault)); }
  PV_TRY(const std::vector<std::string> names, names_if_any(directory / vault));
  for (const std::string& name : names) {
    if (name.starts_with(prefix)) { PV_CHECK(work(name)); }
  }
  return {};
}

// On whichever volume: the lock is on the one in the directory's own vault.
bool is_held(const fs::Path& directory, const std::string& name) {
  return std::any_of(kOwnVaults.begin(), kOwnVaults.end(), [&](std::string_view own) {
    return StagingFolder::is_held(directory / own / name);
  });
}

bool is_in_own_vault(const fs::Path& directory, const std::string& name) {
  return std::any_of(kOwnVaults.begin(), kOwnVaults.end(),
                     [&](std::string_view own) { return fs::exists(directory / own / name); });
}

// Else a volume is not mounted now; what lies there must not outlive what tells of it.
bool is_all_there(const fs::Path& directory, const Kept& kept) {
  const std::vector<std::string> volumes = kept.layout.other_volumes();
  return std::all_of(volumes.begin(), volumes.end(), [&](const std::string& at) {
    return fs::exists(directory / kept.layout.volume_of(at).vault /
                      replaced_folder(kept.replaced.id));
  });
}

// What nobody noted how long to keep was left by an exchange that was cut off, and whose journal
// may have been removed by hand, long after: it has its time from when it is first found so, or
// else it would go before anybody could look. At least a day, whatever is kept as a rule.
Result<void> note_from_now(const Kept& kept, WallTime now, std::chrono::seconds keep) {
  constexpr std::chrono::hours kAtLeast{24};
  constexpr std::chrono::milliseconds kMeasurePatience{500};
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - kept.replaced.at);
  const auto time = age + std::max<std::chrono::seconds>(keep, kAtLeast);
  return note_kept(kept.replaced, time, kMeasurePatience).map([](const Replaced&) {});
}

bool is_over(const fs::Path& directory, const Kept& kept, WallTime now, std::chrono::seconds keep) {
  // Without data it was taken back, or never filled.
  if (!has_data(directory, kept) && count_strays(directory, kept) == 0) { return true; }
  if (kept.has_note && !kept.replaced.keep) {
    (void)note_from_now(kept, now, keep);  // else it is tried again
    return false;
  }
  return now - kept.replaced.at >= kept.replaced.keep.value_or(keep);
}

// The rest of what has its name "going-ID" in a vault of the directory itself already.
Result<void> remove_going(const fs::Path& directory, const Kept& kept) {
  for (const std::string& at : kept.layout.other_volumes()) {
    const fs::Path vault = directory / kept.layout.volume_of(at).vault;
    PV_CHECK(fs::remove_tree(vault / replaced_folder(kept.replaced.id)));
    (void)fs::remove_empty_folder(vault);
  }
  return fs::remove_tree(kept.replaced.folder);
}

// Under a name that nobody looks for before it goes file by file: an undo would bring the rest
// back.
Result<void> remove_whole(const fs::Path& directory, Kept kept) {
  fs::Path& folder = kept.replaced.folder;
  const fs::Path before = folder;
  folder.replace_filename(std::string{kGoingPrefix} + kept.replaced.id);
  PV_CHECK(fs::rename(before, folder));
  PV_CHECK(fs::sync_folder(folder.parent_path()));
  return remove_going(directory, kept);
}

Result<void> remove_replaced_in(const fs::Path& directory, std::string_view vault, WallTime now,
                                std::chrono::seconds keep) {
  PV_CHECK(for_each(directory, vault, kGoingPrefix, [&](const std::string& name) -> Result<void> {
    PV_TRY(const Kept kept, read_kept(directory, vault, name));
    return remove_going(directory, kept);
  }));
  return for_each(directory, vault, kReplacedPrefix, [&](const std::string& name) -> Result<void> {
    PV_TRY(Kept kept, read_kept(directory, vault, name));
    const bool may_go = is_over(directory, kept, now, keep) && is_all_there(directory, kept);
    return may_go ? remove_whole(directory, std::move(kept)) : Result<void>{};
  });
}

Result<void> remove_staged_in(const fs::Path& directory, std::string_view vault) {
  return for_each(directory, vault, kStagedPrefix, [&](const std::string& name) -> Result<void> {
    return is_held(directory, name) ? Result<void>{} : fs::remove_tree(directory / vault / name);
  });
}

// A volume may be another data directory's as well, at work on it just now or cut off in the
// middle: only what this one's own vault knows is touched there. The folder in that vault is made
// first and removed last, so nothing of ours is overlooked. For the same reason replaced data on a
// volume goes only together with the rest of it (remove_going()).
Result<void> remove_staged_on_volume(const fs::Path& directory, const std::string& vault) {
  return for_each(directory, vault, kStagedPrefix, [&](const std::string& name) -> Result<void> {
    if (!is_in_own_vault(directory, name) || is_held(directory, name)) { return {}; }
    return fs::remove_tree(directory / vault / name);
  });
}

Result<void> remove_staged(const fs::Path& directory, const std::vector<std::string>& on_volumes) {
  for (const std::string& vault : on_volumes) {
    PV_CHECK(remove_staged_on_volume(directory, vault));
    (void)fs::remove_empty_folder(directory / vault);
  }
  for (const std::string_view vault : kOwnVaults) { PV_CHECK(remove_staged_in(directory, vault)); }
  return {};
}

// Vaults on the volumes that are mounted now. What can't be looked into is left for later.
std::vector<std::string> volume_vaults(const fs::Path& directory, const Disk& disk) {
  std::vector<std::string> vaults;
  const Result<Layout> layout = Layout::of(directory, disk);
  if (!layout.has_value()) { return vaults; }
  for (const std::string& at : layout->other_volumes()) {
    vaults.push_back(layout->volume_of(at).vault);
  }
  return vaults;
}

// False: a journal waits for recover(), and the folders may be needed.
Result<bool> may_prune(const fs::Path& directory) {
  const fs::Path vault = vault_folder(directory);
  if (!fs::exists(vault) || is_cut_off(directory)) { return false; }
  // A journal that a power cut could bring back would look for them: its removal comes first.
  PV_CHECK(fs::sync_folder(vault));
  return true;
}

}  // namespace

Result<void> refuse_linked_vaults(const fs::Path& directory) {
  for (const std::string_view vault : kOwnVaults) {
    PV_CHECK(refuse_linked_vault(directory / vault));
  }
  return {};
}

Result<void> remove_abandoned(const fs::Path& directory, const Disk& disk) {
  PV_TRY(const bool may, may_prune(directory));
  return may ? remove_staged(directory, volume_vaults(directory, disk)) : Result<void>{};
}

Result<void> prune_replaced(const fs::Path& directory, WallTime now, std::chrono::seconds keep,
                            const Disk& disk) {
  PV_TRY(const bool may, may_prune(directory));
  if (!may) { return {}; }
  const std::vector<std::string> on_volumes = volume_vaults(directory, disk);
  for (const std::string_view vault : kOwnVaults) {
    PV_CHECK(remove_replaced_in(directory, vault, now, keep));
  }
  return remove_staged(directory, on_volumes);
}

Result<void> remove_replaced(const fs::Path& directory, std::string_view id) {
  if (is_cut_off(directory)) {
    return fail(Code::kBusy, "an earlier restore was cut off; start pocketvault again first");
  }
  PV_TRY(std::vector<Kept> kept, list_kept(directory));
  const auto found = std::find_if(kept.begin(), kept.end(),
                                  [&](const Kept& one) { return one.replaced.id == id; });
  if (found == kept.end()) {
    return fail(Code::kNotFound, "no replaced data " + printable(id) + " is kept");
  }
  // A journal that a power cut could bring back would look for it: its removal comes first.
  PV_CHECK(fs::sync_folder(vault_folder(directory)));
  return remove_whole(directory, std::move(*found));
}

}  // namespace pv::restore
