#include "restore/databases.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "sqlite/connection.h"

namespace pv::restore {
namespace {

// SQLite calls the handler each so many steps of its virtual machine: about a millisecond.
constexpr int kStepsBetweenLooks = 10'000;
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

// When the checks have to end: at a request to stop, or when they take longer than reading could.
struct Patience {
  std::stop_token stop;
  Deadline deadline;

  static int is_over(void* self) {
    const auto* patience = static_cast<const Patience*>(self);
    return patience->stop.stop_requested() || patience->deadline.passed() ? 1 : 0;
  }
};

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
  constexpr std::string_view kMagic{"SQLite format 3\0", 16};
  const auto head = read_piece(path, 0, kMagic.size());
  return head.has_value() && *head == kMagic;
}

// A rollback journal may name a "super-journal", in its last bytes, before this magic: a file that
// SQLite deletes once it has rolled back, wherever that lies. One from an archive is a trap.
Result<void> refuse_super_journal(const fs::Path& database) {
  constexpr std::string_view kMagic{"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8};
  const fs::Path path = beside(database, "-journal");
  const std::uint64_t bytes = size_of(path);
  if (bytes < kMagic.size()) { return {}; }
  PV_TRY(const std::string tail, read_piece(path, bytes - kMagic.size(), kMagic.size()));
  if (tail != kMagic) { return {}; }
  return fail(Code::kDamaged, "its rollback journal names another file for deletion");
}

// A hostile schema can build values as long as SQLite allows, a gigabyte; a true one can't hold one
// longer than its file.
void limit(sqlite3* handle, std::uint64_t file_bytes) {
  constexpr std::uint64_t kLeast = 1 << 20;
  constexpr std::uint64_t kMost = 1'000'000'000;
  constexpr int kPatternBytesMax = 1000;
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH,
                static_cast<int>(std::clamp(file_bytes, kLeast, kMost)));
  sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, kPatternBytesMax);
}

// Rows that break a rule of their table are no damage: PocketBase works with them as they are.
bool is_about_rows(std::string_view finding) {
  return finding.starts_with("CHECK constraint failed in ") ||
         finding.starts_with("NULL value in ");
}

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
  return "it was restored, but has rows that break its own rules: " + printable(findings);
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

// SQLite applies a WAL or a hot journal that lies beside a database when it opens it; the
// checkpoint brings all of it into the file, which then stands alone.
Result<std::string> check_open_database(sqlite::Connection& connection, Patience& patience,
                                        std::uint64_t file_bytes) {
  limit(connection.handle(), file_bytes);
  // The check reads each page twice, far apart: no cache of SQLite's holds them, and a small one
  // stays in the processor's. 414 MB took 0.24 s with 2 MB, 0.36 s with 32. Mapped it were 0.11 s,
  // but then a disk that can't read a page ends the process.
  PV_CHECK(connection.exec("PRAGMA cache_size=-2000"));
  sqlite3_progress_handler(connection.handle(), kStepsBetweenLooks, &Patience::is_over, &patience);
  Result<std::string> findings = sqlite::check(connection, sqlite::Check::kQuick);
  if (patience.stop.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
  if (!findings.has_value() && patience.deadline.passed()) {
    return fail(Code::kDamaged, "checking it does not come to an end");
  }
  if (!findings.has_value()) { return findings; }
  PV_TRY(std::string warning, judge(*findings));
  sqlite3_progress_handler(connection.handle(), 0, nullptr, nullptr);
  PV_TRY(const auto row, connection.one("PRAGMA wal_checkpoint(TRUNCATE)"));
  const bool busy = !row.has_value() || sqlite::to_int(row->front()) != 0;
  if (busy) { return fail(Code::kInternal, "its WAL could not be applied"); }
  return warning;
}

Result<void> sync_file(const fs::Path& path) {
  PV_TRY(const fs::Fd fd, fs::open_for_reading(path));
  return fs::sync(fd);
}

Result<std::string> check_database(const fs::Path& path, Patience& patience) {
  PV_CHECK(refuse_super_journal(path));
  const std::uint64_t bytes = size_of(path) + size_of(beside(path, "-wal"));
  std::string warning;
  {
    auto connection = sqlite::Connection::open(path, {.checkpoints = sqlite::Checkpoints::kOwner});
    if (!connection.has_value()) { return fail(as_damage(connection.error())); }
    auto checked = check_open_database(*connection, patience, bytes);
    if (!checked.has_value()) { return fail(as_damage(checked.error())); }
    warning = *std::move(checked);
  }
  PV_CHECK(remove_companions(path));
  PV_CHECK(sync_file(path));
  return warning;
}

// PocketBase's own two must be databases; others may only be called so.
bool must_be_database(std::string_view name) { return name == "data.db" || name == "auxiliary.db"; }

// PocketBase's databases, and what an app put beside them.
bool is_database(std::string_view name) {
  return name.ends_with(".db") && name.find('/') == std::string_view::npos;
}

// The database that `name` would belong to: itself, or that whose WAL or rollback journal it is.
std::string_view database_of(std::string_view name) {
  for (const std::string_view suffix : {"-wal", "-journal"}) {
    if (name.ends_with(suffix)) { return name.substr(0, name.size() - suffix.size()); }
  }
  return name;
}

}  // namespace

Result<void> remove_companions(const fs::Path& path) {
  if (size_of(beside(path, "-wal")) > 0) {
    return fail(Code::kInternal, "its WAL was not applied as a whole");
  }
  for (const char* suffix : {"-wal", "-shm", "-journal"}) {
    Result<void> gone = fs::remove_file(beside(path, suffix));
    if (!gone.has_value() && gone.error().code != Code::kNotFound) { return gone; }
  }
  return {};
}

DatabaseChecks::DatabaseChecks(const Plan& plan, fs::Path root, const std::stop_token& stop)
    : root_{std::move(root)}, stop_{stop} {
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
  std::string warning = "it is not an SQLite database and was restored unchecked";
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
  Patience patience{stop_, Deadline::after(left)};
  Result<std::string> warning = check_database(path, patience);
  const std::lock_guard lock{mutex_};
  time_left_ -= std::chrono::steady_clock::now() - start;
  return warning;
}

}  // namespace pv::restore
