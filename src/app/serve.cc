#include "app/serve.h"

#include <errno.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "api/api.h"
#include "app/banner.h"
#include "app/local.h"
#include "app/log.h"
#include "app/process.h"
#include "app/reload.h"
#include "app/rounds.h"
#include "app/sender.h"
#include "app/service_manager.h"
#include "app/watch.h"
#include "app/watchdog.h"
#include "auth/superusers.h"
#include "base/text.h"
#include "cli/messages.h"
#include "cli/server_note.h"
#include "cli/words.h"
#include "http/server.h"
#include "jobs/reopening.h"
#include "jobs/startup.h"

namespace pv::app {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kAnswersGrace = 3s;
constexpr std::chrono::milliseconds kStopLimit = 9s;

Result<fs::FileLock> take_server_lock(const fs::Path& vault_folder) {
  Result<fs::FileLock> lock = fs::FileLock::try_take(vault_folder / "server.lock");
  if (lock.has_value() || lock.error().code != Code::kBusy) { return lock; }
  const auto note = cli::read_server_note(vault_folder);
  if (!note) {
    return fail(Code::kBusy,
                "another pocketvault server runs on this directory: stop it, or use another --dir");
  }
  return fail(Code::kBusy, "another pocketvault server (process " + std::to_string(note->pid) +
                               ", " + note->url +
                               ") runs on this directory: stop it, or use another --dir");
}

// Why an address can't be had, and what to do. Not "busy": it is no job that one could wait for.
Result<void> explained(Result<void> taken, const std::string& address, std::uint16_t port,
                       const std::string& option) {
  if (taken.has_value() || taken.error().code == Code::kInvalid) { return taken; }
  const std::string where = "can't listen on " + address + ":" + std::to_string(port);
  switch (taken.error().code) {
    case Code::kBusy:
      return fail(Code::kUnavailable,
                  where +
                      ", which is already in use: stop the program that listens there, or choose "
                      "another address with " +
                      option);
    case Code::kDenied:
      return fail(Code::kUnavailable,
                  where +
                      ": permission denied. Ports below 1024 take root or CAP_NET_BIND_SERVICE; or "
                      "choose another with " +
                      option);
    default: return fail(Code::kUnavailable, std::move(taken).error().what);
  }
}

// Clients that do nothing but connect must leave descriptors to the jobs, the databases and the
// store.
std::size_t connections_allowed() {
  constexpr std::size_t kKept = 256;
  constexpr std::size_t kNeeded = 48;  // at rest, and for what is at work at once
  const std::size_t all = descriptors_max();
  if (all >= 2 * kKept) { return all - kKept; }
  return all > kNeeded ? std::max<std::size_t>((all - kNeeded) / 2, 1) : 1;
}

Result<bool> has_superuser(datadir::DataDir& directory) {
  return directory.read<bool>([](sqlite::Connection& data) -> Result<bool> {
    PV_TRY(const std::vector<auth::Superuser> superusers, auth::list_superusers(data));
    return !superusers.empty();
  });
}

// Everything of a running server, made and destroyed in an order in which nothing is used after its
// end: the io_context outlives the vault, whose jobs report to it, and both outlive the requests.
class Service {
 public:
  Service(const cli::ServeOptions& options, const std::string& version)
      : options_{options}, signals_{context_}, watch_{version} {}
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] Result<void> start();
  void run() { context_.run(); }

 private:
  [[nodiscard]] Result<void> take_addresses();
  [[nodiscard]] Result<void> open();
  void look_at_key() const;
  void prepare();
  [[nodiscard]] Result<void> listen();
  [[nodiscard]] Result<void> greet();
  void note_server();
  [[nodiscard]] Result<void> claim();
  void await_signals();
  void reload();
  void beat();
  void tell(const jobs::Status& status);
  void wake_errands(const jobs::Status& status);
  void log_failure(const jobs::Status& status);
  void stop(int signal);

  static constexpr std::size_t kCommandKeyLength = 32;

  const cli::ServeOptions& options_;
  const std::string command_key_ =
      random_text(system_random(), kLowerAlphanumeric, kCommandKeyLength);
  Watchdog watchdog_;
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  const ServiceManager manager_;
  const bool has_terminal_ = ::isatty(STDIN_FILENO) == 1;
  boost::asio::steady_timer heartbeat_{context_};
  std::optional<fs::FileLock> server_lock_;  // from the start on of the rounds
  std::mutex errands_mutex_;
  std::unique_ptr<Errand> mirror_;        // nullptr: there is none, not yet, or no more
  std::unique_ptr<Errand> alerts_;        // the same
  jobs::RequestLog* jobs_log_ = nullptr;  // the same
  Watch watch_;
  std::unique_ptr<cli::LocalVault> local_;
  std::unique_ptr<Errand> sender_;
  std::unique_ptr<api::Pools> pools_;
  std::string encryption_key_;
  Reload reload_{options_};
  std::unique_ptr<jobs::LiveSettings> settings_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::unique_ptr<jobs::RequestLog> log_;
  std::unique_ptr<jobs::Reopening> reopening_;
  std::unique_ptr<Rounds> rounds_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> server_;
  std::atomic<bool> noted_ = false;
};

Service::~Service() {
  std::unique_ptr<Errand> mirror;
  std::unique_ptr<Errand> alerts;
  {
    // Jobs that end with the vault find none.
    const std::lock_guard lock{errands_mutex_};
    mirror = std::move(mirror_);
    alerts = std::move(alerts_);
    jobs_log_ = nullptr;
  }
  mirror.reset();
  alerts.reset();
  rounds_.reset();
  if (log_ != nullptr) { log_->finish(); }
  const bool is_ours = server_lock_ && server_lock_->is_in_place();
  if (noted_ && is_ours) { cli::remove_server_note(local_->directory().vault_folder()); }
}

Result<void> Service::open() {
  for (const std::string& note : options_.notes) { spdlog::warn("{}", note); }
  LocalSetup setup;
  setup.options.dir = options_.dir;
  setup.options.backups_dir = options_.backups_dir;
  setup.options.bucket = options_.bucket;
  PV_TRY(encryption_key_,
         encryption_key_from(options_.encryption_env, options_.encryption_key_file));
  setup.options.encryption_env = options_.encryption_env;
  setup.options.encryption_key_file = options_.encryption_key_file;
  setup.options.create = true;
  setup.options.nice = options_.nice;
  setup.options.keep_replaced = options_.keep_replaced;
  setup.bytes_per_second_max = options_.bytes_per_second_max;
  setup.owner = true;
  setup.options.mirror = options_.mirror;
  setup.observer = [this](const jobs::Status& status) {
    log_job(status);
    tell(status);
    wake_errands(status);
    log_failure(status);
    watch_.note(status);
  };
  setup.alerts.say = [](bool is_warning, const std::string& what) {
    spdlog::log(is_warning ? spdlog::level::warn : spdlog::level::info, "{}", what);
  };
  setup.on_try = [this](const s3::Tried& tried) { watch_.note(tried); };
  PV_TRY(Local local, open_local(std::move(setup)));
  local_ = std::move(local.vault);
  PV_TRY(server_lock_, take_server_lock(local_->directory().vault_folder()));
  for (const std::string& note : local.notes) { spdlog::warn("{}", note); }
  if (local_->directory().was_created()) {
    spdlog::info("there was no data directory, so a fresh one was made: {}", options_.dir.string());
  }
  return {};
}

// Not an error, as with PocketBase: the app may run so for years.
void Service::look_at_key() const {
  const std::string& name = options_.encryption_env;
  const std::size_t size = encryption_key_.size();
  if (size == 0 && !name.empty()) {
    spdlog::warn(
        "the environment variable {} is not set, so passwords in the settings are not encrypted "
        "when they are changed",
        name);
  } else if (size != 0 && size != 16 && size != 24 && size != 32) {
    spdlog::warn(
        "the settings' key has {} bytes; it needs 16, 24 or 32: settings can't be changed with it",
        size);
  }
}

void Service::prepare() {
  look_at_key();
  settings_ = std::make_unique<jobs::LiveSettings>(local_->directory(), encryption_key_,
                                                   system_clock(), system_random());
  if (const auto own = local_->own_settings().read(); !own.has_value()) {
    spdlog::warn(
        "the settings of our own can't be read, so their defaults count, and nobody but "
        "superusers is alerted; repair .pocketvault/settings.json, or remove it: {}",
        own.error().what);
  }
  for (const std::string& name : local_->own_settings().strangers()) {
    spdlog::warn("there is no setting {} (.pocketvault/settings.json): it does nothing",
                 printable(name));
  }
  schedule::SchedulerOptions options;
  options.beside_app = options_.schedule;
  options.say = [](bool is_warning, const std::string& what) {
    spdlog::log(is_warning ? spdlog::level::warn : spdlog::level::info, "{}", what);
  };
  log_ =
      std::make_unique<jobs::RequestLog>(local_->directory(), *settings_, system_clock(),
                                         [](const std::string& what) { spdlog::warn("{}", what); });
  {
    const std::lock_guard lock{errands_mutex_};
    jobs_log_ = log_.get();
  }
  jobs::Reopening::Hooks hooks;
  hooks.say = options.say;
  hooks.claim = [this] { return claim(); };
  reopening_ = std::make_unique<jobs::Reopening>(local_->directory(), std::move(hooks));
  scheduler_ =
      std::make_unique<schedule::Scheduler>(local_->vault(), *settings_, local_->own_settings(),
                                            system_clock(), system_random(), std::move(options));
}

Result<void> Service::listen() {
  pools_ = std::make_unique<api::Pools>();
  api::Options api_options;
  api_options.strict = options_.strict;
  api_options.origins = options_.origins;
  api_options.listen_host = options_.address;
  api_options.command_header = cli::kCommandHeader;
  api_options.command_key = command_key_;
  api_options.encryption_key = encryption_key_;
  watch_.start({.local = *local_,
                .scheduler = *scheduler_,
                .pools = *pools_,
                .encryption_key = encryption_key_});
  api_options.watch = watch_.for_api();
  api_ = std::make_unique<api::Api>(
      api::Parts{local_->vault(), local_->directory(), *settings_, local_->own_settings(),
                 *scheduler_, *log_, local_->alerts(), *pools_, system_clock(), system_random()},
      std::move(api_options));
  PV_CHECK(explained(server_->listen(), options_.address, options_.port, "--http"));
  return explained(watch_.listen(), options_.metrics_address, options_.metrics_port,
                   "--metrics-listen");
}

// Before anything is made or opened: a server that has no address must leave no trace.
Result<void> Service::take_addresses() {
  http::ServerOptions options;
  options.address = options_.address;
  options.port = options_.port;
  options.connections_max = std::min(options.connections_max, connections_allowed());
  options.on_trouble = [](std::string_view what) { spdlog::warn("{}", what); };
  server_ = std::make_unique<http::Server>(context_, std::move(options),
                                           [this](http::Request request, http::BodyReader& body) {
                                             return api_->handle(std::move(request), body);
                                           });
  const auto taken = explained(server_->bind(), options_.address, options_.port, "--http");
  if (!taken.has_value()) {
    // Who starts a second server on a directory is told that, which says more.
    const fs::Path folder = options_.dir / ".pocketvault";
    if (fs::exists(folder)) { PV_CHECK(take_server_lock(folder)); }
    return taken;
  }
  if (options_.metrics_address.empty()) { return {}; }
  return explained(watch_.bind(context_, options_.metrics_address, options_.metrics_port),
                   options_.metrics_address, options_.metrics_port, "--metrics-listen");
}

void Service::note_server() {
  const Result<void> noted = cli::write_server_note(
      local_->directory().vault_folder(), {.pid = ::getpid(),
                                           .url = local_url_of(options_.address, server_->port()),
                                           .command_key = command_key_});
  noted_ = noted.has_value();
  if (!noted_) { spdlog::warn("commands will not find this server: {}", noted.error().what); }
}

// A directory that was moved away took the lock with it, and the note.
Result<void> Service::claim() {
  if (server_lock_->is_in_place()) { return {}; }
  PV_TRY(fs::FileLock lock, take_server_lock(local_->directory().vault_folder()));
  server_lock_.emplace(std::move(lock));
  note_server();
  return {};
}

Result<void> Service::greet() {
  const std::uint16_t port = server_->port();
  PV_TRY(const bool has_one, has_superuser(local_->directory()));
  const std::string text =
      banner_text(cli::Words{cli::language_for({})}, {.now = system_clock().now(),
                                                      .url = url_of(options_.address, port),
                                                      .backups = local_->store().describe(),
                                                      .has_superuser = has_one,
                                                      .program = program_invocation_name,
                                                      .dir = options_.dir.string()});
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  note_server();
  if (watch_.port() != 0) {
    spdlog::info("metrics at {}/metrics", url_of(options_.metrics_address, watch_.port()));
  }
  manager_.ready("serving " + url_of(options_.address, port));
  if (manager_.watch_time()) { beat(); }
  return {};
}

// From the thread of all connections: stuck, it says nothing.
void Service::beat() {
  manager_.alive();
  heartbeat_.expires_after(*manager_.watch_time() / 2);
  heartbeat_.async_wait([this](const boost::system::error_code& error) {
    if (!error) { beat(); }
  });
}

// From the threads of jobs.
void Service::tell(const jobs::Status& status) { manager_.status(describe(status)); }

void Service::await_signals() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) { return; }
    // From a terminal that was closed, not from whoever wants a reload.
    const bool is_hung_up = has_terminal_ && ::isatty(STDIN_FILENO) != 1;
    if (signal != SIGHUP || is_hung_up) { return stop(signal); }
    reload();
    await_signals();
  });
}

void Service::reload() {
  manager_.reloading();
  if (const auto changed = reload_.read()) {
    set_log_level(changed->log_level);
    local_->vault().tune(changed->keep_replaced, changed->bytes_per_second_max);
  }
  manager_.ready("serving " + url_of(options_.address, server_->port()));
}

Result<void> Service::start() {
  PV_CHECK(take_addresses());
  PV_CHECK(open());
  prepare();
  PV_CHECK(listen());
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) { signals_.add(signal); }
  await_signals();  // before anybody can know of this server and want its end
  const std::vector<std::string> notes = jobs::sweep(
      local_->directory(), local_->store(), system_clock(), local_->vault().keep_replaced());
  for (const std::string& note : notes) { spdlog::info("{}", note); }
  sender_ = std::make_unique<Errand>(send_from_spool(local_->vault()));
  if (local_->vault().has_mirror()) {
    auto mirror = std::make_unique<Errand>(fill_mirror(local_->vault()));
    const std::lock_guard lock{errands_mutex_};
    mirror_ = std::move(mirror);
  }
  {
    auto alerts = std::make_unique<Errand>(send_alerts(local_->alerts()));
    const std::lock_guard lock{errands_mutex_};
    alerts_ = std::move(alerts);
  }
  rounds_ = std::make_unique<Rounds>(Rounds::Parts{*reopening_, *settings_, *log_, *scheduler_});
  return greet();
}

// From the threads of jobs: after each that has ended, for any may have made a backup.
void Service::wake_errands(const jobs::Status& status) {
  if (!status.finished) { return; }
  const std::lock_guard lock{errands_mutex_};
  if (mirror_ != nullptr) { mirror_->wake(); }
  if (alerts_ != nullptr) { alerts_->wake(); }
}

// In the log that the app's dashboard shows.
void Service::log_failure(const jobs::Status& status) {
  auto row = jobs::row_of_failure(status, system_clock(), system_random());
  const std::lock_guard lock{errands_mutex_};
  if (row && jobs_log_ != nullptr && jobs_log_->wants(row->level)) {
    jobs_log_->add(*std::move(row));
  }
}

// Jobs first, for requests wait for them. The io_context then runs out of work by itself.
void Service::stop(int signal) {
  spdlog::info("stopping (SIG{})", ::sigabbrev_np(signal));
  manager_.stopping();
  heartbeat_.cancel();
  watchdog_.start(kStopLimit);
  local_->vault().shut_down();
  if (sender_ != nullptr) { sender_->stop(); }
  if (mirror_ != nullptr) { mirror_->stop(); }
  if (alerts_ != nullptr) { alerts_->stop(); }
  local_->alerts().shut_down();
  if (rounds_ != nullptr) { rounds_->stop(); }
  server_->stop(kAnswersGrace, [] {});
  watch_.stop(kAnswersGrace);
}

}  // namespace

int serve(const cli::ServeOptions& options, const std::string& version) {
  open_log();
  set_log_level(options.log_level);
  Result<void> started;
  {
    Service service{options, version};
    started = service.start();
    if (started.has_value()) { service.run(); }
  }
  if (started.has_value()) {
    spdlog::info("stopped");
    return static_cast<int>(cli::Exit::kDone);
  }
  const cli::Words words{cli::language_for({})};
  const std::string why = words.told(started.error().what);
  std::fprintf(stderr, "%s\n", words(cli::phrase::kError, {why}).c_str());
  return static_cast<int>(cli::exit_for(started.error().code));
}

}  // namespace pv::app
