#include "jobs/other_users.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <set>

#include "base/text.h"
#include "fs/openers.h"
#include "fs/supervisor.h"
#include "restore/restore.h"
#include "sqlite/connection.h"
#include "sqlite/files.h"

namespace pv::jobs {
namespace {

constexpr std::size_t kNamedMax = 5;
constexpr const char* kOurProgram = "pocketvault";

using Users = std::vector<fs::LockHolder>;

std::vector<fs::Path> database_files(const fs::Path& directory) {
  std::vector<fs::Path> files;
  for (const char* name : {"data.db", "auxiliary.db"}) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      files.push_back(directory / (std::string{name} + suffix));
    }
  }
  return files;
}

std::vector<fs::Path> files_of(const std::vector<fs::Path>& databases) {
  std::vector<fs::Path> files;
  for (const fs::Path& database : databases) {
    const std::vector<fs::Path> its = sqlite::files_of(database);
    files.insert(files.end(), its.begin(), its.end());
  }
  return files;
}

bool contains(const Users& users, int pid) {
  return std::any_of(users.begin(), users.end(),
                     [&](const fs::LockHolder& user) { return user.pid == pid; });
}

// "pocketbase (process 12, pocketbase.service)".
std::string named(const fs::LockHolder& user, const fs::Supervisor& supervisor) {
  std::string text = user.program.empty() ? "a program" : user.program;
  text += " (process " + std::to_string(user.pid);
  if (!supervisor.unit.empty()) { text += ", " + printable(supervisor.unit); }
  if (!supervisor.container.empty()) { text += ", container " + supervisor.container; }
  return text + ")";
}

// What stops it for good: what a supervisor starts again would be back at once.
std::string way_to_stop(const fs::LockHolder& user, const fs::Supervisor& supervisor) {
  if (!supervisor.unit.empty()) {
    const bool needs_quotes = supervisor.unit.find('\\') != std::string::npos;
    const std::string quote = needs_quotes ? "'" : "";
    return std::string{"systemctl "} + (supervisor.is_of_user ? "--user " : "") + "stop " + quote +
           supervisor.unit + quote;
  }
  if (supervisor.runtime == "docker" || supervisor.runtime == "podman") {
    return supervisor.runtime + " stop " + supervisor.container;
  }
  if (supervisor.runtime == "kubernetes") { return "scale its deployment to 0"; }
  return "kill " + std::to_string(user.pid);
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) { text += (text.empty() ? "" : between) + part; }
  return text;
}

std::string other_ways(const Users& users, Exchange exchange) {
  const bool ours = std::any_of(users.begin(), users.end(), [](const fs::LockHolder& user) {
    return user.program == kOurProgram;
  });
  switch (exchange) {
    case Exchange::kRestore:
      return std::string{ours ? "; or, if that is `pocketvault serve`, restore through it: "
                                "pocketvault restore NAME --url URL"
                              : ""} +
             "; or restore beside it, into a new directory: --to DIR";
    case Exchange::kUndo:
      return ours ? "; or, if that is `pocketvault serve`, undo through it: pocketvault undo "
                    "--url URL"
                  : "";
    case Exchange::kRecovery:
      return ". Then start pocketvault again: a restore was cut off here, and is finished or taken "
             "back before anything else";
  }
  return "";
}

tl::unexpected<Error> in_use(const fs::Path& directory, const Users& users, Exchange exchange) {
  std::vector<std::string> names;
  std::vector<std::string> ways;
  for (std::size_t i = 0; i < users.size() && i < kNamedMax; ++i) {
    const fs::Supervisor supervisor = fs::supervisor_of(users[i].pid);
    names.push_back(named(users[i], supervisor));
    const std::string way = way_to_stop(users[i], supervisor);
    if (std::find(ways.begin(), ways.end(), way) == ways.end()) { ways.push_back(way); }
  }
  std::string who = joined(names, ", ");
  if (users.size() > kNamedMax) {
    who += " and " + std::to_string(users.size() - kNamedMax) + " more";
  }
  return fail(Code::kBusy, "the databases of " + printable(directory.native()) + " are in use by " +
                               who + ". Stop that first: " + joined(ways, "; ") +
                               other_ways(users, exchange));
}

tl::unexpected<Error> in_hidden_use(const fs::Path& database) {
  return fail(Code::kBusy, printable(database.native()) +
                               " is in use by a process that can't be seen from here (in another "
                               "container?): stop the app that uses it first");
}

// Both, by process number, each once.
Users joined(Users users, Users more) {
  for (fs::LockHolder& one : more) {
    if (!contains(users, one.pid)) { users.push_back(std::move(one)); }
  }
  std::sort(users.begin(), users.end(),
            [](const fs::LockHolder& a, const fs::LockHolder& b) { return a.pid < b.pid; });
  return users;
}

Users users_of(const std::vector<fs::Path>& files) {
  return joined(fs::other_lock_holders(files), fs::other_openers(files));
}

bool is_pocketbases(const fs::Path& directory, const fs::Stat& file) {
  const std::vector<fs::Path> databases = database_files(directory);
  return std::any_of(databases.begin(), databases.end(), [&](const fs::Path& database) {
    const Result<fs::Stat> found = fs::stat(database);
    return found.has_value() && found->device == file.device && found->inode == file.inode;
  });
}

// A plain descriptor of a database that this process has open may not be closed: its locks would
// go. So of what is another name of one, or called as one, nothing is read.
bool is_database(const fs::Path& directory, const fs::Path& path) {
  const Result<fs::Stat> found = fs::link_stat(path);
  if (!found.has_value() || !found->is_file() || is_pocketbases(directory, *found)) {
    return false;
  }
  if (path.native().ends_with(".db") || found->size_bytes == 0) { return true; }
  const Result<fs::Fd> fd = fs::open_for_reading(path);
  return fd.has_value() && sqlite::begins_as_database(*fd);
}

bool is_called_as_database(const fs::Path& path) {
  constexpr std::array<std::string_view, 3> kEndings{".db", ".sqlite", ".sqlite3"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return path.native().ends_with(ending); });
}

// What in the folder may be a database, by its names. `names_left` are looked at, at most.
void add_likely(const fs::Path& folder, std::size_t& names_left, std::set<fs::Path>& likely) {
  std::error_code error;
  constexpr auto kSkip = std::filesystem::directory_options::skip_permission_denied;
  for (auto entry = std::filesystem::recursive_directory_iterator{folder, kSkip, error};
       !error && names_left > 0 && entry != std::filesystem::recursive_directory_iterator{};
       entry.increment(error), --names_left) {
    const fs::Path& path = entry->path();
    if (is_called_as_database(path)) { likely.insert(path); }
    if (const auto main = sqlite::main_of(path.native()); main != path.native()) {
      likely.emplace(main);
    }
  }
}

void add_at_the_top(const fs::Path& directory, std::set<fs::Path>& likely) {
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator{directory, error};
       !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    if (is_called_as_database(entry->path())) { likely.insert(entry->path()); }
  }
}

}  // namespace

Users other_users(const fs::Path& directory) { return users_of(database_files(directory)); }

Users users_at_a_look(const fs::Path& directory) {
  const std::vector<fs::Path> files = database_files(directory);
  fs::Openers openers = fs::look_for_openers(files);
  if (openers.is_all) { return std::move(openers.found); }
  return joined(fs::other_lock_holders(files), std::move(openers.found));
}

std::vector<fs::Path> other_databases(const fs::Path& directory,
                                      const std::vector<std::string>& units) {
  std::size_t names_left = 100'000;
  std::set<fs::Path> likely;
  if (units.empty()) { add_at_the_top(directory, likely); }
  for (const std::string& unit : units) {
    const Result<fs::Stat> found = fs::stat(directory / unit);
    const bool is_folder = found.has_value() && found->is_folder();
    if (is_folder) { add_likely(directory / unit, names_left, likely); }
    if (!is_folder) { likely.insert(directory / unit); }
  }
  std::vector<fs::Path> databases;
  std::copy_if(likely.begin(), likely.end(), std::back_inserter(databases),
               [&](const fs::Path& path) { return is_database(directory, path); });
  return databases;
}

Result<void> refuse_users_of(const fs::Path& directory, const std::vector<fs::Path>& databases,
                             Exchange exchange) {
  const std::vector<fs::Path> files = files_of(databases);
  if (files.empty()) { return {}; }
  const Users users = users_of(files);
  if (users.empty()) { return {}; }
  return in_use(directory, users, exchange);
}

Result<void> refuse_other_users(const fs::Path& directory, Exchange exchange) {
  const Users users = other_users(directory);
  if (users.empty()) { return {}; }
  return in_use(directory, users, exchange);
}

std::string tell_of_other_programs(const fs::Path& directory,
                                   const std::vector<std::string>& units) {
  std::vector<fs::Path> files = files_of(other_databases(directory, units));
  if (restore::involves_databases(units)) {
    const std::vector<fs::Path> main = database_files(directory);
    files.insert(files.end(), main.begin(), main.end());
  }
  if (files.empty()) { return {}; }
  Users users = users_of(files);
  std::erase_if(users, [](const fs::LockHolder& user) { return user.program == kOurProgram; });
  if (users.empty()) { return {}; }
  const Result<void> refused = in_use(directory, users, Exchange::kRestore);
  return refused.error().what;
}

std::string app_on(const fs::Path& directory) {
  const Users of_logs = fs::other_openers({directory / "auxiliary.db"});
  if (of_logs.empty()) { return {}; }
  for (const fs::LockHolder& user : fs::other_openers({directory / "data.db"})) {
    if (user.program != kOurProgram && contains(of_logs, user.pid)) {
      return named(user, fs::supervisor_of(user.pid));
    }
  }
  return {};
}

std::string left_to_app(const fs::Path& directory) {
  const std::string app = app_on(directory);
  return app.empty() ? std::string{} : "left to " + app + ", which has the databases open";
}

Result<void> refuse_hidden_users(const fs::Path& directory) {
  for (const char* name : {"data.db", "auxiliary.db"}) {
    if (!fs::exists(directory / name)) { continue; }
    const Result<bool> alone = sqlite::is_alone(directory / name);
    // What can't be opened, nobody else works with either.
    if (!alone.value_or(true)) { return in_hidden_use(directory / name); }
  }
  return {};
}

Result<void> refuse_hidden_users_of(const std::vector<fs::Path>& databases) {
  for (const fs::Path& database : databases) {
    if (sqlite::is_locked_by_others(database).value_or(false)) { return in_hidden_use(database); }
  }
  return {};
}

Users users_without_locks(const fs::Path& directory) {
  Users found;
  for (const char* name : {"data.db", "auxiliary.db"}) {
    const fs::Path database = directory / name;
    const std::vector<fs::Path> shared_memory{database.string() + "-shm"};
    // SQLite takes the lock on the database before it opens the -shm, and lets it go after that is
    // closed. Who closes it just now is not among those who have it open afterwards.
    const Users before = fs::other_openers(shared_memory);
    if (before.empty()) { continue; }
    const Users holders = fs::other_lock_holders({database});
    const Users after = fs::other_openers(shared_memory);
    for (const fs::LockHolder& user : before) {
      if (!contains(holders, user.pid) && contains(after, user.pid) && !contains(found, user.pid)) {
        found.push_back(user);
      }
    }
  }
  return found;
}

std::string tell_of_lost_locks(const Users& users) {
  if (users.empty()) { return {}; }
  std::vector<std::string> names;
  for (const fs::LockHolder& user : users) {
    if (names.size() == kNamedMax) { break; }
    names.push_back(named(user, fs::supervisor_of(user.pid)));
  }
  return joined(names, ", ") +
         " works with the databases but has lost its locks on them; PocketBase loses them when it "
         "makes a backup of its own. This backup is sound. But any other program that opens and "
         "closes the databases now (sqlite3, `pocketbase superuser`) deletes the WAL under it, and "
         "with that what it wrote last: restart it soon, and leave its backups to pocketvault";
}

}  // namespace pv::jobs
