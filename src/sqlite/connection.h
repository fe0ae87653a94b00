// SQLite connections, statements and errors as values.
//
// Two rules keep a live app's data safe (docs/architecture.md, "Databases that an app has open"):
// these files are never opened or closed by anything but SQLite in this process, for closing any
// descriptor of a file drops all of the process's POSIX locks on it; and a connection to a database
// that is not ours alone neither checkpoints nor deletes the WAL when it closes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace pv::sqlite {

// NULL, INTEGER, REAL, TEXT, BLOB.
struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

[[nodiscard]] std::int64_t to_int(const Value& value);  // 0 unless a number
[[nodiscard]] std::string to_text(
    const Value& value);  // text, or the bytes of a blob; numbers printed; "" for NULL

using Row = std::vector<Value>;

enum class Checkpoints {
  kNever,  // others may have it open: no automatic checkpoint, WAL kept on close
  kOwner,  // all connections are ours: as SQLite does by itself
};

struct OpenOptions {
  bool create = false;
  bool read_only = false;
  Checkpoints checkpoints = Checkpoints::kNever;
  std::chrono::milliseconds busy_timeout{10'000};
  // A database of our own that is used now and then: it keeps its journal mode, which for a new one
  // is SQLite's rollback journal (between transactions nothing lies beside the file, and it can be
  // read where nothing may be written), with synchronous=FULL, which that needs.
  bool one_file = false;
};

// One prepared statement. Belongs to its connection, which must outlive it.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  // Parameters count from 1.
  [[nodiscard]] Result<void> bind(int index, const Value& value);
  // True: a row is there. False: done.
  [[nodiscard]] Result<bool> step();
  [[nodiscard]] Value column(int index) const;
  [[nodiscard]] int column_count() const;
  void reset();

 private:
  friend class Connection;
  explicit Statement(sqlite3_stmt* handle) : handle_{handle} {}
  sqlite3_stmt* handle_ = nullptr;
};

// Threads    One thread at a time.
// Errors     kBusy (SQLITE_BUSY after the timeout), kDamaged (corrupt, not a database), kNoSpace,
//            kDenied (read-only, permissions), kNotFound (can't open), kExists (a constraint),
//            kUnavailable (I/O error), kInvalid (SQL that does not fit).
class Connection {
 public:
  // Reads the file's first page, so that what is not a database fails here. Sets PocketBase's
  // pragmas on a connection that may write: busy_timeout, journal_mode=WAL,
  // journal_size_limit=200000000, synchronous=NORMAL, foreign_keys=ON, temp_store=MEMORY,
  // cache_size=-32000; but the journal mode of a database that others own (kNever, without create)
  // stays as it is. Extensions can't be loaded; double-quoted strings stay allowed (PocketBase's
  // schema has them); trusted_schema is off, defensive mode on.
  [[nodiscard]] static Result<Connection> open(const std::filesystem::path& path,
                                               OpenOptions options);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  [[nodiscard]] Result<void> exec(std::string_view script);  // may hold several statements
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  [[nodiscard]] Result<std::vector<Row>> all(std::string_view sql,
                                             std::span<const Value> parameters = {});
  // nullopt: no row.
  [[nodiscard]] Result<std::optional<Row>> one(std::string_view sql,
                                               std::span<const Value> parameters = {});
  // For INSERT, UPDATE, DELETE; returns the rows changed.
  [[nodiscard]] Result<std::int64_t> run(std::string_view sql,
                                         std::span<const Value> parameters = {});

  [[nodiscard]] bool has_table(std::string_view name);
  [[nodiscard]] std::vector<std::string> columns_of(
      std::string_view table);  // empty: no such table

  [[nodiscard]] sqlite3* handle() const { return handle_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  Connection(sqlite3* handle, std::filesystem::path path);
  sqlite3* handle_ = nullptr;
  std::filesystem::path path_;
};

// The Error for what SQLite last said on `handle`: "context: message (extended code)".
[[nodiscard]] Error error_of(sqlite3* handle, int code, std::string_view context);

// BEGIN IMMEDIATE now; ROLLBACK when it goes unless commit() succeeded.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin_immediate(Connection& connection);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Result<void> commit();

 private:
  explicit Transaction(Connection& connection) : connection_{&connection} {}
  Connection* connection_;
};

// Whether nobody else has this database open just now, whatever /proc shows of them: takes SQLite's
// exclusive lock on the file and lets it go. Not while this process has the file open.
[[nodiscard]] Result<bool> is_alone(const std::filesystem::path& path);

// Whether another process holds one of SQLite's locks on the file just now, whatever /proc shows of
// it: in WAL mode it does for as long as the database is open, else in a transaction. Changes
// nothing and makes nothing, as is_alone() may, but closes a plain descriptor of the file: never of
// one that this process has open with SQLite.
[[nodiscard]] Result<bool> is_locked_by_others(const std::filesystem::path& path);

// Reads the whole database: "ok", or the first problems found (at most `problems_max` lines).
enum class Check { kQuick, kIntegrity };
[[nodiscard]] Result<std::string> check(Connection& connection, Check kind, int problems_max = 20);

}  // namespace pv::sqlite
