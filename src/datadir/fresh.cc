#include "datadir/fresh.h"

#include <chrono>
#include <filesystem>

#include "base/text.h"
#include "datadir/data_dir.h"
#include "datadir/fresh_sql.h"
#include "fs/give.h"
#include "fs/presence.h"
#include "sqlite/files.h"

namespace pv::datadir {
namespace {

constexpr std::size_t kSecretChars = 50;

std::string fill_in(std::string_view sql, WallTime now, Random& random) {
  const std::string date = format_pocketbase_date(now);
  auto micros = std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch()).count();
  std::string result;
  result.reserve(sql.size() + 1024);
  for (;;) {
    const std::size_t mark = sql.find("{{");
    result += sql.substr(0, mark);
    if (mark == std::string_view::npos) { return result; }
    const std::size_t end = sql.find("}}", mark);
    PV_ASSERT(end != std::string_view::npos);
    const std::string_view name = sql.substr(mark + 2, end - mark - 2);
    if (name == "SECRET") {
      result += random_text(random, kAlphanumeric, kSecretChars);
    } else if (name == "NOW") {
      result += date;
    } else {
      PV_ASSERT(name == "MICROS");
      result += std::to_string(micros++);
    }
    sql.remove_prefix(end + 2);
  }
}

Result<void> remove_if_there(const fs::Path& path) {
  auto removed = fs::remove_file(path);
  if (!removed && removed.error().code == Code::kNotFound) { return {}; }
  return removed;
}

Result<void> remove_database(const fs::Path& path) {
  for (const fs::Path& file : sqlite::files_of(path)) { PV_CHECK(remove_if_there(file)); }
  return {};
}

// A whole database in one file: closed, checkpointed, in WAL mode, fsynced. Nobody else knows it,
// so it may be opened as a file afterwards.
Result<void> build(const fs::Path& path, const std::string& sql) {
  PV_CHECK(remove_database(path));  // what a crash left
  {
    PV_TRY(auto database, sqlite::Connection::open(
                              path, {.create = true, .checkpoints = sqlite::Checkpoints::kOwner}));
    PV_CHECK(database.exec(sql));
  }
  if (fs::exists(path.string() + "-wal")) {
    return fail(Code::kUnavailable, path.string() + ": could not be completed on closing");
  }
  PV_TRY(const fs::Fd file, fs::open_for_reading(path));
  return fs::sync(file);
}

// Builds it in `.pocketvault/`, where nothing looks for databases, then gives it its name.
Result<void> build_and_place(const fs::Path& directory, const std::string& name,
                             const std::string& sql) {
  const fs::Path temporary = directory / ".pocketvault" / ("fresh-" + name);
  auto placed = build(temporary, sql);
  if (placed) { placed = fs::rename_to_new(temporary, directory / name); }
  if (!placed) {
    static_cast<void>(remove_database(temporary));  // the first error is the one to tell
    return fail(placed.error().within("create " + name));
  }
  return fs::sync_folder(directory);
}

Result<fs::FileLock> lock_creation(const fs::Path& directory) {
  return fs::FileLock::try_take(directory / ".pocketvault" / "create.lock");
}

Result<void> place_auxiliary(const fs::Path& directory) {
  if (fs::exists(directory / "auxiliary.db")) { return {}; }
  return build_and_place(directory, "auxiliary.db", std::string{kFreshAuxiliary});
}

// Whether a folder has an entry whose name begins so.
bool has_entry(const fs::Path& folder, std::string_view prefix) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry{folder, error}, end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(prefix)) { return true; }
  }
  return false;
}

// kNotFound when a folder without data.db holds what only lies beside one: it got lost, and a
// fresh one would hide that.
Result<void> check_nothing_lost(const fs::Path& directory) {
  const auto lost = [&](const std::string& what) {
    return fail(Code::kNotFound, directory.string() + " has no data.db, but " + what +
                                     "; put the data back, or move that away to begin anew");
  };
  for (const char* name : {"data.db-wal", "data.db-journal"}) {
    PV_TRY(const bool is_there, fs::is_there(directory / name));
    if (is_there) { return lost(name); }
  }
  // A restore by PocketBase that was cut off leaves the old data here; PocketBase itself would make
  // an empty database now and then delete it.
  if (has_entry(directory / ".pb_temp_to_delete", "old_pb_data")) {
    return lost("the data from before a restore, in .pb_temp_to_delete/");
  }
  if (has_entry(directory / "storage", "")) { return lost("files in storage/"); }
  return {};
}

}  // namespace

Result<void> make_vault_folder(const fs::Path& directory) {
  const fs::Path folder = directory / ".pocketvault";
  auto made = fs::make_folder(folder, 0700);
  if (made) {
    // Whom the databases belong to has to get at it; the directory may belong to a group only.
    const fs::Path data = directory / "data.db";
    fs::give_like(fs::exists(data) ? data : directory, folder);
    return {};
  }
  if (made.error().code != Code::kExists) { return made; }
  PV_TRY(const fs::Stat there, fs::link_stat(folder));
  if (!there.is_folder()) { return fail(Code::kInvalid, folder.string() + " is not a folder"); }
  return {};
}

Result<void> create_auxiliary(const fs::Path& directory) {
  PV_CHECK(make_vault_folder(directory));
  PV_TRY(const auto lock, lock_creation(directory));
  return place_auxiliary(directory);
}

Result<void> add_auxiliary_tables(sqlite::Connection& auxiliary) {
  return auxiliary.exec(kFreshAuxiliary);
}

Result<void> create_fresh(const fs::Path& directory, const Clock& clock, Random& random) {
  PV_CHECK(make_vault_folder(directory));
  PV_TRY(const auto lock, lock_creation(directory));
  PV_TRY(const bool has_data, fs::is_there(directory / "data.db"));
  if (has_data) { return fail(Code::kExists, (directory / "data.db").string() + " exists"); }
  PV_CHECK(check_nothing_lost(directory));
  PV_CHECK(place_auxiliary(directory));
  return build_and_place(directory, "data.db", fill_in(kFreshData, clock.now(), random));
}

}  // namespace pv::datadir
