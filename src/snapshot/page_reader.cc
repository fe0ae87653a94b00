#include "snapshot/page_reader.h"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>

#include "sqlite/vfs.h"

namespace pv::snapshot {
namespace {

constexpr std::size_t kReadBytesMax = std::size_t{1} << 30U;  // xRead takes an int

std::uint64_t memory_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// SQLITE_OK, or SQLITE_IOERR_SHORT_READ after zeros were put for what the file lacks.
int read_all(sqlite3_file* file, std::uint64_t offset, MutableBytes into) {
  int worst = SQLITE_OK;
  while (!into.empty()) {
    const std::size_t count = std::min(into.size(), kReadBytesMax);
    const int code = file->pMethods->xRead(file, into.data(), static_cast<int>(count),
                                           static_cast<sqlite3_int64>(offset));
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) { return code; }
    if (code != SQLITE_OK) { worst = code; }
    into = into.subspan(count);
    offset += count;
  }
  return worst;
}

}  // namespace

PageReader::PageReader(sqlite::Connection connection, sqlite3_file* database, sqlite3_file* wal)
    : connection_{std::move(connection)}, database_{database}, wal_{wal} {}

Result<PageReader> PageReader::open(const fs::Path& path, const fs::Stat& expected) {
  PV_TRY(auto connection,
         sqlite::Connection::open(path, {.checkpoints = sqlite::Checkpoints::kNever}));
  // A read opens the WAL, which stays open afterwards.
  PV_TRY(const auto pages, connection.one("PRAGMA page_count"));
  PV_TRY(const fs::Stat now, fs::stat(path));
  if (now.device != expected.device || now.inode != expected.inode) {
    return fail(Code::kUnavailable, path.string() + " was replaced while the backup read it");
  }
  sqlite3_file* database = sqlite::database_file(connection);
  if (database == nullptr) { return fail(Code::kInternal, path.string() + ": no file behind it"); }
  sqlite3_file* wal = sqlite::wal_file(connection);
  return PageReader{std::move(connection), database, wal};
}

Result<std::uint64_t> PageReader::read_database(std::uint64_t offset, MutableBytes into) {
  const int code = read_all(database_, offset, into);
  if (code == SQLITE_OK) { return into.size(); }
  if (code != SQLITE_IOERR_SHORT_READ) {
    return fail(sqlite::error_of(nullptr, code, "read " + connection_.path().string()));
  }
  sqlite3_int64 size = 0;
  if (const int sized = database_->pMethods->xFileSize(database_, &size); sized != SQLITE_OK) {
    return fail(sqlite::error_of(nullptr, sized, "read " + connection_.path().string()));
  }
  const auto end = static_cast<std::uint64_t>(size);
  return end > offset ? std::min<std::uint64_t>(end - offset, into.size()) : std::uint64_t{0};
}

Result<void> PageReader::read_wal(std::uint64_t offset, MutableBytes into) {
  const std::string what = "read " + connection_.path().string() + "-wal";
  if (wal_ == nullptr) { return fail(Code::kUnavailable, what + ": it is not open"); }
  const int code = read_all(wal_, offset, into);
  if (code == SQLITE_OK) { return {}; }
  if (code == SQLITE_IOERR_SHORT_READ) { return fail(Code::kDamaged, what + ": it ends early"); }
  return fail(sqlite::error_of(nullptr, code, what));
}

PageReaders::PageReaders(fs::Path path, fs::Stat expected)
    : path_{std::move(path)}, expected_{expected} {}

PageReaders::Lease::Lease(PageReaders& owner, std::unique_ptr<PageReader> reader)
    : owner_{&owner}, reader_{std::move(reader)} {}

PageReaders::Lease::~Lease() {
  if (reader_ != nullptr) { owner_->give_back(std::move(reader_)); }
}

Result<PageReaders::Lease> PageReaders::take() {
  std::unique_lock lock{mutex_};
  for (;;) {
    if (!idle_.empty()) {
      auto reader = std::move(idle_.back());
      idle_.pop_back();
      return Lease{*this, std::move(reader)};
    }
    if (opened_ < readers_max_) {
      ++opened_;
      lock.unlock();
      auto reader = PageReader::open(path_, expected_);
      if (reader.has_value()) {
        note_cached();
        return Lease{*this, std::make_unique<PageReader>(std::move(*reader))};
      }
      lock.lock();
      --opened_;
      // Without descriptors to spare the readers that there are must do.
      if (opened_ == 0) { return fail(reader.error()); }
      readers_max_ = opened_;
      continue;
    }
    returned_.wait(lock);
  }
}

void PageReaders::give_back(std::unique_ptr<PageReader> reader) {
  const std::lock_guard lock{mutex_};
  idle_.push_back(std::move(reader));
  returned_.notify_one();
}

void PageReaders::note_cached() {
  const std::lock_guard lock{mutex_};
  if (cached_) { return; }
  const auto descriptor = fs::descriptor_of(expected_);
  cached_ = descriptor ? fs::CachedParts{*descriptor, expected_.size_bytes} : fs::CachedParts{};
}

void PageReaders::drop_uncached(std::uint64_t offset, std::uint64_t size_bytes) {
  if (!cached_) { return; }
  const auto descriptor = fs::descriptor_of(expected_);
  if (descriptor) { cached_->drop_others(*descriptor, offset, size_bytes); }
}

void PageReaders::passed(std::uint64_t offset, std::uint64_t size_bytes) {
  static const std::uint64_t much = memory_bytes() / 4;
  if (expected_.size_bytes <= much) { return; }
  const std::lock_guard lock{mutex_};
  drop_uncached(offset, size_bytes);
}

void PageReaders::close() {
  std::vector<std::unique_ptr<PageReader>> going;
  const std::lock_guard lock{mutex_};
  drop_uncached(0, expected_.size_bytes);
  cached_.reset();
  opened_ -= idle_.size();
  going.swap(idle_);
}

}  // namespace pv::snapshot
