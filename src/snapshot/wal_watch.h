// Keeps the app's WAL from growing without bound while a pin is held.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "snapshot/pinned_database.h"

namespace pv::snapshot {

// A thread that looks at the WALs now and then, and spills a database whose WAL grew too much.
// Lifetime   The destructor joins it; release the databases first, or it finishes a copy.
class WalWatch {
 public:
  WalWatch(std::vector<std::shared_ptr<PinnedDatabase>> databases, std::uint64_t growth_max,
           fs::Path temporary);
  ~WalWatch();

 private:
  // Writers reach some 500 MB/s at best: the bound is passed by at most 25 MB.
  static constexpr std::chrono::milliseconds kPeriod{50};

  void run(const std::stop_token& stop);

  std::vector<std::shared_ptr<PinnedDatabase>> databases_;
  std::uint64_t growth_max_;
  fs::Path temporary_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace pv::snapshot
