#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "base/text.h"
#include "restore/entry_name.h"
#include "restore/folders.h"
#include "restore/layout.h"
#include "restore/restore.h"
#include "sqlite/files.h"

namespace pv::restore {
namespace {

enum class Kind { kFile, kFolder, kOther };

Kind kind_of(const ArchiveEntry& entry) {
  if (entry.is_folder || S_ISDIR(entry.mode)) { return Kind::kFolder; }
  // Without type bits it is a file: many programs write none.
  return S_ISREG(entry.mode) || (entry.mode & S_IFMT) == 0 ? Kind::kFile : Kind::kOther;
}

std::string_view root_of(std::string_view name) { return name.substr(0, name.find('/')); }

std::uint32_t mode_of(const ArchiveEntry& entry) {
  // No set-uid, set-gid, sticky. An archive without modes gets what programs create files with.
  return entry.mode == 0 ? 0666U : entry.mode & 0777U;
}

// The error for an archive without data.db, which says where it is instead.
Error missing_data_db(const Plan& plan) {
  std::string text =
      "the archive is no backup of PocketBase: data.db file is missing or invalid: there is "
      "no data.db at its top";
  const auto inner =
      std::find_if(plan.files.begin(), plan.files.end(),
                   [](const PlannedFile& file) { return file.name.ends_with("/data.db"); });
  if (inner != plan.files.end()) {
    text += "; there is a " + printable(inner->name) + ": pack the content of that folder, not it";
  }
  return Error{Code::kDamaged, std::move(text)};
}

class Planner {
 public:
  Planner(const Scope& scope, FilesTo files_to) : scope_{scope}, files_to_{files_to} {
    for (const Scope::Unit& unit : scope.units()) {
      mains_.emplace(unit.name, false);
      mains_.emplace(main_of(unit.name), false);
    }
  }

  Result<void> add(const ArchiveEntry& entry, std::size_t index) {
    PV_TRY(std::string name, safe_name(entry.name));
    const Kind kind = kind_of(entry);
    if (name.empty()) {
      // "./", as some programs write first of all: it is there already.
      if (kind == Kind::kFolder) { return {}; }
      return refuse(entry.name, "in the place of the data directory itself");
    }
    if (kind == Kind::kFile && mains_.contains(name)) { mains_.at(name) = true; }
    // No folder goes with a file.
    const bool goes_along = kind != Kind::kFolder && scope_.contains(main_of(name));
    if (!scope_.contains(name) && !goes_along) { return {}; }
    if (stays(root_of(name)) || is_in_volume_vault(name) || kind == Kind::kOther) {
      plan_.dropped.push_back(std::move(name));
      return {};
    }
    if (kind == Kind::kFolder) {
      plan_.folders.push_back(std::move(name));
      return {};
    }
    // PocketBase packs the -shm files as well. SQLite makes them anew from the WAL.
    if (is_in_root(name) && name.ends_with(".db-shm")) { return {}; }
    if (entry.refused) {
      return fail(entry.refused->within("the archive's entry \"" + printable(name) + "\""));
    }
    const bool is_object = belongs_into_bucket(entry, name);
    PV_CHECK(count(entry, name, is_object ? plan_.object_bytes : plan_.raw_bytes));
    (is_object ? plan_.objects : plan_.files)
        .push_back({.index = index,
                    .name = std::move(name),
                    .raw_bytes = entry.raw_bytes,
                    .mode = mode_of(entry)});
    return {};
  }

  Result<Plan> finish() {
    std::sort(plan_.folders.begin(), plan_.folders.end());
    plan_.folders.erase(std::unique(plan_.folders.begin(), plan_.folders.end()),
                        plan_.folders.end());
    PV_CHECK(check_names());
    drop_companions_of_folders();
    drop_lonely_companions();
    return std::move(plan_);
  }

 private:
  static Result<void> count(const ArchiveEntry& entry, std::string_view name,
                            std::uint64_t& bytes) {
    constexpr std::uint64_t kBytesMax = std::numeric_limits<std::uint64_t>::max() / 4;
    if (entry.raw_bytes > kBytesMax - bytes) { return refuse(name, "of an impossible size"); }
    bytes += entry.raw_bytes;
    return {};
  }

  [[nodiscard]] bool belongs_into_bucket(const ArchiveEntry& entry, std::string_view name) const {
    return name.starts_with("storage/") &&
           (files_to_ == FilesTo::kBucket || (files_to_ == FilesTo::kOrigin && entry.is_object));
  }

  // No name twice, none both a file and a folder, and the databases are files.
  Result<void> check_names() {
    const std::vector<std::string_view> files = names_of(plan_.files);
    const std::vector<std::string_view> objects = names_of(plan_.objects);
    for (const std::vector<std::string_view>* names : {&files, &objects}) {
      const auto twice = std::adjacent_find(names->begin(), names->end());
      if (twice != names->end()) { return refuse(*twice, "twice"); }
    }

    const auto is_file = [&](std::string_view name) {
      return std::binary_search(files.begin(), files.end(), name);
    };
    const auto check_folder = [&](std::string_view folder) -> Result<void> {
      if (is_file(folder)) { return refuse(folder, "both as a file and as a folder"); }
      if (folder == "auxiliary.db") { return refuse(folder, "that is a folder, not a database"); }
      ++plan_.folder_count;
      return {};
    };
    PV_CHECK(for_each_folder(files, check_folder));
    PV_CHECK(for_each_folder(folder_names(plan_.folders).views, check_folder));
    if (scope_.has_data_db() && !is_file("data.db")) { return fail(missing_data_db(plan_)); }
    return find_units(files, objects);
  }

  // In byte order.
  static std::vector<std::string_view> names_of(const std::vector<PlannedFile>& files) {
    std::vector<std::string_view> names;
    names.reserve(files.size());
    for (const PlannedFile& file : files) { names.push_back(file.name); }
    std::sort(names.begin(), names.end());
    return names;
  }

  // Whether the archive has the file that `name` goes with, which is another one.
  [[nodiscard]] bool has_main(std::string_view name, std::string_view main) const {
    const auto found = mains_.find(main);
    return main != name && found != mains_.end() && found->second;
  }

  // A unit that the archive lacks would be taken away from the data.
  Result<void> find_units(const std::vector<std::string_view>& files,
                          const std::vector<std::string_view>& objects) {
    for (const Scope::Unit& unit : scope_.units()) {
      const std::string_view main = main_of(unit.name);
      const bool has_one = has_main(unit.name, main);
      if (has_one && main == sqlite::main_of(unit.name) && !scope_.contains(main)) {
        return fail(Code::kInvalid, printable(unit.name) + " is what SQLite keeps beside " +
                                        printable(main) + ": name that, it takes this along");
      }
      const bool goes_along = has_one && scope_.contains(main);
      if (goes_along &&
          std::binary_search(files.begin(), files.end(), std::string_view{unit.name})) {
        continue;
      }
      const bool is_in_bucket = has_any(objects, unit.name);
      if (is_in_bucket) { plan_.object_units.push_back(unit.name); }
      if (has_any(files, unit.name) || has_any(plan_.folders, unit.name)) {
        plan_.units.push_back(unit.name);
      } else if (unit.required && !is_in_bucket) {
        return fail(Code::kNotFound, "the archive has no " + printable(unit.name));
      }
    }
    return {};
  }

  // `names` in byte order.
  template <class Names>
  static bool has_any(const Names& names, const std::string& unit) {
    const auto begins = [&](const std::string& start) {
      const auto at = std::lower_bound(names.begin(), names.end(), start);
      return at != names.end() && at->starts_with(start);
    };
    return std::binary_search(names.begin(), names.end(), unit) || begins(unit + "/");
  }

  // They have been let in by their names.
  void drop_companions_of_folders() {
    const auto drop = [&](std::vector<PlannedFile>& files, std::uint64_t& bytes) {
      std::erase_if(files, [&](const PlannedFile& file) {
        if (scope_.contains(file.name) || has_main(file.name, main_of(file.name))) { return false; }
        bytes -= file.raw_bytes;
        return true;
      });
    };
    drop(plan_.files, plan_.raw_bytes);
    drop(plan_.objects, plan_.object_bytes);
  }

  // A WAL or rollback journal without its database would be applied to a database that comes later
  // under that name.
  void drop_lonely_companions() {
    std::vector<std::string> databases;
    for (const PlannedFile& file : plan_.files) {
      if (is_in_root(file.name) && file.name.ends_with(".db")) { databases.push_back(file.name); }
    }
    std::sort(databases.begin(), databases.end());
    std::erase_if(plan_.files, [&](const PlannedFile& file) {
      if (!is_in_root(file.name)) { return false; }
      for (const std::string_view suffix : {"-wal", "-journal"}) {
        if (!file.name.ends_with(".db" + std::string{suffix})) { continue; }
        const std::string database = file.name.substr(0, file.name.size() - suffix.size());
        if (std::binary_search(databases.begin(), databases.end(), database)) { return false; }
        plan_.raw_bytes -= file.raw_bytes;
        plan_.dropped.push_back(file.name);
        return true;
      }
      return false;
    });
  }

  const Scope& scope_;
  const FilesTo files_to_;
  // What units are, or would go with: whether the archive has a file of that name.
  std::map<std::string, bool, std::less<>> mains_;
  Plan plan_;
};

}  // namespace

std::string_view files_to_name(FilesTo files_to) {
  switch (files_to) {
    case FilesTo::kDisk: return "disk";
    case FilesTo::kBucket: return "s3";
    case FilesTo::kOrigin: break;
  }
  return "";
}

Result<FilesTo> parse_files_to(std::string_view name) {
  for (const FilesTo one : {FilesTo::kDisk, FilesTo::kBucket, FilesTo::kOrigin}) {
    if (files_to_name(one) == name) { return one; }
  }
  return fail(Code::kInvalid, "files go to disk or s3, not to " + printable(name));
}

std::vector<std::string> touched_by(const Plan& plan) {
  std::vector<std::string> units = plan.units;
  units.insert(units.end(), plan.object_units.begin(), plan.object_units.end());
  return units;
}

bool involves_databases(const std::vector<std::string>& units) {
  return units.empty() || std::any_of(units.begin(), units.end(), is_database);
}

Result<Plan> plan(const Archive& archive, const Scope& scope, FilesTo files_to) {
  Planner planner{scope, files_to};
  const std::vector<ArchiveEntry>& entries = archive.entries();
  for (std::size_t index = 0; index < entries.size(); ++index) {
    PV_CHECK(planner.add(entries[index], index));
  }
  return planner.finish();
}

}  // namespace pv::restore
