// The moment: every database held by a read transaction, all as of one instant.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "fs/file.h"
#include "sqlite/connection.h"
#include "sqlite/wal_index.h"

namespace pv::snapshot {

// A database whose moment is kept by an open read transaction.
struct Held {
  std::string name;
  fs::Path path;
  sqlite::Connection reader;  // in that transaction
  std::uint64_t pages = 0;    // as the transaction sees it
  std::uint32_t page_bytes = 0;
  std::optional<sqlite::WalIndex>
      index;                    // nullopt: it can't be read page by page, only through `reader`
  std::string why_not;          // then, for people
  bool blocks_commits = false;  // no WAL: as long as `reader` reads, others can't commit
};

struct Pin {
  std::vector<Held> databases;                         // in the order given
  std::chrono::steady_clock::time_point locked_since;  // first write lock of the successful attempt
  std::chrono::nanoseconds pause{0};  // the longest time that a write lock was held
};

struct PinRequest {
  fs::Path directory;
  std::vector<std::string> names;  // locked in this order as long as none is busy
  std::chrono::milliseconds timeout;
};

// Opens two connections to each database, then, in one go: BEGIN IMMEDIATE on the first of each
// pair (nobody can commit), BEGIN and a read on the second, a look at the wal-index, ROLLBACK of
// the first. When one is busy it lets go of the others, at once or after 2 ms at most, and begins
// with that one: waiting must not become a pause, nor two orders a deadlock. Where this process may
// only read, it checks instead that no commit came in between. Errors: kBusy after the timeout,
// kDamaged, kDenied.
[[nodiscard]] Result<Pin> pin(const PinRequest& request, std::stop_token stop);

}  // namespace pv::snapshot
