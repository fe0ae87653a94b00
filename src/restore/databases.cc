#include "restore/databases.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "restore/layout.h"
#include "sqlite/connection.h"
#include "sqlite/files.h"
#include "sqlite/guard.h"

namespace pv::restore {
namespace {

// A check reads the databases once; a hostile one may be made to take for ever.
constexpr std::uint64_t kCheckBytesPerSecondMin = 1'000'000;
constexpr std::chrono::seconds kCheckAtLeast{60};

fs::Path beside(const fs::Path& path, std::string_view suffix) {
  return path.native() + std::string{suffix};
}

// 0 when it is not there.
std::uint64_t size_of(const fs::Path& path) {
  const Result<fs::Stat> found = fs::link_stat(path);
  return found.has_value() ? found->size_bytes : 0;
}

// Nothing in this process has these files open with SQLite yet, so plain descriptors do no harm.
Result<std::string> read_piece(const fs::Path& path, std::uint64_t offset, std::size_t bytes) {
  PV_TRY(const fs::Fd fd, fs::open_for_reading(path));
  std::string piece(bytes, '\0');
  PV_TRY(const std::size_t count,
         fs::read_some(fd, offset, std::as_writable_bytes(std::span{piece})));
  piece.resize(count);
  return piece;
}

bool has_database_header(const fs::Path& path) {
  const auto fd = fs::open_for_reading(path);
  return fd.has_value() && sqlite::begins_as_database(*fd);
}

// Of a rollback journal (SQLite's journal.html): [magic: 8][records: 4][nonce: 4][pages of the
// database before: 4][sector: 4][page bytes: 4], big-endian.
constexpr std::string_view kJournalMagic{"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8};

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

// A rollback journal may name a "super-journal", in its last bytes, before the magic: a file that
// SQLite deletes once it has rolled back, wherever that lies. One from an archive is a trap. And
// SQLite makes the file as long as the journal says before it looks at anything else.
Result<void> check_journal(const fs::Path& database) {
  const fs::Path path = beside(database, "-journal");
  const std::uint64_t bytes = size_of(path);
  if (bytes < kJournalMagic.size()) { return {}; }
  PV_TRY(const std::string tail,
         read_piece(path, bytes - kJournalMagic.size(), kJournalMagic.size()));
  if (tail == kJournalMagic) {
    return fail(Code::kDamaged, "its rollback journal names another file for deletion");
  }
  constexpr std::size_t kHeadBytes = 28;
  PV_TRY(const std::string head, read_piece(path, 0, kHeadBytes));
  if (head.size() < kHeadBytes || !head.starts_with(kJournalMagic)) { return {}; }
  const std::uint64_t before = number_at(head, 16) * number_at(head, 24);
  if (before > size_of(database) + bytes) {
    return fail(Code::kDamaged, "its rollback journal would make it " + format_size(before) +
                                    " long, more than there is");
  }
  return {};
}

// Rows that break a rule of their table are no damage: PocketBase works with them as they are.
bool is_about_rows(std::string_view finding) { return finding.starts_with("NULL value in "); }

// "ok", or a warning, or kDamaged.
Result<std::string> judge(const std::string& findings) {
  if (findings == "ok") { return std::string{}; }
  for (std::string_view rest = findings; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!is_about_rows(line)) {
      return fail(Code::kDamaged, "the database is damaged: " + printable(findings));
    }
  }
  return "it has rows that break its own rules: " + printable(findings);
}

// What can't be opened or read through is damage; other errors are of this machine.
Error as_damage(const Error& error) {
  switch (error.code) {
    case Code::kNoSpace:
    case Code::kUnavailable:
    case Code::kDenied:
    case Code::kCancelled: return error;
    default: return Error{Code::kDamaged, error.what};
  }
}

// Rows that refer to rows that are not there. SQLite does not look at them unless the program that
// writes asks for it, so they are no damage.
Result<std::string> broken_references(sqlite::Connection& connection) {
  PV_TRY(const auto rows,
         connection.all("SELECT \"table\", parent, count(*), min(rowid)"
                        " FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 20"));
  std::string text;
  for (const sqlite::Row& row : rows) {
    text += (text.empty() ? "" : "; ") + sqlite::to_text(row[2]) + " of " +
            sqlite::to_text(row[0]) + " to " + sqlite::to_text(row[1]) + " (the first: rowid " +
            sqlite::to_text(row[3]) + ")";
  }
  if (text.empty()) { return text; }
  return "it has rows that refer to rows that are not there: " + printable(text);
}

Result<std::string> look_through(sqlite::Connection& connection, DatabaseCheck kind) {
  if (kind == DatabaseCheck::kQuick) {
    PV_TRY(const std::string findings, sqlite::check(connection, sqlite::Check::kQuick));
    return judge(findings);
  }
  PV_TRY(const std::string findings, sqlite::check(connection, sqlite::Check::kIntegrity));
  PV_TRY(std::string warning, judge(findings));
  PV_TRY(const std::string broken, broken_references(connection));
  if (!warning.empty() && !broken.empty()) { warning += "; "; }
  return warning + broken;
}

struct Bounds {
  const std::stop_token& stop;
  Deadline deadline;
  std::uint64_t file_bytes;
};

// SQLite applies a WAL or a hot journal that lies beside a database when it opens it; the
// checkpoint brings all of it into the file, which then stands alone.
Result<std::string> check_open_database(sqlite::Connection& connection, DatabaseCheck kind,
                                        const Bounds& bounds) {
  std::string warning;
  // The quick check reads each page twice, far apart: no cache of SQLite's holds them, and a small
  // one stays in the processor's. 414 MB took 0.24 s with 2 MB, 0.36 s with 32. Mapped it were 0.11
  // s, but then a disk that can't read a page ends the process. The full one looks every row up in
  // every index, so it keeps the 32 MB that Connection::open() has set.
  if (kind == DatabaseCheck::kQuick) { PV_CHECK(connection.exec("PRAGMA cache_size=-2000")); }
  {
    sqlite::Guard guard{connection, bounds.file_bytes, bounds.stop, bounds.deadline};
    const Result<void> armed = guard.arm();
    if (!armed.has_value()) { return fail(guard.explain(armed.error())); }
    Result<std::string> looked = look_through(connection, kind);
    if (!looked.has_value()) { return fail(guard.explain(looked.error())); }
    warning = *std::move(looked);
  }
  PV_TRY(const auto row, connection.one("PRAGMA wal_checkpoint(TRUNCATE)"));
  const bool busy = !row.has_value() || sqlite::to_int(row->front()) != 0;
  if (busy) { return fail(Code::kInternal, "its WAL could not be applied"); }
  return warning;
}

Result<void> sync_file(const fs::Path& path) {
  PV_TRY(const fs::Fd fd, fs::open_for_reading(path));
  return fs::sync(fd);
}

Result<std::string> check_database(const fs::Path& path, const StageOptions& options,
                                   const std::stop_token& stop, Deadline deadline) {
  PV_CHECK(check_journal(path));
  const Bounds bounds{
      stop, deadline,
      size_of(path) + size_of(beside(path, "-wal")) + size_of(beside(path, "-journal"))};
  std::string warning;
  {
    auto connection = sqlite::Connection::open(path, {.checkpoints = sqlite::Checkpoints::kOwner});
    if (!connection.has_value()) { return fail(as_damage(connection.error())); }
    auto checked = check_open_database(*connection, options.databases, bounds);
    if (!checked.has_value()) { return fail(as_damage(checked.error())); }
    warning = *std::move(checked);
  }
  PV_CHECK(remove_companions(path));
  if (options.lasting) { PV_CHECK(sync_file(path)); }
  return warning;
}

// PocketBase's own two must be databases; others may only be called so.
bool must_be_database(std::string_view name) { return name == "data.db" || name == "auxiliary.db"; }

}  // namespace

Result<void> remove_companions(const fs::Path& path) {
  if (size_of(beside(path, "-wal")) > 0) {
    return fail(Code::kInternal, "its WAL was not applied as a whole");
  }
  for (const std::string_view companion : sqlite::kCompanions) {
    Result<void> gone = fs::remove_file(beside(path, companion));
    if (!gone.has_value() && gone.error().code != Code::kNotFound) { return gone; }
  }
  return {};
}

DatabaseChecks::DatabaseChecks(const Plan& plan, fs::Path root, const std::stop_token& stop,
                               const StageOptions& options)
    : root_{std::move(root)}, stop_{stop}, options_{options} {
  std::uint64_t bytes = 0;
  for (const PlannedFile& file : plan.files) {
    if (is_database(file.name)) { missing_[file.name] = 0; }
  }
  for (const PlannedFile& file : plan.files) {
    const auto found = missing_.find(database_of(file.name));
    if (found == missing_.end()) { continue; }
    ++found->second;
    bytes += file.raw_bytes;
  }
  time_left_ = kCheckAtLeast + std::chrono::seconds{bytes / kCheckBytesPerSecondMin};
}

bool DatabaseChecks::concern(const PlannedFile& file) const {
  return missing_.contains(database_of(file.name));
}

Result<void> DatabaseChecks::extracted(const PlannedFile& file) {
  const auto found = missing_.find(database_of(file.name));
  if (found == missing_.end()) { return {}; }
  {
    const std::lock_guard lock{mutex_};
    if (--found->second != 0) { return {}; }
  }
  const Result<void> checked = check(found->first);
  if (!checked.has_value()) { return fail(checked.error().within(printable(found->first))); }
  return {};
}

std::vector<std::string> DatabaseChecks::warnings() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::string> sorted = warnings_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

Result<void> DatabaseChecks::check(const std::string& name) {
  std::string warning = "it is not an SQLite database, and is taken unchecked";
  if (has_database_header(root_ / name)) {
    PV_TRY(warning, check_in_time(root_ / name));
  } else if (must_be_database(name)) {
    return fail(Code::kDamaged, "in the archive it is not an SQLite database");
  }
  const std::lock_guard lock{mutex_};
  if (!warning.empty()) { warnings_.push_back(printable(name) + ": " + warning); }
  return {};
}

// The time is one for all: many databases may not take for ever either.
Result<std::string> DatabaseChecks::check_in_time(const fs::Path& path) {
  const auto start = std::chrono::steady_clock::now();
  std::chrono::nanoseconds left{};
  {
    const std::lock_guard lock{mutex_};
    left = std::max(time_left_, std::chrono::nanoseconds{0});
  }
  Result<std::string> warning = check_database(path, options_, stop_, Deadline::after(left));
  const std::lock_guard lock{mutex_};
  time_left_ -= std::chrono::steady_clock::now() - start;
  return warning;
}

}  // namespace pv::restore
