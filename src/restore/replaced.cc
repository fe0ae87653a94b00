#include "restore/replaced.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "restore/journal.h"
#include "restore/layout.h"
#include "restore/record.h"
#include "restore/staging_folder.h"

namespace pv::restore {
namespace {

constexpr std::string_view kInfoTitle = "pocketvault replaced data 1";
constexpr std::uint64_t kInfoBytesMax = 64 << 10;

template <class Number>
std::optional<Number> number_in(const Record& info, std::string_view word) {
  const std::string text = value_of(info, word);
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) { return std::nullopt; }
  return number;
}

Record info_of(const Replaced& replaced) {
  Record info{{"at", std::to_string(replaced.at.time_since_epoch().count())},
              {"from", replaced.restored_from}};
  if (replaced.keep) { info.emplace_back("keep", std::to_string(replaced.keep->count())); }
  if (replaced.bytes) { info.emplace_back("bytes", std::to_string(*replaced.bytes)); }
  return info;
}

// Under a name that nobody looks for before it goes file by file: an undo would bring the rest
// back.
Result<void> remove_whole(const fs::Path& folder) {
  fs::Path going = folder;
  const std::string name = folder.filename().string();
  if (name.starts_with(kReplacedPrefix)) {
    going.replace_filename(std::string{kGoingPrefix} + name.substr(kReplacedPrefix.size()));
    PV_CHECK(fs::rename(folder, going));
    PV_CHECK(fs::sync_folder(folder.parent_path()));
  }
  return fs::remove_tree(going);
}

// What removing the folder would free; nullopt: not counted in time.
std::optional<std::uint64_t> measure(const fs::Path& folder, const Deadline& deadline) {
  std::uint64_t bytes = 0;
  bool in_time = true;
  const auto count = [&](const std::string& name, const fs::Stat& stat) {
    in_time = in_time && !deadline.passed();
    if (!in_time || stat.is_folder()) { return in_time; }
    std::error_code error;
    const auto names = std::filesystem::hard_link_count(folder / name, error);
    if (error || names <= 1) { bytes += stat.allocated_bytes; }
    return false;  // counted
  };
  const bool walked = fs::walk(folder, count).has_value();
  return walked && in_time ? std::optional{bytes} : std::nullopt;
}

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
  const std::chrono::nanoseconds at{number_in<std::int64_t>(*info, "at").value_or(0)};
  replaced.at = WallTime{at};
  replaced.restored_from = value_of(*info, "from");
  if (const auto keep = number_in<std::int64_t>(*info, "keep")) {
    replaced.keep = std::chrono::seconds{*keep};
  }
  replaced.bytes = number_in<std::uint64_t>(*info, "bytes");
  return replaced;
}

// Whether a folder of ours has had its time.
Result<bool> is_over(const fs::Path& folder, WallTime now, std::chrono::seconds keep) {
  const std::string name = folder.filename().string();
  if (name.starts_with(kGoingPrefix)) { return true; }
  if (name.starts_with(kStagedPrefix)) { return !StagingFolder::is_held(folder); }
  if (!name.starts_with(kReplacedPrefix)) { return false; }
  if (!has_entries(folder / kReplacedData) && !has_entries(folder / kReplacedStray)) {
    return true;  // taken back, or never filled
  }
  PV_TRY(const Replaced replaced, read_note(folder));
  return now - replaced.at >= replaced.keep.value_or(keep);
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
  PV_CHECK(disk.write_file(replaced.folder / kReplacedInfo,
                           encode_record(kInfoTitle, info_of(replaced))));
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

Result<Replaced> note_kept(Replaced replaced, std::chrono::seconds keep,
                           std::chrono::milliseconds patience) {
  replaced.keep = keep;
  replaced.bytes = measure(replaced.folder, Deadline::after(patience));
  PV_CHECK(real_disk().write_file(replaced.folder / kReplacedInfo,
                                  encode_record(kInfoTitle, info_of(replaced))));
  return replaced;
}

Result<void> remove_replaced(const fs::Path& directory, std::string_view id) {
  PV_TRY(const std::optional<Journal> journal, read_journal(directory));
  if (journal) {
    return fail(Code::kBusy, "an earlier restore was cut off; start pocketvault again first");
  }
  PV_TRY(const std::vector<Replaced> kept, list_replaced(directory));
  const auto found = std::find_if(kept.begin(), kept.end(),
                                  [&](const Replaced& replaced) { return replaced.id == id; });
  if (found == kept.end()) {
    return fail(Code::kNotFound, "no replaced data " + printable(id) + " is kept");
  }
  // A journal that a power cut could bring back would look for it: its removal comes first.
  PV_CHECK(fs::sync_folder(vault_folder(directory)));
  return remove_whole(found->folder);
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
    if (over) { PV_CHECK(remove_whole(vault / name)); }
  }
  return {};
}

}  // namespace pv::restore
