// The HTTP interface: PocketBase's Backups API and what signing in to it takes, over jobs/, auth/
// and store/. No file is opened here, and nothing blocks: databases, store and vault are called on
// Parts::pools.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "alerts/alerts.h"
#include "api/pools.h"
#include "api/watch.h"
#include "base/clock.h"
#include "base/random.h"
#include "datadir/data_dir.h"
#include "http/message.h"
#include "jobs/live_settings.h"
#include "jobs/request_log.h"
#include "jobs/vault.h"
#include "schedule/scheduler.h"
#include "settings/vault_settings.h"

namespace pv::api {

struct Options {
  // Answers as PocketBase v0.36.6 to the byte. Otherwise as its documents say where they differ,
  // and with routes of our own: docs/api.md lists every difference.
  bool strict = false;
  std::vector<std::string> origins{"*"};  // CORS; '*' any text, '?' one character
  std::string listen_host = "127.0.0.1";  // "www." before it is redirected away
  std::string encryption_key = {};        // of the settings; empty: none
  // Whoever sends `command_key` in this header is answered in the default manner, wherever
  // superusers may come from: a command of this machine, which read it in the server's note. It
  // needs a superuser's token all the same. Empty: nobody.
  std::string command_header = {};
  std::string command_key = {};
  Watch watch = {};
};

// All of it outlives the Api.
struct Parts {
  jobs::Vault& vault;
  datadir::DataDir& directory;
  jobs::LiveSettings& settings;
  settings::VaultSettingsFile& own_settings;
  schedule::Scheduler& scheduler;
  jobs::RequestLog& log;
  alerts::Alerts& alerts;
  Pools& pools;
  const Clock& clock;
  Random& random;
};

struct Limiters;

// Threads    handle() on the thread of the io_context, any number of requests at once.
// Lifetime   The io_context outlives the vault, whose jobs report to it; the Api outlives every
//            handle() that runs.
class Api {
 public:
  Api(Parts parts, Options options);
  ~Api();

  // Create and restore answer when their job has ended, however long that takes; the job goes on
  // when nobody waits for it any more. Never fails: what goes wrong is in the answer.
  [[nodiscard]] boost::asio::awaitable<http::Response> handle(http::Request request,
                                                              http::BodyReader& body);

 private:
  [[nodiscard]] bool is_command(const http::Request& request) const;

  Parts parts_;
  Options options_;
  Options default_manner_;    // the same, but not strict
  std::size_t sign_ins_ = 0;  // being checked now
  std::shared_ptr<std::size_t> event_streams_ = std::make_shared<std::size_t>(0);  // open now
  std::shared_ptr<std::atomic<std::size_t>> content_readers_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<Limiters> limiters_;
};

}  // namespace pv::api
