// An HTTP/1.1 server: connections, parsing, time limits, keep-alive, sendfile.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"

namespace pv::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8090;               // 0: any free one
  std::size_t header_bytes_max = 1 << 20;  // 431 past it (and 4 KiB of grace, as Go has)
  std::size_t header_bytes_total_max = std::size_t{256} << 20;  // of all requests at one time: 431
  // From the first wait for a request on a new connection; later from the request's first byte.
  std::chrono::milliseconds header_timeout{60'000};
  // Without a byte from the client; there is no limit on the whole.
  std::chrono::milliseconds body_stall_timeout{60'000};
  std::chrono::milliseconds write_stall_timeout{60'000};  // without a byte taken by the client
  std::chrono::milliseconds idle_timeout{300'000};        // between requests
  std::size_t connections_max = 20'000;                   // beyond: the accept waits
  // Of a body nobody read: swallowed after the answer, since many clients send all of it before
  // they read, and would otherwise see a broken connection instead of the answer.
  std::uint64_t drain_bytes_max = 32 << 20;
  std::chrono::milliseconds drain_timeout{30'000};
  std::size_t transfer_threads = 4;  // that read what is downloaded; started with the first
  // What an operator should know: no descriptor left to accept with, a handler that threw. On the
  // server's thread.
  std::function<void(std::string_view)> on_trouble;
};

// Called for each request; what it returns is sent. Runs on the server's thread: blocking work is
// offloaded. It is never cancelled: when the client goes away, or the server stops, its answer is
// dropped, and reading the body fails. What it throws becomes a bare 500.
using Handler = std::function<boost::asio::awaitable<Response>(Request, BodyReader&)>;

// One thread runs the io_context. Refuses by itself, as Go's server does (text/plain, connection
// closed): 400 malformed or no Host, 417 an expectation, 431 header too large, 501 a transfer
// coding, 505 version. Answers "OPTIONS *" (200) and any other "*" (400).
//
// Lifetime   The io_context outlives the server. Destroy the server after `done`, or when the
//            io_context runs no more.
class Server {
 public:
  Server(boost::asio::io_context& context, ServerOptions options, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Takes the address; whoever connects is refused still. kBusy: it is in use; kDenied; kInvalid:
  // not an address.
  [[nodiscard]] Result<void> bind();
  [[nodiscard]] Result<void> listen();       // after bind(), or does it; the same errors
  [[nodiscard]] std::uint16_t port() const;  // after bind()
  [[nodiscard]] std::size_t connection_count() const;

  // No new connections; idle ones end now, answers in flight get `grace`, then all are cut. `done`
  // is called (from the io_context) when the last connection has ended: that waits for handlers
  // that still run, so cancel what they wait for.
  void stop(std::chrono::milliseconds grace, std::function<void()> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pv::http
