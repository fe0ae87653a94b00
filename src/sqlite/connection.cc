#include "sqlite/connection.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <new>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace pv::sqlite {
namespace {

// What a failed system call below SQLite means for the caller; `otherwise` when errno tells
// nothing.
Code code_of_errno(int error_number, Code otherwise) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: return Code::kNoSpace;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kDenied;
    case ENOENT:
    case ENOTDIR: return Code::kNotFound;
    case EMFILE:
    case ENFILE: return Code::kUnavailable;
    default: return otherwise;
  }
}

Code code_of(int extended, int error_number) {
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return Code::kBusy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return Code::kDamaged;
    case SQLITE_FULL: return Code::kNoSpace;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY: return Code::kDenied;
    case SQLITE_CANTOPEN: return code_of_errno(error_number, Code::kNotFound);
    case SQLITE_CONSTRAINT: return Code::kExists;
    case SQLITE_IOERR:
      return extended == SQLITE_IOERR_CORRUPTFS ? Code::kDamaged
                                                : code_of_errno(error_number, Code::kUnavailable);
    case SQLITE_NOMEM: return Code::kUnavailable;
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT: return Code::kCancelled;
    case SQLITE_MISUSE:
    case SQLITE_INTERNAL: return Code::kInternal;
    default: return Code::kInvalid;
  }
}

std::string context_of(sqlite3* handle) {
  const char* name = sqlite3_db_filename(handle, "main");
  return name == nullptr ? std::string{"database"}
                         : std::filesystem::path{name}.filename().string();
}

// Switches that make a strange schema harmless, and those that PocketBase's own schema needs.
void configure(sqlite3* handle, const OpenOptions& options) {
  struct Setting {
    int verb;
    int value;
  };
  const bool keep_wal = options.checkpoints == Checkpoints::kNever;
  const std::array settings{
      Setting{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
      Setting{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
      Setting{SQLITE_DBCONFIG_DEFENSIVE, 1},
      Setting{SQLITE_DBCONFIG_DQS_DDL, 1},
      Setting{SQLITE_DBCONFIG_DQS_DML, 1},
      Setting{SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_wal ? 1 : 0},
  };
  for (const Setting& setting : settings) {
    PV_ASSERT(sqlite3_db_config(handle, setting.verb, setting.value, nullptr) == SQLITE_OK);
  }
  if (keep_wal) { sqlite3_wal_autocheckpoint(handle, 0); }
  const auto wait = std::min<std::chrono::milliseconds::rep>(options.busy_timeout.count(),
                                                             std::numeric_limits<int>::max());
  sqlite3_busy_timeout(handle, static_cast<int>(wait));
}

// SQLite tells a reader that may not write "this WAL needs recovery" (SQLITE_READONLY_RECOVERY)
// when it looks at the header of the wal-index while a commit is being written there, and the
// committer is done before SQLite asks who holds the lock (walIndexReadHdr in its wal.c). The next
// look then finds all in order; a WAL that does need recovery stays so.
constexpr std::chrono::microseconds kLookAgainMin{50};
constexpr std::chrono::milliseconds kLookAgainMax{250};

template <class Attempt>
int look_again(Attempt attempt) {
  const Deadline deadline = Deadline::after(kLookAgainMax);
  int code = attempt();
  for (auto wait = kLookAgainMin; code == SQLITE_READONLY_RECOVERY && !deadline.passed();
       wait *= 2) {
    std::this_thread::sleep_for(wait);
    code = attempt();
  }
  return code;
}

int prepare_one(sqlite3* handle, std::string_view sql, sqlite3_stmt** compiled, const char** tail) {
  return look_again([&] {
    return sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), compiled, tail);
  });
}

int open_flags(const OpenOptions& options) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (options.create && !options.read_only) { flags |= SQLITE_OPEN_CREATE; }
  return flags;
}

}  // namespace

std::int64_t to_int(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) { return *number; }
  if (const auto* number = std::get_if<double>(&value)) {
    // 2^63 is a double, the greatest int64 is not.
    constexpr double kLimit = 9223372036854775808.0;
    return *number >= -kLimit && *number < kLimit ? static_cast<std::int64_t>(*number) : 0;
  }
  return 0;
}

std::string to_text(const Value& value) {
  const auto print = [](auto number) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return std::string{text.data(), end};
  };
  if (const auto* text = std::get_if<std::string>(&value)) { return *text; }
  if (const auto* blob = std::get_if<Blob>(&value)) { return blob->bytes; }
  if (const auto* number = std::get_if<std::int64_t>(&value)) { return print(*number); }
  if (const auto* number = std::get_if<double>(&value)) { return print(*number); }
  return {};
}

Error error_of(sqlite3* handle, int code, std::string_view context) {
  int extended = code;
  std::string message = sqlite3_errstr(code);
  int error_number = 0;
  if (handle != nullptr) {
    // What the handle remembers may be of another call; then only the code is known.
    if ((sqlite3_extended_errcode(handle) & 0xff) == (code & 0xff)) {
      extended = sqlite3_extended_errcode(handle);
      message = sqlite3_errmsg(handle);
      error_number = sqlite3_system_errno(handle);
    }
  }
  const int primary = extended & 0xff;
  Error error{code_of(extended, error_number),
              std::string{context} + ": " + message + " (" + std::to_string(extended) + ")"};
  if ((primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR) && error_number != 0) {
    error.what = errno_error(error_number, error.what).what;
  }
  return error;
}

Statement::Statement(Statement&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Result<void> Statement::bind(int index, const Value& value) {
  int code = SQLITE_OK;
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    code = sqlite3_bind_int64(handle_, index, *number);
  } else if (const auto* real = std::get_if<double>(&value)) {
    code = sqlite3_bind_double(handle_, index, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    code = sqlite3_bind_text64(handle_, index, text->data(), text->size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8);
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    code = sqlite3_bind_blob64(handle_, index, blob->bytes.data(), blob->bytes.size(),
                               SQLITE_TRANSIENT);
  } else {
    code = sqlite3_bind_null(handle_, index);
  }
  if (code != SQLITE_OK) {
    sqlite3* db = sqlite3_db_handle(handle_);
    return fail(error_of(db, code, context_of(db) + ": parameter " + std::to_string(index)));
  }
  return {};
}

Result<bool> Statement::step() {
  const int code = look_again([&] {
    const int stepped = sqlite3_step(handle_);
    if (stepped == SQLITE_READONLY_RECOVERY) { sqlite3_reset(handle_); }  // keeps what is bound
    return stepped;
  });
  if (code == SQLITE_ROW) { return true; }
  if (code == SQLITE_DONE) { return false; }
  sqlite3* db = sqlite3_db_handle(handle_);
  Error error = error_of(db, code, context_of(db));
  sqlite3_reset(handle_);  // or its locks would stay until it goes
  return fail(std::move(error));
}

Value Statement::column(int index) const {
  const auto copy = [&](const void* bytes) {
    const auto count = static_cast<std::size_t>(sqlite3_column_bytes(handle_, index));
    if (bytes == nullptr && count > 0) { throw std::bad_alloc{}; }
    return std::string{static_cast<const char*>(bytes == nullptr ? "" : bytes), count};
  };
  switch (sqlite3_column_type(handle_, index)) {
    case SQLITE_INTEGER: return sqlite3_column_int64(handle_, index);
    case SQLITE_FLOAT: return sqlite3_column_double(handle_, index);
    case SQLITE_TEXT: return copy(sqlite3_column_text(handle_, index));
    case SQLITE_BLOB: return Blob{copy(sqlite3_column_blob(handle_, index))};
    default: return std::monostate{};
  }
}

int Statement::column_count() const { return sqlite3_column_count(handle_); }

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

Connection::Connection(sqlite3* handle, std::filesystem::path path)
    : handle_{handle}, path_{std::move(path)} {}

Connection::Connection(Connection&& other) noexcept
    : handle_{std::exchange(other.handle_, nullptr)}, path_{std::move(other.path_)} {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    const Connection old{std::exchange(handle_, std::exchange(other.handle_, nullptr)),
                         std::exchange(path_, std::move(other.path_))};
  }
  return *this;
}

Connection::~Connection() {
  // SQLITE_BUSY here means that a statement outlives its connection: a fault of ours.
  PV_ASSERT(sqlite3_close(handle_) == SQLITE_OK);
}

Result<Connection> Connection::open(const std::filesystem::path& path, OpenOptions options) {
  // Absolute, so that neither ":memory:" nor "" nor "file:..." means anything but a file.
  std::error_code absolute_error;
  const auto absolute = std::filesystem::absolute(path, absolute_error);
  if (absolute_error) { return fail(errno_error(absolute_error.value(), path.string())); }

  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(absolute.c_str(), &handle, open_flags(options), nullptr);
  if (handle == nullptr) { throw std::bad_alloc{}; }
  Connection connection{handle, path};
  if (code != SQLITE_OK) { return fail(error_of(handle, code, path.string())); }
  configure(handle, options);

  // The first read: until then SQLite has not looked into the file.
  if (const auto read = connection.exec("PRAGMA schema_version"); !read.has_value()) {
    Error error = read.error().within(path.parent_path().string());
    if (error.code == Code::kNotFound && sqlite3_system_errno(handle) == ENOENT &&
        std::filesystem::exists(absolute, absolute_error)) {
      error.code = Code::kDenied;
      error.what += "; SQLite can't make " + path.filename().string() +
                    "-shm beside it: this user must be able to write there";
    }
    return fail(std::move(error));
  }
  PV_CHECK(connection.exec("PRAGMA cell_size_check=ON; PRAGMA mmap_size=0"));
  if (options.read_only) { return connection; }
  if (options.one_file) {
    PV_CHECK(connection.exec("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON"));
    return connection;
  }
  if (options.create || options.checkpoints == Checkpoints::kOwner) {
    PV_CHECK(connection.exec("PRAGMA journal_mode=WAL"));
  }
  PV_CHECK(
      connection.exec("PRAGMA journal_size_limit=200000000; PRAGMA synchronous=NORMAL;"
                      "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                      "PRAGMA cache_size=-32000"));
  return connection;
}

Result<void> Connection::exec(std::string_view script) {
  while (!script.empty()) {
    sqlite3_stmt* compiled = nullptr;
    const char* tail = nullptr;
    if (script.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
      return fail(Code::kInvalid, context_of(handle_) + ": the SQL is too long");
    }
    const int code = prepare_one(handle_, script, &compiled, &tail);
    if (code != SQLITE_OK) { return fail(error_of(handle_, code, context_of(handle_))); }
    script.remove_prefix(static_cast<std::size_t>(tail - script.data()));
    if (compiled == nullptr) { continue; }  // a comment or blanks
    Statement statement{compiled};
    for (bool row = true; row;) { PV_TRY(row, statement.step()); }
  }
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* compiled = nullptr;
  const char* tail = nullptr;
  if (sql.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(Code::kInvalid, context_of(handle_) + ": the SQL is too long");
  }
  const int code = prepare_one(handle_, sql, &compiled, &tail);
  if (code != SQLITE_OK) { return fail(error_of(handle_, code, context_of(handle_))); }
  Statement statement{compiled};
  if (compiled == nullptr) { return fail(Code::kInvalid, context_of(handle_) + ": no SQL given"); }
  const std::string_view rest{tail, static_cast<std::size_t>(sql.data() + sql.size() - tail)};
  if (rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    return fail(Code::kInvalid, context_of(handle_) + ": more than one statement");
  }
  return statement;
}

namespace {

Result<void> bind_all(Statement& statement, std::span<const Value> parameters) {
  int index = 0;
  for (const Value& value : parameters) { PV_CHECK(statement.bind(++index, value)); }
  return {};
}

Row row_of(const Statement& statement) {
  Row row;
  const int count = statement.column_count();
  row.reserve(static_cast<std::size_t>(count));
  for (int index = 0; index < count; ++index) { row.push_back(statement.column(index)); }
  return row;
}

}  // namespace

Result<std::vector<Row>> Connection::all(std::string_view sql, std::span<const Value> parameters) {
  PV_TRY(auto statement, prepare(sql));
  PV_CHECK(bind_all(statement, parameters));
  std::vector<Row> rows;
  while (true) {
    PV_TRY(const bool row, statement.step());
    if (!row) { return rows; }
    rows.push_back(row_of(statement));
  }
}

Result<std::optional<Row>> Connection::one(std::string_view sql,
                                           std::span<const Value> parameters) {
  PV_TRY(auto statement, prepare(sql));
  PV_CHECK(bind_all(statement, parameters));
  PV_TRY(const bool row, statement.step());
  if (!row) { return std::optional<Row>{}; }
  return std::optional<Row>{row_of(statement)};
}

Result<std::int64_t> Connection::run(std::string_view sql, std::span<const Value> parameters) {
  PV_TRY(auto statement, prepare(sql));
  PV_CHECK(bind_all(statement, parameters));
  for (bool row = true; row;) { PV_TRY(row, statement.step()); }  // RETURNING gives rows
  return sqlite3_changes64(handle_);
}

bool Connection::has_table(std::string_view name) {
  const std::array<Value, 1> parameters{std::string{name}};
  const auto row = one(
      "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE", parameters);
  return row.has_value() && row->has_value();
}

std::vector<std::string> Connection::columns_of(std::string_view table) {
  const std::array<Value, 1> parameters{std::string{table}};
  std::vector<std::string> names;
  if (const auto rows = all("SELECT name FROM pragma_table_info(?1) ORDER BY cid", parameters)) {
    for (const Row& row : *rows) { names.push_back(to_text(row.front())); }
  }
  return names;
}

Result<Transaction> Transaction::begin_immediate(Connection& connection) {
  PV_CHECK(connection.exec("BEGIN IMMEDIATE"));
  return Transaction{connection};
}

Transaction::Transaction(Transaction&& other) noexcept
    : connection_{std::exchange(other.connection_, nullptr)} {}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself.
  if (connection_ != nullptr && sqlite3_get_autocommit(connection_->handle()) == 0) {
    (void)connection_->exec("ROLLBACK");  // fails only where there is nothing left to roll back
  }
}

Result<void> Transaction::commit() {
  PV_ASSERT(connection_ != nullptr);
  PV_CHECK(connection_->exec("COMMIT"));
  connection_ = nullptr;
  return {};
}

Result<std::string> check(Connection& connection, Check kind, int problems_max) {
  const std::string pragma = kind == Check::kQuick ? "quick_check" : "integrity_check";
  const auto rows =
      connection.all("PRAGMA " + pragma + "(" + std::to_string(std::max(problems_max, 1)) + ")");
  // Damage that keeps SQLite from going on is a finding as well.
  if (!rows.has_value() && rows.error().code == Code::kDamaged) { return rows.error().what; }
  if (!rows.has_value()) { return fail(rows.error()); }
  std::string text;
  for (const Row& row : *rows) {
    if (!text.empty()) { text += '\n'; }
    text += to_text(row.front());
  }
  return text;
}

}  // namespace pv::sqlite
