// Raw reads of a database and its WAL through SQLite's own open files.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "fs/file.h"
#include "fs/page_cache.h"
#include "sqlite/connection.h"

struct sqlite3_file;

namespace pv::snapshot {

// One connection and its files. One thread at a time: SQLite keeps the last error in the file.
class PageReader {
 public:
  // kUnavailable when the file at `path` is no longer the one that `expected` describes.
  [[nodiscard]] static Result<PageReader> open(const fs::Path& path, const fs::Stat& expected);

  // Fills `into`; zeros past the end of the file. Returns how many bytes were really there.
  [[nodiscard]] Result<std::uint64_t> read_database(std::uint64_t offset, MutableBytes into);
  // Fills all of `into` or fails (kDamaged past the end).
  [[nodiscard]] Result<void> read_wal(std::uint64_t offset, MutableBytes into);

 private:
  PageReader(sqlite::Connection connection, sqlite3_file* database, sqlite3_file* wal);
  sqlite::Connection connection_;
  sqlite3_file* database_;
  sqlite3_file* wal_;  // nullptr: not in WAL mode
};

// A few PageReaders, opened as threads ask for them.
//
// Threads    Any. take() waits while all are in use.
// Lifetime   Outlives its leases.
class PageReaders {
 public:
  static constexpr std::size_t kReadersMax = 8;  // two or three descriptors each

  PageReaders(fs::Path path, fs::Stat expected);

  class Lease {
   public:
    Lease(PageReaders& owner, std::unique_ptr<PageReader> reader);
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    PageReader* operator->() const { return reader_.get(); }

   private:
    PageReaders* owner_;
    std::unique_ptr<PageReader> reader_;
  };

  [[nodiscard]] Result<Lease> take();
  // Closes them all; none is leased any more. What was read of the database leaves the page cache,
  // as far as it was not there when the first was opened.
  void close();
  // These bytes of the database were read for the last time but one: the check reads them as well,
  // so they leave the cache with close(), but for a database that would take much of the memory.
  void passed(std::uint64_t offset, std::uint64_t size_bytes);

 private:
  void give_back(std::unique_ptr<PageReader> reader);
  void note_cached();
  void drop_uncached(std::uint64_t offset, std::uint64_t size_bytes);  // mutex_ is held

  fs::Path path_;
  fs::Stat expected_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<PageReader>> idle_;
  std::size_t opened_ = 0;
  std::size_t readers_max_ = kReadersMax;
  std::optional<fs::CachedParts> cached_;  // of the database, at the beginning
};

}  // namespace pv::snapshot
