#include "curl/pool.h"

namespace pv::curl {

ClientPool::ClientPool(ClientOptions options, std::size_t at_once)
    : options_{std::move(options)}, at_once_{at_once} {
  PV_ASSERT(at_once_ > 0);
}

Result<ClientPool::Lease> ClientPool::take(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  if (!returned_.wait(lock, stop, [this] { return out_ < at_once_; })) {
    return fail(Code::kCancelled, "cancelled");
  }
  ++out_;
  if (idle_.empty()) { return Lease{*this, std::make_unique<Client>(options_)}; }
  std::unique_ptr<Client> client = std::move(idle_.back());
  idle_.pop_back();
  return Lease{*this, std::move(client)};
}

ClientPool::Lease::~Lease() {
  if (client_ == nullptr) { return; }
  const std::lock_guard lock{pool_.mutex_};
  pool_.idle_.push_back(std::move(client_));
  --pool_.out_;
  pool_.returned_.notify_one();
}

}  // namespace pv::curl
