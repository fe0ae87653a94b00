// What a data.db, of an archive or in place, says about itself.
#pragma once

#include <string>
#include <vector>

#include "auth/superusers.h"
#include "base/clock.h"
#include "datadir/contents.h"
#include "jobs/preflight.h"
#include "sqlite/connection.h"

namespace pv::jobs {

struct DataFacts {
  datadir::Contents contents;
  std::vector<auth::Superuser> superusers;  // that have a password, oldest first
  AppFacts app;
};

// `data` has passed datadir::check_schema(); a sqlite::Guard or Patience of the caller's bounds the
// time.
[[nodiscard]] Result<DataFacts> facts_of(sqlite::Connection& data,
                                         const std::string& encryption_key);

// How long looking through a database of so many bytes may take.
[[nodiscard]] Deadline deadline_for(std::uint64_t bytes);

}  // namespace pv::jobs
