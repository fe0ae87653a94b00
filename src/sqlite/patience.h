// Ends statements that take too long. For databases that a stranger made there is Guard, which has
// one.
#pragma once

#include <stop_token>

#include "base/clock.h"
#include "sqlite/connection.h"

namespace pv::sqlite {

// While it lives, statements of the connection end with kCancelled, soon after a stop was
// asked for or the deadline passed. One at a time for a connection.
//
// Threads    That of the connection.
// Lifetime   The connection outlives it.
class Patience {
 public:
  Patience(Connection& connection, std::stop_token stop, Deadline deadline);
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  [[nodiscard]] bool was_stopped() const { return stop_.stop_requested(); }
  [[nodiscard]] bool is_over() const { return was_stopped() || deadline_.passed(); }

 private:
  static int look(void* self);

  Connection& connection_;
  const std::stop_token stop_;
  const Deadline deadline_;
};

}  // namespace pv::sqlite
