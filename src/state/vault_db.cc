#include "state/vault_db.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "fs/give.h"
#include "fs/presence.h"
#include "sqlite/files.h"
#include "sqlite/patience.h"

namespace pv::state {
namespace {

constexpr std::chrono::milliseconds kBusyTimeout{5'000};
// Of one visit: a file with a schema of its own could keep a statement busy for ever.
constexpr std::chrono::seconds kVisitMax{15};

constexpr std::int64_t kApplicationId = 0x50567674;  // "PVvt"
constexpr std::int64_t kVersion = 5;

// A change of these needs another version, and a way from each version before.
constexpr std::string_view kVerdicts =
    "CREATE TABLE verdicts (key TEXT NOT NULL PRIMARY KEY, size_bytes INTEGER NOT NULL, "
    "modified_ns INTEGER NOT NULL, directory_crc32 INTEGER, at_ms INTEGER NOT NULL, "
    "depth TEXT NOT NULL, is_sound INTEGER NOT NULL, reason TEXT NOT NULL, records INTEGER, "
    "took_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID";
constexpr std::string_view kJobs =
    "CREATE TABLE jobs (number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, "
    "name TEXT NOT NULL, is_scheduled INTEGER NOT NULL, started_ms INTEGER NOT NULL, "
    "ended_ms INTEGER NOT NULL, outcome TEXT NOT NULL, error TEXT NOT NULL, "
    "warnings INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, archive_bytes INTEGER NOT NULL, "
    "pause_us INTEGER NOT NULL) STRICT";
constexpr std::string_view kJobsIndex =
    "CREATE INDEX jobs_by_outcome ON jobs (kind, outcome, number)";
constexpr std::string_view kSchedule =
    "CREATE TABLE schedule (id TEXT NOT NULL PRIMARY KEY, expression TEXT NOT NULL, "
    "served_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID";
constexpr std::string_view kPins =
    "CREATE TABLE pins (key TEXT NOT NULL PRIMARY KEY, note TEXT NOT NULL, "
    "at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID";

constexpr std::string_view kAlerts =
    "CREATE TABLE alerts (kind TEXT NOT NULL PRIMARY KEY, since_ms INTEGER NOT NULL, "
    "told_ms INTEGER NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID";
constexpr std::string_view kAlertMarks =
    "CREATE TABLE alert_marks (name TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL, "
    "at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID";
constexpr std::string_view kDeliveries =
    "CREATE TABLE deliveries (number INTEGER PRIMARY KEY, channel TEXT NOT NULL, "
    "kind TEXT NOT NULL, is_reminder INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, "
    "created_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL, "
    "ended_ms INTEGER, outcome TEXT NOT NULL, error TEXT NOT NULL) STRICT";

constexpr std::string_view kTold =
    "CREATE TABLE told (kind TEXT NOT NULL, channel TEXT NOT NULL, told_ms INTEGER NOT NULL, "
    "PRIMARY KEY (kind, channel)) STRICT, WITHOUT ROWID";

constexpr std::string_view kGaps =
    "CREATE TABLE gaps (key TEXT NOT NULL PRIMARY KEY, size_bytes INTEGER NOT NULL, "
    "unread INTEGER NOT NULL, left_out INTEGER NOT NULL, missing INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID";
constexpr std::string_view kBegun =
    "CREATE TABLE begun (id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, "
    "is_scheduled INTEGER NOT NULL, started_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID";

// In the order in which they are made; each version has the first few.
constexpr std::array kTables{kVerdicts,   kJobs,       kJobsIndex, kSchedule, kPins, kAlerts,
                             kAlertMarks, kDeliveries, kTold,      kGaps,     kBegun};
constexpr std::size_t kTablesWithTold = 9;
constexpr std::array<std::size_t, kVersion + 1> kTablesOf{
    0, 1, 4, 8, kTablesWithTold, kTables.size()};  // by version

// How many of the tables are there.
struct Finding {
  std::size_t tables = 0;
  [[nodiscard]] bool is_new() const { return tables == 0; }
  [[nodiscard]] bool is_current() const { return tables == kTables.size(); }
};

bool is_made_of(const std::vector<sqlite::Row>& schema, std::size_t tables) {
  return std::ranges::equal(schema, std::span{kTables}.first(tables),
                            [](const sqlite::Row& row, std::string_view table) {
                              return sqlite::to_text(row.front()) == table;
                            });
}

Result<std::int64_t> number(sqlite::Connection& connection, const char* pragma) {
  PV_TRY(const auto row, connection.one(pragma));
  return row ? sqlite::to_int(row->front()) : 0;
}

// What is in the file. Exactly our schema: one that has more in it could do things of its own with
// whatever is asked of it.
Result<Finding> judge(sqlite::Connection& connection) {
  PV_TRY(const std::int64_t application, number(connection, "PRAGMA application_id"));
  PV_TRY(const std::int64_t version, number(connection, "PRAGMA user_version"));
  PV_TRY(const auto schema, connection.all("SELECT sql FROM sqlite_schema ORDER BY rowid LIMIT " +
                                           std::to_string(kTables.size() + 1)));
  if (application == 0 && version == 0 && schema.empty()) { return Finding{}; }
  if (application != kApplicationId) {
    return fail(Code::kDamaged, "vault.db is a database, but not pocketvault's");
  }
  if (version > kVersion) {
    return fail(Code::kUnsupported, "vault.db was made by a newer pocketvault (its version is " +
                                        std::to_string(version) + ", ours " +
                                        std::to_string(kVersion) + ")");
  }
  const std::size_t tables = version < 1 ? 0 : kTablesOf.at(static_cast<std::size_t>(version));
  if (tables == 0 || !is_made_of(schema, tables)) {
    return fail(Code::kDamaged, "vault.db has other tables than pocketvault makes");
  }
  return Finding{tables};
}

Result<void> fill(sqlite::Connection& connection, Finding finding) {
  for (const std::string_view table : std::span{kTables}.subspan(finding.tables)) {
    PV_CHECK(connection.exec(table));
  }
  if (finding.tables > 0 && finding.tables < kTablesWithTold) {
    PV_CHECK(connection.exec("INSERT INTO told " + std::string{kToldByDeliveries}));
  }
  PV_CHECK(connection.exec("PRAGMA application_id=" + std::to_string(kApplicationId)));
  return connection.exec("PRAGMA user_version=" + std::to_string(kVersion));
}

}  // namespace

Result<sqlite::Connection> VaultDb::open(Absent absent) const {
  const auto found = fs::link_stat(path_);
  if (found.has_value() && !found->is_file()) {
    return fail(Code::kDamaged, "vault.db is not a file");
  }
  return sqlite::Connection::open(
      path_, {.create = absent == Absent::kMake, .busy_timeout = kBusyTimeout, .one_file = true});
}

Result<void> VaultDb::read(const Work& work) const {
  PV_TRY(const bool is_there, fs::is_there(path_));
  if (!is_there) { return {}; }
  PV_TRY(sqlite::Connection connection, open(Absent::kLeave));
  const sqlite::Patience patience{connection, {}, Deadline::after(kVisitMax)};
  // All of one moment; and a lock for each statement would take longer than most of them. No page
  // is read twice.
  PV_CHECK(connection.exec("PRAGMA cache_size=-128; BEGIN"));
  PV_TRY(const Finding finding, judge(connection));
  return finding.is_new() ? Result<void>{} : work(connection);
}

// SQLite would make it root's where root works. Never opened while anybody else has it open: it
// gets its name when it is closed. If that fails, somebody else was faster or SQLite says why.
void VaultDb::make_empty() const {
  const fs::Path part = path_.native() + ".new";
  std::ignore = fs::remove_file(part);  // a crash may have left one
  Result<fs::Fd> fd = fs::create_new(part, 0600);
  if (!fd.has_value()) { return; }
  fs::give_like(path_.parent_path(), *fd);
  std::ignore = fd->close();
  if (!fs::rename_to_new(part, path_).has_value()) { std::ignore = fs::remove_file(part); }
}

Result<void> VaultDb::attempt(const Work& work, Absent absent) const {
  if (absent == Absent::kMake) {
    PV_TRY(const bool is_there, fs::is_there(path_));
    if (!is_there) { make_empty(); }
  }
  PV_TRY(sqlite::Connection connection, open(absent));
  const sqlite::Patience patience{connection, {}, Deadline::after(kVisitMax)};
  PV_TRY(sqlite::Transaction transaction, sqlite::Transaction::begin_immediate(connection));
  PV_TRY(const Finding finding, judge(connection));
  if (finding.is_new() && absent == Absent::kLeave) { return {}; }
  if (!finding.is_current()) { PV_CHECK(fill(connection, finding)); }
  PV_CHECK(work(connection));
  return transaction.commit();
}

Result<void> VaultDb::change(const Work& work) const {
  PV_TRY(const bool is_there, fs::is_there(path_));
  return is_there ? attempt(work, Absent::kLeave) : Result<void>{};
}

Result<void> VaultDb::write(const Work& work, const Say& say) const {
  Result<void> done = attempt(work, Absent::kMake);
  if (done.has_value() || done.error().code != Code::kDamaged) { return done; }
  // By one at a time, or a second would set aside what the first has just made.
  PV_TRY(const fs::FileLock lock,
         fs::FileLock::take(path_.parent_path() / "vault.lock", kBusyTimeout));
  done = attempt(work, Absent::kMake);
  if (done.has_value() || done.error().code != Code::kDamaged) { return done; }
  const std::string why = done.error().what;
  PV_CHECK(set_aside());
  say("what pocketvault remembers of this directory begins anew; the file before is kept as "
      ".pocketvault/vault.db.aside: " +
      why);
  return attempt(work, Absent::kMake);
}

// What lies beside the file goes first: a journal that stayed would be played back into the new
// one.
Result<void> VaultDb::set_aside() const {
  const fs::Path aside = path_.native() + ".aside";
  const auto move = [&](std::string_view ending) -> Result<void> {
    const auto with_ending = [&](const fs::Path& path) {
      return fs::Path{path.native() + std::string{ending}};
    };
    PV_CHECK(fs::remove_tree(with_ending(aside)));
    Result<void> moved = fs::rename(with_ending(path_), with_ending(aside));
    const bool was_absent = !moved.has_value() && moved.error().code == Code::kNotFound;
    return was_absent ? Result<void>{} : moved;
  };
  for (const std::string_view companion : sqlite::kCompanions) { PV_CHECK(move(companion)); }
  return move("");
}

}  // namespace pv::state
