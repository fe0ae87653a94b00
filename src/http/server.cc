#include "http/server.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "http/connection.h"

namespace pv::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<>> kAwait{asio::use_awaitable};
// No descriptor or memory left: until then, or until a connection ends.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::minutes kRefusalsToldEvery{1};

Code code_of(const error_code& error) {
  if (error == asio::error::address_in_use) { return Code::kBusy; }
  if (error == asio::error::access_denied) { return Code::kDenied; }
  if (error.value() == EADDRNOTAVAIL || error.value() == EAFNOSUPPORT) { return Code::kInvalid; }
  return Code::kUnavailable;
}

// How late a deadline may be noticed: a quarter of the shortest, at most a second.
std::chrono::milliseconds sweep_period(const ServerOptions& options) {
  const std::chrono::milliseconds shortest =
      std::min({options.header_timeout, options.body_stall_timeout, options.write_stall_timeout,
                options.idle_timeout, options.drain_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{1000});
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::io_context& io, ServerOptions options, Handler handler)
      : acceptor{io}, pause{io}, sweeper{io}, grace{io} {
    shared.options = std::move(options);
    shared.handler = std::move(handler);
  }

  class Listed;

  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(tcp::socket socket);
  asio::awaitable<void> sweep();
  void spawn(asio::awaitable<void> task);
  void task_ended(const std::exception_ptr& thrown);
  void cut_all(bool idle_only);
  void enlist(Connection& connection);
  void delist(const Connection& connection);
  void report_refusal(const std::string& why);
  [[nodiscard]] Result<void> done_with(const error_code& error);  // of the acceptor

  tcp::acceptor acceptor;
  asio::steady_timer pause;    // the accept waits for room
  asio::steady_timer sweeper;  // for deadlines
  asio::steady_timer grace;    // of stop()
  ConnectionContext shared;
  std::vector<Connection*> connections;
  std::size_t tasks = 0;  // coroutines that have not ended
  std::optional<std::chrono::steady_clock::time_point> refusal_told;
  std::function<void()> done;
};

// In the server's list for as long as it lives.
class Server::State::Listed {
 public:
  Listed(State& state, Connection& connection) : state_{state}, connection_{connection} {
    state_.enlist(connection_);
  }
  ~Listed() { state_.delist(connection_); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  State& state_;
  Connection& connection_;
};

// Every coroutine is counted until it ended; the last one calls `done`.
void Server::State::spawn(asio::awaitable<void> task) {
  ++tasks;
  const auto self = shared_from_this();
  asio::co_spawn(acceptor.get_executor(), std::move(task),
                 [self](const std::exception_ptr& thrown) { self->task_ended(thrown); });
}

void Server::State::task_ended(const std::exception_ptr& thrown) {
  --tasks;
  if (thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      shared.report(std::string{"a connection ended: "} + error.what());
    } catch (...) { shared.report("a connection ended: unknown exception"); }
  }
  if (tasks == 0 && done) {
    grace.cancel();
    asio::post(acceptor.get_executor(), std::exchange(done, nullptr));
  }
}

asio::awaitable<void> Server::State::accept_all() {
  while (!shared.stopping) {
    if (connections.size() >= shared.options.connections_max) {
      pause.expires_at(asio::steady_timer::time_point::max());
      co_await pause.async_wait(kAwait);
      continue;
    }
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (shared.stopping) { break; }
    if (!error) {
      spawn(serve(std::move(socket)));
      continue;
    }
    const int why = error.value();
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
      report_refusal(error.message());
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAwait);
    }
  }
}

// Every tenth of a second one tries again: not worth a line each.
void Server::State::report_refusal(const std::string& why) {
  const auto now = std::chrono::steady_clock::now();
  if (refusal_told && now - *refusal_told < kRefusalsToldEvery) { return; }
  refusal_told = now;
  shared.report("can't accept connections for now: " + why);
}

asio::awaitable<void> Server::State::serve(tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  socket.native_non_blocking(true, ignored);
  if (shared.stopping) { co_return; }
  Connection connection{std::move(socket), shared};
  const Listed listed{*this, connection};
  co_await connection.run();
}

void Server::State::enlist(Connection& connection) {
  connection.index = connections.size();
  connections.push_back(&connection);
}

void Server::State::delist(const Connection& connection) {
  connections[connection.index] = connections.back();
  connections[connection.index]->index = connection.index;
  connections.pop_back();
  pause.cancel();
  if (shared.stopping) { sweeper.cancel(); }
}

asio::awaitable<void> Server::State::sweep() {
  const auto period = sweep_period(shared.options);
  while (!shared.stopping || !connections.empty()) {
    sweeper.expires_after(period);
    co_await sweeper.async_wait(kAwait);
    const auto now = std::chrono::steady_clock::now();
    for (Connection* const connection : connections) { connection->expire(now); }
  }
}

void Server::State::cut_all(bool idle_only) {
  for (Connection* const connection : connections) {
    if (!idle_only || connection->is_idle()) { connection->cut(); }
  }
}

Server::Server(asio::io_context& context, ServerOptions options, Handler handler)
    : state_{std::make_shared<State>(context, std::move(options), std::move(handler))} {}

Server::~Server() {
  // Coroutines that are still there will not run again, but what they gave to the pool may.
  state_->shared.threads.reset();
}

Result<void> Server::State::done_with(const error_code& error) {
  if (!error) { return {}; }
  error_code ignored;
  acceptor.close(ignored);
  return fail(code_of(error), "listen on " + shared.options.address + ":" +
                                  std::to_string(shared.options.port) + ": " + error.message());
}

Result<void> Server::bind() {
  const ServerOptions& options = state_->shared.options;
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options.address, error);
  if (error) {
    return fail(Code::kInvalid, "listen on " + options.address + ":" +
                                    std::to_string(options.port) + ": not an IP address");
  }
  const tcp::endpoint endpoint{address, options.port};
  tcp::acceptor& acceptor = state_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) { acceptor.set_option(tcp::acceptor::reuse_address{true}, error); }
  if (!error) { acceptor.bind(endpoint, error); }
  return state_->done_with(error);
}

Result<void> Server::listen() {
  if (!state_->acceptor.is_open()) { PV_CHECK(bind()); }
  error_code error;
  state_->acceptor.listen(tcp::acceptor::max_listen_connections, error);
  PV_CHECK(state_->done_with(error));
  state_->spawn(state_->accept_all());
  state_->spawn(state_->sweep());
  return {};
}

std::uint16_t Server::port() const {
  error_code error;
  return state_->acceptor.local_endpoint(error).port();
}

std::size_t Server::connection_count() const { return state_->connections.size(); }

void Server::stop(std::chrono::milliseconds grace, std::function<void()> done) {
  State& state = *state_;
  state.shared.stopping = true;
  state.done = std::move(done);
  error_code ignored;
  state.acceptor.close(ignored);
  state.pause.cancel();
  state.cut_all(true);
  state.grace.expires_after(grace);
  state.grace.async_wait([self = state_](const error_code& error) {
    if (!error) { self->cut_all(false); }
  });
  // Wakes the sweeper, which ends when no connection is left.
  state.sweeper.cancel();
  if (state.tasks == 0 && state.done) {
    asio::post(state.acceptor.get_executor(), std::exchange(state.done, nullptr));
  }
}

}  // namespace pv::http
