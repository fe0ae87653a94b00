// What is told to whoever watches over a server: metrics, and whether it is alive and ready.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "api/watch.h"
#include "cli/cli.h"
#include "http/server.h"
#include "metrics/metrics.h"
#include "schedule/scheduler.h"

namespace pv::app {

// Threads    note() from any; the rest from the one that serves.
// Lifetime   Outlives the vault, whose jobs are noted here, and the pool; what start() is given
//            outlives the requests.
class Watch {
 public:
  explicit Watch(std::string version);

  void note(const jobs::Status& status);
  void note(const s3::Tried& tried) { metrics_.note(tried); }

  struct Watched {
    cli::LocalVault& local;
    schedule::Scheduler& scheduler;
    api::Pools& pools;
    std::string encryption_key;
  };
  void start(Watched watched);
  [[nodiscard]] api::Watch for_api() const { return api_; }

  // A listener of its own, where no token is asked for; listen() once it is start()ed. Errors:
  // http::Server's.
  [[nodiscard]] Result<void> bind(boost::asio::io_context& context, const std::string& address,
                                  std::uint16_t port);
  [[nodiscard]] Result<void> listen();       // nothing without bind()
  [[nodiscard]] std::uint16_t port() const;  // 0: none
  void stop(std::chrono::milliseconds grace);

 private:
  [[nodiscard]] std::string metrics_text();

  metrics::Metrics metrics_;
  std::mutex mutex_;
  std::shared_ptr<metrics::Lookout> lookout_;
  std::unique_ptr<Watched> watched_;
  api::Watch api_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace pv::app
