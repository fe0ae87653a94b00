#include "snapshot/copied_database.h"

#include <sqlite3.h>

#include <memory>
#include <new>

#include "snapshot/scratch_file.h"

namespace pv::snapshot {
namespace {

constexpr int kPagesAtOnce = 4096;  // between two looks at the stop token

struct CloseDatabase {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Destination = std::unique_ptr<sqlite3, CloseDatabase>;

Result<Destination> open_destination(const fs::Path& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (handle == nullptr) { throw std::bad_alloc{}; }
  Destination destination{handle};
  if (code != SQLITE_OK) { return fail(sqlite::error_of(handle, code, path.string())); }
  // Nobody else sees the file, and after a crash nobody wants it.
  const int set = sqlite3_exec(handle, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nullptr,
                               nullptr, nullptr);
  if (set != SQLITE_OK) { return fail(sqlite::error_of(handle, set, path.string())); }
  return destination;
}

// `source` is in a read transaction, so however many steps it takes, they are of one moment.
Result<void> run_backup(sqlite3* destination, sqlite3* source, const std::string& name,
                        const std::stop_token& stop) {
  sqlite3_backup* backup = sqlite3_backup_init(destination, "main", source, "main");
  if (backup == nullptr) {
    return fail(sqlite::error_of(destination, sqlite3_errcode(destination), "copy " + name));
  }
  int code = SQLITE_OK;
  while (code == SQLITE_OK && !stop.stop_requested()) {
    code = sqlite3_backup_step(backup, kPagesAtOnce);
  }
  const int finished = sqlite3_backup_finish(backup);
  if (code == SQLITE_DONE && finished == SQLITE_OK) { return {}; }
  if (code == SQLITE_OK) { return fail(Code::kCancelled, "stopped"); }
  return fail(sqlite::error_of(destination, finished, "copy " + name));
}

}  // namespace

Result<Copy> copy_database(sqlite::Connection& reader, const std::string& name,
                           const fs::Path& folder, std::stop_token stop,
                           const std::function<void()>& copied) {
  PV_TRY(ScratchFile scratch, ScratchFile::create(folder));
  const auto made = [&]() -> Result<Structure> {
    {
      PV_TRY(const Destination destination, open_destination(scratch.path));
      PV_CHECK(run_backup(destination.get(), reader.handle(), name, stop));
    }
    if (copied) { copied(); }
    if (stop.stop_requested()) { return fail(Code::kCancelled, "stopped"); }
    // By a connection like any other: what SQLite remembers of the copying is not what was written.
    auto copy = sqlite::Connection::open(scratch.path, {.read_only = true});
    if (!copy.has_value()) { return fail(copy.error()); }
    const std::stop_callback on_stop{stop, [&] { sqlite3_interrupt(copy->handle()); }};
    return check_structure(*copy);
  }();
  scratch.unlink();
  if (!made.has_value()) { return fail(made.error()); }
  return Copy{std::move(scratch.fd), *made};
}

}  // namespace pv::snapshot
