#include "state/verdicts.h"

#include <algorithm>
#include <array>

#include "base/wall_time.h"
#include "state/columns.h"
#include "state/gaps.h"

namespace pv::state {
namespace {

using sqlite::Value;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::array kDepths{Depth::kChecksums, Depth::kQuick, Depth::kDeep};

// No more of a reason than first_line() leaves, whatever lies in the file.
constexpr const char* kColumns =
    "key, size_bytes, modified_ns, directory_crc32, at_ms, depth, is_sound, "
    "substr(reason, 1, 500), records, took_ms";

std::optional<std::uint64_t> count_of(const Value& value) {
  if (std::holds_alternative<std::monostate>(value)) { return std::nullopt; }
  return static_cast<std::uint64_t>(std::max<std::int64_t>(sqlite::to_int(value), 0));
}

// nullopt: not as we write them.
std::optional<NotedVerdict> from_row(const sqlite::Row& row) {
  const auto depth = depth_of(sqlite::to_text(row[5]));
  if (!depth) { return std::nullopt; }
  NotedVerdict noted;
  noted.key = sqlite::to_text(row[0]);
  noted.archive.size_bytes = count_of(row[1]).value_or(0);
  noted.archive.modified = wall_time(nanoseconds{sqlite::to_int(row[2])});
  if (const auto crc32 = count_of(row[3])) {
    noted.archive.directory_crc32 = static_cast<std::uint32_t>(*crc32);
  }
  noted.verdict.at = time_of_ms(sqlite::to_int(row[4]));
  noted.verdict.depth = *depth;
  noted.verdict.is_sound = sqlite::to_int(row[6]) != 0;
  noted.verdict.reason = sqlite::to_text(row[7]);
  noted.verdict.records = count_of(row[8]);
  noted.verdict.took = milliseconds{sqlite::to_int(row[9])};
  return noted;
}

Result<std::optional<NotedVerdict>> find(sqlite::Connection& connection, const std::string& key) {
  const std::array<Value, 1> parameters{key};
  PV_TRY(const auto row,
         connection.one(std::string{"SELECT "} + kColumns + " FROM verdicts WHERE key = ?1",
                        parameters));
  return row ? from_row(*row) : std::nullopt;
}

Value value_of(const std::optional<std::uint64_t>& count) {
  return count ? Value{static_cast<std::int64_t>(*count)} : Value{};
}

Result<void> put(sqlite::Connection& connection, const NotedVerdict& noted) {
  const auto& [key, archive, verdict] = noted;
  const std::array<Value, 10> parameters{
      key,
      static_cast<std::int64_t>(archive.size_bytes),
      static_cast<std::int64_t>(archive.modified.time_since_epoch().count()),
      value_of(archive.directory_crc32),
      ms_of(verdict.at),
      std::string{depth_name(verdict.depth)},
      std::int64_t{verdict.is_sound ? 1 : 0},
      first_line(verdict.reason, kReasonBytesMax),
      value_of(verdict.records),
      static_cast<std::int64_t>(verdict.took.count())};
  PV_TRY(std::ignore,
         connection.run("INSERT OR REPLACE INTO verdicts VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                        parameters));
  return {};
}

Result<void> drop(sqlite::Connection& connection, const std::string& key) {
  const std::array<Value, 1> parameters{key};
  PV_TRY(std::ignore, connection.run("DELETE FROM verdicts WHERE key = ?1", parameters));
  return {};
}

Result<void> drop_all_but(sqlite::Connection& connection, const std::set<std::string>& keys) {
  PV_TRY(const auto rows, connection.all("SELECT key FROM verdicts"));
  for (const sqlite::Row& row : rows) {
    const std::string key = sqlite::to_text(row.front());
    if (!keys.contains(key)) { PV_CHECK(drop(connection, key)); }
  }
  PV_TRY(const auto gaps, connection.all("SELECT key FROM gaps"));
  for (const sqlite::Row& row : gaps) {
    const std::string key = sqlite::to_text(row.front());
    if (!keys.contains(key)) { PV_CHECK(drop_gaps(connection, key)); }
  }
  return {};
}

// Of a copy with another time as well, as long as both directories could be read.
bool is_same(const ArchiveId& a, const ArchiveId& b) {
  return a == b || (a.size_bytes == b.size_bytes && a.directory_crc32 &&
                    a.directory_crc32 == b.directory_crc32);
}

bool outweighs(const NotedVerdict& known, const NotedVerdict& noted) {
  return is_same(known.archive, noted.archive) && !known.verdict.is_sound &&
         noted.verdict.is_sound && known.verdict.depth > noted.verdict.depth;
}

}  // namespace

std::string_view depth_name(Depth depth) {
  switch (depth) {
    case Depth::kChecksums: return "checksums";
    case Depth::kQuick: return "quick";
    case Depth::kDeep: return "deep";
  }
  return "";
}

std::optional<Depth> depth_of(std::string_view name) {
  const auto found = std::find_if(kDepths.begin(), kDepths.end(),
                                  [&](Depth depth) { return depth_name(depth) == name; });
  return found == kDepths.end() ? std::nullopt : std::optional{*found};
}

Result<std::vector<NotedVerdict>> read_verdicts(const VaultDb& db) {
  std::vector<NotedVerdict> verdicts;
  PV_CHECK(db.read([&](sqlite::Connection& connection) -> Result<void> {
    PV_TRY(const auto rows, connection.all(std::string{"SELECT "} + kColumns +
                                           " FROM verdicts WHERE length(key) <= 1024 "
                                           "ORDER BY key LIMIT 10000"));
    for (const sqlite::Row& row : rows) {
      if (auto noted = from_row(row)) { verdicts.push_back(*std::move(noted)); }
    }
    return {};
  }));
  return verdicts;
}

Result<void> note_verdict(const VaultDb& db, const NotedVerdict& noted,
                          const std::optional<std::set<std::string>>& keys,
                          const VaultDb::Say& say) {
  return db.write(
      [&](sqlite::Connection& connection) -> Result<void> {
        if (keys) { PV_CHECK(drop_all_but(connection, *keys)); }
        PV_TRY(const auto known, find(connection, noted.key));
        return known && outweighs(*known, noted) ? Result<void>{} : put(connection, noted);
      },
      say);
}

Result<void> forget_verdict(const VaultDb& db, const std::string& key) {
  return db.change([&](sqlite::Connection& connection) -> Result<void> {
    PV_CHECK(drop_gaps(connection, key));
    return drop(connection, key);
  });
}

}  // namespace pv::state
