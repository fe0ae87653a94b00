// What the tests of this room share: running a coroutine to its end, a body made of text, a server
// on a thread of its own, a client that sends raw bytes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstring>
#include <exception>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/server.h"

namespace pv::http {

// Runs a coroutine to its end on an io_context of its own.
template <class T>
T run(boost::asio::awaitable<T> task) {
  boost::asio::io_context context;
  std::optional<T> outcome;
  boost::asio::co_spawn(context, std::move(task), [&](const std::exception_ptr& thrown, T value) {
    if (thrown) { std::rethrow_exception(thrown); }
    outcome.emplace(std::move(value));
  });
  context.run();
  return std::move(outcome).value();
}

// A body that arrives in pieces which end at the given places.
class TextBody final : public BodyReader {
 public:
  explicit TextBody(std::string text, std::vector<std::size_t> cuts = {})
      : text_{std::move(text)}, cuts_{std::move(cuts)} {}

  Task<std::size_t> read(MutableBytes into) override {
    std::size_t end = text_.size();
    for (const std::size_t cut : cuts_) {
      if (cut > at_) { end = std::min(end, cut); }
    }
    const std::size_t count = std::min(into.size(), end - at_);
    std::memcpy(into.data(), text_.data() + at_, count);
    at_ += count;
    co_return count;
  }

 private:
  std::string text_;
  std::vector<std::size_t> cuts_;
  std::size_t at_ = 0;
};

class TestServer {
 public:
  explicit TestServer(Handler handler, ServerOptions options = {}) {
    options.port = 0;
    server_.emplace(context_, std::move(options), std::move(handler));
    const Result<void> listening = server_->listen();
    if (!listening.has_value()) { ADD_FAILURE() << listening.error().what; }
    port_ = server_->port();
    thread_ = std::thread{[this] { context_.run(); }};
  }
  ~TestServer() { stop(std::chrono::milliseconds{0}); }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // Returns when all connections have ended.
  void stop(std::chrono::milliseconds grace) {
    if (!thread_.joinable()) { return; }
    boost::asio::post(context_, [this, grace] { server_->stop(grace, [] {}); });
    thread_.join();
  }

  [[nodiscard]] std::size_t connection_count() {
    std::promise<std::size_t> count;
    boost::asio::post(context_, [&] { count.set_value(server_->connection_count()); });
    return count.get_future().get();
  }

  // Whether the number of connections becomes `count` within 10 s.
  [[nodiscard]] bool reaches(std::size_t count) {
    for (int i = 0; i < 2000; ++i) {
      if (connection_count() == count) { return true; }
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return false;
  }

 private:
  boost::asio::io_context context_;
  std::optional<Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    if (receive_buffer > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int done =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (done != 0) { ADD_FAILURE() << "connect: " << std::strerror(errno); }
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // false: the server has closed.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count < 0) { return false; }
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void finish() { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) { ::close(std::exchange(socket_, -1)); }
  }
  // Closes with a reset instead of the usual end.
  void abort() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  // What comes until the server closes; at most 20 s.
  std::string read_to_end() {
    while (receive(std::chrono::seconds{20})) {}
    EXPECT_TRUE(ended_) << "the server keeps the connection open";
    return std::exchange(text_, {});
  }

  // What comes up to and with `mark`.
  std::string read_past(std::string_view mark) {
    std::size_t at = std::string::npos;
    while ((at = text_.find(mark)) == std::string::npos) {
      if (!receive(std::chrono::seconds{20})) {
        ADD_FAILURE() << "no \"" << mark << "\" in \"" << text_.substr(0, 1000) << "\"";
        return {};
      }
    }
    std::string head = text_.substr(0, at + mark.size());
    text_.erase(0, head.size());
    return head;
  }

  std::string read_exactly(std::size_t count) {
    while (text_.size() < count && receive(std::chrono::seconds{20})) {}
    EXPECT_GE(text_.size(), count);
    std::string part = text_.substr(0, count);
    text_.erase(0, part.size());
    return part;
  }

  // Whether nothing comes for that long.
  bool is_silent(std::chrono::milliseconds span) {
    return text_.empty() && !receive(span) && !ended_;
  }

  bool receive(std::chrono::milliseconds at_most) {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(at_most.count())) <= 0) { return false; }
    std::array<char, 65536> buffer{};
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
    ended_ = count <= 0;
    reset_ = count < 0;
    if (count > 0) { text_.append(buffer.data(), static_cast<std::size_t>(count)); }
    return count > 0;
  }
  [[nodiscard]] bool was_reset() const { return reset_; }

 private:
  int socket_;
  std::string text_;
  bool ended_ = false;
  bool reset_ = false;
};

// "Date: ..." differs each second.
inline std::string without_date(std::string text) {
  for (std::size_t at = 0; (at = text.find("Date: ", at)) != std::string::npos;) {
    text.erase(at, text.find("\r\n", at) + 2 - at);
  }
  return text;
}

}  // namespace pv::http
