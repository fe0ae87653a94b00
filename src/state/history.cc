#include "state/history.h"

#include <algorithm>
#include <array>

#include "state/columns.h"

namespace pv::state {
namespace {

using sqlite::Value;
using std::chrono::microseconds;

// No more of an error than first_line() leaves, whatever lies in the file.
constexpr const char* kSelect =
    "SELECT id, kind, name, is_scheduled, started_ms, ended_ms, outcome, substr(error, 1, 500), "
    "warnings, raw_bytes, archive_bytes, pause_us FROM jobs ";

constexpr std::size_t kSucceededRead = 100;

std::uint64_t count_of(const Value& value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(sqlite::to_int(value), 0));
}

PastJob from_row(const sqlite::Row& row) {
  return {.id = sqlite::to_text(row[0]),
          .kind = sqlite::to_text(row[1]),
          .name = sqlite::to_text(row[2]),
          .is_scheduled = sqlite::to_int(row[3]) != 0,
          .started = time_of_ms(sqlite::to_int(row[4])),
          .ended = time_of_ms(sqlite::to_int(row[5])),
          .outcome = sqlite::to_text(row[6]),
          .error = sqlite::to_text(row[7]),
          .warnings = count_of(row[8]),
          .raw_bytes = count_of(row[9]),
          .archive_bytes = count_of(row[10]),
          .pause = microseconds{sqlite::to_int(row[11])}};
}

Result<std::vector<PastJob>> select(sqlite::Connection& connection, const std::string& where,
                                    std::size_t count) {
  if (!connection.has_table("jobs")) { return std::vector<PastJob>{}; }
  PV_TRY(const auto rows,
         connection.all(kSelect + where + " ORDER BY number DESC LIMIT " + std::to_string(count)));
  std::vector<PastJob> jobs;
  for (const sqlite::Row& row : rows) { jobs.push_back(from_row(row)); }
  return jobs;
}

std::int64_t number_of(std::uint64_t count) { return static_cast<std::int64_t>(count); }

}  // namespace

namespace {

constexpr const char* kCutOff =
    "it was cut off: the program ended (killed, a crash or a power failure) while it ran";

Result<void> forget_begun(sqlite::Connection& connection, const std::string& id) {
  const std::array<Value, 1> parameters{id};
  PV_TRY(std::ignore, connection.run("DELETE FROM begun WHERE id = ?1", parameters));
  return {};
}

Result<std::vector<BegunJob>> select_begun(sqlite::Connection& connection) {
  PV_TRY(const auto rows,
         connection.all("SELECT id, kind, name, is_scheduled, started_ms FROM begun "
                        "ORDER BY started_ms, id LIMIT 100"));
  std::vector<BegunJob> begun;
  for (const sqlite::Row& row : rows) {
    begun.push_back({.id = sqlite::to_text(row[0]),
                     .kind = sqlite::to_text(row[1]),
                     .name = sqlite::to_text(row[2]),
                     .is_scheduled = sqlite::to_int(row[3]) != 0,
                     .started = time_of_ms(sqlite::to_int(row[4]))});
  }
  return begun;
}

Result<void> close_begun(sqlite::Connection& connection, std::span<const std::string> ended) {
  PV_TRY(const std::vector<BegunJob> begun, select_begun(connection));
  std::vector<PastJob> closed;
  for (const BegunJob& job : begun) {
    if (std::ranges::find(ended, job.id) != ended.end()) {
      PV_CHECK(forget_begun(connection, job.id));
      continue;
    }
    closed.push_back(cut_off(job));
  }
  return closed.empty() ? Result<void>{} : put(connection, closed);
}

}  // namespace

PastJob cut_off(const BegunJob& job) {
  return {.id = job.id,
          .kind = job.kind,
          .name = job.name,
          .is_scheduled = job.is_scheduled,
          .started = job.started,
          .ended = job.started,
          .outcome = "failed",
          .error = kCutOff};
}

Result<std::vector<BegunJob>> read_begun(const VaultDb& db) {
  std::vector<BegunJob> begun;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("begun")) { return {}; }
    PV_TRY(begun, select_begun(connection));
    return {};
  }));
  return begun;
}

Result<void> close_begun(const VaultDb& db, std::span<const std::string> ended,
                         const VaultDb::Say& say) {
  PV_TRY(const std::vector<BegunJob> begun, read_begun(db));
  if (begun.empty()) { return {}; }
  return db.write([&](sqlite::Connection& connection) { return close_begun(connection, ended); },
                  say);
}

Result<void> note_begun(const VaultDb& db, const BegunJob& job, std::span<const std::string> ended,
                        const VaultDb::Say& say) {
  return db.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        PV_CHECK(close_begun(connection, ended));
        const std::array<Value, 5> parameters{
            job.id, job.kind, job.name, std::int64_t{job.is_scheduled ? 1 : 0}, ms_of(job.started)};
        PV_TRY(std::ignore,
               connection.run("INSERT OR REPLACE INTO begun VALUES (?1,?2,?3,?4,?5)", parameters));
        return {};
      },
      say);
}

Result<void> put(sqlite::Connection& connection, std::span<const PastJob> jobs) {
  for (const PastJob& job : jobs) {
    const std::array<Value, 12> parameters{job.id,
                                           job.kind,
                                           job.name,
                                           std::int64_t{job.is_scheduled ? 1 : 0},
                                           ms_of(job.started),
                                           ms_of(job.ended),
                                           job.outcome,
                                           first_line(job.error, kErrorBytesMax),
                                           number_of(job.warnings),
                                           number_of(job.raw_bytes),
                                           number_of(job.archive_bytes),
                                           std::int64_t{job.pause.count()}};
    PV_TRY(std::ignore, connection.run("INSERT INTO jobs VALUES "
                                       "(NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
                                       parameters));
    PV_CHECK(forget_begun(connection, job.id));
  }
  PV_TRY(std::ignore,
         connection.run("DELETE FROM jobs WHERE number <= (SELECT max(number) FROM jobs) - " +
                        std::to_string(kJobsKept)));
  return {};
}

Result<std::vector<PastJob>> read_jobs(const VaultDb& db, std::size_t count) {
  std::vector<PastJob> jobs;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(jobs, select(connection, "", count));
    return {};
  }));
  return jobs;
}

Result<BackupHistory> read_backup_history(const VaultDb& db) {
  BackupHistory history;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(auto succeeded,
           select(connection, "WHERE kind = 'backup' AND outcome = 'succeeded'", kSucceededRead));
    history.succeeded = std::move(succeeded);
    if (!history.succeeded.empty()) {
      history.last = history.last_decided = history.last_succeeded = history.succeeded.front();
    }
    for (const char* outcome : {"failed", "cancelled"}) {
      PV_TRY(auto last,
             select(connection,
                    "WHERE kind = 'backup' AND outcome = '" + std::string{outcome} + "'", 1));
      if (last.empty()) { continue; }
      if (!history.last || history.last->ended < last.front().ended) {
        history.last = std::move(last.front());
      }
      if (history.last->outcome == "failed") { history.last_decided = history.last; }
    }
    return {};
  }));
  return history;
}

Result<void> for_each_made(const VaultDb& db, const std::function<void(const MadeBackup&)>& take) {
  return db.read([&](sqlite::Connection& connection) -> Result<void> {
    if (!connection.has_table("jobs")) { return {}; }
    // All rows in the order of the table ("+"): cheaper than finding nearly each by the index.
    PV_TRY(auto statement,
           connection.prepare("SELECT name, started_ms, ended_ms, archive_bytes FROM jobs "
                              "WHERE +kind = 'backup' AND outcome = 'succeeded' "
                              "ORDER BY number LIMIT " +
                              std::to_string(kJobsKept)));
    while (true) {
      PV_TRY(const bool row, statement.step());
      if (!row) { return {}; }
      const Value name = statement.column(0);
      const auto* text = std::get_if<std::string>(&name);
      if (text == nullptr) { continue; }
      take({.name = *text,
            .started = time_of_ms(sqlite::to_int(statement.column(1))),
            .ended = time_of_ms(sqlite::to_int(statement.column(2))),
            .archive_bytes = count_of(statement.column(3))});
    }
  });
}

}  // namespace pv::state
