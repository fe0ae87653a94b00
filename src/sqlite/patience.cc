#include "sqlite/patience.h"

#include <sqlite3.h>

#include <utility>

namespace pv::sqlite {
namespace {

// SQLite calls the handler each so many steps of its virtual machine: about a hundredth of a
// millisecond, unless functions keep it busy, as LIKE can for milliseconds at each row.
constexpr int kStepsBetweenLooks = 100;

}  // namespace

Patience::Patience(Connection& connection, std::stop_token stop, Deadline deadline)
    : connection_{connection}, stop_{std::move(stop)}, deadline_{deadline} {
  sqlite3_progress_handler(connection_.handle(), kStepsBetweenLooks, &Patience::look, this);
}

Patience::~Patience() { sqlite3_progress_handler(connection_.handle(), 0, nullptr, nullptr); }

int Patience::look(void* self) { return static_cast<const Patience*>(self)->is_over() ? 1 : 0; }

}  // namespace pv::sqlite
