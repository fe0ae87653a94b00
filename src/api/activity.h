// What of a request goes into the log of requests.
#pragma once

#include "api/exchange.h"

namespace pv::api {

// A row as PocketBase writes it, but without secrets: what has one is `token=***`.
// nullopt: it is not logged, for it is about the log or a scrape, or the settings say so. `took`:
// until the answer was ready.
[[nodiscard]] std::optional<logs::LogRow> log_row_of(const Exchange& exchange, unsigned status,
                                                     const Problem* problem,
                                                     std::chrono::nanoseconds took);

}  // namespace pv::api
