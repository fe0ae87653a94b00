#include "restore/journal.h"

#include <algorithm>

#include "base/text.h"
#include "restore/layout.h"
#include "restore/record.h"

namespace pv::restore {
namespace {

constexpr std::string_view kTitle = "pocketvault restore journal 1";
constexpr std::uint64_t kJournalBytesMax = 16 << 20;

// A root entry of the data directory, as one name: nothing else may stand in a journal.
bool is_root_entry(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && !stays(name);
}

// "restore-ID" or "replaced-ID/pb_data".
bool is_place(std::string_view name) {
  std::string_view folder = name;
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    if (name.substr(slash + 1) != kReplacedData) { return false; }
    folder = name.substr(0, slash);
  }
  return (folder.starts_with(kStagedPrefix) || folder.starts_with(kReplacedPrefix)) &&
         folder.find('\0') == std::string_view::npos;
}

bool is_sound(const Journal& journal) {
  return is_place(journal.incoming) && is_place(journal.aside) &&
         journal.incoming != journal.aside &&
         std::all_of(journal.out.begin(), journal.out.end(), is_root_entry) &&
         std::all_of(journal.in.begin(), journal.in.end(), is_root_entry);
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
                   "the newest replaced-* folder beside it, the new in restore-* or in place: "
                   "put one of them in place by hand, then remove the journal"};
}

}  // namespace

Result<void> write_journal(const fs::Path& directory, const Journal& journal, Disk& disk) {
  Record record{{"direction", journal.back ? "back" : "forward"},
                {"incoming", journal.incoming},
                {"aside", journal.aside}};
  for (const std::string& name : journal.out) { record.emplace_back("out", name); }
  for (const std::string& name : journal.in) { record.emplace_back("in", name); }
  const std::string text = encode_record(kTitle, record);
  if (text.size() > kJournalBytesMax) {
    return fail(Code::kUnsupported, "the data directory has too many entries at its top");
  }
  return disk.write_file(journal_path(directory), text);
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
  const Result<Record> record = decode_record(kTitle, text);
  if (!record.has_value()) { return fail(unreadable(path, record.error())); }
  Journal journal{.back = value_of(*record, "direction") == "back",
                  .incoming = value_of(*record, "incoming"),
                  .aside = value_of(*record, "aside"),
                  .out = values_of(*record, "out"),
                  .in = values_of(*record, "in")};
  if (!is_sound(journal)) {
    return fail(unreadable(path, {Code::kDamaged, "a name in it leads elsewhere"}));
  }
  return std::optional{std::move(journal)};
}

Result<void> end_journal(const fs::Path& directory, Disk& disk) {
  PV_CHECK(disk.remove_file(journal_path(directory)));
  // Should a power cut bring it back, recover() finds that all is done. Who removes a folder that
  // it names syncs first, so that this remains so.
  (void)disk.sync_folder(vault_folder(directory));
  return {};
}

}  // namespace pv::restore
