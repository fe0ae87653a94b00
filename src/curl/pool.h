// Several clients, for several threads that talk to one server at a time.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "curl/client.h"

namespace pv::curl {

// At most `at_once` clients, made when they are first needed; each keeps its connections open. The
// one that was used last is given first, so that idle connections are few.
//
// Threads    Any method, from any thread.
// Lifetime   Outlives its leases.
class ClientPool {
 public:
  ClientPool(ClientOptions options, std::size_t at_once);

  // One client, until the lease goes.
  class Lease {
   public:
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] Client& client() { return *client_; }

   private:
    friend class ClientPool;
    Lease(ClientPool& pool, std::unique_ptr<Client> client)
        : pool_{pool}, client_{std::move(client)} {}
    ClientPool& pool_;
    std::unique_ptr<Client> client_;  // null: moved from
  };

  // Waits while all are out. kCancelled.
  [[nodiscard]] Result<Lease> take(const std::stop_token& stop);

 private:
  const ClientOptions options_;
  const std::size_t at_once_;
  std::mutex mutex_;
  std::condition_variable_any returned_;
  std::size_t out_ = 0;
  std::vector<std::unique_ptr<Client>> idle_;
};

}  // namespace pv::curl
