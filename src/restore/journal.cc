#include "restore/journal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/text.h"
#include "restore/layout.h"
#include "restore/record.h"

namespace pv::restore {
namespace {

constexpr std::string_view kTitle = "pocketvault restore journal 2";
constexpr std::string_view kTitleOfPart = "pocketvault restore journal 3";
constexpr std::string_view kTitleOfAtOnce = "pocketvault restore journal 4";
constexpr std::string_view kTitleOfSealed = "pocketvault restore journal 5";
constexpr std::string_view kTitleOfOne = "pocketvault restore journal 1";
constexpr std::uint64_t kJournalBytesMax = 64 << 20;
constexpr std::size_t kVolumesMax = 4096;
constexpr std::string_view kDirectory = ".";  // as a place

// "restore-ID" or "replaced-ID/pb_data".
bool is_source(std::string_view name) {
  std::string_view folder = name;
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    if (name.substr(slash + 1) != kReplacedData) { return false; }
    folder = name.substr(0, slash);
  }
  return (folder.starts_with(kStagedPrefix) || folder.starts_with(kReplacedPrefix)) &&
         is_one_name(folder);
}

// Each folder at most once, none that leads elsewhere.
bool are_sound(const std::vector<PlaceMoves>& places) {
  std::set<std::string_view> folders;
  for (const PlaceMoves& place : places) {
    const bool is_root = place.folder.empty();
    const auto is_entry = [&](const std::string& name) {
      return is_one_name(name) && (is_root ? !stays(name) : name != kVolumeVault);
    };
    if (!(is_root || is_folder_name(place.folder)) || !folders.insert(place.folder).second ||
        !std::all_of(place.out.begin(), place.out.end(), is_entry) ||
        !std::all_of(place.in.begin(), place.in.end(), is_entry)) {
      return false;
    }
    const std::set<std::string_view> out{place.out.begin(), place.out.end()};
    const std::set<std::string_view> in{place.in.begin(), place.in.end()};
    for (const auto& [name, inodes] : place.at_once) {
      if (!out.contains(name) || !in.contains(name)) { return false; }
    }
    for (const auto& [name, seal] : place.sealed) {
      if (!in.contains(name)) { return false; }
    }
  }
  return true;
}

bool is_sound(const Journal& journal) {
  const std::string& own_vault = journal.layout.volumes().front().vault;
  return (own_vault == kOwnVault || own_vault == kVolumeVault) && is_source(journal.incoming) &&
         is_source(journal.aside) && journal.incoming != journal.aside && are_sound(journal.places);
}

// "555/NAME": permissions in front of a name.
std::string with_mode(const std::string& name, std::uint32_t mode) {
  std::array<char, 16> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), mode, 8);
  return std::string{digits.data(), end} + '/' + name;
}

Result<void> add_mode(std::string_view value, std::map<std::string, std::uint32_t>& modes) {
  constexpr std::uint32_t kModeMax = 07777;
  const std::size_t slash = std::min(value.find('/'), value.size());
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + slash, mode, 8);
  if (error != std::errc{} || end != value.data() + slash || slash == value.size() ||
      mode > kModeMax || !is_one_name(value.substr(slash + 1))) {
    return fail(Code::kDamaged, "bad permissions");
  }
  modes.emplace(value.substr(slash + 1), mode);
  return {};
}

// "OLD/NEW/NAME": inodes in front of a name.
Result<void> add_inodes(std::string_view value,
                        std::map<std::string, PlaceMoves::Inodes>& at_once) {
  PlaceMoves::Inodes inodes;
  for (std::uint64_t* inode : {&inodes.old, &inodes.fresh}) {
    const std::size_t slash = std::min(value.find('/'), value.size());
    const auto [end, error] = std::from_chars(value.data(), value.data() + slash, *inode);
    if (error != std::errc{} || end != value.data() + slash || slash == value.size()) {
      return fail(Code::kDamaged, "bad inodes");
    }
    value.remove_prefix(slash + 1);
  }
  if (inodes.old == inodes.fresh || !is_one_name(value)) {
    return fail(Code::kDamaged, "bad inodes");
  }
  at_once.emplace(value, inodes);
  return {};
}

// "NUMBER/NAME".
Result<void> add_seal(std::string_view value, std::map<std::string, std::uint64_t>& sealed) {
  const std::size_t slash = std::min(value.find('/'), value.size());
  std::uint64_t seal = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + slash, seal);
  if (error != std::errc{} || end != value.data() + slash || slash == value.size() ||
      !is_one_name(value.substr(slash + 1))) {
    return fail(Code::kDamaged, "a bad seal");
  }
  sealed.emplace(value.substr(slash + 1), seal);
  return {};
}

void add_place(const PlaceMoves& place, Record& record) {
  record.emplace_back("place", place.folder.empty() ? std::string{kDirectory} : place.folder);
  if (place.extent == PlaceMoves::Extent::kNamed) { record.emplace_back("extent", "named"); }
  for (const std::string& name : place.out) { record.emplace_back("out", name); }
  for (const std::string& name : place.in) { record.emplace_back("in", name); }
  for (const auto& [name, mode] : place.read_only_out) {
    record.emplace_back("read-only-out", with_mode(name, mode));
  }
  for (const auto& [name, mode] : place.read_only_in) {
    record.emplace_back("read-only-in", with_mode(name, mode));
  }
  for (const auto& [name, inodes] : place.at_once) {
    record.emplace_back(
        "at-once", std::to_string(inodes.old) + '/' + std::to_string(inodes.fresh) + '/' + name);
  }
  for (const auto& [name, seal] : place.sealed) {
    record.emplace_back("sealed", std::to_string(seal) + '/' + name);
  }
}

Result<std::vector<PlaceMoves>> places_of(const Record& record) {
  std::vector<PlaceMoves> places;
  for (const auto& [word, value] : record) {
    if (word == "place") {
      places.push_back({});
      places.back().folder = value == kDirectory ? "" : value;
      continue;
    }
    if (places.empty()) { continue; }  // what stands before the first place
    PlaceMoves& place = places.back();
    if (word == "extent" && value == "named") {
      place.extent = PlaceMoves::Extent::kNamed;
    } else if (word == "out") {
      place.out.push_back(value);
    } else if (word == "in") {
      place.in.push_back(value);
    } else if (word == "read-only-out") {
      PV_CHECK(add_mode(value, place.read_only_out));
    } else if (word == "read-only-in") {
      PV_CHECK(add_mode(value, place.read_only_in));
    } else if (word == "at-once") {
      PV_CHECK(add_inodes(value, place.at_once));
    } else if (word == "sealed") {
      PV_CHECK(add_seal(value, place.sealed));
    } else {
      return fail(Code::kDamaged, "an unknown line");
    }
  }
  return places;
}

Result<Journal> decode(std::string_view text) {
  Result<Record> record = decode_record(kTitleOfSealed, text);
  const auto is_of_another = [&] {
    return !record.has_value() && record.error().code == Code::kUnsupported;
  };
  for (const std::string_view title : {kTitleOfAtOnce, kTitleOfPart, kTitle}) {
    if (is_of_another()) { record = decode_record(title, text); }
  }
  if (is_of_another()) {
    record = decode_record(kTitleOfOne, text);
    // All of it is one place: that version knew no other volumes.
    if (record.has_value()) {
      const auto first = std::find_if(record->begin(), record->end(), [](const auto& line) {
        return line.first == "out" || line.first == "in";
      });
      record->emplace(first, "place", kDirectory);
    }
  }
  if (!record.has_value()) { return fail(record.error()); }
  const std::string vault = value_of(*record, "vault");
  const std::vector<std::string> volumes = values_of(*record, "volume");
  const std::vector<std::string> units = values_of(*record, "unit");
  if (volumes.size() > kVolumesMax ||
      !std::all_of(volumes.begin(), volumes.end(), is_folder_name) ||
      !std::all_of(units.begin(), units.end(), is_folder_name)) {
    return fail(Code::kDamaged, "a volume or unit in it leads elsewhere");
  }
  Journal journal{.back = value_of(*record, "direction") == "back",
                  .layout = Layout{vault.empty() ? std::string{kOwnVault} : vault, volumes, units},
                  .incoming = value_of(*record, "incoming"),
                  .aside = value_of(*record, "aside"),
                  .places = {}};
  PV_TRY(journal.places, places_of(*record));
  if (!is_sound(journal)) { return fail(Code::kDamaged, "a name in it leads elsewhere"); }
  return journal;
}

// The first version that can act on it.
std::string_view title_of(const Journal& journal) {
  const auto any = [&](const auto& has_one) {
    return std::any_of(journal.places.begin(), journal.places.end(), has_one);
  };
  if (any([](const PlaceMoves& place) { return !place.sealed.empty(); })) { return kTitleOfSealed; }
  if (any([](const PlaceMoves& place) { return !place.at_once.empty(); })) {
    return kTitleOfAtOnce;
  }
  return journal.layout.units().empty() ? kTitle : kTitleOfPart;
}

Error unreadable(const fs::Path& path, const Error& why) {
  const std::string name = printable(path.native()) + ": " + why.what;
  if (why.code == Code::kUnsupported) {
    return Error{Code::kUnsupported,
                 name +
                     "; a restore was cut off, and the version of pocketvault that began it has "
                     "to finish it"};
  }
  return Error{Code::kDamaged,
               name +
                   "; a restore was cut off and its journal can't be read. The old data lies in "
                   "place and in the newest replaced-* folder beside it, the new in place, in the "
                   "newest restore-* folder (which is cleared away once the journal is gone) and "
                   "in that replaced-* folder as well. Put the right data in place by hand, then "
                   "remove the journal"};
}

// The journal as it will be when the exchange is taken back.
fs::Path turned_path(const fs::Path& directory) {
  return fs::Path{journal_path(directory).native() + ".back"};
}

Result<std::string> encode(const Journal& journal) {
  Record record{{"direction", journal.back ? "back" : "forward"},
                {"incoming", journal.incoming},
                {"aside", journal.aside},
                {"vault", journal.layout.volumes().front().vault}};
  for (const std::string& at : journal.layout.other_volumes()) {
    record.emplace_back("volume", at);
  }
  for (const std::string& unit : journal.layout.units()) { record.emplace_back("unit", unit); }
  for (const PlaceMoves& place : journal.places) { add_place(place, record); }
  std::string text = encode_record(title_of(journal), record);
  if (text.size() > kJournalBytesMax) {
    return fail(Code::kUnsupported, "too many entries would have to be moved one by one");
  }
  return text;
}

Result<std::string> encode_turned(Journal journal) {
  journal.back = true;
  return encode(journal);
}

}  // namespace

Result<void> write_journal(const fs::Path& directory, const Journal& journal, Disk& disk) {
  PV_TRY(const std::string back, encode_turned(journal));
  PV_TRY(const std::string text, encode(journal));
  PV_CHECK(disk.write_file(turned_path(directory), back));
  return disk.write_file(journal_path(directory), text);
}

Result<void> turn_journal(const fs::Path& directory, Journal& journal, Disk& disk) {
  if (journal.back) { return {}; }
  PV_TRY(const std::string text, encode_turned(journal));
  const fs::Path path = journal_path(directory);
  const Result<std::string> ready = fs::read_file(turned_path(directory), text.size());
  if (ready.has_value() && *ready == text) {
    PV_CHECK(disk.replace(turned_path(directory), path));
    PV_CHECK(disk.sync_folder(path.parent_path()));
  } else {
    PV_CHECK(disk.write_file(path, text));
  }
  journal.back = true;
  return {};
}

Result<std::optional<Journal>> read_journal(const fs::Path& directory) {
  const fs::Path path = journal_path(directory);
  const Result<fs::Stat> found = fs::link_stat(path);
  if (!found.has_value()) {
    if (found.error().code == Code::kNotFound) { return std::optional<Journal>{}; }
    return fail(found.error());
  }
  if (found->size_bytes > kJournalBytesMax) {
    return fail(unreadable(path, {Code::kDamaged, "it is too long"}));
  }
  PV_TRY(const std::string text, fs::read_file(path, kJournalBytesMax));
  Result<Journal> journal = decode(text);
  if (!journal.has_value()) { return fail(unreadable(path, journal.error())); }
  return std::optional{std::move(*journal)};
}

Result<void> end_journal(const fs::Path& directory, Disk& disk) {
  const fs::Path path = journal_path(directory);
  const Result<void> removed = disk.remove_file(path);
  if (!removed.has_value()) {
    const Result<fs::Stat> found = fs::link_stat(path);
    if (found.has_value() || found.error().code != Code::kNotFound) { return removed; }
  }
  (void)disk.remove_file(turned_path(directory));
  // Should a power cut bring it back, recover() finds that all is done. Who removes a folder that
  // it names syncs first, so that this remains so.
  (void)disk.sync_folder(vault_folder(directory));
  return {};
}

}  // namespace pv::restore
