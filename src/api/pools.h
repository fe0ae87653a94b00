// The threads on which requests do what blocks.
#pragma once

#include <algorithm>

#include "base/work_pool.h"

namespace pv::api {

// One pool for each thing that may not answer, so that a silent bucket, a flood of passwords or a
// locked database holds up none of the others' requests. None is the pool that the vault computes
// on, for a call of the vault may wait for that one.
struct Pools {
  // The databases, .pocketvault, and what is known in memory. They wait more than they compute.
  WorkPool databases{16};
  // What may wait for a peer: the store of backups, which may be a bucket; a mail server; a
  // webhook.
  WorkPool peers{8};
  // Checks of passwords, which compute. Two at least: a collection may ask for some that take
  // seconds.
  WorkPool passwords{std::max<std::size_t>(2, processor_count() / 2)};
  WorkPool ready{1};  // /readyz
};

}  // namespace pv::api
