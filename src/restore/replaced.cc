#include "restore/replaced.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/wall_time.h"
#include "fs/presence.h"
#include "restore/record.h"

namespace pv::restore {
namespace {

constexpr std::string_view kInfoTitle = "pocketvault replaced data 1";
// A volume that is nowhere, in the note of a part. Versions that know no parts would take the part
// for everything, with such a note as without one: they look for the volume, and refuse.
constexpr std::string_view kPartMark = "a part, for a newer pocketvault";
constexpr std::uint64_t kInfoBytesMax = 32 << 20;  // the longest names of the most units

template <class Number>
std::optional<Number> number_in(const Record& info, std::string_view word) {
  const std::string text = value_of(info, word);
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) { return std::nullopt; }
  return number;
}

std::string note_of(const Kept& kept) {
  const Replaced& replaced = kept.replaced;
  Record info{{"at", std::to_string(replaced.at.time_since_epoch().count())},
              {"from", replaced.restored_from}};
  if (replaced.keep) { info.emplace_back("keep", std::to_string(replaced.keep->count())); }
  if (replaced.bytes) { info.emplace_back("bytes", std::to_string(*replaced.bytes)); }
  for (const std::string& at : kept.layout.other_volumes()) { info.emplace_back("volume", at); }
  if (!kept.layout.units().empty()) { info.emplace_back("volume", kPartMark); }
  for (const std::string& unit : kept.layout.units()) { info.emplace_back("unit", unit); }
  for (const std::string& folder : kept.made) { info.emplace_back("made", folder); }
  return encode_record(kInfoTitle, info);
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

// nullopt: there is none, or it is damaged. An error that hides it is told: taken for none, it
// would hide the volumes that it names.
Result<std::optional<Record>> read_note(const fs::Path& path) {
  const Result<std::string> text = fs::read_file(path, kInfoBytesMax);
  if (!text.has_value()) {
    const Code code = text.error().code;
    if (code == Code::kNotFound || code == Code::kInvalid) { return std::optional<Record>{}; }
    return fail(text.error());
  }
  Result<Record> info = decode_record(kInfoTitle, *text);
  return info.has_value() ? std::optional{std::move(*info)} : std::nullopt;
}

// The note comes first: what the folders are is known from then on.
// That for strays waits where something may have to go through it on a way back, which is not to
// need room on the disk.
Result<void> make_folder(const fs::Path& directory, const Volume& volume, const Kept& kept,
                         bool with_strays, Disk& disk) {
  const fs::Path vault = directory / volume.vault;
  const fs::Path folder = vault / replaced_folder(kept.replaced.id);
  PV_CHECK(disk.make_folder(folder));
  PV_CHECK(disk.write_file(folder / kReplacedInfo, note_of(kept)));
  PV_CHECK(disk.make_folder(folder / kReplacedData));
  if (with_strays) { PV_CHECK(disk.make_folder(folder / kReplacedStray)); }
  PV_CHECK(disk.sync_folder(folder));
  return disk.sync_folder(vault);
}

// With the folders on the way to it. `parents`: where something was made.
Result<void> make_aside(const fs::Path& directory, const Kept& kept, const std::string& place,
                        Disk& disk, std::vector<fs::Path>& parents) {
  if (kept.layout.volume_of(place).at == place) { return {}; }
  const fs::Path aside = directory / kept.layout.inside(replaced_data(kept.replaced.id), place);
  if (fs::exists(aside)) { return {}; }
  PV_CHECK(make_aside(directory, kept, parent_of(place), disk, parents));
  PV_CHECK(disk.make_folder_like(aside, directory / place));
  const fs::Path parent = aside.parent_path();
  if (parents.empty() || parents.back() != parent) { parents.push_back(parent); }
  return {};
}

Result<void> make_folders(const fs::Path& directory, const Kept& kept,
                          const std::vector<PlaceMoves>& places, Disk& disk) {
  const bool has_sealed = std::any_of(
      places.begin(), places.end(), [](const PlaceMoves& place) { return !place.sealed.empty(); });
  for (const Volume& volume : kept.layout.volumes()) {
    PV_CHECK(make_folder(directory, volume, kept, has_sealed, disk));
  }
  std::vector<fs::Path> parents;
  for (const PlaceMoves& place : places) {
    PV_CHECK(make_aside(directory, kept, place.folder, disk, parents));
  }
  return sync_folders(directory, kept.layout, parents, disk);
}

}  // namespace

std::string replaced_folder(std::string_view id) {
  return std::string{kReplacedPrefix} + std::string{id};
}

std::string replaced_data(std::string_view id) {
  return replaced_folder(id) + '/' + std::string{kReplacedData};
}

Result<void> create_replaced(const fs::Path& directory, const Kept& kept,
                             const std::vector<PlaceMoves>& places, Disk& disk) {
  Result<void> made = make_folders(directory, kept, places, disk);
  if (!made.has_value()) { discard_replaced(directory, kept.layout, kept.replaced.id, disk); }
  return made;
}

void discard_replaced(const fs::Path& directory, const Layout& layout, const std::string& id,
                      Disk& disk) {
  const auto is_gone = [](const Result<void>& removed) {
    return removed.has_value() || removed.error().code == Code::kNotFound;
  };
  const fs::Path own = directory / layout.inside(replaced_folder(id), "");
  if (fs::is_there(own / kReplacedNothing).value_or(true)) { return; }
  // A journal that a power cut brings back would look for them: its removal comes first.
  if (!disk.sync_folder(vault_folder(directory)).has_value()) { return; }
  const std::vector<std::string>& places = layout.places();
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    const fs::Path data = directory / layout.inside(replaced_data(id), *place);
    if (!is_gone(disk.remove_folder(data))) { return; }
  }
  const std::vector<Volume>& volumes = layout.volumes();
  const auto folder_on = [&](const Volume& volume) {
    return directory / volume.vault / replaced_folder(id);
  };
  // They go by their age, all together, and the directory's own note tells where they are.
  const bool no_strays = std::all_of(volumes.begin(), volumes.end(), [&](const Volume& volume) {
    const fs::Path strays = folder_on(volume) / kReplacedStray;
    return !fs::is_there(strays).value_or(true) || is_gone(disk.remove_folder(strays));
  });
  if (!no_strays) { return; }
  for (auto volume = volumes.rbegin(); volume != volumes.rend(); ++volume) {
    const fs::Path folder = folder_on(*volume);
    (void)disk.remove_file(folder / kReplacedInfo);
    (void)disk.remove_folder(folder);
  }
}

bool has_data(const fs::Path& directory, const Kept& kept) {
  if (fs::is_there(kept.replaced.folder / kReplacedNothing).value_or(true)) { return true; }
  const std::vector<std::string>& places = kept.layout.places();
  return std::any_of(places.begin(), places.end(), [&](const std::string& place) {
    const std::string aside = kept.layout.inside(replaced_data(kept.replaced.id), place);
    const auto names = entries_to_exchange(directory / aside, place, kept.layout);
    // What can't be looked into counts as data: it is not removed, and an undo says what is wrong.
    return !names.has_value() || !names->empty();
  });
}

std::uint64_t count_strays(const fs::Path& directory, const Kept& kept) {
  std::uint64_t count = 0;
  for (const Volume& volume : kept.layout.volumes()) {
    const auto names =
        names_if_any(directory / volume.vault / replaced_folder(kept.replaced.id) / kReplacedStray);
    count += names.has_value() ? names->size() : 1;
  }
  return count;
}

bool has_strays(const fs::Path& directory, std::string_view id) {
  const std::string name = replaced_folder(id);
  return std::any_of(kOwnVaults.begin(), kOwnVaults.end(), [&](std::string_view vault) {
    if (!fs::exists(directory / vault / name)) { return false; }
    const auto kept = read_kept(directory, vault, name);
    return kept.has_value() && count_strays(directory, *kept) > 0;
  });
}

Result<std::vector<std::string>> names_if_any(const fs::Path& folder) {
  Result<std::vector<std::string>> names = names_in(folder);
  if (!names.has_value() && names.error().code == Code::kNotFound) {
    return std::vector<std::string>{};
  }
  return names;
}

Result<Kept> read_kept(const fs::Path& directory, std::string_view vault, const std::string& name) {
  const fs::Path folder = directory / vault / name;
  Kept kept{.replaced = {.id = name.substr(name.find('-') + 1),
                         .folder = folder,
                         .at = {},
                         .restored_from = {}},
            .layout = Layout{std::string{vault}, {}}};
  PV_TRY(const std::optional<Record> info, read_note(folder / kReplacedInfo));
  if (!info) {
    // Data without its note is kept all the same; its age is that of the folder.
    PV_TRY(const fs::Stat about, fs::stat(folder));
    kept.replaced.at = about.modified;
    kept.has_note = false;
    return kept;
  }
  const std::chrono::nanoseconds at{number_in<std::int64_t>(*info, "at").value_or(0)};
  kept.replaced.at = wall_time(at);
  kept.replaced.restored_from = value_of(*info, "from");
  if (const auto keep = number_in<std::int64_t>(*info, "keep")) {
    kept.replaced.keep = std::chrono::seconds{*keep};
  }
  kept.replaced.bytes = number_in<std::uint64_t>(*info, "bytes");
  std::vector<std::string> volumes = values_of(*info, "volume");
  std::erase(volumes, kPartMark);
  const std::vector<std::string> units = values_of(*info, "unit");
  const std::vector<std::string> made = values_of(*info, "made");
  for (const auto* names : {&std::as_const(volumes), &units, &made}) {
    if (std::all_of(names->begin(), names->end(), is_folder_name)) { continue; }
    return fail(Code::kDamaged,
                printable((folder / kReplacedInfo).native()) + ": a name in it leads elsewhere");
  }
  kept.layout = Layout{std::string{vault}, volumes, units};
  kept.made = made;
  kept.replaced.units = kept.layout.units();
  return kept;
}

Result<std::vector<Kept>> list_kept(const fs::Path& directory) {
  std::vector<Kept> all;
  for (const std::string_view vault : kOwnVaults) {
    PV_TRY(const std::vector<std::string> names, names_if_any(directory / vault));
    for (const std::string& name : names) {
      if (!name.starts_with(kReplacedPrefix)) { continue; }
      PV_TRY(Kept kept, read_kept(directory, vault, name));
      kept.replaced.strays = count_strays(directory, kept);
      kept.replaced.can_undo = has_data(directory, kept);
      const bool holds_any = kept.replaced.can_undo || kept.replaced.strays > 0;
      if (holds_any) { all.push_back(std::move(kept)); }
    }
  }
  std::sort(all.begin(), all.end(), [](const Kept& one, const Kept& other) {
    const Replaced& a = one.replaced;
    const Replaced& b = other.replaced;
    return a.at != b.at ? a.at > b.at : a.id < b.id;
  });
  return all;
}

Result<std::vector<Replaced>> list_replaced(const fs::Path& directory) {
  PV_TRY(std::vector<Kept> kept, list_kept(directory));
  std::vector<Replaced> all;
  for (Kept& one : kept) { all.push_back(std::move(one.replaced)); }
  return all;
}

Result<Replaced> note_kept(Replaced replaced, std::chrono::seconds keep,
                           std::chrono::milliseconds patience) {
  const fs::Path vault = replaced.folder.parent_path();
  const fs::Path directory = vault.parent_path();
  PV_TRY(Kept kept,
         read_kept(directory, vault.filename().native(), replaced.folder.filename().native()));
  kept.replaced = std::move(replaced);
  kept.replaced.keep = keep;
  kept.replaced.bytes = 0;
  const Deadline deadline = Deadline::after(patience);
  for (const Volume& volume : kept.layout.volumes()) {
    const auto bytes =
        measure(directory / volume.vault / replaced_folder(kept.replaced.id), deadline);
    if (!bytes) { kept.replaced.bytes = std::nullopt; }
    if (kept.replaced.bytes) { *kept.replaced.bytes += *bytes; }
  }
  PV_CHECK(real_disk().write_file(kept.replaced.folder / kReplacedInfo, note_of(kept)));
  return std::move(kept.replaced);
}

}  // namespace pv::restore
