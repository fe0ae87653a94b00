#include "app/watch.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "settings/settings.h"

namespace pv::app {
namespace {

// In words of our own: an error's text may hold a path.
std::vector<std::string> reasons_against(const Watch::Watched& watched) {
  datadir::DataDir& directory = watched.local.directory();
  if (watched.local.vault().is_shutting_down()) { return {"the server is stopping"}; }
  if (auto lost = directory.lost()) { return {*std::move(lost)}; }
  // Not a read, which would wait for the end of an exchange.
  const auto version = directory.data_version();
  if (!version.has_value() && version.error().code == Code::kBusy) {
    return {"the data is being exchanged"};
  }
  if (!version.has_value()) { return {"data.db can't be read"}; }
  const auto settings = directory.read<settings::Settings>(
      [&](sqlite::Connection& data) { return settings::read(data, watched.encryption_key); });
  if (settings.has_value()) { return {}; }
  switch (settings.error().code) {
    case Code::kBusy: return {"the data is being exchanged"};
    case Code::kUnauthenticated: return {"the settings are encrypted, and no key fits"};
    default: return {"the settings can't be read"};
  }
}

}  // namespace

Watch::Watch(std::string version) : metrics_{std::move(version), system_clock().now()} {}

void Watch::note(const jobs::Status& status) {
  metrics_.note(status);
  const std::lock_guard lock{mutex_};
  if (status.finished && lookout_ != nullptr) { lookout_->expire(); }
}

void Watch::start(Watched watched) {
  auto lookout = std::make_shared<metrics::Lookout>(watched.local.vault(), watched.pools.peers,
                                                    system_clock());
  {
    const std::lock_guard lock{mutex_};
    lookout_ = std::move(lookout);
  }
  watched_ = std::make_unique<Watched>(std::move(watched));
  api_.metrics = [this] { return metrics_text(); };
  api_.metrics_type = metrics::Metrics::kContentType;
  api_.unready = [this] { return reasons_against(*watched_); };
  api_.on_request = [this](std::string_view route, unsigned status, std::chrono::nanoseconds took) {
    metrics_.note_request(route, status, took);
  };
}

std::string Watch::metrics_text() {
  metrics::Moment moment;
  moment.facts = lookout_->facts();
  for (const std::shared_ptr<jobs::Job>& job : watched_->local.vault().jobs()) {
    if (!job->finished()) { ++moment.running[std::string{jobs::kind_name(job->status().kind)}]; }
  }
  moment.next_backup = watched_->scheduler.next_backup();
  return metrics_.text(moment);
}

Result<void> Watch::bind(boost::asio::io_context& context, const std::string& address,
                         std::uint16_t port) {
  http::ServerOptions options;
  options.address = address;
  options.port = port;
  options.connections_max = 100;
  options.header_bytes_max = 16 << 10;
  options.transfer_threads = 1;
  options.on_trouble = [](std::string_view what) { spdlog::warn("metrics: {}", what); };
  server_ = std::make_unique<http::Server>(
      context, std::move(options), [this](http::Request request, http::BodyReader& /*body*/) {
        return api::watch_answer(api_, watched_->pools, std::move(request));
      });
  return server_->bind();
}

Result<void> Watch::listen() { return server_ == nullptr ? Result<void>{} : server_->listen(); }

std::uint16_t Watch::port() const {
  return server_ == nullptr ? std::uint16_t{0} : server_->port();
}

void Watch::stop(std::chrono::milliseconds grace) {
  if (server_ != nullptr) {
    server_->stop(grace, [] {});
  }
}

}  // namespace pv::app
