#include "restore/replaced.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/record.h"
#include "restore/staging_folder.h"

namespace pv::restore {
namespace {

constexpr std::string_view kInfoTitle = "pocketvault replaced data 1";
constexpr std::uint64_t kInfoBytesMax = 64 << 10;

bool has_entries(const fs::Path& folder) {
  const auto names = names_in(folder);
  // What can't be looked into counts as data: it is not removed, and an undo says what is wrong.
  return names.has_value() ? !names->empty() : names.error().code != Code::kNotFound;
}

Result<Replaced> read_note(const fs::Path& folder) {
  Replaced replaced{.id = folder.filename().string().substr(kReplacedPrefix.size()),
                    .folder = folder,
                    .at = {},
                    .restored_from = {}};
  const Result<std::string> text = fs::read_file(folder / kReplacedInfo, kInfoBytesMax);
  const Result<Record> info =
      text.has_value() ? decode_record(kInfoTitle, *text) : Result<Record>{fail(text.error())};
  if (!info.has_value()) {
    // Data without its note is kept all the same; its age is that of the folder.
    PV_TRY(const fs::Stat about, fs::stat(folder));
    replaced.at = about.modified;
    return replaced;
  }
  const std::string at = value_of(*info, "at");
  std::int64_t nanoseconds = 0;
  std::from_chars(at.data(), at.data() + at.size(), nanoseconds);
  replaced.at = WallTime{std::chrono::nanoseconds{nanoseconds}};
  replaced.restored_from = value_of(*info, "from");
  return replaced;
}

// Whether a folder of ours has had its time.
Result<bool> is_over(const fs::Path& folder, WallTime now, std::chrono::seconds keep) {
  const std::string name = folder.filename().string();
  if (name.starts_with(kStagedPrefix)) { return !StagingFolder::is_held(folder); }
  if (!name.starts_with(kReplacedPrefix)) { return false; }
  if (!has_entries(folder / kReplacedData) && !has_entries(folder / kReplacedStray)) {
    return true;  // taken back, or never filled
  }
  PV_TRY(const Replaced replaced, read_note(folder));
  return now - replaced.at >= keep;
}

}  // namespace

std::string replaced_folder(std::string_view id) {
  return std::string{kReplacedPrefix} + std::string{id};
}

std::string replaced_data(std::string_view id) {
  return replaced_folder(id) + '/' + std::string{kReplacedData};
}

Result<void> create_replaced(const fs::Path& directory, const Replaced& replaced, Disk& disk) {
  PV_CHECK(disk.make_folder(replaced.folder));
  PV_CHECK(disk.make_folder(replaced.folder / kReplacedData));
  const Record info{{"at", std::to_string(replaced.at.time_since_epoch().count())},
                    {"from", replaced.restored_from}};
  PV_CHECK(disk.write_file(replaced.folder / kReplacedInfo, encode_record(kInfoTitle, info)));
  return disk.sync_folder(vault_folder(directory));
}

void discard_replaced(const fs::Path& folder, Disk& disk) {
  const Result<void> emptied = disk.remove_folder(folder / kReplacedData);
  if (!emptied.has_value() && emptied.error().code != Code::kNotFound) { return; }
  if (fs::exists(folder / kReplacedStray)) { return; }  // by its age, with the note
  (void)disk.remove_file(folder / kReplacedInfo);
  (void)disk.remove_folder(folder);
}

Result<std::vector<Replaced>> list_replaced(const fs::Path& directory) {
  std::vector<Replaced> all;
  const fs::Path vault = vault_folder(directory);
  if (!fs::exists(vault)) { return all; }
  PV_TRY(const std::vector<std::string> names, names_in(vault));
  for (const std::string& name : names) {
    if (!name.starts_with(kReplacedPrefix) || !has_entries(vault / name / kReplacedData)) {
      continue;
    }
    PV_TRY(Replaced replaced, read_note(vault / name));
    all.push_back(std::move(replaced));
  }
  std::sort(all.begin(), all.end(), [](const Replaced& a, const Replaced& b) {
    return a.at != b.at ? a.at > b.at : a.id < b.id;
  });
  return all;
}

Result<void> prune_replaced(const fs::Path& directory, WallTime now, std::chrono::seconds keep) {
  const fs::Path vault = vault_folder(directory);
  if (!fs::exists(vault)) { return {}; }
  PV_TRY(const std::optional<Journal> journal, read_journal(directory));
  if (journal) { return {}; }  // first recover(): the folders may be needed
  // A journal that a power cut could bring back would look for them: its removal comes first.
  PV_CHECK(fs::sync_folder(vault));
  PV_TRY(const std::vector<std::string> names, names_in(vault));
  for (const std::string& name : names) {
    PV_TRY(const bool over, is_over(vault / name, now, keep));
    if (over) { PV_CHECK(fs::remove_tree(vault / name)); }
  }
  return {};
}

}  // namespace pv::restore
