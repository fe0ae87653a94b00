// Work on a database that a stranger made, bounded in time and memory whatever its schema says.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "sqlite/connection.h"
#include "sqlite/patience.h"

namespace pv::sqlite {

// From arm() until it goes, on one connection:
//
//  - every statement ends soon after the deadline or a request to stop, with kCancelled;
//  - no value may be longer than the file, nor than a megabyte where columns are generated: their
//    expressions can make more of it than was stored;
//  - CHECK constraints are not evaluated: an expression made for it keeps a single step busy for
//    hours, and SQLite looks at the clock between steps only.
//
// Threads    The connection's.
// Lifetime   The connection outlives it.
class Guard {
 public:
  // `file_bytes`: of the database and its WAL or journal.
  Guard(Connection& connection, std::uint64_t file_bytes, std::stop_token stop, Deadline deadline);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // kDamaged: the database claims more pages than its files have room for, and a check would take
  // memory and time for them all. Other errors: see Connection.
  [[nodiscard]] Result<void> arm();

  // What the error of a statement means: kDamaged where it took too long, as it is otherwise.
  [[nodiscard]] Error explain(Error error) const;

 private:
  Connection& connection_;
  const std::uint64_t file_bytes_;
  const std::stop_token stop_;
  const Deadline deadline_;
  std::optional<Patience> patience_;
};

}  // namespace pv::sqlite
