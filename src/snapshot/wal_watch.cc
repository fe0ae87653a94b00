#include "snapshot/wal_watch.h"

#include <tuple>

#include "base/guarded.h"

namespace pv::snapshot {

WalWatch::WalWatch(std::vector<std::shared_ptr<PinnedDatabase>> databases, std::uint64_t growth_max,
                   fs::Path temporary)
    : databases_{std::move(databases)},
      growth_max_{growth_max},
      temporary_{std::move(temporary)},
      thread_{[this](const std::stop_token& stop) { run(stop); }} {}

WalWatch::~WalWatch() {
  thread_.request_stop();
  thread_.join();
}

void WalWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    // What is thrown (of memory) may not be the next time.
    std::ignore = guarded([this] {
      for (const auto& database : databases_) {
        if (database->wal_growth_bytes() > growth_max_) {
          database->spill(temporary_, growth_max_);
        }
      }
    });
    std::unique_lock lock{mutex_};
    wake_.wait_for(lock, stop, kPeriod, [] { return false; });
  }
}

}  // namespace pv::snapshot
