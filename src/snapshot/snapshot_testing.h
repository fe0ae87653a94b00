// What the tests of this room share.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/io.h"
#include "snapshot/snapshot.h"
#include "sqlite/connection.h"
#include "testing/fixtures.h"

namespace pv::snapshot {

// The value of a Result, or the test ends here.
template <class T>
T must(Result<T> result) {
  if (!result.has_value()) { throw std::runtime_error{result.error().what}; }
  return std::move(*result);
}
inline void must(const Result<void>& result) {
  if (!result.has_value()) { throw std::runtime_error{result.error().what}; }
}

inline std::string read_all(Source& source, std::size_t block_bytes = std::size_t{1} << 20U) {
  std::string all;
  std::string block(block_bytes, '\0');
  for (;;) {
    const auto count = must(source.read_at(all.size(), std::as_writable_bytes(std::span{block})));
    all.append(block.data(), count);
    if (count < block.size()) { return all; }
  }
}

inline const Item* find_item(const Snapshot& snapshot, const std::string& name) {
  for (const Item& item : snapshot.items()) {
    if (item.name == name) { return &item; }
  }
  return nullptr;
}

inline std::string content(const Snapshot& snapshot, const std::string& name) {
  const Item* item = find_item(snapshot, name);
  if (item == nullptr) { throw std::runtime_error{name + " is not in the snapshot"}; }
  const auto source = must(snapshot.open(*item));
  return read_all(*source);
}

// "" when there is no warning of that name.
inline std::string warning_of(const std::vector<Warning>& warnings, const std::string& name) {
  for (const Warning& warning : warnings) {
    if (warning.name == name) { return warning.what; }
  }
  return {};
}

// A data directory to make snapshots of, and a folder for temporary files beside it.
class Directory {
 public:
  Directory() {
    std::filesystem::create_directory(data());
    std::filesystem::create_directory(temporary());
  }
  [[nodiscard]] std::filesystem::path data() const { return folder_ / "pb_data"; }
  [[nodiscard]] std::filesystem::path temporary() const { return folder_ / "temporary"; }
  [[nodiscard]] std::filesystem::path outside() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return data() / name;
  }
  [[nodiscard]] Options options() const {
    Options options;
    options.temporary = temporary();
    return options;
  }
  [[nodiscard]] Result<std::unique_ptr<Snapshot>> take() const {
    return Snapshot::take(data(), options(), {});
  }

 private:
  pv::testing::TempFolder folder_;
};

// A database as an app has it open: in WAL mode, never checkpointed by itself.
inline sqlite::Connection app_connection(const std::filesystem::path& path) {
  return must(sqlite::Connection::open(path, {.create = true}));
}

// `rows` rows of some 500 random bytes in table t, created when absent.
inline void fill(sqlite::Connection& db, int rows) {
  must(
      db.exec("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB);"
              "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT " +
              std::to_string(rows) + ") INSERT INTO t (v) SELECT randomblob(500) FROM n"));
}

inline std::int64_t number(sqlite::Connection& db, std::string_view sql) {
  return sqlite::to_int(must(db.one(sql)).value().front());
}

// Opens `bytes` as a database and hands it over.
inline void with_database(const Directory& directory, const std::string& bytes,
                          const std::function<void(sqlite::Connection&)>& use) {
  const auto folder = directory.outside() / "opened";
  std::filesystem::remove_all(folder);
  pv::testing::write_file(folder / "a.db", bytes);
  sqlite::Connection db = must(sqlite::Connection::open(folder / "a.db", {}));
  use(db);
}

// Where two databases differ; a copy by the backup API differs from its original in page 1 alone:
// it counts a change (24..27, 92..95), a change of the schema (40..43) and notes which SQLite wrote
// it last (96..99). nullopt: nowhere else.
inline std::optional<std::size_t> first_difference(const std::string& a, const std::string& b) {
  const auto counts = [](std::size_t at) {
    return (at >= 24 && at < 28) || (at >= 40 && at < 44) || (at >= 92 && at < 100);
  };
  for (std::size_t at = 0; at < std::max(a.size(), b.size()); ++at) {
    if (at >= a.size() || at >= b.size() || (a[at] != b[at] && !counts(at))) { return at; }
  }
  return std::nullopt;
}

// Runs `work` in a child process; its return value, or -1. For raw reads and writes of files that
// SQLite has open here, and for other users.
inline int in_child(const std::function<int()>& work) {
  const ::pid_t pid = ::fork();
  if (pid == 0) {
    int status = 125;
    try {
      status = work();
    } catch (const std::exception& error) { std::fprintf(stderr, "%s\n", error.what()); }
    ::_exit(status);
  }
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) { return -1; }
  return WEXITSTATUS(status);
}

}  // namespace pv::snapshot
