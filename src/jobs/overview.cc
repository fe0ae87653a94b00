#include "jobs/overview.h"

#include <boost/json.hpp>

#include "base/text.h"
#include "jobs/other_users.h"
#include "restore/restore.h"

namespace pv::jobs {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kSwapPatience{0};

// Strings of JSON must be UTF-8; file names need not be.
std::string text_of(std::string_view bytes) {
  return is_utf8(bytes) ? std::string{bytes} : printable(bytes);
}

json::value number_or_null(const std::optional<std::uint64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::object newest_json(const Overview& overview, WallTime now) {
  const store::Backup& newest = *overview.newest;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - newest.modified);
  json::object object{{"key", text_of(newest.name.text())},
                      {"size", newest.size_bytes},
                      {"modified", format_pocketbase_date(newest.modified)},
                      {"ageSeconds", age.count()},
                      {"sound", nullptr}};
  if (overview.newest_is_sound) { object["sound"] = *overview.newest_is_sound; }
  return object;
}

json::object to_json(const LeaseNote& note) {
  return {{"kind", text_of(note.kind)},
          {"name", text_of(note.name)},
          {"pid", note.pid},
          {"since", format_pocketbase_date(note.since)}};
}

}  // namespace

void count(const std::vector<store::Backup>& backups, Overview& overview) {
  for (const store::Backup& backup : backups) {
    ++overview.backups;
    overview.backups_bytes += backup.size_bytes;
    if (!overview.newest || backup.modified > overview.newest->modified) {
      overview.newest = backup;
    }
  }
}

Result<Overview> look_over(const fs::Path& directory, store::BackupStore& store,
                           std::chrono::seconds keep) {
  Overview overview;
  PV_TRY(const std::vector<store::Backup> backups, store.list());
  count(backups, overview);
  if (const auto free = store.free_bytes(); free.has_value()) {
    overview.backups_free_bytes = *free;
  }
  if (const auto space = fs::space(directory); space.has_value()) {
    overview.data_free_bytes = space->free_bytes;
  }
  const fs::Path vault_folder = directory / ".pocketvault";
  overview.kept = list_kept(directory, keep).value_or(std::vector<Kept>{});
  if (fs::exists(vault_folder / "lock")) { overview.job = Lease::holder(vault_folder); }
  // Whoever swaps holds this lock, and the journal goes before the lock does.
  if (restore::is_cut_off(directory) && take_swap_lock(vault_folder, kSwapPatience).has_value()) {
    overview.is_cut_off = restore::is_cut_off(directory);
  }
  overview.users = other_users(directory);
  return overview;
}

json::object to_json(const Kept& kept) {
  json::array only;
  for (const std::string& unit : kept.units) { only.emplace_back(text_of(unit)); }
  return {{"id", text_of(kept.id)},
          {"from", text_of(kept.from)},
          {"at", format_pocketbase_date(kept.at)},
          {"until", format_pocketbase_date(kept.until)},
          {"size", number_or_null(kept.bytes)},
          {"only", std::move(only)}};
}

json::object to_json(const Overview& overview, WallTime now) {
  json::array kept;
  for (const Kept& one : overview.kept) { kept.push_back(to_json(one)); }
  json::array users;
  for (const fs::LockHolder& user : overview.users) {
    users.push_back(json::object{{"pid", user.pid}, {"program", text_of(user.program)}});
  }
  json::object object{
      {"newest", nullptr},
      {"backups", json::object{{"count", overview.backups},
                               {"size", overview.backups_bytes},
                               {"free", number_or_null(overview.backups_free_bytes)}}},
      {"data", json::object{{"free", number_or_null(overview.data_free_bytes)}}},
      {"replaced", std::move(kept)},
      {"cutOff", overview.is_cut_off},
      {"job", nullptr},
      {"users", std::move(users)}};
  if (overview.newest) { object["newest"] = newest_json(overview, now); }
  if (overview.job) { object["job"] = to_json(*overview.job); }
  return object;
}

}  // namespace pv::jobs
